import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** What a target does with each connection; it is half-open: it ends only what it is told to end. */
export type TcpAnswer = (socket: Socket) => void;

/** A server that speaks no protocol: each connection is given to the test. */
export class TcpTarget {
  readonly sockets: Socket[] = [];
  /** Connections whose client has reset them. */
  resets = 0;
  readonly #server: Server;
  readonly port: number;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(answer: TcpAnswer): Promise<TcpTarget> {
    const server = createServer({ noDelay: true, allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const target = new TcpTarget(server, (server.address() as AddressInfo).port);
    server.on('connection', (socket: Socket) => {
      target.sockets.push(socket);
      socket.on('error', (error: NodeJS.ErrnoException) => {
        // The second where it was only found out by a write.
        if (error.code === 'ECONNRESET' || error.code === 'EPIPE') target.resets += 1;
      });
      answer(socket);
    });
    return target;
  }

  get url(): string {
    return `tcp://127.0.0.1:${this.port}`;
  }

  /** Connections that are not over. */
  get open(): number {
    return this.sockets.filter((socket) => !socket.destroyed).length;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Says back what it hears, and ends when its client does. */
export function echoing(socket: Socket): void {
  socket.pipe(socket);
}

/** Greets each connection with `name`, then echoes. */
export function greeting(name: string): TcpAnswer {
  return (socket) => {
    socket.write(`${name}\n`);
    echoing(socket);
  };
}

/** A target for the running test. */
export async function startTcpTarget(answer: TcpAnswer = echoing): Promise<TcpTarget> {
  const target = await TcpTarget.start(answer);
  onTestFinished(() => target.close());
  return target;
}
