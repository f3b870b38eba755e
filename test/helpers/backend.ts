import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'ws';

/** What the application knows of one request that reached it. */
export interface BackendRequest {
  /** What the client calls it (`X-Test-Id`). */
  readonly id: string;
  readonly method: string;
  readonly url: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** By the clock of `performance.now()`, when its head was there. */
  readonly startedAt: number;
  /** When it was answered or broken off. */
  endedAt: number | null;
  outcome: 'open' | 'answered' | 'aborted';
  bodyBytes: number;
}

export interface BackendManner {
  /** How long an idle connection of the proxy is kept; long by default, so that no test meets the race by chance. */
  readonly keepAliveMs?: number;
  /** How much longer than that Node itself waits (default: a second), so that nobody meets the race. */
  readonly keepAliveBufferMs?: number;
  readonly port?: number;
}

/** An application server as people run them (node:http), with a version and a memory. */
export class Backend {
  readonly version: string;
  readonly requests: BackendRequest[] = [];
  connectionsTotal = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #websockets = new WebSocketServer({ noServer: true });
  #held: (() => void)[] = [];

  private constructor(version: string, manner: BackendManner) {
    this.version = version;
    this.#server = createServer({
      keepAliveTimeout: manner.keepAliveMs ?? 120_000,
      keepAliveTimeoutBuffer: manner.keepAliveBufferMs ?? 1_000,
      requestTimeout: 0,
    });
    this.#server.on('request', (request, response) => void this.#serve(request, response));
    this.#server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      if (!(request.url ?? '').startsWith('/refuse')) response.writeContinue();
      void this.#serve(request, response);
    });
    this.#server.on('connection', (socket: Socket) => {
      this.connectionsTotal += 1;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
  }

  static async start(version: string, manner: BackendManner = {}): Promise<Backend> {
    const backend = new Backend(version, manner);
    await new Promise<void>((resolve) => backend.#server.listen(manner.port ?? 0, '127.0.0.1', resolve));
    return backend;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** "host:port", as the admin API names it. */
  get target(): string {
    return `127.0.0.1:${this.port}`;
  }

  get connectionsOpen(): number {
    return this.#sockets.size;
  }

  /** Requests of `/hold` that wait. */
  get held(): number {
    return this.#held.length;
  }

  /** Bytes of this connection-wide response traffic that the kernel has taken. */
  get bytesWritten(): number {
    let sum = 0;
    for (const socket of this.#sockets) sum += socket.bytesWritten - socket.writableLength;
    return sum;
  }

  /** Answers what `/hold` has kept waiting: all of it, or the first so many. */
  release(count: number = this.#held.length): void {
    for (const answer of this.#held.splice(0, count)) answer();
  }

  find(id: string): BackendRequest | undefined {
    return this.requests.find((request) => request.id === id);
  }

  /** Resets every connection, as a process that dies. */
  kill(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.release();
    for (const client of this.#websockets.clients) client.terminate();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #record(request: IncomingMessage): BackendRequest {
    const fields: [string, string][] = [];
    for (let at = 0; at < request.rawHeaders.length; at += 2) {
      fields.push([request.rawHeaders[at] ?? '', request.rawHeaders[at + 1] ?? '']);
    }
    const entry: BackendRequest = {
      id: String(request.headers['x-test-id'] ?? ''),
      method: request.method ?? '',
      url: request.url ?? '',
      fields,
      startedAt: performance.now(),
      endedAt: null,
      outcome: 'open',
      bodyBytes: 0,
    };
    this.requests.push(entry);
    return entry;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const entry = this.#record(request);
    response.on('close', () => {
      entry.outcome = response.writableFinished && request.complete ? 'answered' : 'aborted';
      entry.endedAt = performance.now();
    });
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    response.setHeader('X-Version', this.version);
    response.setHeader('X-Test-Id', entry.id);
    const url = new URL(entry.url === '*' ? '/' : entry.url, 'http://backend');
    const number = (name: string, otherwise: number) => Number(url.searchParams.get(name) ?? otherwise);
    switch (url.pathname.startsWith('/echo') ? '/echo' : url.pathname) {
      case '/slow':
        await readBody(request, entry);
        await wait(number('ms', 100));
        return void response.end(`${this.version}\n`);
      case '/hold':
        await readBody(request, entry);
        this.#held.push(() => response.end(`${this.version}\n`));
        return;
      case '/download':
        return this.#download(response, entry, number('bytes', 65_536), number('piece', 65_536), number('gap', 0), url);
      case '/upload': {
        const digest = await readBody(request, entry);
        return sendJson(response, { version: this.version, bytes: entry.bodyBytes, sha256: digest });
      }
      case '/early':
        return void response.writeHead(number('status', 413)).end('early\n');
      case '/echo': {
        const body = await collect(request, entry);
        return sendJson(response, {
          version: this.version,
          method: entry.method,
          url: entry.url,
          httpVersion: request.httpVersion,
          fields: entry.fields,
          body: body.toString('latin1'),
          trailers: request.trailers,
        });
      }
      case '/hints':
        response.writeEarlyHints({ link: '</style.css>; rel=preload' });
        return void response.end(`${this.version}\n`);
      case '/trailers':
        response.setHeader('Trailer', 'X-Sum');
        response.write('body');
        response.addTrailers({ 'X-Sum': 'abc' });
        return void response.end();
      case '/until-close':
        endWithConnection(response);
        return void response.end('until close');
      case '/status':
        await readBody(request, entry);
        response.statusCode = number('code', 200);
        return void response.end([204, 304].includes(response.statusCode) ? undefined : `${this.version}\n`);
      case '/die':
        return void request.socket.resetAndDestroy();
      case '/refuse':
        return void response.writeHead(417).end();
      default:
        await readBody(request, entry);
        return void response.end(`${this.version}\n`);
    }
  }

  /** Pieces of `downloadBody`, with its length unless `?chunked=1` or `?until-close=1`, and no faster than they are taken. */
  async #download(
    response: ServerResponse,
    entry: BackendRequest,
    bytes: number,
    piece: number,
    gapMs: number,
    url: URL,
  ): Promise<void> {
    if (url.searchParams.has('until-close')) endWithConnection(response);
    else if (!url.searchParams.has('chunked')) response.setHeader('Content-Length', bytes);
    const body = downloadBody(this.version, entry.id, Math.min(bytes, 1 << 20));
    for (let at = 0; at < bytes && !response.destroyed; at += piece) {
      const from = at % body.length;
      const taken = response.write(body.subarray(from, from + Math.min(piece, bytes - at)));
      if (!taken) await new Promise<void>((resolve) => whenWritable(response, resolve));
      if (gapMs > 0) await wait(gapMs);
    }
    response.end();
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const entry = this.#record(request);
    this.#websockets.handleUpgrade(request, socket, head, (websocket) => {
      websocket.on('message', (data, binary) => {
        websocket.send(binary ? data : `${this.version}:${(data as Buffer).toString()}`, { binary });
      });
      websocket.on('error', () => undefined);
      websocket.on('close', () => {
        entry.outcome = 'answered';
        entry.endedAt = performance.now();
      });
    });
  }
}

/** What `/download` of a version answers to a request, so that no byte of another can pass for it. */
export function downloadBody(version: string, id: string, bytes: number): Buffer {
  return Buffer.alloc(bytes, `${version}/${id}.`);
}

/** Its body is as long as the connection lasts. */
function endWithConnection(response: ServerResponse): void {
  response.shouldKeepAlive = false;
  response.removeHeader('Transfer-Encoding');
  response.useChunkedEncodingByDefault = false;
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(value));
}

async function readBody(request: IncomingMessage, entry: BackendRequest): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of request) {
      entry.bodyBytes += (chunk as Buffer).length;
      hash.update(chunk as Buffer);
    }
  } catch {
    // Broken off: the response's `close` says so.
  }
  return hash.digest('hex');
}

async function collect(request: IncomingMessage, entry: BackendRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  entry.bodyBytes = body.length;
  return body;
}

function whenWritable(response: ServerResponse, done: () => void): void {
  const once = () => {
    response.off('drain', once);
    response.off('close', once);
    done();
  };
  response.on('drain', once);
  response.on('close', once);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
