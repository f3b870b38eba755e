/**
 * Reads messages with `node:http` as its users do: a server that is sent requests, a client that is sent answers, over
 * real sockets. It is slow, and does not tell where a message ends; it is there to show, on samples, that
 * `llhttp-child.ts` drives the parser as they do.
 */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  request,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type FuzzCase, type RequestCase, type ResponseCase, segmentsOf } from './fuzz-case.ts';
import type { ReadMessage, Refusal, WireReading } from './wire-reading.ts';

const HEADER_BYTES_MAX = 1 << 24;
/** An input that leaves both sides waiting ends here. */
const WAIT_MS = 1000;

type Draft = { -readonly [key in keyof ReadMessage]: ReadMessage[key] };

interface Session {
  readonly messages: Draft[];
  refused: Refusal | null;
}

class NodeServer {
  readonly #server: HttpServer;
  /** By the port of the client, which is known to both sides. */
  readonly #sessions = new Map<number, Session>();

  constructor() {
    this.#server = createHttpServer(
      { maxHeaderSize: HEADER_BYTES_MAX, requireHostHeader: false, insecureHTTPParser: false },
      (message, response) => this.#onRequest(message, response),
    );
    this.#server.maxHeadersCount = 0;
    this.#server.on('checkExpectation', (message, response) => this.#onRequest(message, response));
    this.#server.on('connect', (message, socket) => {
      this.#record(message).state = 'complete';
      socket.destroy();
    });
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      const session = this.#sessions.get((socket as Socket).remotePort ?? 0);
      if (session !== undefined && error.code?.startsWith('HPE_') === true) {
        session.refused ??= { code: error.code, reason: error.message };
      }
      socket.destroy();
    });
  }

  async read(fuzzCase: RequestCase): Promise<WireReading> {
    const socket = await connectTo(await listening(this.#server));
    const session: Session = { messages: [], refused: null };
    const port = socket.localPort ?? 0;
    this.#sessions.set(port, session);
    const closed = untilClosed(socket);
    await writeSegments(socket, segmentsOf(fuzzCase));
    socket.end();
    await closed;
    await turn();
    this.#sessions.delete(port);
    return session;
  }

  #onRequest(message: IncomingMessage, response: ServerResponse): void {
    const draft = this.#record(message);
    collect(message, draft);
    // With a length, so that HTTP/1.0 connections are kept too.
    response.setHeader('Content-Length', 0);
    message.on('close', () => response.end());
    message.on('end', () => response.end());
  }

  #record(message: IncomingMessage): Draft {
    const draft: Draft = { ...EMPTY, ...headOf(message), method: message.method ?? '', target: message.url ?? '' };
    this.#sessions.get(message.socket.remotePort ?? 0)?.messages.push(draft);
    return draft;
  }
}

class NodeClient {
  readonly #server: Server;
  #current: ResponseCase | null = null;

  constructor() {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', ignore);
      socket.once('data', () => void this.#answer(socket));
    });
  }

  async #answer(socket: Socket): Promise<void> {
    if (this.#current !== null) await writeSegments(socket, segmentsOf(this.#current));
    socket.end();
  }

  async read(fuzzCase: ResponseCase): Promise<WireReading> {
    this.#current = fuzzCase;
    const port = await listening(this.#server);
    const session: Session = { messages: [], refused: null };
    await new Promise<void>((resolve) => {
      const sent = request({
        host: '127.0.0.1',
        port,
        method: fuzzCase.method,
        maxHeaderSize: HEADER_BYTES_MAX,
        agent: false,
        timeout: WAIT_MS,
      });
      sent.maxHeadersCount = 0;
      sent.on('information', (info) => {
        const version = `${info.httpVersionMajor}.${info.httpVersionMinor}`;
        session.messages.push({
          ...EMPTY,
          version,
          status: info.statusCode,
          reason: info.statusMessage,
          fields: info.rawHeaders,
        });
      });
      sent.on('response', (message) => {
        const draft: Draft = { ...EMPTY, ...headOf(message) };
        session.messages.push(draft);
        collect(message, draft);
      });
      sent.on('error', (error: NodeJS.ErrnoException) => {
        session.refused ??= { code: error.code ?? '', reason: error.message };
      });
      sent.on('upgrade', (message, socket) => {
        session.messages.push({ ...EMPTY, ...headOf(message), state: 'complete' });
        socket.destroy();
      });
      sent.on('timeout', () => sent.destroy());
      sent.on('close', () => setImmediate(resolve));
      sent.end();
    });
    return session;
  }
}

const EMPTY: ReadMessage = {
  method: '',
  target: '',
  authority: null,
  status: 0,
  reason: '',
  version: '',
  fields: [],
  keepAlive: true,
  upgrade: false,
  body: '',
  trailers: [],
  state: 'begun',
  end: null,
};

function headOf(message: IncomingMessage) {
  return {
    version: message.httpVersion,
    fields: message.rawHeaders,
    status: message.statusCode ?? 0,
    reason: message.statusMessage ?? '',
  };
}

function collect(message: IncomingMessage, draft: Draft): void {
  message.on('data', (chunk: Buffer) => {
    draft.body += chunk.toString('latin1');
  });
  message.on('error', ignore);
  message.on('end', () => {
    draft.trailers = message.rawTrailers;
    draft.state = 'complete';
  });
}

async function writeSegments(socket: Socket, segments: readonly Buffer[]): Promise<void> {
  for (const segment of segments) {
    if (!socket.writable) return;
    socket.write(segment);
    await turn();
  }
}

function connectTo(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

function untilClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.setTimeout(WAIT_MS, () => socket.destroy());
    socket.on('error', ignore);
    socket.on('close', () => resolve());
    socket.resume();
  });
}

async function listening(server: Server): Promise<number> {
  if (!server.listening) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function ignore(): void {}

const server = new NodeServer();
const client = new NodeClient();

async function readAll(cases: readonly FuzzCase[]): Promise<WireReading[]> {
  const readings: WireReading[] = [];
  for (const fuzzCase of cases) {
    readings.push(await (fuzzCase.kind === 'request' ? server.read(fuzzCase) : client.read(fuzzCase)));
  }
  return readings;
}

process.on('message', (cases: readonly FuzzCase[]) => {
  void readAll(cases).then((readings) => process.send?.(readings));
});
process.on('disconnect', () => process.exit());
