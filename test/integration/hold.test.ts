/** Services that are paused: requests wait, bounded in every way, and nothing is lost when they go on. */
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { downloadBody } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import type { ClientRequest } from '../helpers/http-client.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';
import { startTimedPlane } from '../helpers/start-timed-plane.ts';

const PAUSE = '/v1/services/app/pause';
/** Where the machine has much else to do. */
const PATIENCE_MS = 15_000;

const SOON = { resumeOver: '50ms' };

async function startWorld(more: Omit<ServiceDocument, 'pools'> = {}) {
  const [blue, green] = [await startBackend('blue'), await startBackend('green')];
  const proxy = await startProxy({ services: appService({ blue, green }, more) });
  const { admin } = proxy;
  const pause = (body: unknown = SOON) => admin.must('PUT', PAUSE, body);
  const resume = () => admin.must('DELETE', PAUSE);
  // The status and not the metrics: those rest after each scrape for as long as it took, which is long on a busy machine.
  const held = async () => (await admin.must('GET', '/v1/status')).json.services[0]?.held;
  const heldIs = (count: number) => eventually(async () => expect(await held()).toBe(count), PATIENCE_MS);
  const holds = (result: string) => admin.metric('cutover_holds_total', { service: 'app', result });
  const inBalance = async () => {
    expect(await admin.metric('cutover_ledger_imbalance')).toBe(0);
    expect(await admin.metric('cutover_requests_in_flight', { service: 'app' })).toBe(0);
  };
  return { blue, green, proxy, admin, pause, resume, held, heldIs, holds, inBalance };
}

