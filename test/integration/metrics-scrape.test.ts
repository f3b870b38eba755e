/** What `/metrics` says of requests that really went through. */
import { expect, test } from 'vitest';
import { METRICS } from '../../src/observe/metric-catalogue.ts';
import { eventually } from '../helpers/eventually.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';

test('every request is counted once, with its pool, version, method and status', async () => {
  const blue = await startBackend('1.4.0');
  const { port, admin } = await startProxy({ services: appService({ blue }) });
  const client = await startClient(port);
  for (let i = 0; i < 7; i++) await client.request();
  for (let i = 0; i < 3; i++) await client.request({ method: 'POST', body: 'x' });
  const labels = { service: 'app', pool: 'blue', version: '1.4.0', traffic: 'live' };
  expect(await admin.metric('cutover_requests_total', { ...labels, method: 'GET', code: '200' })).toBe(7);
  expect(await admin.metric('cutover_requests_total', { ...labels, method: 'POST', code: '200' })).toBe(3);
  expect(await admin.metric('cutover_requests_total')).toBe(10);
  expect(await admin.metric('cutover_request_duration_seconds_count', labels)).toBe(10);
});

test('a duration lies in the buckets at and above it', async () => {
  const slow = await startRawBackend({
    response: 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow',
    pieces: 20,
    pieceGapMs: 60,
  });
  const { port, admin } = await startProxy({ services: appService({ blue: { version: '1', url: slow.url } }) });
  const startedAt = performance.now();
  await ask(port);
  const tookSeconds = (performance.now() - startedAt) / 1000;
  const name = 'cutover_request_duration_seconds';
  expect(await admin.metric(`${name}_bucket`, { traffic: 'live', le: '0.032768' })).toBe(0);
  expect(await admin.metric(`${name}_bucket`, { traffic: 'live', le: '67.108864' })).toBe(1);
  const sumSeconds = await admin.metric(`${name}_sum`, { traffic: 'live' });
  expect(sumSeconds).toBeGreaterThan(0.05);
  expect(sumSeconds).toBeLessThanOrEqual(tookSeconds);
});

test('a request under way is in flight, on an active connection, and no longer when it has ended', async () => {
  const blue = await startBackend('1.4.0');
  const { port, admin } = await startProxy({ services: appService({ blue }) });
  const client = await startClient(port);
  const answered = client.request({ path: '/hold' });
  await eventually(() => expect(blue.held).toBe(1));
  expect(await admin.metric('cutover_requests_in_flight', { service: 'app', pool: 'blue' })).toBe(1);
  expect(await admin.metric('cutover_connections', { listener: 'web', state: 'active' })).toBe(1);
  blue.release();
  await answered;
  expect(await admin.metric('cutover_requests_in_flight', { service: 'app', pool: 'blue' })).toBe(0);
  expect(await admin.metric('cutover_connections', { listener: 'web', state: 'idle' })).toBe(1);
  expect(await admin.metric('cutover_upstream_idle_connections', { service: 'app', pool: 'blue' })).toBe(1);
  expect(await admin.metric('cutover_upstream_connect_seconds_count', { service: 'app', pool: 'blue' })).toBe(1);
  expect(await admin.metric('cutover_connections_accepted_total', { listener: 'web' })).toBe(1);
});

test('a target that refuses, resets or talks nonsense is counted by its reason, and the ledger balances', async () => {
  const { port: deadPort } = await startRawBackend('silence').then(async (backend) => {
    const { port } = backend;
    await backend.close();
    return { port };
  });
  const resetting = await startRawBackend('reset');
  const nonsense = await startRawBackend({ response: 'nonsense\r\n\r\n', after: 'close' });
  const pools = {
    refused: { version: '', url: `http://127.0.0.1:${deadPort}` },
    reset: { version: '', url: resetting.url },
    nonsense: { version: '', url: nonsense.url },
  };
  const { port, admin } = await startProxy({ services: appService(pools) });
  for (const pool of Object.keys(pools)) {
    await admin.split('app', { [pool]: 100 });
    expect((await ask(port, { method: 'POST', body: 'x' })).status).toBe(502);
    expect(await admin.metric('cutover_failures_total', { pool })).toBe(1);
    expect(await admin.metric('cutover_requests_total', { pool, method: 'POST', code: '502' })).toBe(1);
  }
  expect(await admin.metric('cutover_failures_total', { pool: 'refused', reason: 'connect_refused' })).toBe(1);
  expect(await admin.metric('cutover_failures_total', { pool: 'nonsense', reason: 'upstream_malformed' })).toBe(1);
  expect(await admin.metric('cutover_ledger_imbalance')).toBe(0);
});

test('what is refused before a service is found is counted by its reason at the listener', async () => {
  const blue = await startBackend('1.4.0');
  const services = { app: { ...appService({ blue }).app, match: { hosts: ['app.test'] } } };
  const { port, admin } = await startProxy({ services });
  expect((await ask(port, { host: 'elsewhere.test' })).status).toBe(404);
  expect(await admin.metric('cutover_requests_refused_total', { listener: 'web', reason: 'no_service' })).toBe(1);
  expect(await admin.metric('cutover_requests_total')).toBe(0);
});

test('whatever methods and hosts clients send, the number of series stays', async () => {
  const blue = await startBackend('1.4.0');
  const { port, admin } = await startProxy({ services: appService({ blue }) });
  const seriesOf = async (): Promise<number> =>
    (await admin.must('GET', '/metrics')).text.match(/^cutover_/gm)?.length ?? 0;
  for (const method of ['PROPFIND', 'BREW']) await ask(port, { method }).catch(() => null);
  const before = await seriesOf();
  for (let i = 0; i < 20; i++) {
    await ask(port, {
      method: `VERB${i}`,
      host: `host-${i}.test`,
      path: `/${i}?${i}`,
      fields: [['X-Request-Id', `${i}`]],
    }).catch(() => null);
  }
  expect(await seriesOf()).toBe(before);
});

test('a cutover moves the split, the generation and the count of cutovers', async () => {
  const [blue, green] = [await startBackend('1.4.0'), await startBackend('1.5.0')];
  const { port, admin } = await startProxy({ services: appService({ blue, green }) });
  const generation = await admin.metric('cutover_generation');
  await admin.cutover('app', 'green');
  await ask(port);
  expect(await admin.metric('cutover_split_percent', { pool: 'blue' })).toBe(0);
  expect(await admin.metric('cutover_split_percent', { pool: 'green' })).toBe(100);
  expect(await admin.metric('cutover_generation')).toBe(generation + 1);
  expect(await admin.metric('cutover_worker_generation')).toBe(generation + 1);
  expect(await admin.metric('cutover_cutovers_total', { service: 'app', result: 'applied' })).toBe(1);
  expect(await admin.metric('cutover_cutover_barrier_seconds_count')).toBe(1);
  expect(await admin.metric('cutover_requests_total', { pool: 'green', version: '1.5.0' })).toBe(1);
  expect(await admin.metric('cutover_ledger_imbalance')).toBe(0);
});

test('every sample that is exported has a name of the catalogue, and each metric its type', async () => {
  const blue = await startBackend('1.4.0');
  const { port, admin } = await startProxy({ services: appService({ blue }) });
  await ask(port);
  const { text, headers } = await admin.must('GET', '/metrics');
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
  expect(types.toSorted()).toEqual(
    Object.values(METRICS)
      .map(({ name, type }) => `${name} ${type}`)
      .toSorted(),
  );
});
