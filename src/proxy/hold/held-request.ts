/** One request that waits for its service to be resumed: the bytes of its head, and what has come of its body. */
import type { AccessEntry } from '../access-log.ts';
import { type Expiring, NEVER } from '../deadlines.ts';
import type { UpstreamBound } from '../downstream.ts';
import type { FailureCode } from '../errors.ts';
import type { FieldSection } from '../http1/field-section.ts';
import { GatheredBytes } from '../http1/gathered-bytes.ts';
import type { Waiter } from '../limit/waiting-line.ts';
import type { HoldResult } from './hold.ts';

/** Body bytes of one waiting request above which its client is not read any further. */
const BODY_BYTES_MAX = 65_536;
/** Longest silence inside the body of a request that waits, and of a client that does not read: it need not hurry. */
const CLIENT_IDLE_MS = 60_000;

/** The client's side of what waits. */
export interface HeldDownstream {
  /** Begins it, from the bytes of its head. Null: that was its end already. */
  beginAgain(head: Buffer): Resumed | null;
  /** The proxy's own answer, after which it is over. */
  refuse(code: FailureCode): void;
  pauseRequest(): void;
  resumeRequest(): void;
}

/** Takes what has come in the meantime. */
export type Resumed = Pick<UpstreamBound, 'requestBody' | 'requestEnd' | 'onClientTurnEnd'>;

export interface HeldBy {
  /** Asks for room; false: there is none. */
  reserve(bytes: number): boolean;
  end(held: HeldRequest, result: HoldResult): void;
}

export class HeldRequest implements UpstreamBound, Expiring, Waiter<HeldRequest> {
  next: HeldRequest | null = null;
  previous: HeldRequest | null = null;
  deadlineAt: number;
  deadlineSlot = -1;
  readonly requestBodyIdleMs: number;
  readonly responseBodyIdleMs = CLIENT_IDLE_MS;
  /** Counted against the bounds of the pause. */
  heldBytes: number;
  /** null: it is not logged. Begun anew it has another. */
  entry: AccessEntry | null = null;
  readonly #downstream: HeldDownstream;
  readonly #head: Buffer;
  readonly #hold: HeldBy;
  #body: GatheredBytes | null = null;
  /** Of a request that has a body, were it an empty one. */
  #hasEnded = false;
  #trailers: FieldSection | null = null;
  #isOver = false;

  /** `awaitsContinue`: the client sends no body before it is told to, which the target does. */
  constructor(downstream: HeldDownstream, head: Buffer, awaitsContinue: boolean, hold: HeldBy, deadlineAt: number) {
    this.#downstream = downstream;
    this.#head = head;
    this.#hold = hold;
    this.heldBytes = head.length;
    this.deadlineAt = deadlineAt;
    this.requestBodyIdleMs = awaitsContinue ? NEVER : CLIENT_IDLE_MS;
  }

  /** Begins anew, as if it had just come. It has left the hold before. */
  goOn(): void {
    this.#isOver = true;
    const exchange = this.#downstream.beginAgain(this.#head);
    if (exchange === null) {
      return;
    }
    if (this.#body !== null) {
      exchange.requestBody(this.#body.buffer.subarray(0, this.#body.length));
    }
    if (this.#hasEnded) {
      exchange.requestEnd(this.#trailers);
    }
    exchange.onClientTurnEnd();
    this.#downstream.resumeRequest();
  }

  requestBody(chunk: Buffer): null {
    if (this.#isOver) {
      return null;
    }
    if (!this.#hold.reserve(chunk.length)) {
      this.refuse('hold_full', 'full');
      return null;
    }
    this.heldBytes += chunk.length;
    this.#body ??= new GatheredBytes();
    this.#body.add(chunk, 0, chunk.length);
    if (this.#body.length > BODY_BYTES_MAX) {
      this.#downstream.pauseRequest();
    }
    return null;
  }

  requestEnd(trailers: FieldSection | null): void {
    this.#hasEnded = true;
    this.#trailers = trailers;
  }

  onClientTurnEnd(): void {}

  onClientDrain(): void {}

  onTunnelEnd(): void {}

  onClientGone(): void {
    this.refuse('client_closed', 'client-gone');
  }

  onClientFault(code: FailureCode): void {
    this.refuse(code, 'client-gone');
  }

  expire(): void {
    this.refuse('hold_timeout', 'timed-out');
  }

  /** Ends its wait with an answer of our own. */
  refuse(code: FailureCode, result: HoldResult): void {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#hold.end(this, result);
      this.entry?.refuse(code);
      this.#downstream.refuse(code);
    }
  }
}
