/**
 * Clients that come to a listener which speaks TLS and have something else in mind: plain HTTP, noise, a greeting that stops
 * half-way, or nothing. Each is ended and counted, nothing of them is kept, and nobody else waits for them.
 */
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { startPlainTarget } from '../helpers/plain-target.ts';
import { ask } from '../helpers/start-client.ts';
import { type PlaneProcess, startPlane } from '../helpers/start-plane.ts';
import { secured, TRUSTING } from '../helpers/start-secure-proxy.ts';

const OF_EACH = 100;
const ROUNDS = 3;
/** What a few hundred connections that were kept would be far above. */
const GROWTH_BYTES_MAX = 3 * 1024 * 1024;

/** The beginning of a greeting: a record of 512 bytes is announced, and does not come. */
const HALF_HELLO = Buffer.concat([Buffer.from('1603010200010001fc0303', 'hex'), Buffer.alloc(60, 7)]);

const KINDS: Readonly<Record<string, Buffer>> = {
  'plain HTTP': Buffer.from('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'),
  noise: Buffer.alloc(2_000, 0xfe),
  'half a greeting': HALF_HELLO,
  nothing: Buffer.alloc(0),
};

/** Resolves when the proxy has ended it. */
function ended(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {}).once('close', () => resolve());
    socket.once('connect', () => socket.write(bytes));
    socket.resume();
  });
}

async function crowd({ port }: PlaneProcess): Promise<void> {
  const all = Object.values(KINDS).flatMap((bytes) => Array.from({ length: OF_EACH }, () => ended(port, bytes)));
  const others = Array.from({ length: 10 }, () => ask(port, {}, { tls: TRUSTING }));
  expect(new Set((await Promise.all(others)).map(({ status }) => status))).toEqual(new Set([200]));
  await Promise.all(all);
}

test('who speaks no TLS is ended and counted, keeps nobody waiting, and leaves nothing behind', async () => {
  const target = await startPlainTarget((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  const plane = await startPlane({
    listeners: { web: { listen: '127.0.0.1:0', ...secured(), timeouts: { handshake: '2s' } } },
    services: { app: { pools: { only: { targets: [{ url: target.url }] } } } },
  });
  await crowd(plane);
  const before = (await plane.held()).heldBytes;
  for (let round = 1; round < ROUNDS; round++) await crowd(plane);
  await eventually(async () => {
    const [listener] = (await plane.report()).listeners;
    expect(listener?.connections).toEqual({ idle: 0, active: 0, tunnel: 0 });
    expect(listener?.handshakes).toMatchObject({
      plain_http: OF_EACH * ROUNDS,
      failed: OF_EACH * ROUNDS,
      timeout: 2 * OF_EACH * ROUNDS,
    });
    expect((await plane.held()).heldBytes - before).toBeLessThan(GROWTH_BYTES_MAX);
  });
});
