import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { WireReader, type WireMessage } from '../helpers/wire-reader.ts';
import { turn } from '../helpers/write-pieces.ts';

/** What the target says to every request but the plain ones that follow each case. */
export interface Script {
  readonly segments: readonly Buffer[];
  /** Closes its side behind the last byte. */
  readonly ends: boolean;
  /** What follows the answer may not be HTTP. */
  readonly mayTunnel: boolean;
  /** Answers when the head is there, and not the whole request. */
  readonly isEarly: boolean;
  /** Nothing forbids another request on the same connection. */
  readonly mayBeKept: boolean;
}

export const OK: Script = {
  segments: [Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')],
  ends: false,
  mayTunnel: false,
  isEarly: false,
  mayBeKept: true,
};
const FOLLOW_UP = /^GET \/followup\?([0-9]+) /;

/** A target that accepts nothing but the one canonical form of a request, and answers what it is told to. */
export class StrictTarget {
  script: Script = OK;
  /** Since the last `reset`, without the requests that follow each case. */
  requests: WireMessage[] = [];
  heads = 0;
  problems: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  static async start(): Promise<StrictTarget> {
    const target = new StrictTarget();
    await new Promise<void>((resolve) => target.#server.listen(0, '127.0.0.1', resolve));
    return target;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections stay open: what one exchange leaves behind on them meets the next one. */
  reset(script: Script = OK): void {
    this.script = script;
    this.requests = [];
    this.heads = 0;
    this.problems = [];
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const connection = new TargetSide(socket, this);
    socket.on('data', (bytes: Buffer) => connection.hear(bytes));
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

class TargetSide {
  readonly #socket: Socket;
  readonly #target: StrictTarget;
  readonly #reader: WireReader;
  #wasLast = false;

  constructor(socket: Socket, target: StrictTarget) {
    this.#socket = socket;
    this.#target = target;
    this.#reader = new WireReader('request', {
      head: (message) => this.#onHead(message),
      message: (message) => this.#onMessage(message),
    });
  }

  hear(bytes: Buffer): void {
    if (this.#reader.problem !== null) return;
    this.#reader.push(bytes);
    if (this.#reader.problem !== null) this.#complain(this.#reader.problem);
  }

  #complain(problem: string): void {
    this.#target.problems.push(problem);
    this.#socket.destroy();
  }

  #onHead(message: WireMessage): void {
    if (this.#wasLast) return this.#complain(`${message.startLine} behind an answer that was the last one`);
    if (FOLLOW_UP.test(message.startLine)) return;
    this.#target.heads += 1;
    if (this.#target.script.isEarly) void this.#answer(this.#target.script);
  }

  #onMessage(message: WireMessage): void {
    const nonce = FOLLOW_UP.exec(message.startLine)?.[1];
    if (nonce !== undefined) {
      this.#socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${nonce.length}\r\n\r\n${nonce}`);
      return;
    }
    this.#target.requests.push(message);
    if (!this.#target.script.isEarly) void this.#answer(this.#target.script);
  }

  async #answer({ segments, ends, mayTunnel, mayBeKept }: Script): Promise<void> {
    if (mayTunnel) this.#reader.switchToTunnel();
    this.#wasLast = !mayBeKept;
    for (const [index, segment] of segments.entries()) {
      if (index > 0) await turn();
      if (!this.#socket.writable) return;
      this.#socket.write(segment);
    }
    if (ends) this.#socket.end();
  }
}
