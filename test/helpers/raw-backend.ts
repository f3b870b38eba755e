import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { turn, writePieces, type Pieces } from './write-pieces.ts';
import { WireReader, type WireMessage } from './wire-reader.ts';

/** What a scripted target does with a request. Strings are latin-1: one character, one byte. */
export interface RawScript {
  readonly response: string | Buffer;
  /** Written 50 ms after the response, whether or not anything asked for it. */
  readonly late?: string | Buffer;
  /** Answer as soon as the head is there, or once the whole request is (default). */
  readonly when?: 'head' | 'request';
  /** After an answer to the head alone: read the body on as body (default), or take it for the next request. */
  readonly restOfRequest?: 'body' | 'request';
  /** What becomes of the connection 50 ms after the answer; `keep` by default. */
  readonly after?: 'keep' | 'close' | 'reset';
  /** How the response is cut into segments. */
  readonly pieces?: Pieces;
  /** Pause between the pieces, for a target that trickles. */
  readonly pieceGapMs?: number;
}

export type RawAnswer = RawScript | 'silence' | 'reset' | 'close';
export type RawAnswers = RawAnswer | ((request: WireMessage, nth: number) => RawAnswer);

const AFTER_ANSWER_MS = 50;

/**
 * A target that says exactly the bytes that it was given, and keeps every byte that it hears. It reads strictly: what
 * a proxy sends that has more than one reading ends up in `problems`.
 */
export class RawBackend {
  answers: RawAnswers;
  /** Every byte received since the last `rearm`, over all connections, in the order of arrival. */
  received: Buffer = Buffer.alloc(0);
  /** Requests read to their end. */
  requests: WireMessage[] = [];
  /** Heads read, whether or not the rest of the request came. */
  heads: WireMessage[] = [];
  /** Requests whose connection ended before they did. */
  partial = 0;
  problems: string[] = [];
  connectionsTotal = 0;
  readonly #server: Server;
  readonly #connections = new Set<RawConnection>();

  private constructor(answers: RawAnswers) {
    this.answers = answers;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.connectionsTotal += 1;
      const connection = new RawConnection(this, socket);
      this.#connections.add(connection);
      socket.once('close', () => this.#connections.delete(connection));
    });
  }

  static async start(answers: RawAnswers): Promise<RawBackend> {
    const backend = new RawBackend(answers);
    await new Promise<void>((resolve) => backend.#server.listen(0, '127.0.0.1', resolve));
    return backend;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get connectionsOpen(): number {
    return this.#connections.size;
  }

  /** Whether a request is under way that has begun and not ended. */
  get readingNow(): boolean {
    return [...this.#connections].some((connection) => connection.reading);
  }

  /** Ends every connection and forgets all that was heard: the next exchange finds nothing of this one. */
  rearm(answers: RawAnswers): void {
    this.dropConnections();
    this.answers = answers;
    this.received = Buffer.alloc(0);
    this.requests = [];
    this.heads = [];
    this.partial = 0;
    this.problems = [];
    this.connectionsTotal = 0;
  }

  dropConnections(): void {
    for (const connection of this.#connections) connection.drop();
    this.#connections.clear();
  }

  /** Stops reading on every open connection. */
  pause(): void {
    for (const connection of this.#connections) connection.pause();
  }

  /** Writes bytes that nobody asked for on every open connection. */
  blurt(bytes: string): void {
    for (const connection of this.#connections) connection.blurt(bytes);
  }

  async close(): Promise<void> {
    this.dropConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

class RawConnection {
  readonly #backend: RawBackend;
  readonly #socket: Socket;
  readonly #reader: WireReader;
  #dropped = false;
  /** To the request that is being read: asked for once. */
  #answer: RawAnswer = 'silence';

  constructor(backend: RawBackend, socket: Socket) {
    this.#backend = backend;
    this.#socket = socket;
    this.#reader = new WireReader('request', {
      head: (message) => this.#onHead(message),
      message: (message) => this.#onMessage(message),
    });
    socket.on('data', (bytes) => this.#onData(toBytes(bytes)));
    socket.on('end', () => this.#onEnd());
    socket.on('error', () => this.#onEnd());
  }

  get reading(): boolean {
    return this.#reader.partial;
  }

  drop(): void {
    this.#dropped = true;
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  blurt(bytes: string): void {
    this.#socket.write(Buffer.from(bytes, 'latin1'));
  }

  #onData(bytes: Buffer): void {
    if (this.#dropped) return;
    this.#backend.received = Buffer.concat([this.#backend.received, bytes]);
    this.#reader.push(bytes);
    if (this.#reader.problem === null) return;
    this.#backend.problems.push(this.#reader.problem);
    this.drop();
  }

  #onEnd(): void {
    if (this.#dropped) return;
    if (this.#reader.partial) this.#backend.partial += 1;
    this.drop();
  }

  #onHead(message: WireMessage): void {
    const { answers, heads } = this.#backend;
    const answer = typeof answers === 'function' ? answers(message, heads.length) : answers;
    this.#answer = answer;
    heads.push(message);
    if (typeof answer !== 'object' || answer.when !== 'head') return;
    void this.#play(answer);
    if (answer.restOfRequest === 'request') setImmediate(() => this.#reader.forgetMessage());
  }

  #onMessage(message: WireMessage): void {
    const answer = this.#answer;
    this.#backend.requests.push(message);
    if (answer === 'silence') return;
    if (answer === 'reset') return void this.#socket.resetAndDestroy();
    if (answer === 'close') return this.drop();
    if (answer.when !== 'head') void this.#play(answer);
  }

  async #play(script: RawScript): Promise<void> {
    const response = toBytes(script.response);
    if (response.toString('latin1', 0, 13) === 'HTTP/1.1 101 ') this.#reader.switchToTunnel();
    await this.#write(script, response);
    if (script.late !== undefined) {
      await wait(AFTER_ANSWER_MS);
      if (!this.#dropped) await writePieces(this.#socket, toBytes(script.late), 'whole');
    }
    if (script.after === 'close') await this.#hangUp();
    if (script.after === 'reset') {
      await wait(AFTER_ANSWER_MS);
      this.#dropped = true;
      this.#socket.resetAndDestroy();
    }
  }

  async #write(script: RawScript, response: Buffer): Promise<void> {
    if (script.pieceGapMs === undefined) return writePieces(this.#socket, response, script.pieces ?? 'whole');
    const step = typeof script.pieces === 'number' ? script.pieces : 1;
    for (let at = 0; at < response.length && !this.#dropped; at += step) {
      this.#socket.write(response.subarray(at, at + step));
      await wait(script.pieceGapMs);
    }
  }

  async #hangUp(): Promise<void> {
    this.#socket.end();
    await wait(AFTER_ANSWER_MS);
    await turn();
    this.drop();
  }
}

function toBytes(text: string | Buffer): Buffer {
  return typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
