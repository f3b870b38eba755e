/** Many changes at once come out as one clean sequence of generations, and nothing of them stays behind. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { ask } from '../helpers/start-client.ts';
import { type FaultWorld, IS_LONG, startWorld } from './fault-world.ts';
import { heapArgs, liveObjects } from './heap-census.ts';
import { expectClean } from './load-account.ts';
import { pause } from './pause.ts';
import { SteadyLoad } from './steady-load.ts';

const STORM_MS = IS_LONG ? 10_000 : 2_000;
/** Of each of the two clients. */
const FLIPS_PER_SECOND = 100;
/** A client that has so many without an answer waits for one. */
const OPEN_MAX = 16;
/** Accounts of generations that a worker keeps apart, and the few that are between two lists or shapes of a class. */
const LEDGERS_MAX = 64 + 8;
/** No request is under way: the pools' current ones, and as above. */
const COHORTS_MAX = 8;

const SPLIT = '/v1/services/app/split';

interface Flip {
  readonly to: 'blue' | 'green';
  readonly askedAt: number;
  answeredAt: number;
  status: number;
  /** That it made; 0: none. */
  generation: number;
}

test('200 flips a second from two clients, with and without If-Match, leave the ledger clean', async () => {
  const heaps = mkdtempSync(path.join(tmpdir(), 'cutover-heaps-'));
  onTestFinished(() => rmSync(heaps, { recursive: true, force: true }));
  const world = await startWorld({}, heapArgs(heaps));
  const load = new SteadyLoad({ port: world.port, clients: 40, ratePerSecond: 300 });
  const before = await world.admin.metric('cutover_generation');
  const startedAt = performance.now();
  const flips = (await Promise.all([storm(world, true), storm(world, false)])).flat();
  const tookMs = performance.now() - startedAt;
  await expectClean(load, world);

  const made = flips.filter(({ status }) => status === 200).toSorted((a, b) => a.generation - b.generation);
  expect([...new Set(flips.map(({ status }) => status))].filter((status) => ![200, 412].includes(status))).toEqual([]);
  expect(made.map(({ generation }) => generation)).toEqual(made.map((_, index) => before + 1 + index));
  expect(await world.admin.metric('cutover_generation')).toBe(before + made.length);
  const { decided, broken } = promises(load, made);
  expect(broken).toEqual([]);
  expect((await ask(world.port)).field('x-version')).toBe(made.at(-1)?.to);
  expect(await world.admin.metric('cutover_requests_in_flight')).toBe(0);

  // Drains that ended unwatched are found by a slow poll.
  await pause(1_000);
  const workers = (await world.workers()).slice(0, IS_LONG ? 2 : 1);
  const census = await Promise.all(
    workers.map(({ pid }) => liveObjects(pid, heaps, ['GenerationLedger', 'Cohort', 'Drain'])),
  );
  const refused = flips.length - made.length;
  console.log(`${made.length} flips and ${refused} refused by If-Match in ${Math.round(tookMs)} ms`);
  console.log(`${load.requests.length} requests, ${decided} of one possible pool; on heaps:`, census);
  for (const { GenerationLedger = 0, Cohort = 0, Drain = 0 } of census) {
    expect(GenerationLedger).toBeGreaterThan(1);
    expect(GenerationLedger).toBeLessThanOrEqual(LEDGERS_MAX);
    expect(Cohort).toBeLessThanOrEqual(COHORTS_MAX);
    expect(Drain).toBeLessThanOrEqual(COHORTS_MAX);
  }
});

/** Asks at a steady rate, whether the ones before have been answered or not. */
async function storm({ admin }: FaultWorld, isConditional: boolean): Promise<Flip[]> {
  const flips: Flip[] = [];
  const open = new Set<Promise<void>>();
  const startedAt = performance.now();
  for (let n = 0; performance.now() - startedAt < STORM_MS; n++) {
    await pause(startedAt + (n * 1000) / FLIPS_PER_SECOND - performance.now());
    if (open.size >= OPEN_MAX) await Promise.race(open);
    const tag = isConditional ? String((await admin.must('GET', SPLIT)).headers['etag']) : null;
    const to = n % 2 === 0 ? 'green' : 'blue';
    const flip: Flip = { to, askedAt: performance.now(), answeredAt: Infinity, status: 0, generation: 0 };
    flips.push(flip);
    const answered = admin
      .call('PUT', SPLIT, { weights: { [to]: 100 } }, tag === null ? {} : { 'if-match': tag })
      .then(({ status, json }) => {
        flip.answeredAt = performance.now();
        flip.status = status;
        if (status === 200) flip.generation = json.generation.after;
      })
      .finally(() => open.delete(answered));
    open.add(answered);
  }
  await Promise.all(open);
  return flips;
}

/** Whether each answer came from a pool that had the traffic at some time while its request was under way. */
function promises(load: SteadyLoad, made: readonly Flip[]): { readonly decided: number; readonly broken: string[] } {
  let decided = 0;
  const broken = load.requests.flatMap(({ entry, askedAt }) => {
    const last = made.findLastIndex(({ answeredAt }) => answeredAt < askedAt);
    const later = made.slice(last + 1).filter((flip) => flip.askedAt < entry.headAt);
    const possible = new Set([made[last]?.to ?? 'blue', ...later.map(({ to }) => to)]);
    if (possible.size === 1) decided += 1;
    return possible.has(entry.version as Flip['to']) ? [] : [entry.id];
  });
  return { decided, broken };
}
