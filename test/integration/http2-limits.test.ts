/** What a client of HTTP/2 may not do, by the limit that it meets: it strikes, costs little, and harms nobody beside it. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ListenerDocument } from '../../src/schema/listener.ts';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { downloadBody } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import {
  FLAG,
  FRAME,
  FrameClient,
  headerBlock,
  indexed,
  remembered,
  requestFields,
  settingsPayload,
  uint32,
} from '../helpers/frame-client.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { startPlane } from '../helpers/start-plane.ts';
import { appService, startProxy, type TestProxy } from '../helpers/start-proxy.ts';
import { startSession } from '../helpers/start-session.ts';

/** Codes of RFC 9113 section 7. */
const NO_ERROR = 0;
const PROTOCOL_ERROR = 1;
const INTERNAL_ERROR = 2;
const REFUSED_STREAM = 7;
const CANCEL = 8;
const ENHANCE_YOUR_CALM = 11;

/** Long enough for a machine that has much else to do. */
const PATIENCE_MS = 20_000;
/** A slow machine is given more while it sends: each round, of ten or more, takes it some milliseconds at least. */
const FLOOD_ROUNDS = 400;

const SETTING = { tableSize: 1, initialWindow: 4 } as const;
const NO_TABLE = [[SETTING.tableSize, 0]] as const;
const NO_WINDOW = [...NO_TABLE, [SETTING.initialWindow, 0]] as const;

interface Setup {
  readonly service?: Omit<ServiceDocument, 'pools'>;
  readonly timeouts?: ListenerDocument['timeouts'];
  readonly limits?: ListenerDocument['limits'];
}

async function startLimited({ service = {}, timeouts = {}, limits = {} }: Setup = {}) {
  const backend = await startBackend('v1');
  const proxy = await startProxy({
    services: appService({ only: backend }, service),
    listener: { http2: true, timeouts, limits },
  });
  return { backend, proxy, port: proxy.port };
}

/** Nothing of what the client did is left, and others are served. */
async function expectHealed(proxy: TestProxy): Promise<void> {
  const beside = startSession(proxy.port);
  expect((await beside.request()).status).toBe(200);
  beside.close();
  await eventually(async () => {
    expect(await proxy.admin.metric('cutover_requests_in_flight')).toBe(0);
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
    expect(await proxy.admin.metric('cutover_connections')).toBe(0);
  }, PATIENCE_MS);
}

/** For the running test. */
async function portOf(server: Server): Promise<number> {
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Before a target that answers as it is told to, by the path that is asked for. */
async function startTelling(answer: (socket: Socket, path: string) => void, service: Setup['service'] = {}) {
  const target = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => answer(socket, bytes.toString('latin1').split(' ')[1] ?? ''));
  });
  const services = appService({ only: { version: 'v1', url: `http://127.0.0.1:${await portOf(target)}` } }, service);
  return await startProxy({ services, listener: { http2: true } });
}

/** Until what is counted grows no more. */
async function untilStill(count: () => number): Promise<void> {
  let before = -1;
  await eventually(async () => {
    const now = count();
    const isStill = now === before && now > 0;
    before = now;
    if (!isStill) await new Promise((resolve) => setTimeout(resolve, 200));
    expect(isStill).toBe(true);
  }, PATIENCE_MS);
}

function idsOf(count: number, from = 1): number[] {
  return Array.from({ length: count }, (_, index) => from + 2 * index);
}

/** Sends frames until the connection is closed, or so many are sent: no more at once than the other side handles. */
async function flood(client: FrameClient, rounds: number, send: (round: number) => void): Promise<void> {
  for (let round = 0; round < rounds && !client.isClosed; round++) {
    send(round);
    if (!(await client.isCaughtUp())) return;
  }
}

