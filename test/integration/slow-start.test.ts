/** How a target that has just come gets to its share, as the targets see it. */
import { expect, test } from 'vitest';
import { startBackend } from '../helpers/start-backend.ts';
import { startTimedPlane } from '../helpers/start-timed-plane.ts';
import type { ServiceDocument } from '../../src/schema/service.ts';
import type { Backend } from '../helpers/backend.ts';

const SLOW_START = { duration: '10s', minWeightPercent: 10 };

function service(backends: readonly Backend[], more: Partial<ServiceDocument> = {}): ServiceDocument {
  return { slowStart: SLOW_START, ...more, pools: { only: { targets: backends.map(({ url }) => ({ url })) } } };
}

async function startTwo(): Promise<[Backend, Backend]> {
  return [await startBackend('old'), await startBackend('young')];
}

test('a target that joins gets a tenth of its share at first, half after half the time, then all of it', async () => {
  const [old, young] = await startTwo();
  const plane = await startTimedPlane(service([old]));
  await plane.apply(service([old, young]));
  expect(await plane.answers(110)).toEqual({ old: 100, young: 10 });
  plane.clock.advance(5_200);
  expect(await plane.answers(90)).toEqual({ old: 60, young: 30 });
  plane.clock.advance(5_200);
  expect(await plane.answers(60)).toEqual({ old: 30, young: 30 });
});

test.each(['least-connections', 'random', 'p2c', 'least-time'] as const)(
  'with %s too, a target that joins gets less than its share at first',
  async (algorithm) => {
    const [old, young] = await startTwo();
    const plane = await startTimedPlane(service([old], { algorithm }));
    await plane.apply(service([old, young], { algorithm }));
    const { young: count = 0 } = await plane.answers(150);
    expect(count).toBeLessThan(45);
  },
);

test('a target that passes its checks again starts slowly', async () => {
  const [old, young] = await startTwo();
  const plane = await startTimedPlane(service([old, young]));
  expect(await plane.answers(20)).toEqual({ old: 10, young: 10 });
  plane.setUp(`only/${young.target}`, false);
  plane.clock.advance(1_000);
  plane.setUp(`only/${young.target}`, true);
  expect(await plane.answers(110)).toEqual({ old: 100, young: 10 });
});

test('a target that its operator makes ready again starts slowly', async () => {
  const [old, young] = await startTwo();
  const plane = await startTimedPlane(service([old, young]));
  const inMaint = service([old]);
  const targets = [{ url: old.url }, { url: young.url, state: 'maint' as const }];
  await plane.apply({ ...inMaint, pools: { only: { targets } } });
  expect(await plane.answers(20)).toEqual({ old: 20 });
  await plane.apply(service([old, young]));
  expect(await plane.answers(110)).toEqual({ old: 100, young: 10 });
});

test('a change of the configuration leaves a start that is under way as it is', async () => {
  const [old, young] = await startTwo();
  const plane = await startTimedPlane(service([old]));
  await plane.apply(service([old, young]));
  plane.clock.advance(5_200);
  await plane.apply(service([old, young], { timeouts: { connect: '3s' } }));
  expect(await plane.answers(90)).toEqual({ old: 60, young: 30 });
});

test('nobody starts slowly where the whole pool is new, or where nothing is said of it', async () => {
  const [old, young] = await startTwo();
  const plane = await startTimedPlane(service([old, young]));
  expect(await plane.answers(20)).toEqual({ old: 10, young: 10 });
  const plain = await startTimedPlane({ pools: { only: { targets: [{ url: old.url }] } } });
  await plain.apply({ pools: { only: { targets: [{ url: old.url }, { url: young.url }] } } });
  expect(await plain.answers(20)).toEqual({ old: 10, young: 10 });
});
