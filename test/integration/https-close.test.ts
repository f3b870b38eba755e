/** How connections over TLS end: with the proxy, by an upgrade to another protocol, in the middle of a handshake. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';

import { createProxy } from '../../src/index.ts';
import { eventually } from '../helpers/eventually.ts';
import { BrokenAnswer } from '../helpers/http-client.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { startClient } from '../helpers/start-client.ts';
import { authority, secured, TRUSTING } from '../helpers/start-secure-proxy.ts';

async function startWorld() {
  const backend = await startBackend('v1');
  const proxy = await createProxy({
    config: {
      listeners: { web: { listen: '127.0.0.1:0', ...secured() } },
      admin: { listen: '127.0.0.1:0' },
      state: { path: 'memory' },
      services: { app: { pools: { only: { targets: [{ url: backend.url }] } } } },
    },
  });
  onTestFinished(async () => void (await proxy.close()));
  return { backend, proxy, port: proxy.listener('web').port };
}

const client = (port: number) => startClient(port, { tls: TRUSTING });

test('the answer that was under way when the end began is the last one, and nothing is cut', async () => {
  const { proxy, port } = await startWorld();
  const one = await client(port);
  const answered = one.request({ path: '/download?bytes=20&piece=1&gap=20' });
  await eventually(() => expect(one.unfinished).not.toBeNull());
  expect(await proxy.close({ drainMs: 10_000 })).toEqual({ cut: 0 });
  expect((await answered).body.length).toBe(20);
  expect(await one.ended()).toBe('fin');
});

test('an idle connection is closed, and a handshake that nobody goes on with keeps nothing from ending', async () => {
  const { proxy, port } = await startWorld();
  const idle = await client(port);
  await idle.request();
  const halfway = connect(port, '127.0.0.1');
  onTestFinished(() => void halfway.destroy());
  await once(halfway, 'connect');
  halfway.write(Buffer.from('160301', 'hex'));
  halfway.on('error', () => {}).resume();
  const closed = once(halfway, 'close');
  const startedAt = performance.now();
  expect(await proxy.close({ drainMs: 9_000 })).toEqual({ cut: 0 });
  // Well before the handshake would be overdue.
  expect(performance.now() - startedAt).toBeLessThan(6_000);
  expect(await idle.ended()).toBe('fin');
  await closed;
});

test('what is under way longer than the drain is cut: told so, or seen not to be whole', async () => {
  const { backend, proxy, port } = await startWorld();
  const [waiting, receiving] = [await client(port), await client(port)];
  const told = waiting.request({ path: '/hold' });
  const broken = receiving.request({ path: '/download?bytes=100000&piece=10&gap=50' }).catch((error: Error) => error);
  await eventually(() => expect(backend.held).toBe(1));
  await eventually(() => expect(receiving.unfinished).not.toBeNull());
  expect(await proxy.close({ drainMs: 50 })).toEqual({ cut: 2 });
  expect((await told).status).toBe(503);
  expect(await broken).toBeInstanceOf(BrokenAnswer);
});

test('a WebSocket passes both ways, and its end reaches the other side', async () => {
  const { backend, port } = await startWorld();
  const socket = new WebSocket(`wss://localhost:${port}/ws`, { ca: authority.cert });
  onTestFinished(() => socket.terminate());
  await once(socket, 'open');
  for (const bytes of [10, 70_000, 300_000]) {
    const echoed = once(socket, 'message');
    socket.send('x'.repeat(bytes));
    expect(String((await echoed)[0])).toBe(`v1:${'x'.repeat(bytes)}`);
  }
  const closed = once(socket, 'close');
  socket.close(1000);
  await closed;
  await eventually(() => expect(backend.connectionsOpen).toBe(0));
});

test('the proxy speaks TLS with a certificate that was replaced by a reload of the library', async () => {
  const { backend } = await startWorld();
  const of = (files: ReturnType<typeof secured>) => ({
    listeners: { web: { listen: '127.0.0.1:0', ...files } },
    admin: { listen: '127.0.0.1:0' },
    state: { path: 'memory' },
    services: { app: { pools: { only: { targets: [{ url: backend.url }] } } } },
  });
  const proxy = await createProxy({ config: of(secured()) });
  onTestFinished(async () => void (await proxy.close()));
  const { port } = proxy.listener('web');
  const before = await client(port);
  // Also by another name of its file.
  await proxy.reload(of(secured()));
  expect((await (await client(port)).request()).status).toBe(200);
  expect((await before.request()).status).toBe(200);
});
