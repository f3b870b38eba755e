/** A worker that dies takes nobody with it but the requests that it held. */
import { describe, expect, test } from 'vitest';

import { type FaultWorld, IS_LONG, startWorld } from './fault-world.ts';
import { FlipLog } from './flip-log.ts';
import { accountOf, CLEAN } from './load-account.ts';
import { pause } from './pause.ts';
import { freeze, killNow, peersOf } from './process-view.ts';
import { SteadyLoad } from './steady-load.ts';

const KILLS = IS_LONG ? 10 : 3;
const BETWEEN_KILLS_MS = IS_LONG ? 2_000 : 1_200;
/** A flip while a worker is being replaced, and one when it has been. */
const FLIPS_AT_MS = [100, 700];
/** From the death of a worker until somebody who waited in its line is served; and what his request itself takes. */
const REPLACED_MS_MAX = 1_000;
const REQUEST_MS = 150;

describe('a worker that is killed', () => {
  test('again and again under load costs only what was under way on it, and is replaced within a second', async () => {
    const world = await startWorld();
    const load = new SteadyLoad({ port: world.port, clients: 40, ratePerSecond: 300 });
    const flips = new FlipLog();
    const excused = new Set<string>();
    const waitedMs: number[] = [];
    await pause(500);
    for (let n = 0; n < KILLS; n++) {
      const dueAt = performance.now() + BETWEEN_KILLS_MS;
      const victim = (await world.workers()).find(({ worker }) => worker === String(n % 2));
      if (victim === undefined) throw new Error(`there is no worker ${n % 2} to kill`);
      for (const id of await kill(world, victim.pid, load)) excused.add(id);
      const killedAt = performance.now();
      for (const atMs of FLIPS_AT_MS) {
        await pause(killedAt + atMs - performance.now());
        await flips.flip(world);
      }
      await pause(dueAt - performance.now());
      waitedMs.push(Math.round(load.slowestMs(killedAt)));
    }
    await world.settledWorkers();
    await load.stop();

    const { failed, ...account } = await accountOf(load, world);
    report(`${KILLS} kills: ${load.requests.length} requests, ${failed.length} failed of ${excused.size} under way`);
    report(`slowest answer after each kill: ${waitedMs.join(', ')} ms; promises kept: ${flips.broken(load).bound}`);
    const idOf = (failure: string) => failure.slice(0, failure.indexOf(':'));
    expect(failed.filter((failure) => !excused.has(idOf(failure)))).toEqual([]);
    expect({ failed: [], ...account }).toEqual(CLEAN);
    expect(flips.broken(load).broken).toEqual([]);
    expect(flips.receipts.map(({ workers }) => workers.fenced)).toEqual(flips.receipts.map(() => 0));
    await expectEqualGenerations(world);
    expect(Math.max(...waitedMs)).toBeLessThan(REPLACED_MS_MAX + REQUEST_MS);
  }, 90_000);
});

/** Kills a worker. Resolves with the ids of the requests that were under way on it. */
async function kill({ port }: FaultWorld, pid: number, load: SteadyLoad): Promise<string[]> {
  // From a timer: a client that is about to ask looks at its connection once more before it does.
  await pause(1);
  freeze(pid);
  const peers = peersOf(pid, port);
  const held = load.underWay.filter(({ address }) => peers.has(address));
  killNow(pid);
  return held.map(({ entry }) => entry.id);
}

async function expectEqualGenerations(world: FaultWorld): Promise<void> {
  const generation = await world.admin.metric('cutover_generation');
  const served = await world.admin.metrics('cutover_worker_generation');
  expect(served.map(([, value]) => value)).toEqual([generation, generation]);
  expect(await world.admin.metric('cutover_ledger_imbalance')).toBe(0);
}

function report(line: string): void {
  console.log(line);
}
