/** A worker that dies takes nobody with it but the requests that it held. */
import { describe, expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { type FaultWorld, IS_LONG, startWorld } from './fault-world.ts';
import { FlipLog } from './flip-log.ts';
import { killUnder } from './kill-under.ts';
import { expectClean } from './load-account.ts';
import { pause } from './pause.ts';
import { SteadyLoad } from './steady-load.ts';

const KILLS = IS_LONG ? 10 : 3;
const BETWEEN_KILLS_MS = IS_LONG ? 2_000 : 1_200;
/** A flip while a worker is being replaced, and one when it has been. */
const FLIPS_AT_MS = [100, 700];
/** From the death of a worker until somebody who waited in its line is served; and what his request itself takes. */
const REPLACED_MS_MAX = 1_000;
const REQUEST_MS = 150;
/** Where the machine has so much else to do that starting a process takes most of that: nothing else may take long. */
const WAIT_MS_MAX = 2_000;

const STARTED = 'a worker accepts';

describe('a worker that is killed', () => {
  test('again and again under load costs only what was under way on it, and is replaced within a second', async () => {
    const world = await startWorld();
    const load = startLoad(world);
    const flips = new FlipLog();
    const excused: string[] = [];
    const waitedMs: number[] = [];
    await pause(500);
    for (let n = 0; n < KILLS; n++) {
      const dueAt = performance.now() + BETWEEN_KILLS_MS;
      const victim = (await world.workers()).find(({ worker }) => worker === String(n % 2));
      excused.push(...(await killUnder(load, world.port, [victim?.pid ?? 0])));
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

    const failed = [...load.ledger.entries.values()].filter(({ failure }) => failure !== null).length;
    console.log(`${KILLS} kills: ${load.requests.length} requests, ${failed} failed of ${excused.length} under way`);
    const startMs = world.proxy.log
      .flatMap((entry) => (entry.msg === STARTED ? [Number(entry['startMs'])] : []))
      .slice(2);
    console.log(`replacements accepted ${startMs.join(', ')} ms after they were started`);
    console.log(`slowest answer after each kill: ${waitedMs.join(', ')} ms; promises: ${flips.broken(load).bound}`);
    await expectClean(load, world, { excused });
    expect(flips.broken(load).broken).toEqual([]);
    expect(flips.receipts.map(({ workers }) => workers.fenced)).toEqual(flips.receipts.map(() => 0));
    await expectEqualGenerations(world);
    for (const [n, waited] of waitedMs.entries()) {
      expect(waited).toBeLessThan(Math.max(REPLACED_MS_MAX, (startMs[n] ?? 0) + WAIT_MS_MAX) + REQUEST_MS);
    }
  });

  test('with all others at once leaves those who wait in line to the replacements', async () => {
    const world = await startWorld();
    const load = startLoad(world);
    await pause(300);
    const workers = await world.workers();
    const excused = await killUnder(
      load,
      world.port,
      workers.map(({ pid }) => pid),
    );
    await pause(700);
    await world.settledWorkers();
    await expectClean(load, world, { excused });
  });

  test('and whose replacement is killed while it starts is replaced all the same, and only once', async () => {
    const world = await startWorld();
    const load = startLoad(world);
    const [victim] = await world.workers();
    const before = world.pids();
    const excused = await killUnder(load, world.port, [victim?.pid ?? 0]);
    const replacement = await eventually(() => newcomer(world, before));
    // Where it was found late, it has clients already.
    excused.push(...(await killUnder(load, world.port, [replacement])));
    const killedAt = performance.now();
    const workers = await world.settledWorkers();
    expect(performance.now() - killedAt).toBeLessThan(10_000);
    await pause(500);
    expect(await world.settledWorkers()).toEqual(workers);
    await expectClean(load, world, { excused });
  });
});

function startLoad({ port }: FaultWorld): SteadyLoad {
  return new SteadyLoad({ port, clients: 40, ratePerSecond: 300 });
}

function newcomer(world: FaultWorld, before: readonly number[]): number {
  const [pid] = world.pids().filter((one) => !before.includes(one));
  if (pid === undefined) throw new Error('no process was started');
  return pid;
}

async function expectEqualGenerations(world: FaultWorld): Promise<void> {
  const generation = await world.admin.metric('cutover_generation');
  const served = await world.admin.metrics('cutover_worker_generation');
  expect(served.map(([, value]) => value)).toEqual([generation, generation]);
}
