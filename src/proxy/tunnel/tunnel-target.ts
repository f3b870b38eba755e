/** A connection to a target that is made for one client, whose bytes it takes as they are. */
import { connectFailure, type FailureCode } from '../errors.ts';
import type { Sender } from '../read-buffers.ts';
import { type ReadMemory, type TunnelAddress, TunnelEnd, type TunnelEndUser } from './tunnel-end.ts';

/** The exchange that it works for. */
export interface TunnelTargetUser {
  onConnected(): void;
  /** No connection was made. */
  onUnconnected(code: FailureCode): void;
  /** Returns who still holds on to the memory of `buffer`; null: nobody. */
  fromTarget(buffer: Buffer, count: number): Sender | null;
  onTargetEnd(): void;
  onTargetDrain(): void;
  onTargetClosed(): void;
  onFault(code: FailureCode): void;
}

export class TunnelTarget implements TunnelEndUser {
  readonly wire: TunnelEnd;
  /** null: it was let go of, and nobody hears of it any more. */
  #user: TunnelTargetUser | null;
  #isConnected = false;

  constructor(address: TunnelAddress, memory: ReadMemory, user: TunnelTargetUser) {
    this.#user = user;
    this.wire = TunnelEnd.to(address, this, memory);
  }

  /** Ends it, whatever it is doing, without a word to its user. */
  drop(): void {
    this.#user = null;
    if (this.#isConnected) {
      this.wire.reset();
    } else {
      this.wire.destroy();
    }
  }

  onConnect(): void {
    this.#isConnected = true;
    this.#user?.onConnected();
  }

  onBytes(buffer: Buffer, count: number): Sender | null {
    return this.#user === null ? null : this.#user.fromTarget(buffer, count);
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
