import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';

/** Connections served at once. */
export const ADMIN_CONNECTIONS_MAX = 64;

/** Connections that may wait for one of those to close; further ones are closed at once. */
export const WAITING_CONNECTIONS_MAX = 256;

/**
 * Lets so many connections at a time into an HTTP server and keeps the rest waiting, unread.
 *
 * A server that just closes what is too much (`maxConnections`) makes a burst of a hundred calls from a CI job fail for
 * no good reason; here they take turns. While it is crowded, the server is to close connections with their next answer.
 * Idle ones are left to their short timeout: closing them at once could meet a request that is on its way.
 */
export class ConnectionGate {
  readonly #server: HttpServer;
  readonly #served = new Set<Socket>();
  readonly #waiting = new Set<Socket>();

  constructor(server: HttpServer) {
    this.#server = server;
  }

  get isCrowded(): boolean {
    return this.#waiting.size > 0;
  }

  /** `socket` is paused, as `pauseOnConnect` leaves it. */
  enter(socket: Socket): void {
    socket.once('close', () => this.#leave(socket));
    // Until the HTTP server listens itself, nobody else does.
    socket.on('error', () => socket.destroy());
    if (this.#served.size < ADMIN_CONNECTIONS_MAX) this.#serve(socket);
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

  #serve(socket: Socket): void {
    this.#served.add(socket);
    this.#server.emit('connection', socket);
    socket.resume();
  }

  #leave(socket: Socket): void {
    this.#waiting.delete(socket);
    if (!this.#served.delete(socket)) return;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#serve(next);
  }
}
