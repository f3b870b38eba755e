/** What a pool goes through before it gets its first traffic. */
import { describe, expect, test } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import type { Backend } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import type { RawBackend } from '../helpers/raw-backend.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask } from '../helpers/start-client.ts';
import { startProxy, type TestProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';
import { startTimedPlane } from '../helpers/start-timed-plane.ts';

const WARM_UP = {
  requests: [{ path: '/status?a=1' }, { path: '/status?code=404', headers: { 'x-warm': 'yes' }, status: [404] }],
  perTarget: 5,
  connections: 2,
};

interface Named {
  readonly url: string;
}

function service(blue: readonly Named[], green: readonly Named[], more: Partial<ServiceDocument> = {}) {
  const pool = (backends: readonly Named[]) => ({ targets: backends.map(({ url }) => ({ url })) });
  return { warmUp: WARM_UP, split: { blue: 100 }, ...more, pools: { blue: pool(blue), green: pool(green) } };
}

async function startBlueGreen(green: Backend | RawBackend, more: Partial<ServiceDocument> = {}): Promise<TestProxy> {
  const blue = await startBackend('blue');
  return startProxy({ services: { app: service([blue], [green], more) } });
}

function versionNow(proxy: TestProxy): Promise<string | null> {
  return ask(proxy.port).then((response) => response.field('x-version'));
}

describe('a pool that gets its first traffic', () => {
  test('has been asked what its operator wants, which is in the receipt and counted as no traffic of clients', async () => {
    const green = await startBackend('green');
    const proxy = await startBlueGreen(green);
    const { json: receipt } = await proxy.admin.must('POST', '/v1/services/app/cutovers', { to: 'green' });
    expect(receipt.warmUp).toEqual({ targets: 1, requests: 5, tookMs: expect.any(Number) });
    expect(green.requests.map(({ url }) => url).toSorted()).toEqual([
      '/status?a=1',
      '/status?a=1',
      '/status?a=1',
      '/status?code=404',
      '/status?code=404',
    ]);
    const special = green.requests.find(({ url }) => url === '/status?code=404');
    expect(special?.fields).toContainEqual(['x-warm', 'yes']);
    expect(special?.fields).toContainEqual(['host', green.target]);
    expect(await proxy.admin.metric('cutover_requests_total', { pool: 'green', traffic: 'probe' })).toBe(5);
    expect(await proxy.admin.metric('cutover_requests_total', { pool: 'green', traffic: 'live' })).toBe(0);
    expect(await versionNow(proxy)).toBe('green');
  });

  test('gets it on connections that were made before', async () => {
    const green = await startBackend('green');
    const plane = await startTimedPlane(service([await startBackend('blue')], [green]));
    expect(await plane.warmUp('green')).toEqual([{ target: green.target, requests: 5, failure: null }]);
    expect(green.connectionsTotal).toBe(2);
    expect((await plane.targets('green')).get(green.target)?.idleConnections).toBe(2);
    await plane.apply(service([], [green], { split: { green: 100 } }));
    expect(await plane.answers(5)).toEqual({ green: 5 });
    expect(green.connectionsTotal).toBe(2);
  });

  test('does not get it where a target answers as it should not, which is named', async () => {
    const green = await startRawBackend({ response: 'HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n' });
    const proxy = await startBlueGreen(green);
    const answer = await proxy.admin.call('POST', '/v1/services/app/cutovers', { to: 'green' });
    expect(answer).toMatchObject({
      status: 409,
      json: {
        type: 'urn:cutover:problem:warm-up-failed',
        errors: [
          {
            pointer: `/pools/green/targets/127.0.0.1:${green.port}`,
            detail: 'is not warm: /status?a=1 was answered 503',
          },
        ],
      },
    });
    expect(await versionNow(proxy)).toBe('blue');
    const { items } = (await proxy.admin.must('GET', '/v1/audit')).json;
    expect(items[0]).toMatchObject({ kind: 'cutover', result: 'refused', problem: 'warm-up-failed' });
    expect(await proxy.admin.metric('cutover_cutovers_total', { result: 'refused' })).toBe(1);
  });

  test('does not get it where a target cannot be connected to, unless it is forced', async () => {
    const green = await startBackend('green');
    const proxy = await startBlueGreen(green);
    await green.close();
    const refused = await proxy.admin.call('PUT', '/v1/services/app/split', { weights: { blue: 50, green: 50 } });
    expect(refused.json.errors).toMatchObject([{ detail: 'is not warm: /status?a=1: connect_refused' }]);
    const { json: receipt } = await proxy.admin.must('PUT', '/v1/services/app/split', {
      weights: { blue: 50, green: 50 },
      force: true,
    });
    expect(receipt).not.toHaveProperty('warmUp');
  });

  test('does not get it where a target takes too long', async () => {
    const silent = await startRawBackend('silence');
    const plane = await startTimedPlane(service([await startBackend('blue')], [silent]));
    const warming = plane.warmUp('green');
    await eventually(() => expect(silent.heads).toHaveLength(2));
    plane.clock.advance(10_300);
    const failure = 'not done within 10000 ms';
    expect(await warming).toEqual([{ target: `127.0.0.1:${silent.port}`, requests: 0, failure }]);
  });

  test('does not get it where the proxy ends meanwhile, which leaves no connection behind', async () => {
    const silent = await startRawBackend('silence');
    const plane = await startTimedPlane(service([await startBackend('blue')], [silent]));
    const warming = plane.warmUp('green').then(() => 'warm', String);
    await eventually(() => expect(silent.heads).toHaveLength(2));
    await plane.close();
    expect(await warming).toMatch(/the proxy ends before its targets are warm/);
    await eventually(() => expect(silent.connectionsOpen).toBe(0));
  });

  test('in a set of changes is made warm too', async () => {
    const green = await startBackend('green');
    const proxy = await startBlueGreen(green);
    const { json } = await proxy.admin.must('POST', '/v1/changesets', {
      changes: [{ method: 'POST', path: '/v1/services/app/cutovers', body: { to: 'green' } }],
    });
    expect(json.receipts).toMatchObject([{ warmUp: { targets: 1, requests: 5 } }]);
  });
});

test('a pool that has traffic gets more of it at once, and so does the one that is gone back to', async () => {
  const green = await startBackend('green');
  const proxy = await startBlueGreen(green, { split: { blue: 50, green: 50 } });
  expect(await proxy.admin.cutover('app', 'green')).not.toHaveProperty('warmUp');
  expect(await proxy.admin.rollback('app')).not.toHaveProperty('warmUp');
  expect(green.requests).toEqual([]);
});

test('targets that are down or put aside are not waited for', async () => {
  const [one, two, three] = [await startBackend('one'), await startBackend('two'), await startBackend('three')];
  const document = service([await startBackend('blue')], [one, two, three]);
  const targets = [{ url: one.url }, { url: two.url, state: 'maint' as const }, { url: three.url }];
  const plane = await startTimedPlane({ ...document, pools: { ...document.pools, green: { targets } } });
  plane.setUp(`green/${three.target}`, false);
  expect(await plane.warmUp('green')).toMatchObject([{ target: one.target, failure: null }]);
  expect([two.requests, three.requests]).toEqual([[], []]);
});