describe('a paused service', () => {
  test('lets requests wait, and all of them go on when it is resumed', async () => {
    const { blue, proxy, admin, pause, resume, heldIs, holds, inBalance } = await startWorld();
    expect((await pause()).status).toBe(201);
    const answers = Array.from({ length: 20 }, () => ask(proxy.port));
    await heldIs(20);
    expect(blue.requests).toEqual([]);
    expect(await admin.metric('cutover_requests_in_flight', { service: 'app' })).toBe(0);
    const { services } = (await admin.must('GET', '/v1/status')).json;
    expect(services[0]).toMatchObject({ name: 'app', paused: true, held: 20 });
    expect(await admin.metric('cutover_requests_held', { service: 'app' })).toBe(20);
    await resume();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(blue.requests.length).toBe(20);
    expect([await holds('resumed'), await holds('timed-out')]).toEqual([20, 0]);
    expect(await admin.metric('cutover_requests_total', { service: 'app', code: '200' })).toBe(20);
    expect((await ask(proxy.port)).status).toBe(200);
    await inBalance();
  });

  test('does nothing to what is under way', async () => {
    const { blue, proxy, pause, inBalance } = await startWorld();
    const before = ask(proxy.port, { path: '/hold' });
    await eventually(() => expect(blue.requests.length).toBe(1));
    await pause();
    blue.release();
    expect((await before).status).toBe(200);
    await inBalance();
  });

  test('can be cut over meanwhile: who waited then goes to the new pool', async () => {
    const { blue, green, proxy, admin, pause, resume, heldIs, inBalance } = await startWorld();
    await pause();
    const answers = Array.from({ length: 5 }, () => ask(proxy.port));
    await heldIs(5);
    const receipt = await admin.cutover('app', 'green');
    expect(receipt.drain).toMatchObject({ state: 'drained', inFlightAtFlip: 0 });
    await resume();
    expect((await Promise.all(answers)).map((answer) => answer.field('x-version'))).toEqual(
      Array.from({ length: 5 }, () => 'green'),
    );
    expect([blue.requests.length, green.requests.length]).toEqual([0, 5]);
    await inBalance();
  });

  test('keeps bodies, short and long, with a length and in chunks', async () => {
    const { blue, proxy, pause, resume, heldIs, inBalance } = await startWorld();
    await pause();
    const piece = Buffer.alloc(50_000, 'x');
    const bytes = [piece, piece, piece, piece];
    const requests: ClientRequest[] = [
      { method: 'POST', path: '/upload', body: 'short' },
      { method: 'POST', path: '/upload', body: Buffer.alloc(1_000_000, 'y') },
      { method: 'POST', path: '/upload', pieces: { bytes, gapMs: 1, framing: 'chunked' } },
      { method: 'POST', path: '/upload', pieces: { bytes: [], gapMs: 1, framing: 'chunked' } },
    ];
    const answers = requests.map((request, i) => ask(proxy.port, { ...request, fields: [['X-Test-Id', `${i}`]] }));
    await heldIs(4);
    await resume();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const sizes = blue.requests.toSorted((a, b) => Number(a.id) - Number(b.id)).map(({ bodyBytes }) => bodyBytes);
    expect(sizes).toEqual([5, 1_000_000, 200_000, 0]);
    await inBalance();
  });

  test('goes on with its connections, in the order of their requests', async () => {
    const { blue, proxy, pause, resume, heldIs, inBalance } = await startWorld();
    const client = await startClient(proxy.port);
    expect((await client.request()).status).toBe(200);
    await pause();
    const pipelined = client.pipeline(
      [1_000, 2_000, 3_000].map((bytes) => ({
        path: `/download?bytes=${bytes}`,
        fields: [['X-Test-Id', `${bytes}`]] as const,
      })),
    );
    await heldIs(1);
    await resume();
    const bodies = (await pipelined).map(({ body }) => body);
    expect(bodies).toEqual([1_000, 2_000, 3_000].map((bytes) => downloadBody('blue', `${bytes}`, bytes)));
    expect((await client.request()).status).toBe(200);
    expect(blue.requests.length).toBe(5);
    await inBalance();
  });

  test('is asked by a balancer in front whether all is well, and says so', async () => {
    const { blue, proxy, pause, heldIs, inBalance } = await startWorld({ rateLimit: { rate: '1/h', burst: 1 } });
    await pause({ ...SOON, healthPath: '/up' });
    const client = await startClient(proxy.port);
    for (const request of [{ path: '/up' }, { path: '/up?deep=1' }, { method: 'HEAD', path: '/up' }]) {
      expect((await client.request(request)).status, JSON.stringify(request)).toBe(200);
    }
    expect(blue.requests).toEqual([]);
    const other = ask(proxy.port, { method: 'POST', path: '/up', body: 'x' }).catch(() => null);
    await heldIs(1);
    await proxy.admin.must('DELETE', PAUSE);
    expect((await other)?.status).toBe(200);
    expect(blue.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['POST /up']);
    await inBalance();
  });

  test("takes the path of the service's own health checks for that", async () => {
    const { blue, proxy, pause } = await startWorld({ health: { path: '/healthz', interval: '1h' } });
    await eventually(() => expect(blue.requests.length).toBe(1));
    await pause();
    expect((await ask(proxy.port, { path: '/healthz' })).status).toBe(200);
    expect(blue.requests.length).toBe(1);
  });

  test('counts the rate of a request that waits once, when it comes', async () => {
    const { proxy, pause, resume, heldIs, inBalance } = await startWorld({ rateLimit: { rate: '1/h', burst: 2 } });
    await pause();
    const answers = [ask(proxy.port), ask(proxy.port)];
    await heldIs(2);
    expect((await ask(proxy.port)).status).toBe(429);
    await resume();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
    await inBalance();
  });

  test('counts the rate of those who wait behind such a request, too', async () => {
    const { proxy, pause, resume, heldIs, inBalance } = await startWorld({
      rateLimit: { rate: '1/h', burst: 2 },
      rules: [{ name: 'own', when: { path: '/own' }, respond: { status: 204 } }],
    });
    const client = await startClient(proxy.port);
    await pause();
    const answers = client.pipeline(Array.from({ length: 4 }, () => ({ path: '/own' })));
    await heldIs(1);
    await resume();
    expect((await answers).map(({ status }) => status)).toEqual([204, 204, 429, 429]);
    await inBalance();
  });

  test('refuses a body that turns out to be too long, and asks no target', async () => {
    const { blue, proxy, admin, pause, resume, heldIs, inBalance } = await startWorld({
      buffering: { request: {} },
      limits: { requestBody: '1KiB' },
    });
    await pause();
    const client = await startClient(proxy.port);
    const bytes = [Buffer.alloc(2_000, 'x')];
    const answer = client.request({ method: 'POST', path: '/upload', pieces: { bytes, gapMs: 1, framing: 'chunked' } });
    await heldIs(1);
    await resume();
    expect((await answer).status).toBe(413);
    expect((await client.request()).status).toBe(200);
    expect(blue.requests.map(({ method }) => method)).toEqual(['GET']);
    const { services } = (await admin.must('GET', '/v1/status')).json;
    expect(JSON.stringify(services)).not.toMatch(/"inFlight":[1-9]/);
    await inBalance();
  });

  test('that is deleted lets those who wait go at once', async () => {
    const { proxy, admin, pause, heldIs } = await startWorld();
    await pause({ resumeOver: '10m' });
    const answers = [ask(proxy.port), ask(proxy.port)];
    await heldIs(2);
    await admin.must('DELETE', '/v1/services/app');
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([404, 404]);
    expect(await admin.metric('cutover_ledger_imbalance')).toBe(0);
  });
});

