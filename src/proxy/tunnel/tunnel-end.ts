/**
 * One of the two sockets between which bytes pass as they are: what it is sent is written, what it reads is handed on.
 *
 * Bytes are read into a buffer of the socket's own that is used again for every read, unless the other side's socket still
 * holds on to it. Nothing is timed here as long as all that was written is taken.
 */
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';

/** A connection that only waits costs this much twice; one that fills its buffer gets a larger one. */
const READ_BYTES_MIN = 8_192;
const READ_BYTES_MAX = 65_536;
/** After so many reads in a row that would have fitted into the smallest buffer, that is what the socket gets. */
const SMALL_READS_MAX = 32;
/** Below it, copying is cheaper than handing the kernel memory that must not be touched until it is taken. */
const COPIED_BYTES_MAX = 4_096;

/** Idle connections are probed after this, so that a peer that is gone without a word is found out before the next use. */
export const KEEP_ALIVE_MS = 60_000;

export interface TunnelEndUser {
  /** So many bytes at the start of `buffer` have come. Returns true if its memory is still held on to. */
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
  #buffer = Buffer.allocUnsafeSlow(READ_BYTES_MIN);
  #isHeld = false;
  #smallReads = 0;
  #isPaused = false;

  /** `open` makes the socket. */
  constructor(user: TunnelEndUser, open: (onread: OnReadOpts) => Socket) {
    this.#user = user;
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
  static over(accepted: Socket, user: TunnelEndUser): TunnelEnd {
    const holder = accepted as Socket & { _handle?: unknown };
    const handle = holder._handle;
    if (handle === undefined || handle === null) {
      return TunnelEnd.#overStream(accepted, user);
    }
    holder._handle = null;
    accepted.destroy();
    return new TunnelEnd(user, (onread) => {
      const options = { handle, onread, allowHalfOpen: true };
      return new Socket(options as SocketConstructorOpts);
    });
  }

  /** Where a socket has no handle to be taken. */
  static #overStream(accepted: Socket, user: TunnelEndUser): TunnelEnd {
    const end = new TunnelEnd(user, () => accepted);
    accepted.on('data', (chunk: Buffer) => void user.onBytes(chunk, chunk.length));
    return end;
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
      this.#buffer = Buffer.allocUnsafeSlow(this.#buffer.length);
    }
    return this.#buffer;
  }

  #onRead(count: number): boolean {
    const buffer = this.#buffer;
    this.#isHeld = this.#user.onBytes(buffer, count);
    this.#resizeBuffer(count);
    return !this.#isPaused;
  }

  #resizeBuffer(count: number): void {
    const { length } = this.#buffer;
    if (count === length && length < READ_BYTES_MAX) {
      this.#replaceBuffer(READ_BYTES_MAX);
    } else if (length > READ_BYTES_MIN) {
      this.#smallReads = count > READ_BYTES_MIN ? 0 : this.#smallReads + 1;
      if (this.#smallReads === SMALL_READS_MAX) {
        this.#replaceBuffer(READ_BYTES_MIN);
      }
    }
  }

  #replaceBuffer(bytes: number): void {
    this.#buffer = Buffer.allocUnsafeSlow(bytes);
    this.#isHeld = false;
    this.#smallReads = 0;
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
