/** A worker that dies takes nobody with it but the requests that it held. */
import { expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { IS_LONG, startWorld } from './fault-world.ts';
import { killNow } from './process-view.ts';
import { SteadyLoad } from './steady-load.ts';

const KILLS = IS_LONG ? 10 : 2;
const BETWEEN_KILLS_MS = IS_LONG ? 2_000 : 1_200;

test('killed workers lose at most the requests under way on them, and are replaced within a second', async () => {
  const world = await startWorld();
  const load = new SteadyLoad({ port: world.port, clients: 32, ratePerSecond: 300 });
  let underWayAtKills = 0;
  const replacedMs: number[] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_KILLS_MS));
    const victim = (await world.settledWorkers())[kill % 2];
    if (victim === undefined) throw new Error('there is no worker to kill');
    underWayAtKills += load.underWay;
    killNow(victim.pid);
    const killedAt = performance.now();
    await eventually(async () => {
      const workers = await world.workers();
      expect(workers.map(({ pid }) => pid)).not.toContain(victim.pid);
      expect(workers).toHaveLength(2);
    });
    replacedMs.push(performance.now() - killedAt);
  }
  await load.stop();
  const balance = load.ledger.balance([world.blue, world.green]);
  console.log(
    `kills ${KILLS}, requests ${balance.requests}, failed ${balance.failed.length}, replaced after ms`,
    replacedMs,
  );
  expect(balance.failed.length).toBeLessThanOrEqual(underWayAtKills);
  expect(balance).toMatchObject({ lost: [], wrongPool: [], truncated: [] });
  // A request that died with its worker may have reached the application; what was answered did so once.
  const answered = balance.duplicated.filter((id) => load.ledger.entries.get(id)?.version !== null);
  expect(answered).toEqual([]);
  const workers = await world.settledWorkers();
  expect(new Set(workers.map(({ generation }) => generation)).size).toBe(1);
  expect(await world.admin.metric('cutover_ledger_imbalance')).toBe(0);
});
