/** Copies of requests to a pool whose answers nobody sees: they go out, and nothing that becomes of them matters. */
import { describe, expect, test } from 'vitest';
import type { MirrorDocument } from '../../src/schema/mirror.ts';
import type { Backend } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy, type TestProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';

async function startMirrored(mirror: Partial<MirrorDocument> = {}) {
  const live = await startBackend('live');
  const shadow = await startBackend('shadow');
  const proxy = await startProxy({ services: appService({ live, shadow }, { mirror: { pool: 'shadow', ...mirror } }) });
  return { live, shadow, proxy };
}

/** So many plain requests, each answered by the live pool. */
async function askMany(proxy: TestProxy, count: number): Promise<void> {
  const client = await startClient(proxy.port);
  for (let index = 0; index < count; index += 1) {
    const response = await client.request({ fields: [['X-Test-Id', `nr-${index}`]] });
    expect(response.field('x-version')).toBe('live');
  }
}

function valueIn(backend: Backend, index: number, name: string): string | undefined {
  return backend.requests[index]?.fields.find(([own]) => own.toLowerCase() === name)?.[1];
}

describe('a copy', () => {
  test('goes out for every request, and the client hears nothing of it', async () => {
    const { live, shadow, proxy } = await startMirrored();
    await askMany(proxy, 20);
    await eventually(() => expect(shadow.requests.length).toBe(20));
    expect(shadow.requests.map(({ id }) => id).toSorted()).toEqual(live.requests.map(({ id }) => id).toSorted());
  });

  test('is the same request, and says that it is a copy', async () => {
    const { live, shadow, proxy } = await startMirrored({ unsafeMethods: true });
    const body = 'b'.repeat(20_000);
    await ask(proxy.port, { method: 'POST', path: '/upload?x=1', host: 'shop.test', body, fields: [['X-Own', 'y']] });
    await eventually(() => expect(shadow.requests[0]?.bodyBytes).toBe(20_000));
    expect(shadow.requests[0]).toMatchObject({ method: 'POST', url: '/upload?x=1' });
    for (const name of ['host', 'x-own', 'x-forwarded-for', 'x-request-id']) {
      expect(valueIn(shadow, 0, name), name).toBe(valueIn(live, 0, name));
    }
    expect(valueIn(shadow, 0, 'x-shadow-request')).toBeDefined();
    expect(valueIn(live, 0, 'x-shadow-request')).toBeUndefined();
  });

  test('is counted as mirror traffic and as nothing else', async () => {
    const { proxy } = await startMirrored();
    await askMany(proxy, 10);
    await eventually(async () => {
      expect(await proxy.admin.metric('cutover_requests_total', { pool: 'shadow', traffic: 'mirror' })).toBe(10);
    });
    expect(await proxy.admin.metric('cutover_requests_total', { pool: 'shadow', traffic: 'live' })).toBe(0);
    expect(await proxy.admin.metric('cutover_requests_total', { traffic: 'live' })).toBe(10);
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });

  test.each(['GET', 'HEAD', 'OPTIONS'])('of %s goes out unasked', async (method) => {
    const { shadow, proxy } = await startMirrored();
    await ask(proxy.port, { method });
    await eventually(() => expect(shadow.requests.length).toBe(1));
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'])(
    'of %s, which may change something, goes out only where that is asked for',
    async (method) => {
      const careful = await startMirrored();
      await ask(careful.proxy.port, { method });
      const asked = await startMirrored({ unsafeMethods: true });
      await ask(asked.proxy.port, { method });
      await eventually(() => expect(asked.shadow.requests.length).toBe(1));
      expect(careful.shadow.requests.length).toBe(0);
    },
  );

  test('goes out for a share of the requests', async () => {
    const { shadow, proxy } = await startMirrored({ percent: 25 });
    await askMany(proxy, 1000);
    // Five standard deviations (13.7) around 250.
    await eventually(() => expect(shadow.requests.length).toBeGreaterThan(181));
    expect(shadow.requests.length).toBeLessThan(319);
  });

  test('of a body beyond the limit is not sent at all', async () => {
    const { live, shadow, proxy } = await startMirrored({ unsafeMethods: true, bodyBytes: '1KiB' });
    await ask(proxy.port, { method: 'POST', path: '/upload', body: 'b'.repeat(1025) });
    await ask(proxy.port, { method: 'POST', path: '/upload', body: 'b'.repeat(1024) });
    await eventually(() => expect(shadow.requests.map(({ bodyBytes }) => bodyBytes)).toEqual([1024]));
    expect(live.requests.map(({ bodyBytes }) => bodyBytes)).toEqual([1025, 1024]);
  });

  test('of a request that the client broke off is not sent', async () => {
    const { live, shadow, proxy } = await startMirrored({ unsafeMethods: true });
    const client = await startClient(proxy.port);
    const pieces = {
      bytes: Array.from({ length: 20 }, () => Buffer.alloc(100)),
      gapMs: 20,
      framing: 'length' as const,
    };
    const answered = client.request({ method: 'POST', path: '/upload', pieces }).catch(() => 'broken');
    await eventually(() => expect(live.requests.length).toBe(1));
    client.reset();
    expect(await answered).toBe('broken');
    await eventually(() => expect(live.requests[0]?.outcome).toBe('aborted'));
    expect(shadow.requests.length).toBe(0);
  });

  test('begins and ends with a call of the operator', async () => {
    const { live, shadow, proxy } = await startMirrored();
    await proxy.admin.must('DELETE', '/v1/services/app/mirror');
    await askMany(proxy, 5);
    await proxy.admin.must('PUT', '/v1/services/app/mirror', { pool: 'shadow' });
    await askMany(proxy, 5);
    await eventually(() => expect(shadow.requests.length).toBe(5));
    expect(live.requests.length).toBe(10);
  });
});

describe('a shadow pool', () => {
  test('that is dead has no effect on the live one', async () => {
    const { shadow, proxy } = await startMirrored();
    await shadow.close();
    await askMany(proxy, 100);
    expect(await proxy.admin.metric('cutover_failures_total')).toBe(0);
    await eventually(async () => {
      const failed = await proxy.admin.metric('cutover_mirror_failures_total', { reason: 'connect_refused' });
      const dropped = await proxy.admin.metric('cutover_mirror_dropped_total', { pool: 'shadow' });
      expect([failed > 0, failed + dropped]).toEqual([true, 100]);
      expect(await proxy.admin.metric('cutover_requests_total', { traffic: 'mirror', code: '0' })).toBe(failed);
    });
  });

  test('that hangs has no effect on the live one, and is asked no more than so much at once', async () => {
    const live = await startBackend('live');
    const hanging = await startRawBackend('silence');
    const proxy = await startProxy({
      services: appService(
        { live, shadow: { version: '', url: hanging.url } },
        { mirror: { pool: 'shadow', concurrency: 4, timeout: '30s' } },
      ),
    });
    await askMany(proxy, 100);
    await eventually(() => expect(hanging.requests.length).toBe(4));
    expect([hanging.connectionsTotal, hanging.connectionsOpen]).toEqual([4, 4]);
    expect(await proxy.admin.metric('cutover_mirror_dropped_total', { reason: 'busy' })).toBe(96);
  });

  test('that takes too long is given up, and asked again afterwards', async () => {
    const live = await startBackend('live');
    const hanging = await startRawBackend('silence');
    const proxy = await startProxy({
      services: appService(
        { live, shadow: { version: '', url: hanging.url } },
        { mirror: { pool: 'shadow', concurrency: 1, timeout: '300ms' } },
      ),
    });
    await askMany(proxy, 3);
    await eventually(() => expect(hanging.requests.length).toBe(1));
    await eventually(() => expect(hanging.connectionsOpen).toBe(0));
    expect(await proxy.admin.metric('cutover_mirror_failures_total', { reason: 'total_timeout' })).toBe(1);
    await askMany(proxy, 1);
    await eventually(() => expect(hanging.requests.length).toBe(2));
  });

  test('that talks nonsense has no effect on the live one', async () => {
    const live = await startBackend('live');
    const nonsense = await startRawBackend({ response: 'nonsense\r\n\r\n' });
    const proxy = await startProxy({
      services: appService({ live, shadow: { version: '', url: nonsense.url } }, { mirror: { pool: 'shadow' } }),
    });
    await askMany(proxy, 50);
    await eventually(() => expect(nonsense.requests.length).toBeGreaterThan(0));
  });

  test('that streams an endless answer is given up', async () => {
    const live = await startBackend('live');
    const endless = await startRawBackend({
      response: 'HTTP/1.1 200 OK\r\n\r\n' + 'x'.repeat(100_000),
      pieces: 1000,
      pieceGapMs: 20,
    });
    const proxy = await startProxy({
      services: appService(
        { live, shadow: { version: '', url: endless.url } },
        { mirror: { pool: 'shadow', timeout: '2s' } },
      ),
    });
    await askMany(proxy, 1);
    await eventually(() => expect(endless.requests.length).toBe(1));
    await eventually(() => expect(endless.connectionsOpen).toBe(0));
    expect(await proxy.admin.metric('cutover_requests_total', { traffic: 'mirror', code: '200' })).toBe(1);
  });

  test.each([
    ['by its length', `Content-Length: 100000000\r\n\r\n${'x'.repeat(10)}`],
    ['in chunks', `Transfer-Encoding: chunked\r\n\r\n${`1000\r\n${'x'.repeat(0x1000)}\r\n`.repeat(17)}`],
    ['up to the end of its connection', `\r\n${'x'.repeat(70_000)}`],
  ])('that answers at great length, %s, is not listened to, and counts with its status', async (_, answer) => {
    const live = await startBackend('live');
    const lengthy = await startRawBackend({ response: `HTTP/1.1 200 OK\r\n${answer}` });
    const proxy = await startProxy({
      services: appService(
        { live, shadow: { version: '', url: lengthy.url } },
        { mirror: { pool: 'shadow', answerBytes: '64KiB', timeout: '10m' } },
      ),
    });
    await askMany(proxy, 3);
    const { admin } = proxy;
    await eventually(async () => {
      expect(await admin.metric('cutover_requests_total', { traffic: 'mirror', code: '200' })).toBe(3);
    });
    await eventually(() => expect(lengthy.connectionsOpen).toBe(0));
    expect(await admin.metric('cutover_mirror_dropped_total', { reason: 'answer-too-large' })).toBe(3);
    expect(await admin.metric('cutover_mirror_failures_total')).toBe(0);
  });

  test('that answers nothing holds up no end of the proxy', async () => {
    const live = await startBackend('live');
    const hanging = await startRawBackend('silence');
    const proxy = await startProxy({
      services: appService(
        { live, shadow: { version: '', url: hanging.url } },
        { mirror: { pool: 'shadow', timeout: '10m' } },
      ),
    });
    await askMany(proxy, 3);
    await eventually(() => expect(hanging.requests.length).toBe(3));
    await proxy.close();
    await eventually(() => expect(hanging.connectionsOpen).toBe(0));
  });
});
