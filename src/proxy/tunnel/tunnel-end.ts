/**
 * One of the two sockets between which bytes pass as they are: what it is sent is written, what it reads is handed on.
 *
 * Both are read as clients are (socket-reads.ts): what is little into memory that all connections of a listener share, much
 * into memory of its own, which is used again when the other side has sent it. Nothing is timed here as long as all that was
 * written is taken.
 */
import { connect, type LookupFunction, type Socket } from 'node:net';
import { SocketReads, type ReadTaker } from '../socket-reads.ts';
import { JOINED_BYTES_MAX, Outbox } from '../http1/outbox.ts';
import { plainAddress } from '../origin.ts';
import { INLINE_BYTES_MAX, type ReadBuffers, type Sender } from '../read-buffers.ts';
import type { Addresses } from './proxy-header.ts';

/** A peer that is gone without a word is found out by probes, which are sent after a silence of so long. */
const KEEP_ALIVE_MS = 60_000;

/** What the connections of a listener, and those that are made for them, are read into. */
export interface ReadMemory {
  /** Whoever has bytes reads into it; valid until the next read. */
  readonly readBuffer: Buffer;
  readonly readBuffers: ReadBuffers;
}

/** Where a connection is made to. */
export interface TunnelAddress {
  readonly host: string;
  readonly port: number;
  readonly lookup: LookupFunction | undefined;
}

export interface TunnelEndUser {
  /**
   * So many bytes at the start of `buffer` have come. Returns who still holds on to its memory; null: nobody, as always with
   * pieces of at most `JOINED_BYTES_MAX`.
   */
  onBytes(buffer: Buffer, count: number): Sender | null;
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

export class TunnelEnd implements ReadTaker {
  readonly #user: TunnelEndUser;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #reads: SocketReads;
  #isPaused = false;
  #hasPeerEnded = false;

  private constructor(user: TunnelEndUser, socket: Socket, reads: SocketReads, readBuffers: ReadBuffers) {
    this.#user = user;
    this.#socket = socket;
    this.#outbox = new Outbox(socket, readBuffers);
    this.#reads = reads;
    socket.on('end', () => this.#onEnd());
    socket.on('drain', () => this.#onDrain());
    socket.on('error', (error) => user.onBroken(error));
    socket.on('close', () => this.#onClose());
  }

  /** Over a socket that was accepted just now. */
  static over(accepted: Socket, user: TunnelEndUser, { readBuffer, readBuffers }: ReadMemory): TunnelEnd {
    const reads = new SocketReads(readBuffer, readBuffers);
    const end = new TunnelEnd(user, accepted, reads, readBuffers);
    if (!reads.readFrom(accepted, end)) {
      accepted.on('data', (chunk: Buffer) => void user.onBytes(chunk, chunk.length));
    }
    return end;
  }

  /** Over a connection that is made now. */
  static to(
    { host, port, lookup }: TunnelAddress,
    user: TunnelEndUser & { onConnect(): void },
    { readBuffer, readBuffers }: ReadMemory,
  ): TunnelEnd {
    const reads = new SocketReads(readBuffer, readBuffers);
    // For each address of a name there is a new handle, which must be told anew where to read to.
    const onread = { buffer: () => reads.buffer, callback: (count: number) => end.onRead(count) };
    const socket = connect({ host, port, lookup, onread, noDelay: true, allowHalfOpen: true });
    const end = new TunnelEnd(user, socket, reads, readBuffers);
    socket.on('connect', () => user.onConnect());
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

  // --- writing -----------------------------------------------------------------------------------------------------

  /** Too much was written: nothing more should be before `onDrain`. */
  get isBlocked(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Not all that was written has been taken. */
  get hasPending(): boolean {
    return this.#socket.writableLength > 0;
  }

  /** Returns who still holds on to the memory of `buffer`; null: nobody. */
  write(buffer: Buffer, count: number): Sender | null {
    if (count <= INLINE_BYTES_MAX) {
      this.writeText(buffer.toString('latin1', 0, count));
      return null;
    }
    const holder = this.#outbox.addChunk(count === buffer.length ? buffer : buffer.subarray(0, count));
    this.#outbox.flush();
    return holder;
  }

  /** Each character is a byte. */
  writeText(text: string): void {
    this.#outbox.addText(text);
    this.#outbox.flush();
  }

  /** Sends no more than what was written. */
  end(): void {
    if (this.#hasPeerEnded && this.#socket.writableLength === 0) {
      // Nothing is left to be read, so that closing says the same as ending first.
      this.#socket.destroy();
    } else {
      this.#socket.end();
    }
  }

  /** Tells by `onStall` if none of what is pending is taken for so long: Node's own timer sees bytes leave one by one. */
  watch(stallMs: number): void {
    if (this.#socket.timeout === undefined) {
      this.#socket.on('timeout', () => this.#onTimeout());
    }
    if (this.#socket.timeout !== stallMs) {
      this.#socket.setTimeout(stallMs);
    }
  }

  /** Has the system find out whether the peer is still there, as long as nothing passes. */
  probe(): void {
    this.#socket.setKeepAlive(true, KEEP_ALIVE_MS);
  }

  /** Ends it so that the peer can tell that it is not the ordinary end. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Ends one that was never connected. */
  destroy(): void {
    this.#socket.destroy();
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

  // --- reading -----------------------------------------------------------------------------------------------------

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

  onRead(count: number): boolean {
    const { buffer } = this.#reads;
    if (count <= INLINE_BYTES_MAX) {
      this.#user.onBytes(buffer, count);
    } else {
      const bytes = this.#reads.keepable(buffer, 0, count, JOINED_BYTES_MAX);
      this.#reads.passed(buffer, this.#user.onBytes(bytes, count));
    }
    // Who is stopped needs no memory of its own for the next read, which may be long in coming.
    this.#reads.prepare(count, !this.#isPaused);
    return !this.#isPaused;
  }

  #onEnd(): void {
    this.#hasPeerEnded = true;
    this.#user.onEnd();
  }

  #onClose(): void {
    this.#reads.release();
    this.#user.onClosed();
  }
}
