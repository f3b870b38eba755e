import type { Socket } from 'node:net';

import { resetSocket } from '../../src/proxy/reset-socket.ts';
import { openSocket, type TlsManner } from './open-socket.ts';
import { WireReader, valuesOf, type WireMessage } from './wire-reader.ts';

export interface ClientRequest {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly version?: '1.0' | '1.1';
  readonly fields?: readonly (readonly [name: string, value: string])[];
  /** Sent at once, with its length. */
  readonly body?: Buffer | string;
  /** Sent piece by piece instead, in chunks or with the length of them all. */
  readonly pieces?: {
    readonly bytes: readonly Buffer[];
    readonly gapMs: number;
    readonly framing: 'chunked' | 'length';
    readonly trailers?: readonly (readonly [name: string, value: string])[];
  };
}

export interface ClientResponse {
  readonly status: number;
  readonly message: WireMessage;
  readonly body: Buffer;
  /** Interim answers before it. */
  readonly interim: readonly WireMessage[];
  /** By the clock of `performance.now()`: just before its first byte was written, head complete, body complete. */
  readonly startedAt: number;
  readonly headAt: number;
  readonly endedAt: number;
  field(name: string): string | null;
}

/** No whole answer came. `partial` is what there was of it. */
export class BrokenAnswer extends Error {
  readonly partial: WireMessage | null;
  readonly startedAt: number;

  constructor(reason: string, startedAt: number, partial: WireMessage | null) {
    super(reason);
    this.name = 'BrokenAnswer';
    this.startedAt = startedAt;
    this.partial = partial;
  }
}

export interface ClientManner {
  readonly host?: string;
  /** A reader that needs so long for whatever arrives in one piece. */
  readonly readPauseMs?: number;
  readonly localAddress?: string;
  readonly localPort?: number;
  /** Speaks TLS. */
  readonly tls?: TlsManner;
}

interface Waiting {
  readonly method: string;
  readonly startedAt: number;
  readonly interim: WireMessage[];
  headAt: number;
  readonly resolve: (response: ClientResponse) => void;
  readonly reject: (failure: BrokenAnswer) => void;
}

/** One connection to the proxy, kept alive and read strictly, on which requests may be pipelined. */
export class HttpClient {
  readonly #socket: Socket;
  readonly #reader: WireReader;
  readonly #readPauseMs: number;
  readonly #waiting: Waiting[] = [];
  #closed: 'fin' | 'reset' | null = null;
  #error = '';

