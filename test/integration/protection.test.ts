/** Breakers, limits and rates, as a client and the targets see them. */
import { describe, expect, test } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { eventually } from '../helpers/eventually.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';
import { startTimedPlane, type TimedPlane } from '../helpers/start-timed-plane.ts';

const OK = { response: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' };
const FAIL = { response: 'HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops' };

/** A service of one target, whose time stands still. */
function timed(url: string, more: Omit<ServiceDocument, 'pools'>): Promise<TimedPlane> {
  return startTimedPlane({ ...more, split: { only: 100 }, pools: { only: { targets: [{ url }] } } });
}

async function expectInBalance(plane: TimedPlane, accepted: number): Promise<void> {
  const { ledger } = await plane.report();
  const ended = ledger.map((one) => one.completed + one.clientAborted + one.upstreamFailed + one.proxyFailed + one.cut);
  expect(ended).toEqual(ledger.map((one) => one.accepted));
  expect(ledger.reduce((sum, one) => sum + one.accepted, 0)).toBe(accepted);
}

describe('breaker', () => {
  const breaker = { minimum: 5, open: '1m', recover: '300ms' } satisfies ServiceDocument['breaker'];

  test('leaves a pool alone that fails, and says when to come again', async () => {
    const target = await startRawBackend(FAIL);
    const proxy = await startProxy({
      services: appService({ only: { version: '', url: target.url } }, { breaker: { ...breaker, per: ['pool'] } }),
    });
    for (let i = 0; i < 5; i++) expect((await ask(proxy.port)).status).toBe(500);
    const refused = await ask(proxy.port);
    expect(refused.status).toBe(503);
    expect(Number(refused.field('retry-after'))).toBeGreaterThan(10);
    expect(target.requests.length).toBe(5);
    expect(await proxy.admin.metric('cutover_breaker_open', { service: 'app', target: '' })).toBe(1);
    expect(await proxy.admin.metric('cutover_breaker_opened_total', { service: 'app', target: '' })).toBe(1);
    expect(await proxy.admin.metric('cutover_failures_total', { reason: 'breaker_open' })).toBe(1);
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });

  test('lets a pool recover bit by bit', async () => {
    const target = await startRawBackend(FAIL);
    const plane = await timed(target.url, { breaker: { ...breaker, open: '10s', recover: '10s', per: ['pool'] } });
    expect(await plane.answers(8)).toEqual({ 500: 5, 503: 3 });
    expect((await ask(plane.port)).field('retry-after')).toBe('10');
    target.answers = OK;
    plane.clock.advance(9_800);
    expect(await plane.answers(5)).toEqual({ 503: 5 });
    plane.clock.advance(5_300);
    const halfway = await plane.answers(100);
    expect(halfway['']).toBeGreaterThan(25);
    expect(halfway['503']).toBeGreaterThan(25);
    plane.clock.advance(5_200);
    expect(await plane.answers(20)).toEqual({ '': 20 });
    expect((await plane.report()).pools[0]?.breakers).toEqual({ '': { open: 0, opened: 1 } });
    await expectInBalance(plane, 8 + 1 + 5 + 100 + 20);
  });

  test('passes over a target that fails, until it has recovered', async () => {
    const failing = await startRawBackend(FAIL);
    const well = await startRawBackend(OK);
    const targets = [failing, well].map(({ url }) => ({ version: '', url }));
    const proxy = await startProxy({
      services: appService({ only: targets }, { breaker: { ...breaker, per: ['target'] } }),
    });
    for (let i = 0; i < 10; i++) await ask(proxy.port);
    expect(failing.requests.length).toBe(5);
    for (let i = 0; i < 20; i++) expect((await ask(proxy.port)).status).toBe(200);
    expect(failing.requests.length).toBe(5);
    expect(well.requests.length).toBe(25);
  });

  test('asks targets all the same when all of them fail: some answer is better than none', async () => {
    const target = await startRawBackend(FAIL);
    const proxy = await startProxy({
      services: appService({ only: { version: '', url: target.url } }, { breaker: { ...breaker, per: ['target'] } }),
    });
    for (let i = 0; i < 10; i++) expect((await ask(proxy.port)).status).toBe(500);
    expect(target.requests.length).toBe(10);
  });

  test('keeps its state through a change of the service', async () => {
    const target = await startRawBackend(FAIL);
    const proxy = await startProxy({
      services: appService({ only: { version: '', url: target.url } }, { breaker: { ...breaker, per: ['pool'] } }),
    });
    for (let i = 0; i < 5; i++) await ask(proxy.port);
    await proxy.admin.must('PATCH', '/v1/services/app', { timeouts: { connect: '1s' } });
    expect((await ask(proxy.port)).status).toBe(503);
    await proxy.admin.must('PATCH', '/v1/services/app', { breaker: null });
    expect((await ask(proxy.port)).status).toBe(500);
  });
});

describe('limits.inFlightPerTarget', () => {
  async function startLimited(service: Omit<ServiceDocument, 'pools'>, count = 1) {
    const backends = await Promise.all(Array.from({ length: count }, (_, i) => startBackend(`v${i}`)));
    const proxy = await startProxy({ services: appService({ only: backends, next: backends.slice(0, 1) }, service) });
    const waiting = () => proxy.admin.metric('cutover_requests_waiting', { service: 'app', pool: 'only' });
    const open = () => backends.map(({ requests }) => requests.filter(({ outcome }) => outcome === 'open').length);
    return { backends, proxy, waiting, open };
  }

  test('lets the others wait, each target full, and all are served', async () => {
    const { backends, proxy, waiting, open } = await startLimited({ limits: { inFlightPerTarget: 3 } }, 2);
    const answers = Array.from({ length: 20 }, () => ask(proxy.port, { path: '/hold', method: 'POST', body: 'b' }));
    await eventually(async () => expect(await waiting()).toBe(14));
    let most = 0;
    const releasing = setInterval(() => {
      most = Math.max(most, ...open());
      for (const backend of backends) backend.release(1);
    }, 5);
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    clearInterval(releasing);
    expect(most).toBe(3);
    expect(backends.reduce((sum, { requests }) => sum + requests.length, 0)).toBe(20);
    expect(await waiting()).toBe(0);
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });

  test('serves them in the order in which they came, bodies and all', async () => {
    const { backends, proxy, waiting } = await startLimited({ limits: { inFlightPerTarget: 1 } });
    const answers: Promise<unknown>[] = [ask(proxy.port, { path: '/hold' })];
    await eventually(() => expect(backends[0]?.requests.length).toBe(1));
    for (let i = 1; i <= 5; i++) {
      const fields = [['X-Test-Id', `n${i}`]] as const;
      answers.push(ask(proxy.port, { method: 'POST', path: '/upload', body: 'x'.repeat(i * 30_000), fields }));
      await eventually(async () => expect(await waiting()).toBe(i));
    }
    backends[0]?.release();
    await Promise.all(answers);
    expect(backends[0]?.requests.slice(1).map(({ id, bodyBytes }) => [id, bodyBytes])).toEqual(
      [1, 2, 3, 4, 5].map((i) => [`n${i}`, i * 30_000]),
    );
  });

  test('answers 503 at once when the line is full, and when it takes too long', async () => {
    const backend = await startBackend('v1');
    const plane = await timed(backend.url, {
      limits: { inFlightPerTarget: 1, queue: 1 },
      timeouts: { queue: '1500ms' },
    });
    const pool = async () => (await plane.report()).pools.find((one) => one.pool === 'only');
    const first = ask(plane.port, { path: '/hold' });
    await eventually(() => expect(backend.requests.length).toBe(1));
    const second = ask(plane.port);
    await eventually(async () => expect((await pool())?.waiting).toBe(1));
    const full = await ask(plane.port);
    expect([full.status, full.field('retry-after')]).toEqual([503, '2']);
    plane.clock.advance(1_800);
    expect((await second).status).toBe(503);
    backend.release();
    expect((await first).status).toBe(200);
    expect(await pool()).toMatchObject({ waiting: 0, failures: { queue_full: 1, queue_timeout: 1 } });
    expect(backend.requests.length).toBe(1);
    await expectInBalance(plane, 3);
  });

  test('says nothing of a target that whoever waited in vain was never given', async () => {
    const backend = await startBackend('v1');
    const service = {
      breaker: { minimum: 2, open: '1m', per: ['pool', 'target'] },
      limits: { inFlightPerTarget: 1 },
      split: { only: 100 },
      pools: { only: { targets: [{ url: backend.url }] } },
    } satisfies ServiceDocument;
    const plane = await startTimedPlane(service);
    const pool = async () => (await plane.report()).pools[0];
    const first = ask(plane.port, { path: '/hold' });
    await eventually(() => expect(backend.requests.length).toBe(1));
    await plane.apply({ ...service, timeouts: { queue: '1m', total: '10s' } });
    const inVain = [ask(plane.port), ask(plane.port), ask(plane.port)];
    await eventually(async () => expect((await pool())?.waiting).toBe(3));
    plane.clock.advance(10_200);
    for (const answer of inVain) expect((await answer).status).toBe(504);
    const closed = { open: 0, opened: 0 };
    expect((await pool())?.breakers).toEqual({ '': closed, [backend.target]: closed });
    backend.release();
    expect((await first).status).toBe(200);
    expect(backend.requests.length).toBe(1);
    await expectInBalance(plane, 4);
  });

  test('forgets a client that is gone at once', async () => {
    const { backends, proxy, waiting } = await startLimited({ limits: { inFlightPerTarget: 1 } });
    const first = ask(proxy.port, { path: '/hold' });
    await eventually(() => expect(backends[0]?.requests.length).toBe(1));
    const client = await startClient(proxy.port);
    const gone = client.request().catch(() => 'gone');
    await eventually(async () => expect(await waiting()).toBe(1));
    client.reset();
    expect(await gone).toBe('gone');
    await eventually(async () => expect(await waiting()).toBe(0));
    backends[0]?.release();
    await first;
    expect((await ask(proxy.port)).status).toBe(200);
    expect(backends[0]?.requests.length).toBe(2);
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });

  test('leaves whoever waits with its pool through a cutover, where the drain counts it and can cut it', async () => {
    const { backends, proxy, waiting } = await startLimited({ limits: { inFlightPerTarget: 1 } });
    const first = ask(proxy.port, { path: '/hold' });
    await eventually(() => expect(backends[0]?.requests.length).toBe(1));
    const second = ask(proxy.port);
    await eventually(async () => expect(await waiting()).toBe(1));
    const receipt = await proxy.admin.cutover('app', 'next');
    expect(receipt.drain.inFlightAtFlip).toBe(2);
    backends[0]?.release();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
    expect((await proxy.admin.receipt('app', receipt.id, 5)).drain).toMatchObject({ state: 'drained', cut: 0 });
  });

  test('keeps a session on its target, and lets it wait there', async () => {
    const { backends, proxy, waiting } = await startLimited(
      { limits: { inFlightPerTarget: 1 }, sticky: { cookie: 'sid' } },
      2,
    );
    const bound = await ask(proxy.port);
    const cookie = (bound.field('set-cookie') ?? '').split(';')[0] ?? '';
    const home = backends.find(({ requests }) => requests.length === 1);
    const first = ask(proxy.port, { path: '/hold', fields: [['Cookie', cookie]] });
    await eventually(() => expect(home?.requests.length).toBe(2));
    const second = ask(proxy.port, { fields: [['Cookie', cookie]] });
    await eventually(async () => expect(await waiting()).toBe(1));
    home?.release();
    await first;
    expect((await second).field('x-version')).toBe(home?.version);
  });

  test('binds a session that waited to the target that served it', async () => {
    const { backends, proxy, waiting } = await startLimited(
      { limits: { inFlightPerTarget: 1 }, sticky: { cookie: 'sid' } },
      2,
    );
    const held = [ask(proxy.port, { path: '/hold' }), ask(proxy.port, { path: '/hold' })];
    await eventually(() => expect(backends.map(({ requests }) => requests.length)).toEqual([1, 1]));
    const waited = ask(proxy.port);
    await eventually(async () => expect(await waiting()).toBe(1));
    backends[1]?.release();
    const served = await waited;
    expect(served.field('x-version')).toBe('v1');
    const cookie = (served.field('set-cookie') ?? '').split(';')[0] ?? '';
    expect((await ask(proxy.port, { fields: [['Cookie', cookie]] })).field('x-version')).toBe('v1');
    backends[0]?.release();
    await Promise.all(held);
  });
});

describe('rateLimit', () => {
  const limited = (rateLimit: NonNullable<ServiceDocument['rateLimit']>) => ({ rateLimit });

  test('answers 429 above it, with the seconds to wait, and the connection goes on', async () => {
    const backend = await startBackend('v1');
    const proxy = await startProxy({ services: appService({ only: backend }, limited({ rate: '10/h', burst: 3 })) });
    const client = await startClient(proxy.port);
    const answers = [];
    for (let i = 0; i < 6; i++) answers.push(await client.request());
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429, 429]);
    for (const answer of answers.slice(3)) {
      const seconds = Number(answer.field('retry-after'));
      expect(seconds).toBeGreaterThan(300);
      expect(seconds).toBeLessThanOrEqual(360);
    }
    expect(backend.requests.length).toBe(3);
    expect(await proxy.admin.metric('cutover_rate_limited_total', { service: 'app' })).toBe(3);
    expect(await proxy.admin.metric('cutover_requests_refused_total', { reason: 'rate_limited' })).toBe(3);
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });

  test('lets a client pass again after the seconds that it was told', async () => {
    const backend = await startBackend('v1');
    const plane = await timed(backend.url, limited({ rate: '20/m', burst: 1 }));
    const client = await startClient(plane.port);
    expect((await client.request()).status).toBe(200);
    plane.clock.advance(500);
    expect((await client.request()).field('retry-after')).toBe('3');
    plane.clock.advance(2_499);
    expect((await client.request()).field('retry-after')).toBe('1');
    plane.clock.advance(1);
    expect((await client.request()).status).toBe(200);
    await expectInBalance(plane, 4);
  });

  test.each([
    ['a header', 'header:X-Api-Key', 'X-Api-Key', (value: string) => value],
    ['a cookie', 'cookie:uid', 'Cookie', (value: string) => `a=b; uid=${value}`],
  ])('counts by %s, and those without it by their address', async (_what, key, name, valueOf) => {
    const backend = await startBackend('v1');
    const proxy = await startProxy({
      services: appService({ only: backend }, limited({ key, rate: '1/h', burst: 1 })),
    });
    const one = async (value: string) => (await ask(proxy.port, { fields: [[name, valueOf(value)]] })).status;
    expect([await one('u1'), await one('u2'), await one('u1'), await one('127.0.0.1')]).toEqual([200, 200, 429, 200]);
    expect([(await ask(proxy.port)).status, (await ask(proxy.port)).status]).toEqual([200, 429]);
  });

  test('takes an address from a trusted proxy only, and IPv6 clients by their network', async () => {
    const backend = await startBackend('v1');
    const services = appService({ only: backend }, limited({ rate: '1/h', burst: 1 }));
    const trusting = await startProxy({ services, trustedProxies: ['127.0.0.1'] });
    const from = async (port: number, address: string) =>
      (await ask(port, { fields: [['X-Forwarded-For', address]] })).status;
    expect(await from(trusting.port, '2001:db8:1:2::1')).toBe(200);
    expect(await from(trusting.port, '2001:0db8:0001:2:ffff::9')).toBe(429);
    expect(await from(trusting.port, '2001:db8:1:3::1')).toBe(200);
    const strict = await startProxy({ services });
    expect([await from(strict.port, '192.0.2.1'), await from(strict.port, '192.0.2.2')]).toEqual([200, 429]);
  });
});
