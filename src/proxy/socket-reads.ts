/**
 * Where the bytes of a connection are read to, a client's or a target's.
 *
 * Node makes memory and a buffer for every read of an accepted socket, and passes it on through a stream: for a small
 * request that costs as much as all that is decided about it. Its sockets can read into memory that is there already, and
 * say so by a function (`onread`), but take that as an option only where they are made by us. What the option sets is set
 * here on a socket that a server made. Where Node is not as known, bytes come by 'data' as usual.
 *
 * Heads are read into memory that all connections of a listener, or all those to targets, share, since nothing of it is held
 * when a turn ends. A connection that brings much gets memory of its own, which it gives back after it.
 */
import { Socket } from 'node:net';
import { INLINE_BYTES_MAX, type ReadBuffers, type Sender } from './read-buffers.ts';

/** What all connections of a listener read into. */
export const SHARED_READ_BYTES = 65_536;
const OWN_READ_BYTES = 262_144;

export interface ReadTaker {
  /** Reading goes on if it returns true. */
  onRead(count: number): boolean;
}

export class SocketReads {
  readonly #shared: Buffer;
  /** What the next read goes into. */
  buffer: Buffer;
  readonly #buffers: ReadBuffers;
  #holder: Sender | null = null;
  #heldTo = 0;
  /** Of bytes that came into shared memory and are being passed on. */
  #copy: Buffer | null = null;
  /** What Node was told to read into. */
  #given: Buffer | null = null;

  constructor(shared: Buffer, buffers: ReadBuffers) {
    this.#shared = shared;
    this.#buffers = buffers;
    this.buffer = shared;
  }

  /**
   * These bytes as those that they are passed on to may hold on to them; `passed` is to follow. Into shared memory others
   * read in their turn; but pieces up to `copiedBytesMax` nobody holds on to.
   */
  keepable(buffer: Buffer, from: number, to: number, copiedBytesMax = INLINE_BYTES_MAX): Buffer {
    if (buffer !== this.#shared || to - from <= copiedBytesMax) {
      return buffer.subarray(from, to);
    }
    this.#copy = this.#buffers.take(SHARED_READ_BYTES);
    buffer.copy(this.#copy, 0, from, to);
    return this.#copy.subarray(0, to - from);
  }

  /** `holder` still holds on to what was passed on of `buffer`; null: nobody does. */
  passed(buffer: Buffer, holder: Sender | null): void {
    if (this.#copy !== null) {
      this.#buffers.giveBack(this.#copy, holder, holder === null ? 0 : holder.given);
      this.#copy = null;
    } else if (holder !== null && buffer === this.buffer) {
      this.#holder = holder;
      this.#heldTo = holder.given;
    }
  }

  /** After a read of `count` bytes. `isBulk`: what comes is passed on as it comes. */
  prepare(count: number, isBulk: boolean): void {
    const { length } = this.buffer;
    const isOwn = this.buffer !== this.#shared;
    const wantsOwn = isBulk && (isOwn ? count * 4 >= length : count === length);
    if (isOwn && (!wantsOwn || this.#holder !== null)) {
      this.#buffers.giveBack(this.buffer, this.#holder, this.#heldTo);
      this.buffer = this.#shared;
    }
    if (wantsOwn && this.buffer === this.#shared) {
      this.buffer = this.#buffers.take(OWN_READ_BYTES);
    }
    this.#holder = null;
  }

  /** No more is read. */
  release(): void {
    if (this.buffer !== this.#shared) {
      this.#buffers.giveBack(this.buffer, this.#holder, this.#heldTo);
      this.buffer = this.#shared;
      this.#holder = null;
    }
  }

  /** False: it is not possible, and bytes come by 'data'. */
  readFrom(socket: Socket, taker: ReadTaker): boolean {
    const inner = socket as unknown as InnerSocket;
    const handle = inner._handle;
    if (KEYS === null || inner[KEYS.buffer] !== null || typeof handle?.useUserBuffer !== 'function') {
      return false;
    }
    inner[KEYS.buffer] = this.buffer;
    inner[KEYS.callback] = (count: number) => taker.onRead(count);
    inner[KEYS.next] = () => this.next();
    handle.useUserBuffer(this.next() as Buffer);
    return true;
  }

  /** What Node is to read into from now on; undefined: what it was told before. */
  next(): Buffer | undefined {
    if (this.#given === this.buffer) {
      return undefined;
    }
    this.#given = this.buffer;
    return this.buffer;
  }
}

interface InnerSocket {
  readonly _handle?: { readonly useUserBuffer?: (buffer: Buffer) => void } | null;
  [key: symbol]: unknown;
}

interface ReadKeys {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly next: symbol;
}

/** What Node calls the parts of `onread`; null: it has none of these names. */
const KEYS = findKeys();

function findKeys(): ReadKeys | null {
  const symbols = Object.getOwnPropertySymbols(new Socket());
  const [buffer, callback, next] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map((name) =>
    symbols.find((symbol) => symbol.description === name),
  );
  return buffer === undefined || callback === undefined || next === undefined ? null : { buffer, callback, next };
}