  private constructor(socket: Socket, manner: ClientManner) {
    this.#socket = socket;
    this.#readPauseMs = manner.readPauseMs ?? 0;
    this.#reader = new WireReader('response', {
      method: () => this.#waiting[0]?.method ?? 'GET',
      head: (message) => this.#onHead(message),
      message: (message) => this.#onMessage(message),
    });
    socket.on('data', (bytes) => this.#onData(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes));
    socket.on('end', () => this.#onEnd('fin'));
    socket.on('error', (error) => {
      this.#error = error.message;
      this.#onEnd('reset');
    });
    socket.on('close', () => this.#onEnd('reset'));
  }

  static async connect(port: number, manner: ClientManner = {}): Promise<HttpClient> {
    const { localAddress, localPort, host = '127.0.0.1' } = manner;
    const from = { ...(localAddress && { localAddress }), ...(localPort && { localPort }) };
    return new HttpClient(await openSocket({ port, host, ...from }, manner.tls), manner);
  }

  /** How the proxy ended the connection; `null`: it is open. */
  get closed(): 'fin' | 'reset' | null {
    return this.#closed;
  }

  /** Bytes that the kernel has taken for the proxy. */
  get bytesTaken(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  /** What is there of the answer that is under way. */
  get unfinished(): WireMessage | null {
    return this.#reader.unfinished;
  }

  /** Rejects with a `BrokenAnswer` if the connection ends before the answer does. */
  async request(request: ClientRequest = {}): Promise<ClientResponse> {
    const answered = this.#expect(request);
    // It may break off before everything is sent, which is when it is waited for.
    answered.catch(() => undefined);
    this.#socket.write(headOf(request));
    if (request.pieces !== undefined) await this.#sendPieces(request.pieces);
    return await answered;
  }

  /** All heads and bodies in one write; the answers in order. */
  pipeline(requests: readonly ClientRequest[]): Promise<ClientResponse[]> {
    const answered = requests.map((request) => this.#expect(request));
    this.#socket.write(Buffer.concat(requests.map(headOf)));
    return Promise.all(answered);
  }

  /** Ends this side; answers may still come. */
  halfClose(): void {
    this.#socket.end();
  }

  /** Gone, as a client whose process has died. */
  reset(): void {
    resetSocket(this.#socket);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Resolves once the proxy has ended the connection. */
  async ended(): Promise<'fin' | 'reset'> {
    while (this.#closed === null) await new Promise((resolve) => setTimeout(resolve, 5));
    return this.#closed;
  }

  #expect(request: ClientRequest): Promise<ClientResponse> {
    return new Promise((resolve, reject) => {
      const startedAt = performance.now();
      const method = request.method ?? 'GET';
      this.#waiting.push({ method, startedAt, interim: [], headAt: 0, resolve, reject });
      if (this.#closed !== null) this.#fail('the connection had been closed before');
    });
  }

  async #sendPieces(pieces: NonNullable<ClientRequest['pieces']>): Promise<void> {
    for (const bytes of pieces.bytes) {
      if (this.#closed !== null) return;
      this.#socket.write(pieces.framing === 'chunked' ? asChunk(bytes) : bytes);
      await new Promise((resolve) => setTimeout(resolve, pieces.gapMs));
    }
    if (pieces.framing !== 'chunked' || this.#closed !== null) return;
    const trailers = (pieces.trailers ?? []).map(([name, value]) => `${name}: ${value}\r\n`).join('');
    this.#socket.write(`0\r\n${trailers}\r\n`, 'latin1');
  }

  #onData(bytes: Buffer): void {
    this.#reader.push(bytes);
    if (this.#reader.problem !== null) {
      this.#fail(`unreadable answer: ${this.#reader.problem}`);
      this.close();
    }
    if (this.#readPauseMs === 0 || this.#socket.destroyed) return;
    this.#socket.pause();
    setTimeout(() => this.#socket.resume(), this.#readPauseMs);
  }

  #onHead(message: WireMessage): void {
    const waiting = this.#waiting[0];
    if (waiting !== undefined && statusOf(message) >= 200) waiting.headAt = performance.now();
  }

  #onMessage(message: WireMessage): void {
    const status = statusOf(message);
    if (status < 200) {
      this.#waiting[0]?.interim.push(message);
      return;
    }
    const waiting = this.#waiting.shift();
    if (waiting === undefined) return this.close();
    waiting.resolve({
      status,
      message,
      body: message.body,
      interim: waiting.interim,
      startedAt: waiting.startedAt,
      headAt: waiting.headAt,
      endedAt: performance.now(),
      field: (name) => valuesOf(message.fields, name.toLowerCase())[0] ?? null,
    });
  }

  #onEnd(how: 'fin' | 'reset'): void {
    if (this.#closed !== null) return;
    this.#closed = how;
    if (how === 'fin') this.#reader.end();
    this.#fail(`connection ended (${how}${this.#error === '' ? '' : `, ${this.#error}`})`);
    this.#socket.end();
  }

  #fail(reason: string): void {
    let partial = this.#reader.unfinished;
    for (const waiting of this.#waiting.splice(0)) {
      waiting.reject(new BrokenAnswer(reason, waiting.startedAt, partial));
      partial = null;
    }
  }
}

function headOf(request: ClientRequest): Buffer {
  const { method = 'GET', path = '/', host = 'app.test', version = '1.1', fields = [], body, pieces } = request;
  const lines = [
    `${method} ${path} HTTP/${version}`,
    `Host: ${host}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ];
  const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(body);
  if (body !== undefined) lines.push(`Content-Length: ${bytes.length}`);
  if (pieces?.framing === 'chunked') lines.push('Transfer-Encoding: chunked');
  if (pieces?.framing === 'length')
    lines.push(`Content-Length: ${pieces.bytes.reduce((sum, piece) => sum + piece.length, 0)}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), bytes]);
}

function asChunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

function statusOf(message: WireMessage): number {
  return Number(message.startLine.slice(9, 12));
}
