import { onTestFinished } from 'vitest';
import WebSocket from 'ws';

/** A WebSocket through the proxy, for the running test. */
export class Tunnel {
  readonly #socket: WebSocket;
  readonly #closed: Promise<void>;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static async open(port: number): Promise<Tunnel> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
    socket.on('error', () => {});
    onTestFinished(() => socket.terminate());
    const tunnel = new Tunnel(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve());
      socket.once('error', reject);
    });
    return tunnel;
  }

  /** Resolves with what the application says to it. Rejects where the tunnel has ended. */
  say(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      void this.#closed.then(() => reject(new Error(`the tunnel ended before "${text}" was answered`)));
      this.#socket.once('message', (data) => resolve((data as Buffer).toString()));
      this.#socket.send(text);
    });
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.#closed;
  }
}
