/** Workers are replaced on request, and nobody notices. */
import { expect, test } from 'vitest';

import { downloadBody } from '../helpers/backend.ts';
import { startClient } from '../helpers/start-client.ts';
import { IS_LONG, startWorld } from './fault-world.ts';
import { FlipLog } from './flip-log.ts';
import { expectServedWell } from './load-account.ts';
import { SteadyLoad } from './steady-load.ts';
import { Tunnel } from './tunnel.ts';

const RESTARTS = IS_LONG ? 10 : 2;

test('workers that are replaced one after the other under load and flips drop nothing', async () => {
  const world = await startWorld();
  const load = new SteadyLoad({ port: world.port, clients: 40, ratePerSecond: 300 });
  const flips = new FlipLog();
  const tunnel = await Tunnel.open(world.port);
  const bytes = 60_000 * (IS_LONG ? 10 : 1);
  const download = (await startClient(world.port)).request({
    path: `/download?bytes=${bytes}&piece=2000&gap=50`,
    fields: [['X-Test-Id', 'long']],
  });
  for (let restart = 0; restart < RESTARTS; restart++) {
    const former = (await world.workers()).map(({ pid }) => pid);
    const restarted = world.admin.must('POST', '/v1/workers/restart');
    // Who asks meanwhile is answered by the same restart, and whoever flips waits for the old and the new ones alike.
    const again = world.admin.must('POST', '/v1/workers/restart');
    for (let flip = 0; flip < 4; flip++) await flips.flip(world);
    expect((await restarted).json).toEqual({ restarted: 2 });
    expect((await again).json).toEqual({ restarted: 2 });
    expect((await world.workers()).filter(({ pid }) => !former.includes(pid))).toHaveLength(2);
    expect(await tunnel.say('still')).toBe('blue:still');
  }
  expect((await download).body.equals(downloadBody('blue', 'long', bytes))).toBe(true);
  await tunnel.close();
  await expectServedWell(load, world, { others: ['', 'long'] });
  expect(flips.broken(load).broken).toEqual([]);
  expect(flips.receipts.every(({ workers }) => workers.fenced === 0)).toBe(true);
  expect(await world.admin.metric('cutover_ledger_imbalance')).toBe(0);
  await world.settledWorkers();
  console.log(`${RESTARTS} restarts: ${load.requests.length} requests, slowest ${Math.round(load.slowestMs())} ms`);
});