describe('of one session', () => {
  test('concurrentStreams refuses further requests, as not processed, until one has ended', async () => {
    const { backend, proxy, port } = await startLimited({ limits: { concurrentStreams: 4 } });
    const client = await FrameClient.open(port, NO_TABLE);
    // It has not heard of the limit yet.
    client.isPolite = false;
    for (const id of idsOf(6)) client.get(id, '/hold');
    await eventually(() => expect(client.of(FRAME.reset)).toHaveLength(2));
    expect([client.resetCode(9), client.resetCode(11)]).toEqual([REFUSED_STREAM, REFUSED_STREAM]);
    await eventually(() => expect(backend.held).toBe(4));
    backend.release();
    for (const id of idsOf(4)) await client.settled(id);
    client.get(13);
    await client.settled(13);
    expect(idsOf(4).map((id) => client.status(id))).toEqual([200, 200, 200, 200]);
    expect(client.status(13)).toBe(200);
    client.socket.destroy();
    await expectHealed(proxy);
  });

  test('requestsPerConnection ends it, says which request is the last that it takes, and answers all of those', async () => {
    const { proxy, port, backend } = await startLimited({ limits: { requestsPerConnection: 10 } });
    const client = await FrameClient.open(port, NO_TABLE);
    for (const id of idsOf(9)) client.get(id);
    for (const id of idsOf(9)) await client.settled(id);
    expect(client.goaways).toEqual([]);
    for (const id of idsOf(5, 19)) client.get(id);
    await client.closed;
    const [[code, last] = [-1, 0]] = client.goaways;
    expect([code, last >= 19]).toEqual([NO_ERROR, true]);
    const taken = idsOf(14).filter((id) => id <= last);
    expect(taken.map((id) => client.status(id))).toEqual(taken.map(() => 200));
    expect(backend.requests).toHaveLength(taken.length);
    await expectHealed(proxy);
  });

  test('requestHead ends one that brings no request', async () => {
    const { proxy, port } = await startLimited({ timeouts: { requestHead: '300ms', linger: '200ms' } });
    const client = await FrameClient.open(port);
    await client.closed;
    expect(new Set(client.goaways.map(([code]) => code))).toEqual(new Set([NO_ERROR]));
    await expectHealed(proxy);
  });

  test('requestHead ends a connection that does not say what it speaks', async () => {
    const { proxy, port } = await startLimited({ timeouts: { requestHead: '300ms' } });
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => undefined).resume();
    socket.write('PRI * HTTP/2.0\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    await expectHealed(proxy);
  });

  test('keepAlive ends one that rests, and one that stops in the middle of a head', async () => {
    const { proxy, port } = await startLimited({ timeouts: { keepAlive: '300ms', linger: '200ms' } });
    const resting = await FrameClient.open(port, NO_TABLE);
    resting.get(1);
    await resting.settled(1);
    const stopping = await FrameClient.open(port, NO_TABLE);
    stopping.get(1);
    await stopping.settled(1);
    stopping.send(FRAME.headers, FLAG.endStream, 3, headerBlock(requestFields('GET', '/')));
    await Promise.all([resting.closed, stopping.closed]);
    expect(new Set(resting.goaways.map(([code]) => code))).toEqual(new Set([NO_ERROR]));
    await expectHealed(proxy);
  });

  test('linger ends one whose client does not close after it was told to', async () => {
    const { proxy, port } = await startLimited({ timeouts: { keepAlive: '200ms', linger: '300ms' } });
    const client = await FrameClient.open(port, NO_TABLE);
    client.socket.allowHalfOpen = true;
    client.get(1);
    await client.settled(1);
    await expectHealed(proxy);
    expect(client.isClosed).toBe(false);
  });
});

