/** Applications with something wrong, for as long as they are told so. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a sound one needs for an answer. */
const SERVICE_MS = 5;

export interface Manner {
  /** So many times as long for each answer. */
  readonly slowness?: number;
  /** Every other request is answered 503; health checks are not. */
  readonly failsHalf?: boolean;
}

/** Works on a few requests at once and lets the others wait, as an application does. */
export class FaultTarget {
  manner: Manner = {};
  readonly #working = { count: 0 };
  readonly #queue: ServerResponse[] = [];
  #asked = 0;
  #server: Server;
  #port = 0;

  readonly #atOnce: number;

  /** `atOnce`: requests that it works on at a time; others wait. */
  constructor(atOnce = 4) {
    this.#atOnce = atOnce;
    this.#server = this.#newServer();
  }

  get port(): number {
    return this.#port;
  }

  /** Requests that it has begun to work on. */
  get askedCount(): number {
    return this.#asked;
  }

  async listen(): Promise<void> {
    if (this.#server.listening) return;
    this.#server = this.#newServer();
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** As a process that was ended: what it was asked is answered, and its idle connections are closed. */
  stop(): void {
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #newServer(): Server {
    const serve: RequestListener = (request, response) => {
      request.resume();
      if (request.url === '/healthz') return void response.end('well\n');
      this.#queue.push(response);
      this.#work();
    };
    return createServer({ keepAliveTimeout: 60_000 }, serve);
  }

  #work(): void {
    const { slowness = 1, failsHalf = false } = this.manner;
    while (this.#working.count < this.#atOnce && this.#queue.length > 0) {
      const response = this.#queue.shift();
      this.#working.count += 1;
      this.#asked += 1;
      const status = failsHalf && this.#asked % 2 === 0 ? 503 : 200;
      setTimeout(() => {
        response?.writeHead(status).end(`${status}\n`);
        this.#working.count -= 1;
        this.#work();
      }, SERVICE_MS * slowness);
    }
  }
}
