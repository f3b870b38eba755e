/**
 * A request whose body is kept until it is whole. Until then no target is asked, so that a slow client takes up none; and
 * from then on it is at hand as a whole, to be sent as often as the rules for that allow.
 */
import { type BufferOwner, type BufferReader, MessageBuffer } from '../buffer/message-buffer.ts';
import type { Spool } from '../buffer/spool.ts';
import type { BufferSpec, KeptIn } from '../../snapshot/buffer-spec.ts';
import type { Sender } from '../read-buffers.ts';
import type { TargetConnection } from '../upstream/target-connection.ts';

export interface BufferedRequestUser {
  /** The request can be sent. */
  onRequestKept(keptIn: KeptIn): void;
  /** More of it may be added. */
  onRequestRoom(): void;
  /** The connection has all of the body, not flushed yet. */
  onRequestSent(connection: TargetConnection): void;
  onBufferFailure(): void;
}

export class BufferedRequest implements BufferOwner, BufferReader {
  readonly #user: BufferedRequestUser;
  readonly #buffer: MessageBuffer;
  #connection: TargetConnection | null = null;
  /** A target has all of it. */
  isSent = false;

  constructor(spec: BufferSpec, spool: Spool, user: BufferedRequestUser) {
    this.#user = user;
    this.#buffer = new MessageBuffer(spec, spool, this);
  }

  /** The disk is slower than the client. */
  get isBehind(): boolean {
    return this.#buffer.isBehind;
  }

  add(chunk: Buffer): ReturnType<MessageBuffer['add']> {
    return this.#buffer.add(chunk);
  }

  end(): void {
    this.#buffer.end();
  }

  /** Sends all of it, from the beginning, behind the head that the connection has got. */
  sendOn(connection: TargetConnection): void {
    this.isSent = false;
    this.#connection = connection;
    this.#buffer.readTo(this);
  }

  /** The connection has room again. */
  resume(): void {
    this.#buffer.resume();
  }

  /** The connection takes no more. */
  stop(): void {
    this.#connection = null;
    this.#buffer.stop();
  }

  close(): void {
    this.stop();
    this.#buffer.close();
  }

  onBuffered(): void {
    this.#user.onRequestKept(this.#buffer.keptIn);
  }

  onBufferRoom(): void {
    this.#user.onRequestRoom();
  }

  onBufferFailure(): void {
    this.#user.onBufferFailure();
  }

  get isBlocked(): boolean {
    return this.#connection === null || this.#connection.isBlocked;
  }

  take(chunk: Buffer): Sender | null {
    return this.#connection?.body(chunk) ?? null;
  }

  flush(): void {
    this.#connection?.flush();
  }

  onAllTaken(): void {
    const connection = this.#connection;
    if (connection !== null) {
      this.isSent = true;
      this.#user.onRequestSent(connection);
    }
  }
}
