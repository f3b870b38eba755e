/** The proxy's own answers: short, in a form the client takes, with a request id and nothing about the inside. */
import { STATUS_CODES } from 'node:http';
import { type FailureCode, failureOf } from '../errors.ts';
import type { ResponseHead } from './response-head.ts';

/** Seconds after which a client may try again when there is no target: about two rounds of health checks. */
const RETRY_AFTER_SECONDS = 5;

export interface AnswerContext {
  readonly requestId: string;
  /** The request's Accept field. */
  readonly accept: string;
  readonly isHead: boolean;
  readonly keepAlive: boolean;
  readonly minor: number;
  readonly dateLine: string;
  /** Of the service; null: it has none. */
  readonly pages: PageSource | null;
  /** When the client may come again; 0: as the code has it. */
  readonly retryAfterSeconds: number;
}

/** What a service says of errors in its own words. */
export interface PageSource {
  /** In a form that `accept` takes; null: there is none. */
  pageFor(subject: PageSubject, accept: string): Page | null;
  /** Whether such an answer of a target has its place taken by a page. */
  replaces(status: number): boolean;
}

export interface PageSubject {
  readonly status: number;
  readonly reason: string;
  /** "" where there is nothing more to say. */
  readonly detail: string;
  readonly requestId: string;
}

export interface Page {
  readonly contentType: string;
  /** One character for each byte. */
  readonly body: string;
}

/** Fields of an answer without which its status says too little. */
const TELLING = ['allow', 'retry-after', 'www-authenticate'] as const;

/** An answer that the proxy gives in a target's place, because its configuration says so. */
export interface OwnAnswer {
  readonly status: number;
  /** Complete lines, none of them of the connection or of framing. */
  readonly fields: string;
  /** One character for each byte; "" with a status that has no body. */
  readonly body: string;
}

export function configuredAnswer({ status, fields, body }: OwnAnswer, context: AnswerContext): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${context.dateLine}${fields}`;
  // RFC 9110 section 8.6: a 204 has no length; of a 304 it would be that of what is not sent.
  if (status !== 204 && status !== 304) {
    head += `Content-Length: ${body.length}\r\n`;
  }
  head += `X-Request-Id: ${context.requestId}\r\n${connectionField(context)}\r\n`;
  return context.isHead ? head : head + body;
}

export function ownAnswer(code: FailureCode, context: AnswerContext): string {
  const { status, text } = failureOf(code);
  const title = STATUS_CODES[status] ?? 'Error';
  const subject = { status, reason: title, detail: text, requestId: context.requestId };
  const page = context.pages?.pageFor(subject, context.accept) ?? plainPage(subject, context.accept);
  let head = pageHead(subject, page, context);
  if (status === 503 || status === 429) {
    head += `Retry-After: ${context.retryAfterSeconds || RETRY_AFTER_SECONDS}\r\n`;
  } else if (status === 405) {
    head += 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n';
  }
  head += `${connectionField(context)}\r\n`;
  return context.isHead ? head : head + page.body;
}

/**
 * The page that takes the place of an answer of the target; null where the answer is passed on. `withheld`: lower-case
 * names of fields that do not pass. `extraFields`: complete lines to add.
 */
export function replacingAnswer(
  head: ResponseHead,
  status: number,
  withheld: ReadonlySet<string>,
  extraFields: string,
  context: AnswerContext,
): string | null {
  if (context.pages === null || !context.pages.replaces(status)) {
    return null;
  }
  const subject = { status, reason: STATUS_CODES[status] ?? 'Error', detail: '', requestId: context.requestId };
  const page = context.pages.pageFor(subject, context.accept);
  if (page === null) {
    return null;
  }
  let text = pageHead(subject, page, context) + extraFields;
  for (const name of TELLING) {
    const value = withheld.has(name) ? null : head.fields.get(name);
    text += value === null ? '' : `${name}: ${value}\r\n`;
  }
  text += `${connectionField(context)}\r\n`;
  return context.isHead ? text : text + page.body;
}

function plainPage({ status, reason, detail, requestId }: PageSubject, accept: string): Page {
  return /[/+]json\b/i.test(accept)
    ? {
        contentType: 'application/json',
        body: `${JSON.stringify({ status, title: reason, detail, requestId })}\n`,
      }
    : {
        contentType: 'text/plain; charset=utf-8',
        body: `${status} ${reason}\n${detail}\nRequest id: ${requestId}\n`,
      };
}

function pageHead({ status, reason, requestId }: PageSubject, page: Page, { dateLine }: AnswerContext): string {
  return (
    `HTTP/1.1 ${status} ${reason}\r\n${dateLine}Content-Type: ${page.contentType}\r\n` +
    `Content-Length: ${page.body.length}\r\nCache-Control: no-store\r\nX-Request-Id: ${requestId}\r\n`
  );
}

function connectionField({ keepAlive, minor }: AnswerContext): string {
  if (!keepAlive) {
    return 'Connection: close\r\n';
  }
  return minor === 0 ? 'Connection: keep-alive\r\n' : '';
}
