import { connect, type Socket } from 'node:net';
import { eventually } from './eventually.ts';

/** A client that sends what it is told, and keeps what it hears. */
export class TcpClient {
  readonly socket: Socket;
  #heard: Buffer[] = [];
  /** How the other side ended; null: it has not. */
  ended: 'fin' | 'reset' | null = null;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => this.#heard.push(bytes));
    socket.on('end', () => (this.ended ??= 'fin'));
    socket.on('error', () => (this.ended ??= 'reset'));
    socket.on('close', () => (this.ended ??= 'reset'));
  }

  static async connect(port: number, localAddress = '127.0.0.1'): Promise<TcpClient> {
    const socket = connect({ port, host: '127.0.0.1', localAddress, allowHalfOpen: true, noDelay: true });
    const client = new TcpClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      // It may be reset before we come to know that there was a connection.
      socket.once('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? resolve() : reject(error)));
    });
    return client;
  }

  get text(): string {
    return Buffer.concat(this.#heard).toString('latin1');
  }

  send(text: string | Buffer): void {
    this.socket.write(text);
  }

  /** Until it has heard `text` and nothing else since it was asked last. */
  async hears(text: string): Promise<void> {
    await eventually(() => {
      if (this.text !== text) throw new Error(`heard ${JSON.stringify(this.text)}, not ${JSON.stringify(text)}`);
    });
    this.#heard = [];
  }

  /** Until the other side has ended it. */
  async end(): Promise<'fin' | 'reset'> {
    return eventually(() => {
      if (this.ended === null) throw new Error('the connection is open');
      return this.ended;
    });
  }

  close(): void {
    this.socket.destroy();
  }
}
