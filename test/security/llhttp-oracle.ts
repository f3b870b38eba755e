import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { rawExchange } from '../helpers/raw-client.ts';

export interface OracleRequest {
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

/** In the order of their heads; without a body as long as that has not ended. */
type Entry = { readonly method: string; readonly target: string; body: string | null };

/** What the parser of node:http makes of bytes: which requests are whole in them, before the first that is wrong. */
export class LlhttpOracle {
  readonly #server: Server;
  readonly #requests = new WeakMap<Socket, Entry[]>();
  #last: Socket | null = null;

  private constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response));
    this.#server.on('connection', (socket: Socket) => {
      this.#requests.set(socket, []);
      this.#last = socket;
    });
    this.#server.on('clientError', (_, socket) => socket.destroy());
  }

  static async start(): Promise<LlhttpOracle> {
    const oracle = new LlhttpOracle();
    await new Promise<void>((resolve) => oracle.#server.listen(0, '127.0.0.1', resolve));
    return oracle;
  }

  /** One at a time. */
  async ask(bytes: Buffer): Promise<readonly OracleRequest[]> {
    this.#last = null;
    const port = (this.#server.address() as AddressInfo).port;
    await rawExchange({ port, bytes, ending: 'half-close', waitMs: 1000, quietMs: 1000 });
    const entries = this.#last === null ? [] : (this.#requests.get(this.#last) ?? []);
    return entries.flatMap(({ method, target, body }) => (body === null ? [] : [{ method, target, body }]));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const entry: Entry = { method: request.method ?? '', target: request.url ?? '', body: null };
    this.#requests.get(request.socket)?.push(entry);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    entry.body = Buffer.concat(chunks).toString('latin1');
    response.end();
  }
}
