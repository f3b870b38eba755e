import { once } from 'node:events';
import type { Socket } from 'node:net';

import { isLoopback } from '../../base/endpoint.ts';
import type { AdminHttp } from './admin-http.ts';

/** Connections served at once. */
export const ADMIN_CONNECTIONS_MAX = 64;

/** Connections that may wait for one of those to close; further ones are closed at once. */
export const WAITING_CONNECTIONS_MAX = 256;

/**
 * Of those served, how many may come from one address of another machine: whoever has no right to call can hold
 * connections for as long as a request may take to arrive, and must not hold all of them.
 */
export const ADDRESS_CONNECTIONS_MAX = 16;

/**
 * Lets so many connections at a time into an HTTP server and keeps the rest waiting, unread.
 *
 * A server that just closes what is too much (`maxConnections`) makes a burst of a hundred calls from a CI job fail for
 * no good reason; here they take turns. While it is crowded, the server is to close connections with their next answer.
 * Idle ones are left to their short timeout: closing them at once could meet a request that is on its way.
 */
export class ConnectionGate {
  readonly #http: AdminHttp;
  readonly #served = new Set<Socket>();
  readonly #waiting = new Set<Socket>();

  constructor(http: AdminHttp) {
    this.#http = http;
  }

  get isCrowded(): boolean {
    return this.#waiting.size > 0;
  }

  /** `socket` is paused, as `pauseOnConnect` leaves it. */
  enter(socket: Socket): void {
    socket.once('close', () => this.#leave(socket));
    // Until the HTTP server listens itself, nobody else does.
    socket.on('error', () => socket.destroy());
    if (this.#mayServe(socket)) this.#serve(socket);
    else if (this.#waiting.size < WAITING_CONNECTIONS_MAX) this.#waiting.add(socket);
    else socket.destroy();
  }

  /** Resolves when no connection is left, or after `graceMs`. */
  async emptied(graceMs: number): Promise<void> {
    const grace = AbortSignal.timeout(graceMs);
    const gone = [...this.#served, ...this.#waiting].map((socket) => once(socket, 'close', { signal: grace }));
    await Promise.allSettled(gone);
  }

  /** Closes every connection, whatever it does. */
  closeAll(): void {
    for (const socket of [...this.#served, ...this.#waiting]) socket.destroy();
  }

  #mayServe({ remoteAddress }: Socket): boolean {
    if (this.#served.size >= ADMIN_CONNECTIONS_MAX) return false;
    if (remoteAddress === undefined || isLoopback(remoteAddress)) return true;
    let ofAddress = 0;
    for (const other of this.#served) if (other.remoteAddress === remoteAddress) ofAddress += 1;
    return ofAddress < ADDRESS_CONNECTIONS_MAX;
  }

  #serve(socket: Socket): void {
    this.#served.add(socket);
    this.#http.server.emit('connection', socket);
    // Under TLS it is read by what is laid over it.
    if (!this.#http.isTls) socket.resume();
  }

  #leave(socket: Socket): void {
    this.#waiting.delete(socket);
    if (!this.#served.delete(socket)) return;
    for (const next of this.#waiting) {
      if (!this.#mayServe(next)) continue;
      this.#waiting.delete(next);
      return this.#serve(next);
    }
  }
}
