/** The head of a response as it is sent to an HTTP/1.1 client: made anew, like a request's. */
import { STATUS_CODES } from 'node:http';
import { FIELD } from './fields.ts';
import type { ResponseHead } from './response-head.ts';
import type { Provenance } from '../origin.ts';
import { addedLines, type FieldPassage, passingFields, withoutLines } from './passing-fields.ts';

/** What goes to the client otherwise than it came. */
export interface ResponseEdits {
  readonly status: number;
  /** Lower-case names of fields that do not pass; `null`: none but those that never do. */
  readonly dropped: ReadonlySet<string> | null;
  /** Complete lines to add. */
  readonly added: string;
}

export interface ResponseContext {
  /** Minor version of the client's HTTP/1.x, or `HTTP_2`. */
  readonly minor: number;
  readonly method: string;
  /** Whether the connection stays open afterwards. */
  readonly keepAlive: boolean;
  /** "Date: ..." CRLF, for a target that sends none (RFC 9110 section 6.6.1). */
  readonly dateLine: string;
  readonly passage: FieldPassage;
  /** Where the request came from. */
  readonly from: Provenance | null;
  /** Complete lines to add; "" for none. */
  readonly extraFields: string;
  readonly edits: ResponseEdits | null;
}

/**
 * How the body will be sent: not always as it comes, because HTTP/1.0 clients know no chunks, and HTTP/2 has its own
 * ("stream").
 */
export type ResponseFraming = 'none' | 'length' | 'chunked' | 'close' | 'stream';

/** What HTTP/2 is where versions are told apart by the minor one of HTTP/1.x. */
export const HTTP_2 = 2;

/** `minor`: of the client's HTTP/1.x, or `HTTP_2`. */
export function responseFraming(head: ResponseHead, minor: number): ResponseFraming {
  switch (head.framing) {
    case 'none':
    case 'length':
      return head.framing;
    case 'chunked':
    case 'until-close':
      return minor === 1 ? 'chunked' : minor === HTTP_2 ? 'stream' : 'close';
  }
}

export function writeResponseHead(head: ResponseHead, framing: ResponseFraming, context: ResponseContext): string {
  const { passage, edits } = context;
  let text = edits === null ? statusAndFields(head, context) : editedStatusAndFields(head, edits, context);
  const dateLine = head.fields.find(FIELD.date) < 0 ? context.dateLine : '';
  text += addedLines(`${dateLine}Via: 1.${head.minor} cutover\r\n`, passage);
  text += context.extraFields + framingField(head, framing);
  if (!context.keepAlive) {
    text += 'Connection: close\r\n';
  } else if (context.minor === 0) {
    text += 'Connection: keep-alive\r\n';
  }
  return `${text}\r\n`;
}

function statusAndFields(head: ResponseHead, { passage, from }: ResponseContext): string {
  return `HTTP/1.1 ${head.status} ${head.reason}\r\n${passingFields(head.fields, passage, head.connection, from)}`;
}

function editedStatusAndFields(
  head: ResponseHead,
  { status, dropped, added }: ResponseEdits,
  { passage, from }: ResponseContext,
): string {
  const reason = status === head.status ? head.reason : (STATUS_CODES[status] ?? '');
  const fields = passingFields(head.fields, passage, head.connection, from, dropped);
  return `HTTP/1.1 ${status} ${reason}\r\n${fields}${withoutLines(added, passage.listed)}`;
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
export function writeInterimHead(head: ResponseHead, passage: FieldPassage): string {
  return `HTTP/1.1 ${head.status} ${head.reason}\r\n${passingFields(head.fields, passage, head.connection, null)}\r\n`;
}

/** The 101 that turns the connection into a tunnel. */
export function writeSwitchHead(head: ResponseHead, passage: FieldPassage, from: Provenance | null): string {
  const fields = passingFields(head.fields, passage, head.connection === 'upgrade' ? '' : head.connection, from);
  return `HTTP/1.1 101 ${head.reason}\r\n${fields}Via: 1.1 cutover\r\nConnection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`;
}
