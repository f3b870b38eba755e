import type { Socket } from 'node:net';

import { resetSocket } from '../../src/proxy/reset-socket.ts';
import { openSocket, type TlsManner } from './open-socket.ts';
import { turn, writePieces, type Pieces } from './write-pieces.ts';

export interface RawExchange {
  readonly port: number;
  readonly host?: string;
  /** Speaks TLS. */
  readonly tls?: TlsManner;
  readonly bytes: Buffer;
  readonly pieces?: Pieces;
  /** Written after `bytes`, each followed by a pause. */
  readonly parts?: readonly { readonly bytes: Buffer; readonly delayMs: number }[];
  readonly ending?: 'half-close' | 'reset';
  /** Longest wait once everything is sent; sending itself may take ten times as long. */
  readonly waitMs?: number;
  /** Once something was received and everything is sent: so long a silence ends the exchange. */
  readonly quietMs?: number;
}

export interface RawResult {
  readonly received: Buffer;
  /** How the proxy ended the connection; `null`: it is still open. */
  readonly closed: 'fin' | 'reset' | null;
}

const WAIT_MS = 1000;
const QUIET_MS = 250;

/** Says `bytes`, however wrong, on a connection of its own and listens until it is closed or has fallen silent. */
export async function rawExchange(exchange: RawExchange): Promise<RawResult> {
  const socket = await openSocket({ port: exchange.port, host: exchange.host ?? '127.0.0.1' }, exchange.tls);
  const heard = listen(socket);
  const sent = send(socket, exchange).then(() => heard.everythingSent());
  const result = await heard.result(exchange.waitMs ?? WAIT_MS, exchange.quietMs ?? QUIET_MS);
  socket.destroy();
  await sent;
  return result;
}

async function send(socket: Socket, exchange: RawExchange): Promise<void> {
  await writePieces(socket, exchange.bytes, exchange.pieces ?? 'whole');
  for (const part of exchange.parts ?? []) {
    if (socket.destroyed) return;
    await writePieces(socket, part.bytes, 'whole');
    await new Promise((resolve) => setTimeout(resolve, part.delayMs));
  }
  if (exchange.ending === 'half-close') socket.end();
  if (exchange.ending === 'reset') resetSocket(socket);
}

function listen(socket: Socket) {
  const chunks: Buffer[] = [];
  let closed: RawResult['closed'] = null;
  let sentAt = Infinity;
  const startedAt = performance.now();
  let lastAt = performance.now();
  let wake: () => void = () => undefined;
  const close = (how: 'fin' | 'reset') => {
    closed ??= how;
    wake();
  };
  socket.on('data', (bytes) => {
    chunks.push(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    lastAt = performance.now();
  });
  socket.on('end', () => close('fin'));
  socket.on('error', () => close('reset'));
  socket.on('close', () => close('reset'));

  return {
    everythingSent() {
      sentAt = performance.now();
      lastAt = sentAt;
    },
    async result(waitMs: number, quietMs: number): Promise<RawResult> {
      // How much later than asked for this process was woken: time in which the proxy did not run either.
      let lagMs = 0;
      for (;;) {
        const now = performance.now();
        const deadline = Math.min(sentAt + waitMs, startedAt + 10 * waitMs) + lagMs;
        const quietAt = sentAt < Infinity && chunks.length > 0 ? lastAt + quietMs + lagMs : Infinity;
        const left = Math.min(deadline, quietAt) - now;
        if (closed !== null || left <= 0) break;
        const plannedMs = Math.min(left, 50);
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, plannedMs);
        });
        lagMs += Math.max(0, performance.now() - now - plannedMs - 2);
      }
      // A busy loop runs its timers first: what has arrived by now still counts.
      await turn();
      await turn();
      return { received: Buffer.concat(chunks), closed };
    },
  };
}
