/** The proxy's own answers: short, in a form the client takes, with a request id and nothing about the inside. */
import { STATUS_CODES } from 'node:http';
import { type FailureCode, failureOf } from '../errors.ts';

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
}

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
  const takesJson = /[/+]json\b/i.test(context.accept);
  const body = takesJson
    ? `${JSON.stringify({ status, title, detail: text, requestId: context.requestId })}\n`
    : `${status} ${title}\n${text}\nRequest id: ${context.requestId}\n`;
  let head = `HTTP/1.1 ${status} ${title}\r\n${context.dateLine}`;
  head += `Content-Type: ${takesJson ? 'application/json' : 'text/plain; charset=utf-8'}\r\n`;
  head += `Content-Length: ${Buffer.byteLength(body)}\r\nCache-Control: no-store\r\nX-Request-Id: ${context.requestId}\r\n`;
  if (status === 503) {
    head += `Retry-After: ${RETRY_AFTER_SECONDS}\r\n`;
  } else if (status === 405) {
    head += 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n';
  }
  head += `${connectionField(context)}\r\n`;
  return context.isHead ? head : head + body;
}

function connectionField({ keepAlive, minor }: AnswerContext): string {
  if (!keepAlive) {
    return 'Connection: close\r\n';
  }
  return minor === 0 ? 'Connection: keep-alive\r\n' : '';
}
