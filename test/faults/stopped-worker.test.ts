/** A worker that says nothing cannot keep a receipt from being true. */
import { expect, test } from 'vitest';

import { BARRIER_DEADLINE_MS } from '../../src/control/workers/worker-pool.ts';
import { eventually } from '../helpers/eventually.ts';
import { startWorld } from './fault-world.ts';
import { freeze, isRunning } from './process-view.ts';
import { SteadyLoad } from './steady-load.ts';

test('a stopped worker is fenced in time, and nothing later is answered by the old pool', async () => {
  const world = await startWorld();
  const load = new SteadyLoad({ port: world.port, clients: 32, ratePerSecond: 300 });
  await new Promise((resolve) => setTimeout(resolve, 500));
  const stopped = (await world.workers())[0]?.pid ?? 0;
  freeze(stopped);
  const askedAt = performance.now();
  const receipt = await world.admin.cutover('app', 'green');
  const tookMs = performance.now() - askedAt;
  const answeredAt = performance.now();
  expect(receipt.workers).toEqual({ total: 2, applied: 1, fenced: 1 });
  expect(tookMs).toBeLessThan(BARRIER_DEADLINE_MS + 1_500);
  expect(isRunning(stopped)).toBe(false);
  await eventually(async () => expect(await world.settledWorkers()).toHaveLength(2));
  await new Promise((resolve) => setTimeout(resolve, 500));
  await load.stop();
  const late = [...load.ledger.entries.values()].filter(({ startedAt }) => startedAt > answeredAt);
  expect(late.length).toBeGreaterThan(50);
  expect(late.filter(({ version }) => version === 'blue')).toEqual([]);
  expect(late.filter(({ version }) => version === null)).toEqual([]);
  expect(load.ledger.balance([world.blue, world.green])).toMatchObject({ lost: [], wrongPool: [], truncated: [] });
});
