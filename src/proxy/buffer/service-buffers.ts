/** Which messages of one service are kept until they are whole. */
import type { BufferingSpec, BufferSpec } from '../../snapshot/buffer-spec.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { bytesMaxOf } from './message-buffer.ts';
import type { Spool } from './spool.ts';

export class ServiceBuffers {
  readonly spool: Spool;
  readonly #request: BufferSpec | null;
  readonly #response: BufferSpec | null;

  constructor({ request, response }: BufferingSpec, spool: Spool) {
    this.spool = spool;
    this.#request = request;
    this.#response = response;
  }

  /** How the body of a request is kept; null: it passes as it comes. */
  ofRequest({ framing }: Pick<RequestHead, 'framing'>): BufferSpec | null {
    return framing === 'none' ? null : this.#request;
  }

  /** Whether the head says already that the body is longer than may be kept. */
  refusesRequest({ contentLength }: Pick<RequestHead, 'contentLength'>): boolean {
    return this.#request !== null && contentLength > bytesMaxOf(this.#request);
  }

  ofResponse(head: ResponseHead): BufferSpec | null {
    return this.#response === null || head.framing === 'none' || isStream(head) ? null : this.#response;
  }
}

/** What is meant to be seen piece by piece, and may have no end: by its type, or in the way that nginx is told. */
function isStream({ fields }: ResponseHead): boolean {
  return (
    /^text\/event-stream(?:[\t ]*;|$)/i.test(fields.get('content-type') ?? '') ||
    /^no$/i.test(fields.get('x-accel-buffering') ?? '')
  );
}
