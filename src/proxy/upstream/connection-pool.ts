/**
 * The connections to one address. Idle ones are kept last in, first out: under falling load the oldest ones starve
 * and end, and the one taken is the one least likely to be just closed by the target.
 */
import { isIP, type LookupFunction } from 'node:net';

import type { TargetGuard } from '../../base/target-guard.ts';
import type { Deadlines } from '../deadlines.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { ReadBuffers } from '../read-buffers.ts';
import { TargetConnection } from './target-connection.ts';

/**
 * A request that must not be sent twice is only sent on a connection that was idle for less than this: if the target
 * closes an idle connection at that very moment, such a request could be neither delivered nor retried.
 */
const UNSAFE_REUSE_IDLE_MS = 1000;

export interface ConnectionLimits {
  readonly connectMs: number;
  readonly idleConnectionsMax: number;
  readonly idleTimeoutMs: number;
  readonly responseHeadBytesMax: number;
  readonly responseFieldsMax: number;
}

/** What connections of one worker share. */
export interface ConnectionShared {
  readonly deadlines: Deadlines;
  /** Read into by whichever connection has bytes; valid until the next read. */
  readonly responseHead: ResponseHead;
  readonly targetGuard: TargetGuard;
  /** Read into by whichever connection has bytes: nothing of it is needed when a turn ends. */
  readonly readBuffer: Buffer;
  /** For those that bring much. */
  readonly readBuffers: ReadBuffers;
}

export class ConnectionPool {
  readonly host: string;
  readonly port: number;
  readonly shared: ConnectionShared;
  /** For a target with a name; an address was checked when it was configured, and costs nothing here. */
  readonly lookup: LookupFunction | undefined;
  limits: ConnectionLimits;
  readonly #idle: TargetConnection[] = [];
  #closed = false;

  constructor(host: string, port: number, shared: ConnectionShared, limits: ConnectionLimits) {
    this.host = host;
    this.port = port;
    this.shared = shared;
    this.lookup = isIP(host) === 0 ? shared.targetGuard.lookup(port) : undefined;
    this.limits = limits;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  /** An idle connection that may carry the request, or null. */
  takeIdle(isIdempotent: boolean): TargetConnection | null {
    const last = this.#idle[this.#idle.length - 1];
    if (last === undefined) {
      return null;
    }
    if (!isIdempotent && this.shared.deadlines.nowMs - last.idleSinceMs > UNSAFE_REUSE_IDLE_MS) {
      return null;
    }
    this.#idle.pop();
    return last;
  }

  /** A new connection, about to be made. */
  open(): TargetConnection {
    return new TargetConnection(this);
  }

  /** Keeps a connection whose exchange is over for the next one. */
  keep(connection: TargetConnection): boolean {
    if (this.#closed || this.#idle.length >= this.limits.idleConnectionsMax) {
      return false;
    }
    this.#idle.push(connection);
    return true;
  }

  /** Called by a connection that has ended. */
  forget(connection: TargetConnection): void {
    const index = this.#idle.lastIndexOf(connection);
    if (index >= 0) {
      this.#idle.splice(index, 1);
    }
  }

  /** Ends idle connections now and the others with their exchange. */
  close(): void {
    this.#closed = true;
    // Each leaves the list when it is destroyed.
    for (let last = this.#idle.at(-1); last !== undefined; last = this.#idle.at(-1)) {
      last.destroy();
    }
  }
}
