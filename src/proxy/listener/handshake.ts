import type { Socket } from 'node:net';

import type { Deadlines, Expiring } from '../deadlines.ts';
import { type ClientLink, UNUSED_MS_MAX } from '../http1/client-host.ts';
import type { Origin } from '../origin.ts';

/** What has become of a handshake; `full` and `resumed` are those that went well. */
export type HandshakeResult = 'full' | 'resumed' | 'timeout' | 'plain_http' | 'client_gone' | 'failed';

export interface HandshakeHost {
  readonly deadlines: Deadlines;
  readonly handshakeMs: number;
  /** The connection is gone, and had nothing to say. */
  abandoned(handshake: Handshake, result: HandshakeResult): void;
}

/** A connection whose client has yet to agree on keys with us. */
export class Handshake implements ClientLink, Expiring {
  readonly origin: Origin;
  linkSlot = -1;
  deadlineAt: number;
  deadlineSlot = -1;
  readonly #socket: Socket;
  readonly #host: HandshakeHost;
  readonly #openedAtMs: number;
  /** Why it failed; null: the client has gone, as far as is known. */
  #failure: HandshakeResult | null = null;
  #isDone = false;

  constructor(socket: Socket, origin: Origin, host: HandshakeHost) {
    this.origin = origin;
    this.#socket = socket;
    this.#host = host;
    this.#openedAtMs = host.deadlines.nowMs;
    this.deadlineAt = this.#openedAtMs + host.handshakeMs;
    socket.once('close', () => this.#onClose());
    host.deadlines.add(this);
  }

  /** The connection is somebody else's from now on. */
  complete(): void {
    this.#isDone = true;
    this.#host.deadlines.remove(this);
  }

  fail(result: HandshakeResult): void {
    // The first reason counts: until the connection is gone, others may come.
    this.#failure ??= result;
    this.#socket.destroy();
  }

  expire(): void {
    this.fail('timeout');
  }

  closeIfIdle(): void {
    if (this.#host.deadlines.nowMs >= this.#openedAtMs + UNUSED_MS_MAX) this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #onClose(): void {
    if (this.#isDone) return;
    this.complete();
    this.#host.abandoned(this, this.#failure ?? 'client_gone');
  }
}
