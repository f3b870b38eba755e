/**
 * Every limit in time and size by its name in the configuration: it strikes, it strikes late enough, and it heals.
 *
 * A limit that strikes is told from its default, or from none, by a bound of several seconds, and one that must not
 * strike is seconds away: this process may have to wait for its turn.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import type { ListenerDocument } from '../../src/schema/listener.ts';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { eventually } from '../helpers/eventually.ts';
import { rawExchange } from '../helpers/raw-client.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';

const MIB = 1 << 20;

async function startLimited(service: Omit<ServiceDocument, 'pools'>, listener: Omit<ListenerDocument, 'listen'> = {}) {
  const backend = await startBackend('v1');
  const proxy = await startProxy({ services: appService({ only: backend }, service), listener });
  return { backend, proxy, port: proxy.port };
}

function startListening(listener: Omit<ListenerDocument, 'listen'>) {
  return startLimited({}, listener);
}

async function elapsed(act: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await act();
  return performance.now() - startedAt;
}

describe('listeners.*.timeouts', () => {
  test('requestHead ends a head that does not come, with a 408', async () => {
    const { port, backend } = await startListening({ timeouts: { requestHead: '300ms' } });
    const { received, closed } = await rawExchange({
      port,
      bytes: Buffer.from('GET / HTTP/1.1\r\nHost: a'),
      waitMs: 3000,
    });
    expect(received.toString()).toMatch(/^HTTP\/1\.1 408 /);
    expect(closed).toBe('fin');
    expect(backend.requests).toEqual([]);
  });

  test('requestHead is not put off by a byte now and then', async () => {
    const { port } = await startListening({ timeouts: { requestHead: '400ms' } });
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    socket.write('GET / HTTP/1.1\r\nX-A: ');
    const drip = setInterval(() => socket.write('a'), 50);
    onTestFinished(() => clearInterval(drip));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('requestHead ends a connection that says nothing at all', async () => {
    const { port } = await startListening({ timeouts: { requestHead: '300ms' } });
    const { received, closed } = await rawExchange({ port, bytes: Buffer.alloc(0), waitMs: 3000 });
    expect(closed).toBe('fin');
    expect(received.toString()).toMatch(/^$|^HTTP\/1\.1 408 /);
  });

  test('keepAlive ends a connection that rests, without a word', async () => {
    const { port } = await startListening({ timeouts: { keepAlive: '400ms' } });
    const client = await startClient(port);
    const took = await elapsed(async () => {
      await client.request();
      expect(await client.ended()).toBe('fin');
    });
    expect(took).toBeGreaterThan(380);
    expect(took).toBeLessThan(10_000);
  });

  test('keepAlive does not count while a request is under way', async () => {
    const { port } = await startListening({ timeouts: { keepAlive: '200ms' } });
    const client = await startClient(port);
    expect((await client.request({ path: '/slow?ms=900' })).status).toBe(200);
  });

  test('halfClose gives up a client that ended its side, where nothing comes for it', async () => {
    const { port, backend } = await startListening({ timeouts: { halfClose: '300ms' } });
    const client = await startClient(port);
    const answered = client.request({ path: '/hold' }).catch(() => 'given up');
    client.halfClose();
    const took = await elapsed(async () => expect(await answered).toBe('given up'));
    expect(took).toBeLessThan(10_000);
    await eventually(() => expect(backend.requests[0]?.outcome).toBe('aborted'));
  });

  test('linger lets a client read an early answer while it is still sending', async () => {
    const { port } = await startLimited({ limits: { requestBody: '1KiB' } }, { timeouts: { linger: '2s' } });
    for (const framing of ['length', 'chunked'] as const) {
      const client = await startClient(port);
      const pieces = { bytes: Array.from({ length: 20 }, () => Buffer.alloc(20_000, 'x')), gapMs: 10, framing };
      expect((await client.request({ method: 'POST', path: '/upload', pieces })).status).toBe(413);
    }
  });

  test('linger ends a client that goes on sending all the same', async () => {
    const { port } = await startLimited({ limits: { requestBody: '1KiB' } }, { timeouts: { linger: '400ms' } });
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined).resume();
    socket.write('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 99999999\r\n\r\n');
    await new Promise((resolve) => socket.once('end', resolve));
    const sending = setInterval(() => socket.write('x'.repeat(1000)), 20);
    onTestFinished(() => clearInterval(sending));
    await new Promise((resolve) => socket.once('close', resolve));
  });
});

describe('listeners.*.limits', () => {
  test.each([
    ['requestLine', { requestLine: '1KiB' }, { path: `/${'a'.repeat(900)}` }, { path: `/${'a'.repeat(1100)}` }, 414],
    [
      'head',
      { head: '2KiB' },
      { fields: [['X-A', 'a'.repeat(1900)]] as const },
      { fields: [['X-A', 'a'.repeat(2100)]] as const },
      431,
    ],
    ['fields', { fields: 10 }, { fields: fields(9) }, { fields: fields(10) }, 431],
  ])(
    '%s is answered with its status, and nothing reaches the application',
    async (_, limits, within, beyond, status) => {
      const { port, backend } = await startListening({ limits });
      expect((await ask(port, within)).status).toBe(200);
      expect((await ask(port, beyond)).status).toBe(status);
      expect(backend.requests.length).toBe(1);
    },
  );

  test('pipelined stops reading a client that asks faster than it is answered', async () => {
    const { port, backend } = await startListening({ limits: { pipelined: '4KiB' } });
    const client = await startClient(port);
    const held = client.request({ path: '/hold' });
    await eventually(() => expect(backend.held).toBe(1));
    const many = client.pipeline(
      Array.from({ length: 200 }, () => ({ fields: [['X-A', 'a'.repeat(10_000)]] as const })),
    );
    const pipelinedBytes = 200 * 10_000;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(backend.requests.length).toBe(1);
    backend.release();
    expect((await held).status).toBe(200);
    expect((await many).every(({ status }) => status === 200)).toBe(true);
    expect(client.bytesTaken).toBeGreaterThan(pipelinedBytes);
  });

  test('requestsPerConnection ends a connection with its last answer', async () => {
    const { port } = await startListening({ limits: { requestsPerConnection: 3 } });
    const client = await startClient(port);
    const closing: (string | null)[] = [];
    for (let count = 0; count < 3; count += 1) closing.push((await client.request()).field('connection'));
    expect(closing.map((value) => value === 'close')).toEqual([false, false, true]);
    expect(await client.ended()).toBe('fin');
  });

  test('connections turns away one too many, and lets in the next when one has gone', async () => {
    const { port } = await startListening({ limits: { connections: 3 } });
    const clients = await Promise.all([1, 2, 3].map(() => startClient(port)));
    for (const client of clients) expect((await client.request()).status).toBe(200);
    await expect(ask(port)).rejects.toThrow();
    clients[0]?.close();
    expect((await eventually(() => ask(port))).status).toBe(200);
    expect((await clients[1]?.request())?.status).toBe(200);
  });

  function fields(count: number): [string, string][] {
    return Array.from({ length: count }, (_, index) => [`X-${index}`, 'y']);
  }
});

describe('services.*.timeouts', () => {
  test('responseHead is a 504, and the target loses the connection', async () => {
    const { port, backend } = await startLimited({ timeouts: { responseHead: '400ms' } });
    const took = await elapsed(async () => expect((await ask(port, { path: '/hold' })).status).toBe(504));
    expect(took).toBeGreaterThan(380);
    expect(took).toBeLessThan(10_000);
    await eventually(() => expect(backend.requests[0]?.outcome).toBe('aborted'));
  });

  test('responseHead never strikes early', async () => {
    const { port } = await startLimited({ timeouts: { responseHead: '400ms' } });
    const tookMs = await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        await new Promise((resolve) => setTimeout(resolve, index * 23));
        return elapsed(async () => expect((await ask(port, { path: '/hold' })).status).toBe(504));
      }),
    );
    // From before each was asked: the proxy's count begins later, however long this process waits for its turn.
    expect(Math.min(...tookMs)).toBeGreaterThan(380);
  });

  test('responseHead counts from the end of the request', async () => {
    const { port } = await startLimited({ timeouts: { responseHead: '2s' } });
    const client = await startClient(port);
    const pieces = {
      bytes: Array.from({ length: 10 }, () => Buffer.from('x')),
      gapMs: 300,
      framing: 'length' as const,
    };
    expect((await client.request({ method: 'POST', path: '/upload', pieces })).status).toBe(200);
  });

  test('requestBodyIdle is a 408 for a body that stops, and the target can tell', async () => {
    const { port, backend } = await startLimited({ timeouts: { requestBodyIdle: '400ms' } });
    const bytes = Buffer.from('POST /upload HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nabc');
    const { received, closed } = await rawExchange({ port, bytes, waitMs: 3000 });
    expect(received.toString()).toMatch(/^HTTP\/1\.1 408 /);
    expect(closed).toBe('fin');
    await eventually(() => expect(backend.requests[0]?.outcome).toBe('aborted'));
  });

  test('requestBodyIdle leaves a body alone that trickles', async () => {
    const { port } = await startLimited({ timeouts: { requestBodyIdle: '2s' } });
    const client = await startClient(port);
    const pieces = {
      bytes: Array.from({ length: 12 }, () => Buffer.from('x')),
      gapMs: 250,
      framing: 'chunked' as const,
    };
    expect((await client.request({ method: 'POST', path: '/upload', pieces })).status).toBe(200);
  });

  test('responseBodyIdle breaks off an answer that stops', async () => {
    const target = await startRawBackend({ response: 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc' });
    const proxy = await startProxy({
      services: appService({ only: { version: '', url: target.url } }, { timeouts: { responseBodyIdle: '400ms' } }),
    });
    const client = await startClient(proxy.port);
    await expect(client.request()).rejects.toThrow(/connection ended/);
  });

  test('responseBodyIdle leaves an answer alone that trickles', async () => {
    const { port } = await startLimited({ timeouts: { responseBodyIdle: '2s' } });
    expect((await ask(port, { path: '/download?bytes=12&piece=1&gap=250' })).body.length).toBe(12);
  });

  test('responseBodyIdle gives up a client that does not read', async () => {
    const { port, backend } = await startLimited({ timeouts: { responseBodyIdle: '500ms' } });
    const client = await startClient(port);
    const answered = client.request({ path: `/download?bytes=${64 * MIB}&piece=262144` }).catch(() => 'given up');
    await eventually(() => expect(client.unfinished).not.toBeNull());
    client.pause();
    await eventually(() => expect(backend.requests[0]?.outcome).toBe('aborted'));
    client.resume();
    expect(await answered).toBe('given up');
  });

  test('tunnelIdle ends a tunnel that is silent in both directions, and no other', async () => {
    const { port } = await startLimited({ timeouts: { tunnelIdle: '2s' } });
    const silent = new WebSocket(`ws://127.0.0.1:${port}/ws`);
    const busy = new WebSocket(`ws://127.0.0.1:${port}/ws`);
    onTestFinished(() => [silent, busy].forEach((socket) => socket.on('error', () => undefined).terminate()));
    await Promise.all([silent, busy].map((socket) => new Promise((resolve) => socket.once('open', resolve))));
    const talking = setInterval(() => busy.send('still here'), 100);
    onTestFinished(() => clearInterval(talking));
    await new Promise((resolve) => silent.once('close', resolve));
    await new Promise((resolve) => setTimeout(resolve, 2_200));
    expect(busy.readyState).toBe(WebSocket.OPEN);
  });

  test('total is a 504 for what takes longer, whatever it is doing', async () => {
    const { port } = await startLimited({ timeouts: { total: '2s' } });
    expect((await ask(port, { path: '/hold' })).status).toBe(504);
    const client = await startClient(port);
    await expect(client.request({ path: '/download?bytes=40&piece=1&gap=100' })).rejects.toThrow(/connection ended/);
    expect((await ask(port, { path: '/slow?ms=100' })).status).toBe(200);
  });
});

describe('services.*.limits', () => {
  test('requestBody is a 413 at once where the length is said, and the application hears nothing', async () => {
    const { port, backend } = await startLimited({ limits: { requestBody: '1KiB' } });
    expect((await ask(port, { method: 'POST', path: '/upload', body: 'b'.repeat(1024) })).status).toBe(200);
    expect((await ask(port, { method: 'POST', path: '/upload', body: 'b'.repeat(1025) })).status).toBe(413);
    expect(backend.requests.length).toBe(1);
  });

  test('requestBody is a 413 at the limit where it is not, and the application can tell', async () => {
    const { port, backend } = await startLimited({ limits: { requestBody: '1KiB' } });
    const client = await startClient(port);
    const pieces = {
      bytes: Array.from({ length: 8 }, () => Buffer.alloc(400, 'x')),
      gapMs: 20,
      framing: 'chunked' as const,
    };
    expect((await client.request({ method: 'POST', path: '/upload', pieces })).status).toBe(413);
    await eventually(() => expect(backend.requests[0]?.outcome).toBe('aborted'));
  });

  test.each([
    ['responseHead', { responseHead: '1KiB' }, `X-A: ${'a'.repeat(900)}`, `X-A: ${'a'.repeat(1100)}`],
    ['responseFields', { responseFields: 5 }, 'a: b\r\na: b\r\na: b\r\na: b', 'a: b\r\na: b\r\na: b\r\na: b\r\na: b'],
  ])('%s is a 502', async (_, limits, within, beyond) => {
    const target = await startRawBackend((request) => ({
      response: `HTTP/1.1 200 OK\r\n${request.startLine.startsWith('GET /within') ? within : beyond}\r\nContent-Length: 0\r\n\r\n`,
    }));
    const proxy = await startProxy({ services: appService({ only: { version: '', url: target.url } }, { limits }) });
    expect((await ask(proxy.port, { path: '/within' })).status).toBe(200);
    expect((await ask(proxy.port, { path: '/beyond' })).status).toBe(502);
  });
});

describe('services.*.upstream', () => {
  test('idleConnections bounds what is kept after a rush', async () => {
    const { port, backend } = await startLimited({ upstream: { idleConnections: 2, idleTimeout: '30s' } });
    await Promise.all(Array.from({ length: 8 }, () => ask(port, { path: '/slow?ms=100' })));
    expect(backend.connectionsTotal).toBe(8);
    await eventually(() => expect(backend.connectionsOpen).toBe(2));
  });

  test('idleConnections of 0 keeps none', async () => {
    const { port, backend } = await startLimited({ upstream: { idleConnections: 0 } });
    for (let count = 0; count < 3; count += 1) expect((await ask(port)).status).toBe(200);
    expect(backend.connectionsTotal).toBe(3);
  });

  test('idleTimeout ends what rests for longer', async () => {
    const target = await startRawBackend({ response: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n' });
    const proxy = await startProxy({
      services: appService({ only: { version: '', url: target.url } }, { upstream: { idleTimeout: '400ms' } }),
    });
    await ask(proxy.port);
    expect(target.connectionsOpen).toBe(1);
    await eventually(() => expect(target.connectionsOpen).toBe(0));
  });

  test('a hint of the target that it keeps connections for less is heeded', async () => {
    const target = await startRawBackend({
      response: 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2\r\nContent-Length: 0\r\n\r\n',
    });
    const proxy = await startProxy({
      services: appService({ only: { version: '', url: target.url } }, { upstream: { idleTimeout: '60s' } }),
    });
    await ask(proxy.port);
    expect(target.connectionsOpen).toBe(1);
    await eventually(() => expect(target.connectionsOpen).toBe(0));
  });

  test('connections are used again', async () => {
    const { port, backend } = await startLimited({});
    const client = await startClient(port);
    for (let count = 0; count < 20; count += 1) await client.request();
    expect(backend.connectionsTotal).toBe(1);
  });
});
