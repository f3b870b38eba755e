/** What is tried again only where an operator asks for it, and within what bounds. */
import { describe, expect, test } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import type { RawAnswers } from '../helpers/raw-backend.ts';
import { eventually } from '../helpers/eventually.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';
import { startTimedPlane } from '../helpers/start-timed-plane.ts';

const OK = { response: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' };
const busy = (status: number) => ({ response: `HTTP/1.1 ${status} Busy\r\nContent-Length: 4\r\n\r\nbusy` });

/** Two targets: the first request goes to the one that misbehaves, or it does in time. */
async function startPair(bad: RawAnswers, service: Omit<ServiceDocument, 'pools'>) {
  const failing = await startRawBackend(bad);
  const well = await startRawBackend(OK);
  const targets = [failing, well].map(({ url }) => ({ version: '', url }));
  const proxy = await startProxy({ services: appService({ only: targets }, service) });
  const retries = (reason: string) => proxy.admin.metric('cutover_retries_total', { service: 'app', reason });
  return { failing, well, proxy, retries };
}

/** So often that round robin comes to the failing target, whatever it began with. */
async function askAll(port: number, method = 'GET', body?: string): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < 4; i++) {
    statuses.push((await ask(port, { method, ...(body === undefined ? {} : { body }) })).status);
  }
  return statuses;
}

