import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** What a target does whenever bytes come on a connection. */
export type PlainAnswer = (socket: Socket, bytes: Buffer) => void;

/**
 * A target that keeps nothing and checks nothing, so that it costs less than what is measured in front of it: it does
 * with each piece of a request what it was told to.
 */
export class PlainTarget {
  answer: PlainAnswer;
  /** Pieces that it got. */
  heard = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(answer: PlainAnswer) {
    this.answer = answer;
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('end', () => socket.end());
      socket.on('data', (bytes: Buffer) => {
        this.heard += 1;
        this.answer(socket, bytes);
      });
    });
  }

  static async start(answer: PlainAnswer): Promise<PlainTarget> {
    const target = new PlainTarget(answer);
    await new Promise<void>((resolve) => target.#server.listen(0, '127.0.0.1', resolve));
    return target;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.dropConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A target of the running test. */
export async function startPlainTarget(answer: PlainAnswer): Promise<PlainTarget> {
  const target = await PlainTarget.start(answer);
  onTestFinished(() => target.close());
  return target;
}
