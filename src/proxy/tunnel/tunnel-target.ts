/** A connection to a target that is made for one client, whose bytes it takes as they are. */
import { connect } from 'node:net';
import { connectFailure, type FailureCode } from '../errors.ts';
import type { ConnectionPool } from '../upstream/connection-pool.ts';
import { KEEP_ALIVE_MS, TunnelEnd, type TunnelEndUser } from './tunnel-end.ts';

/** The exchange that it works for. */
export interface TunnelTargetUser {
  onConnected(): void;
  /** No connection was made. */
  onUnconnected(code: FailureCode): void;
  /** Returns true if the memory of `buffer` is still held on to. */
  fromTarget(buffer: Buffer, count: number): boolean;
  onTargetEnd(): void;
  onTargetDrain(): void;
  onTargetClosed(): void;
  onFault(code: FailureCode): void;
}

export class TunnelTarget implements TunnelEndUser {
  readonly #end: TunnelEnd;
  /** null: it was let go of, and nobody hears of it any more. */
  #user: TunnelTargetUser | null;
  #isConnected = false;

  /** `readBuffer`: read into by whichever connection has bytes. */
  constructor({ host, port, lookup }: ConnectionPool, readBuffer: Buffer, user: TunnelTargetUser) {
    this.#user = user;
    this.#end = new TunnelEnd(this, readBuffer, (onread) => {
      const socket = connect({
        host,
        port,
        lookup,
        onread,
        noDelay: true,
        allowHalfOpen: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
      });
      socket.on('connect', () => this.#onConnect());
      return socket;
    });
  }

  get isBlocked(): boolean {
    return this.#end.isBlocked;
  }

  get hasPending(): boolean {
    return this.#end.hasPending;
  }

  /** Returns true if the memory of `buffer` is still held on to. */
  write(buffer: Buffer, count: number): boolean {
    return this.#end.write(buffer, count);
  }

  end(): void {
    this.#end.end();
  }

  pause(): void {
    this.#end.pause();
  }

  resume(): void {
    this.#end.resume();
  }

  watch(stallMs: number): void {
    this.#end.watch(stallMs);
  }

  /** Ends it, whatever it is doing, without a word to its user. */
  drop(): void {
    this.#user = null;
    if (this.#isConnected) {
      this.#end.reset();
    } else {
      this.#end.destroy();
    }
  }

  #onConnect(): void {
    this.#isConnected = true;
    this.#user?.onConnected();
  }

  onBytes(buffer: Buffer, count: number): boolean {
    return this.#user !== null && this.#user.fromTarget(buffer, count);
  }

  onEnd(): void {
    this.#user?.onTargetEnd();
  }

  onDrain(): void {
    this.#user?.onTargetDrain();
  }

  onStall(): void {
    this.#user?.onFault('upstream_stalled');
  }

  onBroken(error: NodeJS.ErrnoException): void {
    const user = this.#user;
    this.#user = null;
    if (!this.#isConnected) {
      user?.onUnconnected(connectFailure(error));
    } else {
      user?.onFault(error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 'upstream_reset' : 'upstream_closed');
    }
  }

  onClosed(): void {
    this.#user?.onTargetClosed();
  }
}