describe('retries.on: [reset]', () => {
  const service = { retries: { on: ['connect', 'reused-connection', 'reset'] } } satisfies Omit<
    ServiceDocument,
    'pools'
  >;

  test.each(['GET', 'PUT', 'DELETE'])('tries %s at another target when a new connection dies', async (method) => {
    const { failing, proxy, retries } = await startPair('reset', service);
    expect(await askAll(proxy.port, method, method === 'PUT' ? 'body' : undefined)).toEqual([200, 200, 200, 200]);
    expect(failing.requests.length).toBeGreaterThan(0);
    expect(await retries('reset')).toBe(failing.requests.length);
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });

  test('leaves POST a 502, once', async () => {
    const { failing, well, proxy } = await startPair('reset', service);
    expect((await askAll(proxy.port, 'POST', 'body')).toSorted((a, b) => a - b)).toEqual([200, 200, 502, 502]);
    expect(failing.requests.length + well.requests.length).toBe(4);
  });

  test('tries POST with an Idempotency-Key again only where that was allowed', async () => {
    for (const idempotencyKey of [true, false]) {
      const { proxy } = await startPair('reset', { retries: { ...service.retries, idempotencyKey } });
      const statuses: number[] = [];
      for (let i = 0; i < 4; i++) {
        const fields = [['Idempotency-Key', `key-${i}`]] as const;
        statuses.push((await ask(proxy.port, { method: 'POST', body: 'b', fields })).status);
      }
      expect(statuses.includes(502)).toBe(!idempotencyKey);
    }
  });

  test('never tries again once a part of an answer has come', async () => {
    const { well, proxy } = await startPair(
      { response: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal', after: 'reset' },
      service,
    );
    const outcomes: (number | string)[] = [];
    for (let i = 0; i < 4; i++)
      outcomes.push(
        await ask(proxy.port).then(
          ({ status }) => status,
          () => 'broken',
        ),
      );
    expect(outcomes.map(String).toSorted()).toEqual(['200', '200', 'broken', 'broken']);
    expect(well.requests.length).toBe(2);
  });
});

describe('retries.on with statuses', () => {
  test('takes the answer of another target instead, and closes nothing of the client', async () => {
    const { proxy, retries, failing } = await startPair(busy(503), { retries: { on: ['connect', 503] } });
    const client = await startClient(proxy.port);
    for (let i = 0; i < 6; i++)
      expect((await client.request({ method: i % 2 ? 'PUT' : 'GET', body: 'b' })).status).toBe(200);
    expect(failing.requests.length).toBeGreaterThan(0);
    expect(await retries('503')).toBe(failing.requests.length);
    expect(await proxy.admin.metric('cutover_requests_total', { code: '503' })).toBe(0);
  });

  test.each([
    ['another status', 500, 'GET'],
    ['a POST', 503, 'POST'],
  ])('passes on %s', async (_what, status, method) => {
    const { proxy, well } = await startPair(busy(status), { retries: { on: [503] } });
    expect((await askAll(proxy.port, method, 'b')).toSorted((a, b) => a - b)).toEqual([200, 200, status, status]);
    expect(well.requests.length).toBe(2);
  });

  test('passes on the last answer when all tries are used', async () => {
    const { failing, proxy } = await startPair(busy(503), { retries: { on: [503], tries: 3 } });
    const only = await startProxy({
      services: appService({ only: { version: '', url: failing.url } }, { retries: { on: [503], tries: 3 } }),
    });
    const response = await ask(only.port);
    expect([response.status, response.body.toString()]).toEqual([503, 'busy']);
    expect(failing.requests.length).toBe(4);
    await proxy.close();
  });

  test('stays within the budget: what fails is not asked twice as much', async () => {
    const failing = await startRawBackend(busy(503));
    const plane = await startTimedPlane({
      pools: { only: { targets: [{ url: failing.url }] } },
      split: { only: 100 },
      retries: { on: [503], budget: { percent: 0, min: 2 } },
    });
    const statuses: number[] = [];
    const answers = Array.from({ length: 10 }, async () => statuses.push((await ask(plane.port)).status));
    // All but the two that wait for their further try are answered: its time does not come.
    await eventually(() => expect(statuses.length).toBe(8));
    const [pool] = (await plane.report()).pools;
    expect([failing.requests.length, pool?.inFlight, pool?.retries]).toEqual([10, 2, { 503: 2 }]);
    plane.clock.advance(100);
    await Promise.all(answers);
    expect(statuses).toEqual(Array.from({ length: 10 }, () => 503));
    expect(failing.requests.length).toBe(12);
  });

  test('waits no longer than the request may take in all, its further tries included', async () => {
    const failing = await startRawBackend(busy(503));
    const proxy = await startProxy({
      services: appService(
        { only: { version: '', url: failing.url } },
        { retries: { on: [503], tries: 10, backoff: { base: '1h', max: '1h' } }, timeouts: { total: '600ms' } },
      ),
    });
    expect((await ask(proxy.port)).status).toBe(504);
    expect(await proxy.admin.metric('cutover_failures_total', { reason: 'total_timeout' })).toBe(1);
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });
});

describe('retries.perTryTimeout', () => {
  const retries = { perTryTimeout: '2s', on: ['connect', 504] } satisfies ServiceDocument['retries'];

  /** Of a pair on a plane whose time goes on when, and only when, the silent target has got another request. */
  async function askTimed(method: string) {
    const failing = await startRawBackend('silence');
    const well = await startRawBackend(OK);
    const targets = [failing, well].map(({ url }) => ({ url }));
    const plane = await startTimedPlane({ pools: { only: { targets } }, split: { only: 100 }, retries });
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) {
      const heard = failing.requests.length;
      const before = heard + well.requests.length;
      const answer = ask(plane.port, { method });
      await eventually(() => expect(failing.requests.length + well.requests.length).toBeGreaterThan(before));
      if (failing.requests.length > heard) plane.clock.advance(2_500);
      statuses.push((await answer).status);
    }
    const [pool] = (await plane.report()).pools;
    return { failing, well, statuses: statuses.toSorted((a, b) => a - b), retried: pool?.retries };
  }

  test('gives a slow target up and tries another', async () => {
    const { failing, well, statuses, retried } = await askTimed('GET');
    expect(statuses).toEqual([200, 200, 200, 200]);
    expect(well.requests.length).toBe(4);
    expect(failing.requests.length).toBeGreaterThan(0);
    expect(retried).toEqual({ 'per-try-timeout': failing.requests.length });
  });

  test('is a 504 for what may not be sent twice', async () => {
    const { failing, well, statuses, retried } = await askTimed('POST');
    expect(statuses).toEqual([200, 200, 504, 504]);
    expect([failing.requests.length, well.requests.length, retried]).toEqual([2, 2, {}]);
  });

  test('does not end an answer that has begun', async () => {
    const target = await startBackend('v1');
    const proxy = await startProxy({
      services: appService({ only: target }, { retries: { ...retries, perTryTimeout: '2s' } }),
    });
    const { status, body } = await ask(proxy.port, { path: '/download?bytes=4000&piece=1000&gap=800' });
    expect([status, body.length]).toEqual([200, 4_000]);
  });
});

test('retries.on: [] tries nothing again, not even a connection that was refused', async () => {
  const gone = await startRawBackend(OK);
  const { url } = gone;
  await gone.close();
  const well = await startRawBackend(OK);
  const targets = [url, well.url].map((one) => ({ version: '', url: one }));
  const proxy = await startProxy({ services: appService({ only: targets }, { retries: { on: [] } }) });
  expect((await askAll(proxy.port)).toSorted((a, b) => a - b)).toEqual([200, 200, 502, 502]);
  expect(await proxy.admin.metric('cutover_retries_total')).toBe(0);
});
