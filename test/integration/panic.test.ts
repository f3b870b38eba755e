/** What becomes of a pool of which too few targets are well. */
import { expect, test } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import type { PoolPanic } from '../../src/snapshot/data-plane.ts';
import type { Backend } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask } from '../helpers/start-client.ts';
import { startProxy } from '../helpers/start-proxy.ts';
import { startTimedPlane } from '../helpers/start-timed-plane.ts';

function service(backends: readonly Backend[], more: Partial<ServiceDocument> = {}): ServiceDocument {
  return { panicPercent: 50, ...more, pools: { only: { targets: backends.map(({ url }) => ({ url })) } } };
}

async function startThree(more: Partial<ServiceDocument> = {}) {
  const backends = [await startBackend('a'), await startBackend('b'), await startBackend('c')] as const;
  const told: PoolPanic[] = [];
  const plane = await startTimedPlane(service(backends, more), { onPanic: (panic) => told.push(panic) });
  const setUp = (backend: Backend, up: boolean): void => plane.setUp(`only/${backend.target}`, up);
  return { backends, plane, told, setUp };
}

test('while fewer than the share that is set are well, all that are ready serve, and no longer than that', async () => {
  const { backends, plane, told, setUp } = await startThree();
  const [a, b] = backends;
  setUp(a, false);
  expect(await plane.answers(20)).toEqual({ b: 10, c: 10 });
  expect(told).toEqual([]);
  setUp(b, false);
  expect(await plane.answers(30)).toEqual({ a: 10, b: 10, c: 10 });
  expect(told).toEqual([{ service: 'app', pool: 'only', isPanic: true }]);
  setUp(b, true);
  expect(await plane.answers(20)).toEqual({ b: 10, c: 10 });
  expect(told.map(({ isPanic }) => isPanic)).toEqual([true, false]);
});

test('a target that its operator has put aside serves nobody even then', async () => {
  const { backends, plane, setUp } = await startThree();
  const [a, b, c] = backends;
  const targets = [{ url: a.url }, { url: b.url }, { url: c.url, state: 'maint' as const }];
  await plane.apply({ ...service([]), pools: { only: { targets } } });
  for (const backend of backends) setUp(backend, false);
  expect(await plane.answers(20)).toEqual({ a: 10, b: 10 });
});

test('where it is not asked for, nobody serves who is down', async () => {
  const { backends, plane, told, setUp } = await startThree({ panicPercent: 0 });
  for (const backend of backends) setUp(backend, false);
  expect(await plane.answers(5)).toEqual({ '503': 5 });
  expect(told).toEqual([]);
});

test('where it is asked for no longer, that ends at once', async () => {
  const { backends, plane, told, setUp } = await startThree();
  for (const backend of backends) setUp(backend, false);
  await plane.answers(3);
  await plane.apply(service(backends, { panicPercent: 0 }));
  expect(await plane.answers(5)).toEqual({ '503': 5 });
  expect(told.map(({ isPanic }) => isPanic)).toEqual([true, false]);
});

test('it goes on where another target comes that is not known to be well', async () => {
  const { backends, plane, told, setUp } = await startThree();
  const [a] = backends;
  const arriving = await startBackend('d');
  await plane.apply(service([a]));
  setUp(a, false);
  await plane.apply(service([a, arriving]), [`only/${arriving.target}`]);
  expect(told.map(({ isPanic }) => isPanic)).toEqual([true]);
  expect(await plane.answers(4)).toEqual({ a: 2, d: 2 });
});

test('a change that is only asked about makes none, and is explained with the one that it would make', async () => {
  const { backends, plane, told } = await startThree();
  const arriving = await startBackend('d');
  const proposed = service([arriving]);
  const down = [`only/${arriving.target}`];
  expect((await plane.explain(proposed, down)).choice?.target).toBe(arriving.target);
  expect((await plane.explain({ ...proposed, panicPercent: 0 }, down)).choice).toBeNull();
  expect(told).toEqual([]);
  expect(await plane.answers(3)).toEqual({ a: 1, b: 1, c: 1 });
  for (const backend of backends) plane.setUp(`only/${backend.target}`, false);
  expect((await plane.explain(service(backends, { panicPercent: 0 }))).choice).toBeNull();
  expect(told.map(({ isPanic }) => isPanic)).toEqual([true]);
});

test('status and metrics show it', async () => {
  const backend = await startBackend('a');
  const health = { path: '/status?code=500', interval: '30ms', timeout: '5s', fall: 1 };
  const proxy = await startProxy({ services: { app: service([backend], { health }) } });
  await eventually(async () => expect(await proxy.admin.metric('cutover_pool_panicking')).toBe(1));
  expect((await ask(proxy.port)).status).toBe(200);
  const { services } = (await proxy.admin.must('GET', '/v1/status')).json;
  expect(services[0].pools[0]).toMatchObject({ panicking: 1, targets: [{ health: { up: false } }] });
});
