/**
 * One of the two sockets between which bytes pass as they are: what it is sent is written, what it reads is handed on.
 *
 * Small pieces are read into memory that all sockets of a listener share, and copied when they are written: most connections
 * say little at a time, or nothing for long. One that brings much gets a buffer of its own, which is used again for every
 * read, unless the other side's socket still holds on to it. Nothing is timed here as long as all that was written is taken.
 */
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { plainAddress } from '../origin.ts';
import type { Addresses } from './proxy-header.ts';

/** Of a buffer of a socket's own. */
const OWN_READ_BYTES = 65_536;
/** After so many small reads in a row a socket gives its own buffer back. */
const SMALL_READS_MAX = 32;
/** Below it, copying is cheaper than handing the kernel memory that must not be touched until it is taken. */
const COPIED_BYTES_MAX = 4_096;

/** Idle connections are probed after this, so that a peer that is gone without a word is found out before the next use. */
export const KEEP_ALIVE_MS = 60_000;

export interface TunnelEndUser {
  /**
   * So many bytes at the start of `buffer` have come. Returns true if its memory is still held on to, which that of few
   * bytes never is.
   */
  onBytes(buffer: Buffer, count: number): boolean;
  /** The peer sends nothing more. */
  onEnd(): void;
  /** What was written has been taken, after there was too much of it. */
  onDrain(): void;
  /** The peer has taken nothing for as long as it was watched for. */
  onStall(): void;
  onBroken(error: NodeJS.ErrnoException): void;
  /** The last that is heard of it. */
  onClosed(): void;
}

export class TunnelEnd {
  readonly #user: TunnelEndUser;
  readonly #socket: Socket;
  readonly #shared: Buffer;
  #buffer: Buffer;
  #isHeld = false;
  #smallReads = 0;
  #isPaused = false;

  /** `open` makes the socket. `shared`: read into by whichever socket has bytes. */
  constructor(user: TunnelEndUser, shared: Buffer, open: (onread: OnReadOpts) => Socket) {
    this.#user = user;
    this.#shared = shared;
    this.#buffer = shared;
    const socket = open({ buffer: () => this.#nextBuffer(), callback: (count) => this.#onRead(count) });
    this.#socket = socket;
    socket.on('end', () => user.onEnd());
    socket.on('drain', () => this.#onDrain());
    socket.on('timeout', () => this.#onTimeout());
    socket.on('error', (error) => user.onBroken(error));
    socket.on('close', () => user.onClosed());
  }

  /**
   * Over an accepted socket, which was paused when it came. Servers have no option for reading into a buffer of ours, and
   * sockets that are made over a handle do; it saves a third of the time that long transfers take.
   */
  static over(accepted: Socket, user: TunnelEndUser, shared: Buffer): TunnelEnd {
    const holder = accepted as Socket & { _handle?: unknown };
    const handle = holder._handle;
    if (handle === undefined || handle === null) {
      return TunnelEnd.#overStream(accepted, user, shared);
    }
    holder._handle = null;
    accepted.destroy();
    return new TunnelEnd(user, shared, (onread) => {
      const options = { handle, onread, allowHalfOpen: true };
      return new Socket(options as SocketConstructorOpts);
    });
  }

  /** Where a socket has no handle to be taken. */
  static #overStream(accepted: Socket, user: TunnelEndUser, shared: Buffer): TunnelEnd {
    const end = new TunnelEnd(user, shared, () => accepted);
    accepted.on('data', (chunk: Buffer) => void user.onBytes(chunk, chunk.length));
    accepted.resume();
    return end;
  }

  /** From the peer to us; null: it is not connected. */
  get addresses(): Addresses | null {
    const { remoteAddress, remotePort, localAddress, localPort } = this.#socket;
    if (remoteAddress === undefined || localAddress === undefined) {
      return null;
    }
    const [source, destination] = [plainAddress(remoteAddress), plainAddress(localAddress)];
    return { source, sourcePort: remotePort ?? 0, destination, destinationPort: localPort ?? 0 };
  }

  /** Too much was written: nothing more should be before `onDrain`. */
  get isBlocked(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Not all that was written has been taken. */
  get hasPending(): boolean {
    return this.#socket.writableLength > 0;
  }

  /** Returns true if the memory of `buffer` is still held on to. */
  write(buffer: Buffer, count: number): boolean {
    if (count <= COPIED_BYTES_MAX) {
      this.#socket.write(buffer.toString('latin1', 0, count), 'latin1');
      return false;
    }
    this.#socket.write(count === buffer.length ? buffer : buffer.subarray(0, count));
    return this.#socket.writableLength > 0;
  }

  /** Sends no more than what was written. */
  end(): void {
    this.#socket.end();
  }

  pause(): void {
    if (!this.#isPaused) {
      this.#isPaused = true;
      this.#socket.pause();
    }
  }

  resume(): void {
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#socket.resume();
    }
  }

  /** Tells by `onStall` if none of what is pending is taken for so long: Node's own timer sees bytes leave one by one. */
  watch(stallMs: number): void {
    if (this.#socket.timeout !== stallMs) {
      this.#socket.setTimeout(stallMs);
    }
  }

  /** Ends it so that the peer can tell that it is not the ordinary end. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Ends one that was never connected. */
  destroy(): void {
    this.#socket.destroy();
  }

  #nextBuffer(): Buffer {
    if (this.#isHeld) {
      this.#isHeld = false;
      this.#buffer = Buffer.allocUnsafeSlow(OWN_READ_BYTES);
    }
    return this.#buffer;
  }

  #onRead(count: number): boolean {
    const buffer = this.#buffer;
    const isSmall = count <= COPIED_BYTES_MAX;
    if (buffer !== this.#shared) {
      this.#isHeld = this.#user.onBytes(buffer, count);
      this.#smallReads = isSmall ? this.#smallReads + 1 : 0;
      if (this.#smallReads === SMALL_READS_MAX) {
        this.#buffer = this.#shared;
        this.#isHeld = false;
      }
    } else if (isSmall) {
      this.#user.onBytes(buffer, count);
    } else {
      // What is read next, by any socket, must not go into what is still being written.
      this.#user.onBytes(Buffer.from(buffer.subarray(0, count)), count);
      this.#buffer = Buffer.allocUnsafeSlow(OWN_READ_BYTES);
      this.#smallReads = 0;
    }
    return !this.#isPaused;
  }

  #onDrain(): void {
    this.#unwatch();
    this.#user.onDrain();
  }

  #onTimeout(): void {
    if (this.#socket.writableLength > 0) {
      this.#user.onStall();
    } else {
      this.#unwatch();
    }
  }

  #unwatch(): void {
    if (this.#socket.timeout !== undefined && this.#socket.timeout > 0) {
      this.#socket.setTimeout(0);
    }
  }
}