describe('of one request', () => {
  test('head is refused with a 431 where it is somewhat too large', async () => {
    const { proxy, port } = await startLimited({ limits: { head: '4KiB' } });
    const client = await FrameClient.open(port, NO_TABLE);
    await client.isCaughtUp();
    client.get(1, '/', [['x-a', 'a'.repeat(3000)]]);
    client.get(3, '/', [['x-a', 'a'.repeat(4100)]]);
    client.get(5, '/', [['x-a', 'a'.repeat(13_500)]]);
    for (const id of [1, 3, 5]) await client.settled(id);
    expect([client.status(1), client.status(3)]).toEqual([200, 431]);
    expect(client.resetCode(5)).toBe(ENHANCE_YOUR_CALM);
    client.get(7);
    await client.settled(7);
    expect(client.status(7)).toBe(200);
    client.socket.destroy();
    await expectHealed(proxy);
  });

  test('requestLine is refused with a 414', async () => {
    const { port } = await startLimited({ limits: { requestLine: '1KiB' } });
    const client = await FrameClient.open(port, NO_TABLE);
    client.get(1, `/${'a'.repeat(1100)}`);
    await client.settled(1);
    expect(client.status(1)).toBe(414);
  });

  test('fields counts each crumb of a cookie', async () => {
    const { port, backend } = await startLimited({ limits: { fields: 10 } });
    const client = await FrameClient.open(port, NO_TABLE);
    const crumbs = (count: number) => Array.from({ length: count }, (_, at) => ['cookie', `c${at}=1`] as const);
    client.get(1, '/', crumbs(10));
    client.get(3, '/', crumbs(11));
    client.get(5, '/', crumbs(60));
    for (const id of [1, 3, 5]) await client.settled(id);
    expect([client.status(1), client.status(3), client.resetCode(5)]).toEqual([200, 431, ENHANCE_YOUR_CALM]);
    expect(backend.requests).toHaveLength(1);
  });

  test('requestBodyIdle answers 408 and asks for no more', async () => {
    const { proxy, port } = await startLimited({ service: { timeouts: { requestBodyIdle: '300ms' } } });
    const client = await FrameClient.open(port, NO_TABLE);
    client.headers(1, requestFields('POST', '/upload'), 0);
    client.data(1, 'some', 0);
    await client.settled(1);
    expect(client.status(1)).toBe(408);
    await eventually(() => expect(client.resetCode(1)).toBe(NO_ERROR));
    client.socket.destroy();
    await expectHealed(proxy);
  });

  test('responseBodyIdle resets a stream whose window stays closed, and the requests beside it go on', async () => {
    const { proxy, port } = await startLimited({ service: { timeouts: { responseBodyIdle: '400ms' } } });
    const client = await FrameClient.open(port, NO_WINDOW);
    client.get(1, '/download?bytes=1000000');
    await eventually(() => expect(client.resetCode(1)).toBeGreaterThan(0), PATIENCE_MS);
    expect(client.isWhole(1)).toBe(false);
    client.headers(3, requestFields('HEAD', '/'));
    await client.settled(3);
    expect(client.status(3)).toBe(200);
    client.socket.destroy();
    await expectHealed(proxy);
  });

  test('responseBodyIdle holds for an answer that began before its request was whole, and is not taken', async () => {
    const { port } = await startTelling(
      (socket) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1_000_000)}`),
      { timeouts: { responseBodyIdle: '400ms' } },
    );
    const client = await FrameClient.open(port, [...NO_TABLE, [SETTING.initialWindow, 10]]);
    client.headers(1, requestFields('POST', '/'), 0);
    await eventually(() => expect(client.body(1)).toHaveLength(10));
    client.data(1, '');
    await eventually(() => expect(client.resetCode(1)).toBeGreaterThan(0), PATIENCE_MS);
    expect(client.isWhole(1)).toBe(false);
  });

  test('a short answer that is not taken does not wait for ever either', async () => {
    const { proxy, port } = await startLimited({
      service: { timeouts: { responseBodyIdle: '300ms' } },
      timeouts: { linger: '200ms' },
    });
    const client = await FrameClient.open(port, NO_WINDOW);
    client.get(1);
    client.get(3, '/no%2fthing');
    await eventually(() => {
      expect(client.resetCode(1)).toBe(CANCEL);
      expect(client.resetCode(3)).toBe(CANCEL);
    }, PATIENCE_MS);
    client.socket.destroy();
    await expectHealed(proxy);
  });

  test('responseBodyIdle is not reached by a client that takes little at a time', async () => {
    const { proxy, port } = await startLimited({ service: { timeouts: { responseBodyIdle: '2s' } } });
    const client = await FrameClient.open(port, [...NO_TABLE, [SETTING.initialWindow, 1000]]);
    client.get(1, '/download?bytes=20000&piece=2000&chunked=1');
    for (let round = 0; round < 15 && !client.isWhole(1); round++) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      client.send(FRAME.window, 0, 1, uint32(2000));
    }
    await client.settled(1);
    expect([client.resetCode(1), client.body(1).length]).toEqual([-1, 20_000]);
    client.socket.destroy();
    await expectHealed(proxy);
  });
});

test('a client for which much waits can ask for more all the same', async () => {
  const { port, backend } = await startLimited();
  const client = await FrameClient.open(port, [...NO_TABLE, [SETTING.initialWindow, 2 ** 31 - 1]]);
  client.send(FRAME.window, 0, 0, uint32(2 ** 30));
  await client.isCaughtUp();
  client.socket.pause();
  for (const id of idsOf(90)) client.get(id, '/download?bytes=2000000');
  // Until nothing more is taken: of each of them something waits in the proxy then.
  await untilStill(() => backend.bytesWritten);
  client.get(301, '/echo');
  await eventually(() => expect(backend.requests.at(-1)?.url).toBe('/echo'), PATIENCE_MS);
  client.socket.resume();
  for (const id of [...idsOf(90), 301]) await client.settled(id);
  expect([...idsOf(90), 301].filter((id) => client.resetCode(id) >= 0)).toEqual([]);
});

test('what is left of a body that nobody wants may come late, however much was answered meanwhile', async () => {
  const { port } = await startLimited({ service: { limits: { requestBody: '10KiB' } } });
  const client = await FrameClient.open(port, NO_TABLE);
  client.headers(1, [...requestFields('POST', '/upload'), ['content-length', '20000']], 0);
  await client.settled(1);
  await eventually(() => expect([client.status(1), client.resetCode(1)]).toEqual([413, NO_ERROR]));
  for (const from of [3, 143, 283]) {
    for (const id of idsOf(70, from)) client.get(id);
    for (const id of idsOf(70, from)) await client.settled(id);
  }
  client.data(1, 'late', 0);
  client.get(501);
  await client.settled(501);
  expect([client.status(501), client.goaways]).toEqual([200, []]);
});

test('an answer whose head had to wait goes on when its body comes later', async () => {
  const big = 20_000_000;
  const sockets = new Map<string, Socket>();
  const { port } = await startTelling((socket, path) => {
    sockets.set(path, socket);
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path === '/big' ? big : 4}\r\n\r\n`);
    if (path === '/big') socket.write(Buffer.alloc(big, 'x'));
    if (path === '/beside') socket.write('here');
  });
  const client = await FrameClient.open(port, [...NO_TABLE, [SETTING.initialWindow, 2 ** 31 - 1]]);
  client.send(FRAME.window, 0, 0, uint32(2 ** 30));
  await client.isCaughtUp();
  client.socket.pause();
  client.get(1, '/big');
  await untilStill(() => (sockets.get('/big')?.bytesWritten ?? 0) - (sockets.get('/big')?.writableLength ?? 0));
  client.get(3, '/late');
  await eventually(() => expect(sockets.has('/late')).toBe(true), PATIENCE_MS);
  // What the target has said by then has been read.
  for (let round = 0; round < 3; round++)
    expect((await startSession(port).request({ path: '/beside' })).status).toBe(200);
  client.socket.resume();
  await client.settled(1);
  await eventually(() => expect(client.status(3)).toBe(200), PATIENCE_MS);
  sockets.get('/late')?.write('late');
  await client.settled(3);
  expect(client.body(3)).toBe('late');
});

