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
  if (!context.keepAlive) {
    head += 'Connection: close\r\n';
  } else if (context.minor === 0) {
    head += 'Connection: keep-alive\r\n';
  }
  return context.isHead ? `${head}\r\n` : `${head}\r\n${body}`;
}
