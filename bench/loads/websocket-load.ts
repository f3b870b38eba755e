/** `node websocket-load.ts PORT CONNECTIONS SECONDS`: each client sends a message again when it has come back. */
import { type Socket, connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { LoadResult } from '../load.ts';
import { quantile } from '../quantile.ts';
import { SERVER_FRAME_BYTES, clientFrame } from './echo-frame.ts';

const [port = 0, connections = 0, seconds = 0] = process.argv.slice(2).map(Number);
const OPEN_MS_MAX = 5_000;
const HEAD_END = '\r\n\r\n';
const HANDSHAKE =
  `GET /echo HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==${HEAD_END}`;

class EchoClient {
  readonly #socket: Socket;
  readonly #frame = clientFrame();
  readonly latenciesMs: number[] = [];
  isBroken = false;
  #sentMs = 0;
  #bytesLeft = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#onBytes(bytes.length));
    socket.on('error', () => {});
    socket.on('close', () => (this.isBroken = true));
  }

  send(): void {
    this.#sentMs = performance.now();
    this.#bytesLeft = SERVER_FRAME_BYTES;
    this.#socket.write(this.#frame);
  }

  #onBytes(count: number): void {
    this.#bytesLeft -= count;
    if (this.#bytesLeft > 0) return;
    this.latenciesMs.push(performance.now() - this.#sentMs);
    this.send();
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }
}

function open(): Promise<EchoClient> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const late = setTimeout(() => reject(new Error('no answer to a WebSocket handshake')), OPEN_MS_MAX);
    let said = '';
    socket.on('data', (bytes: Buffer) => {
      said += bytes.toString('latin1');
      if (!said.includes(HEAD_END)) return;
      clearTimeout(late);
      socket.removeAllListeners();
      if (said.startsWith('HTTP/1.1 101')) resolve(new EchoClient(socket));
      else reject(new Error(`a WebSocket handshake was answered ${said.slice(0, said.indexOf('\r\n'))}`));
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('a connection was closed in the middle of its handshake')));
    socket.write(HANDSHAKE);
  });
}

const clients = await Promise.all(Array.from({ length: connections }, open));
const startedMs = performance.now();
clients.forEach((client) => client.send());
await wait(seconds * 1000);
const tookSeconds = (performance.now() - startedMs) / 1000;
const failed = clients.filter(({ isBroken }) => isBroken).length;
clients.forEach((client) => client.close());
const sorted = Float64Array.from(clients.flatMap(({ latenciesMs }) => latenciesMs)).toSorted();
const result: LoadResult = {
  requests: sorted.length,
  seconds: tookSeconds,
  p50Ms: quantile(sorted, 0.5),
  p99Ms: quantile(sorted, 0.99),
  failed,
};
console.log(JSON.stringify(result));
