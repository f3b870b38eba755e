/** A target that keeps what came for each host, reads it strictly, and answers what the path asks for. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { valuesOf, type WireMessage, WireReader } from '../../helpers/wire-reader.ts';

/** What came for one host. */
export interface TargetRecord {
  readonly requests: WireMessage[];
  /** Heads, whether or not the rest of their requests came. */
  heads: number;
}

/** How long an answer takes that is asked for late: long enough for a client to send something more before. */
const LATE_MS = 500;

export class MarkedTarget {
  /** What no strict reader may be sent. */
  readonly problems: string[] = [];
  readonly #records = new Map<string, TargetRecord>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  static async start(): Promise<MarkedTarget> {
    const target = new MarkedTarget();
    await new Promise<void>((resolve) => target.#server.listen(0, '127.0.0.1', resolve));
    return target;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get hosts(): readonly string[] {
    return [...this.#records.keys()];
  }

  of(host: string): TargetRecord {
    const record = this.#records.get(host) ?? { requests: [], heads: 0 };
    this.#records.set(host, record);
    return record;
  }

  /** Forgets what came for a host. */
  forget(host: string): void {
    this.#records.delete(host);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    const reader = new WireReader('request', {
      head: (message) => {
        this.of(hostOf(message)).heads += 1;
        if (valuesOf(message.fields, 'expect').length > 0) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
        if (questionOf(message).has('early')) socket.write(answerTo(message));
      },
      message: (message) => this.#onMessage(message, socket),
    });
    socket.on('data', (bytes: Buffer) => {
      reader.push(bytes);
      if (reader.problem === null) return;
      this.problems.push(reader.problem);
      socket.destroy();
    });
  }

  #onMessage(message: WireMessage, socket: Socket): void {
    this.of(hostOf(message)).requests.push(message);
    const question = questionOf(message);
    if (question.has('hold') || question.has('early')) return;
    if (question.has('late')) setTimeout(() => socket.write(answerTo(message)), LATE_MS);
    else socket.write(answerTo(message));
  }
}

/** Bytes that are not the same in two places that could be confused. */
export function patternOf(bytes: number): Buffer {
  const pattern = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at++) pattern[at] = (at * 7 + (at >> 8) * 13) & 0xff;
  return pattern;
}

function hostOf({ fields }: WireMessage): string {
  return valuesOf(fields, 'host')[0] ?? '';
}

function questionOf({ startLine }: WireMessage): URLSearchParams {
  const target = startLine.split(' ')[1] ?? '';
  return new URLSearchParams(target.slice(target.indexOf('?') + 1));
}

function answerTo(message: WireMessage): Buffer {
  const question = questionOf(message);
  const body = question.has('bytes')
    ? patternOf(Number(question.get('bytes')))
    : Buffer.from(question.get('echo') ?? 'ok');
  const status = question.get('status') ?? '200';
  const long = question.has('head') ? `X-Long: ${'h'.repeat(Number(question.get('head')))}\r\n` : '';
  if (message.startLine.startsWith('HEAD ')) return answer(status, `${long}Content-Length: ${body.length}\r\n`);
  if (status === '204' || status === '304') return answer(status, long);
  if (!question.has('chunked')) return answer(status, `${long}Content-Length: ${body.length}\r\n`, body);
  const end = question.has('trailers') ? '0\r\nX-Sum: abc\r\n\r\n' : '0\r\n\r\n';
  const chunks = chunksOf(body, Number(question.get('chunked')) || body.length);
  return answer(status, `${long}Transfer-Encoding: chunked\r\n`, ...chunks, Buffer.from(end));
}

function chunksOf(body: Buffer, chunkBytes: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; at += chunkBytes) {
    const chunk = body.subarray(at, at + chunkBytes);
    chunks.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  return chunks;
}

function answer(status: string, lines: string, ...body: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Fine\r\n${lines}\r\n`), ...body]);
}
