/**
 * Where the bytes of a client's connection are read to.
 *
 * Node makes memory and a buffer for every read of an accepted socket, and passes it on through a stream: for a small
 * request that costs as much as all that is decided about it. Its sockets can read into memory that is there already, and
 * say so by a function (`onread`), but take that as an option only where they are made by us. What the option sets is set
 * here on a socket that a server made. Where Node is not as known, bytes come by 'data' as usual.
 *
 * Heads are read into memory that all connections of a listener share, since nothing of it is held when a turn ends.
 * A connection that brings much gets memory of its own, which grows with what comes and is given back after it.
 */
import { Socket } from 'node:net';

/** What all connections of a listener read into. */
export const SHARED_READ_BYTES = 65_536;
const OWN_READ_BYTES_MAX = 262_144;

export interface ReadTaker {
  /** Reading goes on if it returns true. */
  onRead(count: number): boolean;
}

export class ClientReads {
  readonly #shared: Buffer;
  /** What the next read goes into. */
  buffer: Buffer;
  #isHeld = false;

  constructor(shared: Buffer) {
    this.#shared = shared;
    this.buffer = shared;
  }

  /** Whether others read into it in their turn, so that nothing of it can be kept for later. */
  isShared(buffer: Buffer): boolean {
    return buffer === this.#shared;
  }

  /** What was read into `buffer` is still held on to. */
  hold(buffer: Buffer): void {
    if (buffer === this.buffer) {
      this.#isHeld = true;
    }
  }

  /** After a read of `count` bytes. `isBulk`: what comes is passed on as it comes. */
  prepare(count: number, isBulk: boolean): void {
    const { length } = this.buffer;
    if (!isBulk) {
      this.buffer = this.#shared;
    } else if (count === length && length < OWN_READ_BYTES_MAX) {
      this.buffer = Buffer.allocUnsafeSlow(OWN_READ_BYTES_MAX);
    } else if (count * 4 < length) {
      this.buffer = this.#shared;
    } else if (this.#isHeld) {
      this.buffer = Buffer.allocUnsafeSlow(length);
    }
    this.#isHeld = false;
  }

  /** False: it is not possible, and bytes come by 'data'. */
  readFrom(socket: Socket, taker: ReadTaker): boolean {
    const inner = socket as unknown as InnerSocket;
    const handle = inner._handle;
    if (KEYS === null || inner[KEYS.buffer] !== null || typeof handle?.useUserBuffer !== 'function') {
      return false;
    }
    let given = this.buffer;
    inner[KEYS.buffer] = given;
    inner[KEYS.callback] = (count: number) => taker.onRead(count);
    inner[KEYS.next] = () => {
      if (given === this.buffer) {
        return undefined;
      }
      given = this.buffer;
      return given;
    };
    handle.useUserBuffer(given);
    return true;
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
