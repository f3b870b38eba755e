/** What becomes of targets whose checks pass, or that have none, and whose answers fail all the same. */
import { describe, expect, test } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import type { TargetEjection } from '../../src/snapshot/data-plane.ts';
import { Backend } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import type { RawBackend, RawAnswers } from '../helpers/raw-backend.ts';
import { ask } from '../helpers/start-client.ts';
import { startProxy } from '../helpers/start-proxy.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';
import { startTimedPlane } from '../helpers/start-timed-plane.ts';

const FAILS = { response: 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n' };
const ANSWERS = { response: 'HTTP/1.1 200 OK\r\nX-Version: raw\r\nContent-Length: 2\r\n\r\nok' };

function service(targets: readonly { readonly url: string }[], more: Partial<ServiceDocument> = {}): ServiceDocument {
  return {
    ejection: {},
    ...more,
    pools: { only: { targets: targets.map(({ url }) => ({ url })) } },
  };
}

async function startPair(answers: RawAnswers, more: Partial<ServiceDocument> = {}) {
  const [well, raw] = [await startBackend('well'), await startRawBackend(answers)];
  const told: TargetEjection[] = [];
  const plane = await startTimedPlane(service([well, raw], more), { onEjection: (ejection) => told.push(ejection) });
  return { well, raw, plane, told, target: `127.0.0.1:${raw.port}` };
}

describe('a target that answers everything with 500', () => {
  test('costs five requests, then is left alone for the time that is set, then tried again', async () => {
    const { raw, plane, told, target } = await startPair(FAILS);
    expect(await plane.answers(10)).toEqual({ well: 5, '500': 5 });
    expect(await plane.answers(20)).toEqual({ well: 20 });
    expect(told).toEqual([{ service: 'app', pool: 'only', target, reason: 'failures', forMs: 30_000, times: 1 }]);
    expect((await plane.targets('only')).get(target)).toMatchObject({
      up: true,
      ejected: 1,
      ejections: { failures: 1 },
    });

    plane.clock.advance(30_300);
    raw.answers = ANSWERS;
    expect(await plane.answers(10)).toEqual({ well: 5, raw: 5 });
    expect((await plane.targets('only')).get(target)).toMatchObject({ ejected: 0, ejections: { failures: 1 } });
  });

  test('is left alone for twice as long when it fails again', async () => {
    const { plane, told } = await startPair(FAILS);
    await plane.answers(10);
    plane.clock.advance(30_300);
    expect(await plane.answers(20)).toEqual({ well: 15, '500': 5 });
    expect(told.map(({ forMs }) => forMs)).toEqual([30_000, 60_000]);
  });

  test('is left alone by what is only asked about too, while somebody else would be well', async () => {
    const { well, raw, plane, target } = await startPair(FAILS);
    await plane.answers(10);
    const arriving = await startBackend('arriving');
    const down = [`only/${arriving.target}`];
    const { choice, targets } = await plane.explain(service([well, raw, arriving]), down);
    expect(choice?.target).toBe(well.target);
    expect(targets.find((one) => one.target === target)).toMatchObject({ isEligible: false });
    expect((await plane.explain(service([raw, arriving]), down)).choice?.target).toBe(target);
    expect(await plane.answers(5)).toEqual({ well: 5 });
  });

  test('goes on being asked where nobody else is well', async () => {
    const raw = await startRawBackend(FAILS);
    const plane = await startTimedPlane(service([raw]));
    expect(await plane.answers(20)).toEqual({ '500': 20 });
  });

  test('goes on being asked where nothing is said of ejection', async () => {
    const [well, raw] = [await startBackend('well'), await startRawBackend(FAILS)];
    const plane = await startTimedPlane({ pools: { only: { targets: [{ url: well.url }, { url: raw.url }] } } });
    expect(await plane.answers(40)).toEqual({ well: 20, '500': 20 });
  });
});

test('a target that fails every other request is left alone for the share of them', async () => {
  const { plane, told } = await startPair((_, nth) => (nth % 2 === 0 ? FAILS : ANSWERS), {
    ejection: { failurePercent: 40, minimum: 10 },
  });
  await plane.answers(40);
  expect(told.map(({ reason }) => reason)).toEqual(['failure-share']);
  expect(await plane.answers(20)).toEqual({ well: 20 });
});

test('a target that cannot be connected to is left alone, and no client sees any of it', async () => {
  const well = await startBackend('well');
  const gone = await Backend.start('gone');
  const told: TargetEjection[] = [];
  const plane = await startTimedPlane(service([well, gone]), {
    onEjection: (ejection) => told.push(ejection),
  });
  const target = gone.target;
  await gone.close();
  expect(await plane.answers(40)).toEqual({ well: 40 });
  expect(told).toMatchObject([{ target, reason: 'unreachable' }]);
});

test('a target that resets connections before it answers is left alone after three', async () => {
  const { raw, plane, told } = await startPair('reset');
  expect(await plane.answers(30)).toEqual({ well: 27, '502': 3 });
  expect(told).toMatchObject([{ reason: 'unreachable' }]);
  expect(raw.connectionsTotal).toBe(3);
});

test('what is the fault of requests or of clients takes nobody out', async () => {
  const notFound = { response: 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n' };
  const notImplemented = { response: 'HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n' };
  const { plane, told } = await startPair((_, nth) => (nth % 2 === 0 ? notFound : notImplemented));
  const { '404': notFounds = 0, '501': notImplementeds = 0 } = await plane.answers(40);
  expect(notFounds + notImplementeds).toBe(20);
  expect(told).toEqual([]);
});

test('a target that comes back starts slowly where targets do', async () => {
  const { raw, plane } = await startPair(FAILS, { slowStart: { duration: '10s' } });
  await plane.answers(10);
  raw.answers = ANSWERS;
  plane.clock.advance(30_300);
  expect(await plane.answers(110)).toEqual({ well: 100, raw: 10 });
});

test('status, metrics and events show who is out', async () => {
  const [well, raw]: [Backend, RawBackend] = [await startBackend('well'), await startRawBackend(FAILS)];
  const proxy = await startProxy({ services: { app: service([well, raw]) } });
  const target = `127.0.0.1:${raw.port}`;
  for (let i = 0; i < 12; i += 1) await ask(proxy.port);
  const { services } = (await proxy.admin.must('GET', '/v1/status')).json;
  expect(services[0].pools[0].targets).toMatchObject([
    { id: well.target, ejectedIn: 0, weightPercent: 100 },
    { id: target, ejectedIn: 1, health: { up: true } },
  ]);
  expect(await proxy.admin.metric('cutover_target_ejected', { target })).toBe(1);
  expect(await proxy.admin.metric('cutover_target_ejections_total', { target, reason: 'failures' })).toBe(1);
  expect(await proxy.admin.metrics('cutover_target_ejected', { target: well.target })).toEqual([]);
  await eventually(async () => expect((await ask(proxy.port)).status).toBe(200));
});