test('an answer in many pieces waits for its window, and comes byte for byte', async () => {
  const { port, backend } = await startLimited();
  const client = await FrameClient.open(port, NO_WINDOW);
  client.get(1, '/download?bytes=30000&piece=700&chunked=1', [['x-test-id', 'pieces']]);
  await eventually(() => expect(backend.bytesWritten).toBeGreaterThan(30_000));
  expect(client.body(1)).toBe('');
  for (const bytes of [1, 999, 4000, 100_000]) {
    client.send(FRAME.window, 0, 1, uint32(bytes));
    await client.isCaughtUp();
  }
  await client.settled(1);
  expect(client.body(1)).toBe(downloadBody('v1', 'pieces', 30_000).toString('latin1'));
});

test('a client that opens its windows by the few bytes that it gets at a time is served on', async () => {
  const pieces = 4000;
  const target = createServer((socket) => {
    socket.on('error', () => undefined);
    let sent = 0;
    const sendNext = () => {
      socket.write('5\r\nevent\r\n');
      if (++sent < pieces) setImmediate(sendNext);
      else socket.end('0\r\n\r\n');
    };
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      sendNext();
    });
  });
  const services = appService({ only: { version: 'v1', url: `http://127.0.0.1:${await portOf(target)}` } });
  const { port } = await startProxy({ services, listener: { http2: true } });
  const client = await FrameClient.open(port, NO_TABLE);
  let opened = 0;
  client.socket.on('data', () => {
    for (const { payload } of client.of(FRAME.data).slice(opened)) {
      opened += 1;
      for (const stream of payload.length === 0 ? [] : [0, 1])
        client.send(FRAME.window, 0, stream, uint32(payload.length));
    }
  });
  client.get(1);
  await client.settled(1);
  expect([client.isWhole(1), client.body(1).length]).toEqual([true, 5 * pieces]);
  expect(await client.isCaughtUp()).toBe(true);
});

