/** A pause lasts: through the death of a worker, and through a restart of everything. */
import { expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { ask } from '../helpers/start-client.ts';
import { type FaultWorld, startWorld } from './fault-world.ts';
import { killNow } from './process-view.ts';

const PAUSE = '/v1/services/app/pause';

const held = (world: FaultWorld) => world.admin.metric('cutover_requests_held', { service: 'app' });

/** Requests that come now wait on every worker; nobody gets past them. */
async function expectHeld(world: FaultWorld, count: number): Promise<Promise<number>[]> {
  const before = world.blue.requests.length + world.green.requests.length;
  const answers = Array.from({ length: count }, () =>
    ask(world.port).then(
      ({ status }) => status,
      () => 0,
    ),
  );
  await eventually(async () => expect(await held(world)).toBe(count), 15_000);
  expect(world.blue.requests.length + world.green.requests.length).toBe(before);
  return answers;
}

test('a service that is paused stays so on a worker that takes the place of a dead one', async () => {
  const world = await startWorld();
  await world.admin.must('PUT', PAUSE, { timeout: '60s', resumeOver: '50ms' });
  for (const { pid } of await world.workers()) killNow(pid);
  await eventually(async () => expect((await world.settledWorkers()).length).toBe(2), 15_000);
  const answers = await expectHeld(world, 8);
  await world.admin.cutover('app', 'green');
  await world.admin.must('DELETE', PAUSE);
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 8 }, () => 200));
  expect([world.blue.requests.length, world.green.requests.length]).toEqual([0, 8]);
  expect(await world.admin.metric('cutover_ledger_imbalance')).toBe(0);
});

test('and through a restart, although the file knows nothing of it, until it is resumed', async () => {
  const world = await startWorld();
  await world.admin.must('PUT', PAUSE, { timeout: '60s', requests: 50, resumeOver: '50ms' });
  world.proxy.signal('SIGTERM');
  expect((await world.proxy.exited).code).toBe(0);
  const next = world.start();
  await next.ready();
  expect((await world.admin.must('GET', PAUSE)).json).toMatchObject({ requests: 50 });
  // A configuration that is read anew does not end it either.
  await world.admin.must('POST', '/v1/config', world.config);
  const answers = await expectHeld(world, 6);
  await world.admin.must('DELETE', PAUSE);
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 6 }, () => 200));
  next.signal('SIGTERM');
  await next.exited;
  const last = world.start();
  await last.ready();
  expect((await ask(world.port)).status).toBe(200);
  expect(await world.admin.metric('cutover_ledger_imbalance')).toBe(0);
});

test('workers that are replaced on request finish what they hold, or hand it to nobody', async () => {
  const world = await startWorld();
  await world.admin.must('PUT', PAUSE, { timeout: '60s', resumeOver: '50ms' });
  const answers = await expectHeld(world, 6);
  const restarted = world.admin.must('POST', '/v1/workers/restart');
  await eventually(async () => expect((await world.workers()).length).toBeGreaterThan(2), 15_000);
  await world.admin.must('DELETE', PAUSE);
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 6 }, () => 200));
  expect((await restarted).json).toEqual({ restarted: 2 });
  expect(world.blue.requests.length).toBe(6);
});
