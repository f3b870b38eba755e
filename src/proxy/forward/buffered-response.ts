/**
 * A response whose body is kept until it is whole. The target is free from then on, however slowly the client reads; and as
 * nothing of it was sent before, one that breaks off can still become an error.
 *
 *   gathering ─► whole: the target is free ─► delivering ─► delivered
 */
import { type BufferOwner, type BufferReader, bytesMaxOf, MessageBuffer } from '../buffer/message-buffer.ts';
import type { Spool } from '../buffer/spool.ts';
import type { Downstream } from '../downstream.ts';
import type { FieldSection } from '../http1/field-section.ts';
import type { BufferSpec, KeptIn } from '../../snapshot/buffer-spec.ts';
import type { Sender } from '../read-buffers.ts';

export interface BufferedResponseUser {
  /** Every byte is kept: it is being delivered. */
  onResponseKept(keptIn: KeptIn): void;
  /** More of it may be added. */
  onResponseRoom(): void;
  /** The client's side has been handed all of it. */
  onDelivered(trailers: FieldSection | null): void;
  onBufferFailure(): void;
}

export class BufferedResponse implements BufferOwner, BufferReader {
  readonly #user: BufferedResponseUser;
  readonly #downstream: Downstream;
  readonly #buffer: MessageBuffer;
  readonly #bytesMax: number;
  #trailers: FieldSection | null = null;
  /** The client may have got some of it. */
  isDelivering = false;

  constructor(spec: BufferSpec, spool: Spool, downstream: Downstream, user: BufferedResponseUser) {
    this.#user = user;
    this.#downstream = downstream;
    this.#bytesMax = bytesMaxOf(spec);
    this.#buffer = new MessageBuffer(spec, spool, this);
  }

  /** The disk is slower than the target. */
  get isBehind(): boolean {
    return this.#buffer.isBehind;
  }

  /** Whether a body of so many bytes can be kept. */
  takes(bytes: number): boolean {
    return bytes <= this.#bytesMax;
  }

  add(chunk: Buffer): ReturnType<MessageBuffer['add']> {
    return this.#buffer.add(chunk);
  }

  /** The response is whole. */
  end(trailers: FieldSection | null): void {
    this.#trailers = trailers;
    this.#buffer.end();
  }

  /** The client has room again. */
  resume(): void {
    if (this.isDelivering) {
      this.#buffer.resume();
    }
  }

  close(): void {
    this.#buffer.close();
  }

  onBuffered(): void {
    this.isDelivering = true;
    this.#user.onResponseKept(this.#buffer.keptIn);
    this.#buffer.readTo(this);
  }

  onBufferRoom(): void {
    this.#user.onResponseRoom();
  }

  onBufferFailure(): void {
    this.#user.onBufferFailure();
  }

  get isBlocked(): boolean {
    return this.#downstream.isBlocked;
  }

  take(chunk: Buffer): Sender | null {
    return this.#downstream.body(chunk);
  }

  flush(): void {
    this.#downstream.flush();
  }

  onAllTaken(): void {
    this.#user.onDelivered(this.#trailers);
  }
}