describe('a client that costs more than it asks for', () => {
  test('by resetting what it asks for is broken off', async () => {
    const { proxy, port, backend } = await startLimited();
    const client = await FrameClient.open(port, NO_TABLE);
    await flood(client, FLOOD_ROUNDS, (round) => {
      for (const id of idsOf(20, 1 + 40 * round)) {
        client.get(id, '/slow?ms=5000');
        client.reset(id);
      }
    });
    await client.closed;
    expect(client.goaways.at(-1)?.[0]).toBe(ENHANCE_YOUR_CALM);
    expect(backend.requests.length).toBeLessThan(FLOOD_ROUNDS * 10);
    await expectHealed(proxy);
  });

  test('by resetting what is at work already is broken off, and what it asked for is, too', async () => {
    const { proxy, port, backend } = await startLimited();
    const client = await FrameClient.open(port, NO_TABLE);
    await flood(client, FLOOD_ROUNDS, (round) => {
      for (const id of idsOf(10, 1 + 20 * round)) client.get(id, '/slow?ms=5000');
      for (const id of round === 0 ? [] : idsOf(10, 1 + 20 * (round - 1))) client.reset(id);
    });
    await client.closed;
    expect(client.goaways.at(-1)?.[0]).toBe(ENHANCE_YOUR_CALM);
    expect(backend.requests.length).toBeLessThan(FLOOD_ROUNDS * 5);
    await eventually(
      () => expect(backend.requests.filter(({ outcome }) => outcome === 'open')).toEqual([]),
      PATIENCE_MS,
    );
    await expectHealed(proxy);
  });

  test('by making us reset it is broken off', async () => {
    const { proxy, port } = await startLimited();
    const client = await FrameClient.open(port, NO_TABLE);
    await flood(client, FLOOD_ROUNDS, (round) => {
      for (const id of idsOf(10, 1 + 20 * round)) {
        client.headers(id, [...requestFields('POST', '/slow?ms=5000'), ['content-length', '9']], 0);
        client.data(id, 'less');
      }
    });
    await client.closed;
    expect(client.resetCode(1)).toBe(PROTOCOL_ERROR);
    expect([INTERNAL_ERROR, ENHANCE_YOUR_CALM]).toContain(client.goaways.at(-1)?.[0]);
    expect(client.of(FRAME.reset).length).toBeLessThan(FLOOD_ROUNDS * 5);
    await expectHealed(proxy);
  });

  test.each([
    ['pings', (client: FrameClient) => client.send(FRAME.ping, 0, 0, Buffer.alloc(8))],
    [
      'settings',
      (client: FrameClient) => client.send(FRAME.settings, 0, 0, settingsPayload([[SETTING.initialWindow, 5]])),
    ],
    ['data of no bytes', (client: FrameClient) => client.data(1, '', 0)],
  ])('by %s without end is broken off', async (_, send) => {
    const { proxy, port } = await startLimited();
    const client = await FrameClient.open(port, NO_TABLE);
    client.headers(1, requestFields('POST', '/upload'), 0);
    for (let round = 0; round < 100 && !client.isClosed; round++) {
      for (let i = 0; i < 100; i++) send(client);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.closed;
    await expectHealed(proxy);
  });

  test('by a head without end is broken off', async () => {
    const { proxy, port, backend } = await startLimited();
    const client = await FrameClient.open(port, NO_TABLE);
    client.send(FRAME.headers, FLAG.endStream, 1, headerBlock(requestFields('GET', '/')));
    const block = headerBlock([['x-a', 'a'.repeat(8000)]]);
    for (let sent = 0; sent < 1000 && !client.isClosed; sent++) {
      client.send(FRAME.continuation, 0, 1, block);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.closed;
    expect(backend.requests).toEqual([]);
    await expectHealed(proxy);
  });
});

describe('the memory that is held', () => {
  const MIB = 1 << 20;

  /** In a process of its own, which holds nothing for the test or the application. */
  async function startMeasured(service: Omit<ServiceDocument, 'pools'> = {}) {
    const backend = await startBackend('v1');
    const listeners = { web: { listen: '127.0.0.1:0', http2: true } };
    const plane = await startPlane({ listeners, services: appService({ only: backend }, service) });
    const inFlight = async () => (await plane.report()).pools.reduce((sum, pool) => sum + pool.inFlight, 0);
    return { backend, plane, inFlight };
  }

  test('is little for heads that grow when they are read', async () => {
    const { plane } = await startMeasured();
    const client = await FrameClient.open(plane.port, NO_TABLE);
    const first = Buffer.concat([headerBlock(requestFields('GET', '/')), remembered('cookie', 'c'.repeat(3800))]);
    client.send(FRAME.headers, FLAG.endStream | FLAG.endHeaders, 1, first);
    await client.settled(1);
    const before = await plane.held();
    const block = Buffer.concat([
      headerBlock(requestFields('GET', '/')),
      ...Array.from({ length: 4000 }, () => indexed(62)),
    ]);
    for (const id of idsOf(60, 3)) client.send(FRAME.headers, FLAG.endHeaders, id, block);
    for (const id of idsOf(60, 3))
      await eventually(() => expect(client.resetCode(id)).toBe(ENHANCE_YOUR_CALM), PATIENCE_MS);
    expect((await plane.held()).heldBytes - before.heldBytes).toBeLessThan(16 * MIB);
  });

  test('is what may be asked for at once, for a client that takes nothing', async () => {
    const { plane, inFlight, backend } = await startMeasured({ timeouts: { responseBodyIdle: '1s' } });
    const client = await FrameClient.open(plane.port, [...NO_TABLE, [SETTING.initialWindow, 2 ** 31 - 1]]);
    client.send(FRAME.window, 0, 0, uint32(2 ** 30));
    await client.isCaughtUp();
    const before = await plane.held();
    client.socket.pause();
    for (const id of idsOf(100)) client.get(id, '/download?bytes=10000000');
    await eventually(() => expect(backend.requests).toHaveLength(100), PATIENCE_MS);
    expect((await plane.held()).heldBytes - before.heldBytes).toBeLessThan(64 * MIB);
    await eventually(async () => expect(await inFlight()).toBe(0), 30_000);
  }, 90_000);
});
