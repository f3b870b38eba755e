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
}

const OK: Script = {
  segments: [Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')],
  ends: false,
  mayTunnel: false,
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
    const reader = new WireReader('request', {
      head: (message) => {
        if (!FOLLOW_UP.test(message.startLine)) this.heads += 1;
      },
      message: (message) => void this.#answer(socket, reader, message),
    });
    socket.on('data', (bytes: Buffer) => {
      if (reader.problem !== null) return;
      reader.push(bytes);
      if (reader.problem === null) return;
      this.problems.push(reader.problem);
      socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
    socket.on('close', () => this.#sockets.delete(socket));
  }

  async #answer(socket: Socket, reader: WireReader, message: WireMessage): Promise<void> {
    const nonce = FOLLOW_UP.exec(message.startLine)?.[1];
    if (nonce !== undefined) {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${nonce.length}\r\n\r\n${nonce}`);
      return;
    }
    this.requests.push(message);
    const { segments, ends, mayTunnel } = this.script;
    if (mayTunnel) reader.switchToTunnel();
    for (const [index, segment] of segments.entries()) {
      if (index > 0) await turn();
      if (!socket.writable) return;
      socket.write(segment);
    }
    if (ends) socket.end();
  }
}