describe('the bounds of a pause', () => {
  test('are a number of requests, above which 503 says when to come again', async () => {
    const { blue, proxy, pause, resume, heldIs, holds, inBalance } = await startWorld();
    await pause({ ...SOON, requests: 2 });
    const answers = [ask(proxy.port), ask(proxy.port)];
    await heldIs(2);
    const client = await startClient(proxy.port);
    const refused = await client.request();
    expect([refused.status, refused.field('retry-after')]).toEqual([503, '5']);
    await resume();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await client.request()).status).toBe(200);
    expect([await holds('full'), await holds('resumed'), blue.requests.length]).toEqual([1, 2, 3]);
    await inBalance();
  });

  test('are a time for each request', async () => {
    const { blue, proxy, admin, pause, holds, inBalance } = await startWorld();
    await pause({ timeout: '300ms' });
    const client = await startClient(proxy.port);
    const startedAt = performance.now();
    const answer = await client.request();
    expect([answer.status, answer.field('retry-after')]).toEqual([503, '5']);
    expect(performance.now() - startedAt).toBeGreaterThan(250);
    expect(blue.requests).toEqual([]);
    expect([await holds('timed-out'), await holds('resumed')]).toEqual([1, 0]);
    expect(await admin.metric('cutover_requests_refused_total', { reason: 'hold_timeout' })).toBe(1);
    await inBalance();
  });

  test('are none for a client that sends its body when it is told to', async () => {
    const backend = await startBackend('v1');
    const service = { pools: { only: { targets: [{ url: backend.url }] } } } satisfies ServiceDocument;
    const plane = await startTimedPlane({ ...service, pause: { timeout: '10m' } });
    const heldIs = (count: number) =>
      eventually(async () => expect((await plane.report()).services[0]?.held).toBe(count), PATIENCE_MS);
    const socket = connect(plane.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    let heard = '';
    socket.on('data', (bytes: Buffer) => (heard += bytes.toString('latin1')));
    socket.write('POST /upload HTTP/1.1\r\nHost: app\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
    await heldIs(1);
    plane.clock.advance(9 * 60_000);
    await heldIs(1);
    expect(heard).toBe('');
    await plane.apply(service);
    await eventually(() => expect(heard).toMatch(/^HTTP\/1\.1 100 /), PATIENCE_MS);
    socket.write('ab');
    await eventually(() => expect(heard).toContain('HTTP/1.1 200 '), PATIENCE_MS);
    expect(backend.requests.map(({ bodyBytes }) => bodyBytes)).toEqual([2]);
  });

  test('are bytes, of heads and bodies together', async () => {
    const { proxy, pause, resume, heldIs, holds, inBalance } = await startWorld();
    await pause({ ...SOON, bytes: '20KiB' });
    const small = ask(proxy.port, { method: 'POST', path: '/upload', body: Buffer.alloc(10_000) });
    await heldIs(1);
    const large = await ask(proxy.port, { method: 'POST', path: '/upload', body: Buffer.alloc(30_000) });
    expect(large.status).toBe(503);
    expect(await holds('full')).toBe(1);
    await heldIs(1);
    await resume();
    expect((await small).status).toBe(200);
    await inBalance();
  });

  test('do not count clients that are gone', async () => {
    const { blue, proxy, pause, resume, heldIs, holds, inBalance } = await startWorld();
    await pause({ ...SOON, requests: 1 });
    const client = await startClient(proxy.port);
    const gone = client.request().catch(() => 'gone');
    await heldIs(1);
    client.reset();
    expect(await gone).toBe('gone');
    await heldIs(0);
    const next = ask(proxy.port);
    await heldIs(1);
    await resume();
    expect((await next).status).toBe(200);
    expect([await holds('client-gone'), await holds('resumed'), blue.requests.length]).toEqual([1, 1, 1]);
    await inBalance();
  });

  test('may be changed while requests wait', async () => {
    const { proxy, pause, resume, heldIs } = await startWorld();
    await pause({ ...SOON, requests: 1 });
    const first = ask(proxy.port);
    await heldIs(1);
    expect((await ask(proxy.port)).status).toBe(503);
    expect((await pause({ ...SOON, requests: 2 })).status).toBe(200);
    const second = ask(proxy.port);
    await heldIs(2);
    await resume();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
  });
});

test('pauses and cutovers in turn, under clients that never stop, cost no request', async () => {
  const { blue, green, proxy, admin, pause, resume, inBalance } = await startWorld();
  let isOver = false;
  const statuses = new Map<number, number>();
  const clients = Array.from({ length: 16 }, async () => {
    const client = await startClient(proxy.port);
    while (!isOver) {
      const { status } = await client.request({ method: 'POST', path: '/upload', body: 'some body' });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  });
  for (let round = 0; round < 25; round++) {
    await pause({ resumeOver: '20ms' });
    const receipt = await admin.cutover('app', round % 2 === 0 ? 'green' : 'blue');
    expect(receipt.workers.fenced).toBe(0);
    await resume();
  }
  isOver = true;
  await Promise.all(clients);
  expect([...statuses.keys()]).toEqual([200]);
  expect(blue.requests.length + green.requests.length).toBe(statuses.get(200));
  await inBalance();
});
