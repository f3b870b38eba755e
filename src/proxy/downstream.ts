/** The client's side of one request, whatever protocol the client speaks. */
import type { FailureCode } from './errors.ts';
import type { FieldSection } from './http1/field-section.ts';
import type { OwnAnswer, PageSource } from './http1/own-answer.ts';
import type { FieldPassage } from './http1/passing-fields.ts';
import type { ResponseHead } from './http1/response-head.ts';
import type { ResponseEdits } from './http1/response-writer.ts';
import type { Provenance } from './origin.ts';
import type { Sender } from './read-buffers.ts';

/** How a service shows itself to its clients. */
export interface ServiceFace {
  /** What passes of its targets' answers. */
  readonly response: FieldPassage;
  /** null: errors are told in the proxy's words. */
  readonly pages: PageSource | null;
}

export interface Downstream {
  /** Nothing more should be handed to `body` before `onClientDrain`. */
  readonly isBlocked: boolean;
  /** A piece of a body up to this is copied, and its memory not held on to. */
  readonly copiedBytesMax: number;
  /** Says how the service that the request belongs to shows itself to a client that asked `from` there. */
  serveAs(face: ServiceFace, from: Provenance, requestId: string): void;
  /** Tells a client that waits for it to send its request's body. */
  proceed(): void;
  /** Passes an interim response on. */
  interim(head: ResponseHead): void;
  /**
   * Begins the response. `extraFields`: complete lines to add; "" for none. `edits`: what is to be otherwise than it came.
   * False: the client gets a page in its place, after which only `end` may follow.
   */
  respond(head: ResponseHead, extraFields: string, edits: ResponseEdits | null): boolean;
  /** Takes back a response that was begun, as long as nothing of it was flushed. */
  withdraw(): void;
  /** The response goes on to come, though nothing of it is handed over yet. */
  expectMore(): void;
  /** Returns who still holds on to `chunk`'s memory; null: nobody. */
  body(chunk: Buffer): Sender | null;
  end(trailers: FieldSection | null): void;
  /** The proxy's own answer, where no response was begun. `retryAfterSeconds`: when to come again; 0: as the code has it. */
  answer(code: FailureCode, requestId: string, retryAfterSeconds?: number): void;
  /** The same to a request that was not routed, which is thereby accounted for. */
  refuse(code: FailureCode, retryAfterSeconds?: number): void;
  /** An answer in the target's place, where no response was begun. */
  answerWith(answer: OwnAnswer, requestId: string): void;
  /** Begins a request that had to wait before it was routed, from the bytes of its head. Null: it was answered at once. */
  beginAgain(head: Buffer): UpstreamBound | null;
  /** Ends a response that was begun and cannot be finished, so that the client can tell that it is not whole. */
  abort(): void;
  /** Answers 101 and lets bytes through as they are from then on. */
  switchProtocols(head: ResponseHead): void;
  /** The target has sent all of a tunnel's bytes. */
  endTunnel(): void;
  /** Writes what was handed over. */
  flush(): void;
  pauseRequest(): void;
  resumeRequest(): void;
}

/** What the client's side tells the exchange. */
export interface UpstreamBound {
  /** Returns who still holds on to `chunk`'s memory; null: nobody. */
  requestBody(chunk: Buffer): Sender | null;
  requestEnd(trailers: FieldSection | null): void;
  /** All bytes of one read were handled: what they caused can be written. */
  onClientTurnEnd(): void;
  onClientDrain(): void;
  /** The client's connection is gone. */
  onClientGone(): void;
  /** The client broke the rules in the middle of its request, or did not read or send for too long. */
  onClientFault(code: FailureCode): void;
  /** The client has sent all of a tunnel's bytes. */
  onTunnelEnd(): void;
}
