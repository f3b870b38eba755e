/** The head of a response as it is sent to an HTTP/1.1 client: made anew, like a request's. */
import { STATUS_CODES } from 'node:http';
import { FIELD } from './fields.ts';
import type { ResponseHead } from './response-head.ts';
import { passingFields, RESPONSE_FILTER } from './passing-fields.ts';

/** What goes to the client otherwise than it came. */
export interface ResponseEdits {
  readonly status: number;
  /** Lower-case names of fields that do not pass; `null`: none but those that never do. */
  readonly dropped: ReadonlySet<string> | null;
  /** Complete lines to add. */
  readonly added: string;
}

export interface ResponseContext {
  /** Minor version of the client's HTTP/1.x. */
  readonly minor: number;
  readonly method: string;
  /** Whether the connection stays open afterwards. */
  readonly keepAlive: boolean;
  /** "Date: ..." CRLF, for a target that sends none (RFC 9110 section 6.6.1). */
  readonly dateLine: string;
  /** Complete lines to add; "" for none. */
  readonly extraFields: string;
  readonly edits: ResponseEdits | null;
}

/** How the body will be sent: not always as it comes, because HTTP/1.0 clients know no chunks. */
export type ResponseFraming = 'none' | 'length' | 'chunked' | 'close';

export function responseFraming(head: ResponseHead, minor: number): ResponseFraming {
  switch (head.framing) {
    case 'none':
    case 'length':
      return head.framing;
    case 'chunked':
    case 'until-close':
      return minor === 1 ? 'chunked' : 'close';
  }
}

export function writeResponseHead(head: ResponseHead, framing: ResponseFraming, context: ResponseContext): string {
  let text = context.edits === null ? statusAndFields(head) : editedStatusAndFields(head, context.edits);
  if (head.fields.find(FIELD.date) < 0) {
    text += context.dateLine;
  }
  text += `Via: 1.${head.minor} cutover\r\n${context.extraFields}${framingField(head, framing)}`;
  if (!context.keepAlive) {
    text += 'Connection: close\r\n';
  } else if (context.minor === 0) {
    text += 'Connection: keep-alive\r\n';
  }
  return `${text}\r\n`;
}

function statusAndFields(head: ResponseHead): string {
  return `HTTP/1.1 ${head.status} ${head.reason}\r\n${passingFields(head.fields, RESPONSE_FILTER, head.connection)}`;
}

function editedStatusAndFields(head: ResponseHead, { status, dropped, added }: ResponseEdits): string {
  const reason = status === head.status ? head.reason : (STATUS_CODES[status] ?? '');
  const fields = passingFields(head.fields, RESPONSE_FILTER, head.connection, dropped);
  return `HTTP/1.1 ${status} ${reason}\r\n${fields}${added}`;
}

function framingField(head: ResponseHead, framing: ResponseFraming): string {
  if (framing === 'chunked') {
    return 'Transfer-Encoding: chunked\r\n';
  }
  // A 204 has no length; that of a 304 or of an answer to HEAD describes what is not sent (RFC 9110 section 8.6).
  return framing !== 'close' && head.contentLength >= 0 && head.status !== 204
    ? `Content-Length: ${head.contentLength}\r\n`
    : '';
}

/** An interim response (1xx): passed on as it is, less what concerns the connection to the target. */
export function writeInterimHead(head: ResponseHead): string {
  return `HTTP/1.1 ${head.status} ${head.reason}\r\n${passingFields(head.fields, RESPONSE_FILTER, head.connection)}\r\n`;
}

/** The 101 that turns the connection into a tunnel. */
export function writeSwitchHead(head: ResponseHead): string {
  const fields = passingFields(head.fields, RESPONSE_FILTER, head.connection === 'upgrade' ? '' : head.connection);
  return `HTTP/1.1 101 ${head.reason}\r\n${fields}Via: 1.1 cutover\r\nConnection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`;
}
