/**
 * The body of a request on its way to the target, with what of it may have to be sent: for the first time, once there is a
 * connection; or again, on another one. Where the service keeps requests until they are whole, all of it is at hand.
 */
import type { KeptIn } from '../../snapshot/buffer-spec.ts';
import type { ServiceBuffers } from '../buffer/service-buffers.ts';
import type { Downstream } from '../downstream.ts';
import type { FailureCode } from '../errors.ts';
import type { FieldSection } from '../http1/field-section.ts';
import { GatheredBytes } from '../http1/gathered-bytes.ts';
import { passingTrailers } from '../http1/passing-fields.ts';
import type { Sender } from '../read-buffers.ts';
import type { TargetConnection } from '../upstream/target-connection.ts';
import { BufferedRequest, type BufferedRequestUser } from './buffered-request.ts';
import type { ExchangeRequest } from './exchange-input.ts';
import type { Placement } from './placement.ts';

/** Body bytes held for a connection that is being made, or for a second try; above it the client is not read. */
const HELD_BYTES_MAX = 65_536;

export interface RequestBodyUser {
  /** What is kept until it is whole can be sent. */
  onRequestKept(keptIn: KeptIn): void;
  /** It cannot be kept. */
  onFault(code: FailureCode): void;
}

export class RequestBody implements BufferedRequestUser {
  readonly #request: ExchangeRequest;
  readonly #downstream: Downstream;
  readonly #place: Placement;
  readonly #user: RequestBodyUser;
  readonly #responseHeadMs: number;
  /** Bytes that may have to be sent. */
  #held: GatheredBytes | null = null;
  #bytes = 0;
  #trailers = '';
  /** Keeps it until it is whole; null: it passes as it comes. */
  readonly #buffered: BufferedRequest | null;
  /** All of it has come. */
  isComplete = false;
  /** No byte that came was let go of. */
  isWholeHeld = true;

  /** `responseHeadMs`: what the target has, once it was sent all, to begin its response. */
  constructor(
    request: ExchangeRequest,
    downstream: Downstream,
    place: Placement,
    buffers: ServiceBuffers | null,
    responseHeadMs: number,
    user: RequestBodyUser,
  ) {
    this.#request = request;
    this.#downstream = downstream;
    this.#place = place;
    this.#user = user;
    this.#responseHeadMs = responseHeadMs;
    this.#buffered =
      buffers === null || request.kept === null ? null : new BufferedRequest(request.kept, buffers.spool, this);
  }

  /** No target is asked before all of it has come. */
  get isKept(): boolean {
    return this.#buffered !== null;
  }

  /** The target was sent all of it, which it may not have waited for. */
  get isSent(): boolean {
    return this.#buffered === null ? this.isComplete : this.#buffered.isSent;
  }

  /** Returns how many bytes have come, with these. */
  count(bytes: number): number {
    this.#bytes += bytes;
    return this.#bytes;
  }

  /**
   * Sends `chunk` on, or holds it. `isFlowing`: the head was sent, and what comes can follow it as long as there is a
   * connection. Returns who still holds on to its memory.
   */
  add(chunk: Buffer, isFlowing: boolean, connection: TargetConnection | null): Sender | null {
    if (this.#buffered !== null) {
      this.#keep(this.#buffered, chunk);
      return null;
    }
    if (!isFlowing) {
      if (this.#hold(chunk) > HELD_BYTES_MAX) {
        this.#downstream.pauseRequest();
      }
      return null;
    }
    const holder = connection === null ? null : connection.body(chunk);
    this.#holdToResend(chunk);
    return holder;
  }

  #keep(buffered: BufferedRequest, chunk: Buffer): void {
    const result = buffered.add(chunk);
    if (result !== 'kept') {
      this.#user.onFault(result === 'too-long' ? 'body_too_large' : 'buffer_unavailable');
    } else if (buffered.isBehind) {
      this.#downstream.pauseRequest();
    }
  }

  #holdToResend(chunk: Buffer): void {
    if (!this.isWholeHeld) {
      return;
    }
    if (this.#isResendable((this.#held?.length ?? 0) + chunk.length)) {
      this.#hold(chunk);
    } else {
      this.letGo();
    }
  }

  /** Returns how much is held. */
  #hold(chunk: Buffer): number {
    this.#held ??= new GatheredBytes();
    this.#held.add(chunk, 0, chunk.length);
    return this.#held.length;
  }

  #isResendable(bytes: number): boolean {
    return this.#request.isIdempotent && this.isWholeHeld && bytes <= HELD_BYTES_MAX;
  }

  /** It is not sent again. */
  letGo(): void {
    this.#held = null;
    this.isWholeHeld = false;
  }

  complete(trailers: FieldSection | null): void {
    this.isComplete = true;
    this.#trailers = passingTrailers(trailers, this.#request.withheld);
  }

  /** All of it has come, which the target is told if it has got the rest. As in `add`. */
  end(isFlowing: boolean, connection: TargetConnection | null): void {
    if (this.#buffered !== null) {
      this.#buffered.end();
    } else if (isFlowing) {
      connection?.end(this.#trailers, this.#responseHeadMs);
    }
  }

  /** Sends what there is, from the beginning, behind the head that the connection has got. */
  sendOn(connection: TargetConnection): void {
    if (this.#buffered !== null) {
      return this.#buffered.sendOn(connection);
    }
    const held = this.#held;
    if (held !== null) {
      connection.body(held.buffer.subarray(0, held.length));
      if (!this.#isResendable(held.length)) {
        this.letGo();
      }
    }
    if (this.isComplete) {
      connection.end(this.#trailers, this.#responseHeadMs);
    }
  }

  /** The connection has room again. */
  resume(): void {
    this.#buffered?.resume();
  }

  /** The connection takes no more. */
  stop(): void {
    this.#buffered?.stop();
  }

  close(): void {
    this.#held = null;
    this.#buffered?.close();
  }

  onRequestKept(keptIn: KeptIn): void {
    this.#user.onRequestKept(keptIn);
  }

  onRequestRoom(): void {
    this.#downstream.resumeRequest();
  }

  onRequestSent(connection: TargetConnection): void {
    this.#place.restart();
    connection.end(this.#trailers, this.#responseHeadMs);
    connection.flush();
  }

  onBufferFailure(): void {
    this.#user.onFault('buffer_unavailable');
  }
}
