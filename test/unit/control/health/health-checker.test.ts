import { expect, test } from 'vitest';
import { seededRandom } from '../../../../src/base/random.ts';
import { HealthChecker, INTERVAL_JITTER } from '../../../../src/control/health/health-checker.ts';
import type { Probe, ProbeResult } from '../../../../src/control/health/probe.ts';
import type { HealthCheck, WantedTarget } from '../../../../src/control/health/wanted-target.ts';
import type { TargetHealth } from '../../../../src/snapshot/data-plane.ts';
import { manualClock } from '../../../helpers/manual-clock.ts';

const INTERVAL_MS = 2000;
const CHECK: HealthCheck = {
  type: 'http',
  method: 'GET',
  headers: [],
  bodyContains: null,
  downIntervalMs: 2000,
  path: '/healthz',
  intervalMs: INTERVAL_MS,
  timeoutMs: 1000,
  rise: 2,
  fall: 3,
  host: null,
  statuses: [{ from: 200, to: 299 }],
};

/** Long enough for one check of each target, too short for two. */
const ONE_ROUND_MS = INTERVAL_MS * (1 + INTERVAL_JITTER);

interface OpenProbe {
  readonly port: number;
  readonly signal: AbortSignal;
  answer(result: ProbeResult): void;
}

function startWorld(options: { readonly probesMax?: number } = {}) {
  const clock = manualClock();
  const changes: string[] = [];
  const asked: number[] = [];
  const open: OpenProbe[] = [];
  /** By port; a port that is not in here is held open until the test answers it. */
  const answers = new Map<number, ProbeResult>();
  const probe: Probe = ({ port }, signal) => {
    asked.push(port);
    const answer = answers.get(port);
    if (answer !== undefined) return Promise.resolve(answer);
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve('timeout'));
      open.push({ port, signal, answer: resolve });
    });
  };
  const checker = new HealthChecker({
    ...options,
    clock,
    random: seededRandom(7),
    probe,
    onChange: (moved: readonly TargetHealth[]) => {
      changes.push(...moved.map(({ pool, target, up }) => `${pool} ${target} ${up ? 'up' : 'down'}`));
    },
  });
  return {
    clock,
    checker,
    answers,
    asked,
    open,
    /** What changed since it was last asked. */
    takeChanges: () => changes.splice(0),
    async pass(ms: number): Promise<void> {
      const stepMs = 20;
      for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
        clock.advance(stepMs);
        await settle();
      }
    },
  };
}

/** Lets every promise that can go on do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function wanted(port: number, over: Partial<WantedTarget> = {}): WantedTarget {
  const target = `127.0.0.1:${port}`;
  return { service: 'shop', pool: 'green', target, host: '127.0.0.1', port, check: CHECK, initial: 'down', ...over };
}

test('a new target is down until `rise` checks passed', async () => {
  const world = startWorld();
  world.answers.set(1, null);
  world.checker.setTargets([wanted(1)]);
  expect(world.takeChanges()).toEqual(['green 127.0.0.1:1 down']);
  await world.pass(100);
  expect(world.asked).toEqual([1]);
  expect(world.checker.isUp('shop', 'green', '127.0.0.1:1')).toBe(false);
  await world.pass(ONE_ROUND_MS);
  expect(world.asked).toEqual([1, 1]);
  expect(world.checker.isUp('shop', 'green', '127.0.0.1:1')).toBe(true);
  expect(world.takeChanges()).toEqual(['green 127.0.0.1:1 up']);
});

test('a target of the start-up configuration is up until `fall` checks failed', async () => {
  const world = startWorld();
  world.answers.set(1, 'refused');
  world.checker.setTargets([wanted(1, { initial: 'up' })]);
  await world.pass(100 + ONE_ROUND_MS);
  expect(world.asked).toEqual([1, 1]);
  expect(world.takeChanges()).toEqual(['green 127.0.0.1:1 up']);
  await world.pass(ONE_ROUND_MS);
  expect(world.takeChanges()).toEqual(['green 127.0.0.1:1 down']);
  expect(world.checker.statuses()).toMatchObject([{ up: false, checked: true, failure: 'refused' }]);
});

test('a target of a service without checks is up and never asked', async () => {
  const world = startWorld();
  world.checker.setTargets([wanted(1, { check: null })]);
  await world.pass(3 * INTERVAL_MS);
  expect(world.asked).toEqual([]);
  expect(world.checker.isUp('shop', 'green', '127.0.0.1:1')).toBe(true);
  expect(world.checker.statuses()).toMatchObject([{ up: true, checked: false }]);
});

test('a target that nobody named is not up', () => {
  const { checker } = startWorld();
  expect(checker.isUp('shop', 'green', '127.0.0.1:1')).toBe(false);
});

test('a change of the configuration that keeps a target keeps its health and its rhythm', async () => {
  const world = startWorld();
  world.answers.set(1, null);
  world.answers.set(2, null);
  world.checker.setTargets([wanted(1)]);
  await world.pass(100);
  world.checker.setTargets([wanted(1, { initial: 'up' }), wanted(2)]);
  expect(world.checker.isUp('shop', 'green', '127.0.0.1:1')).toBe(false);
  await world.pass(ONE_ROUND_MS);
  expect(world.asked.filter((port) => port === 1)).toHaveLength(2);
  expect(world.checker.isUp('shop', 'green', '127.0.0.1:1')).toBe(true);
  world.checker.setTargets([wanted(1), wanted(2)]);
  expect(world.checker.isUp('shop', 'green', '127.0.0.1:1')).toBe(true);
});

test('a new check keeps the side that a target was on, and counts anew', async () => {
  const world = startWorld();
  world.answers.set(1, 'status 500');
  world.checker.setTargets([wanted(1, { initial: 'up' })]);
  await world.pass(100 + ONE_ROUND_MS);
  world.takeChanges();
  world.checker.setTargets([wanted(1, { check: { ...CHECK, path: '/other' } })]);
  await world.pass(100 + ONE_ROUND_MS);
  expect(world.takeChanges()).toEqual([]);
  await world.pass(ONE_ROUND_MS);
  expect(world.takeChanges()).toEqual(['green 127.0.0.1:1 down']);
});

test('taking the checks off a service brings its targets up', async () => {
  const world = startWorld();
  world.answers.set(1, 'refused');
  world.checker.setTargets([wanted(1)]);
  await world.pass(100);
  world.takeChanges();
  world.checker.setTargets([wanted(1, { check: null })]);
  expect(world.takeChanges()).toEqual(['green 127.0.0.1:1 up']);
  expect(world.checker.statuses()).toMatchObject([{ failure: null }]);
});

test('a check under way is ended, and its answer not counted, when its target goes', async () => {
  const world = startWorld();
  world.checker.setTargets([wanted(1, { check: { ...CHECK, rise: 1 } })]);
  await world.pass(100);
  world.takeChanges();
  const [probe] = world.open;
  world.checker.setTargets([]);
  expect(probe?.signal.aborted).toBe(true);
  world.checker.setTargets([wanted(1, { check: { ...CHECK, rise: 1 } })]);
  probe?.answer(null);
  await settle();
  expect(world.takeChanges()).toEqual(['green 127.0.0.1:1 down']);
});

test('a check that hangs fails at its timeout', async () => {
  const world = startWorld();
  world.checker.setTargets([wanted(1, { initial: 'up', check: { ...CHECK, fall: 1 } })]);
  await world.pass(CHECK.timeoutMs - 100);
  expect(world.checker.isUp('shop', 'green', '127.0.0.1:1')).toBe(true);
  await world.pass(200);
  expect(world.checker.isUp('shop', 'green', '127.0.0.1:1')).toBe(false);
  expect(world.checker.statuses()).toMatchObject([{ failure: 'timeout' }]);
});

test('a change of one service leaves the checks of another alone', async () => {
  const world = startWorld();
  world.answers.set(1, null);
  world.answers.set(2, null);
  world.checker.setService('shop', [wanted(1)]);
  world.checker.setService('blog', [wanted(2, { service: 'blog' })]);
  await world.pass(100 + ONE_ROUND_MS);
  world.checker.setService('blog', []);
  expect(world.checker.isUp('shop', 'green', '127.0.0.1:1')).toBe(true);
  expect(world.checker.isUp('blog', 'green', '127.0.0.1:2')).toBe(false);
  expect(world.checker.statuses('shop')).toHaveLength(1);
});

test('the same address in two pools has a health in each', async () => {
  const world = startWorld();
  world.answers.set(1, null);
  world.checker.setTargets([wanted(1, { pool: 'blue', check: { ...CHECK, rise: 1 } }), wanted(1)]);
  await world.pass(100);
  expect(world.checker.isUp('shop', 'blue', '127.0.0.1:1')).toBe(true);
  expect(world.checker.isUp('shop', 'green', '127.0.0.1:1')).toBe(false);
});

test('ten thousand new targets are first checked evenly over one interval', async () => {
  const world = startWorld({ probesMax: 10_000 });
  const targets = Array.from({ length: 10_000 }, (_, i) => wanted(i + 1));
  for (const { port } of targets) world.answers.set(port, null);
  world.checker.setTargets(targets);
  const perTenth: number[] = [];
  for (let tenth = 0; tenth < 10; tenth++) {
    const before = new Set(world.asked).size;
    await world.pass(INTERVAL_MS / 10);
    perTenth.push(new Set(world.asked).size - before);
  }
  for (const started of perTenth) {
    expect(started).toBeGreaterThan(950);
    expect(started).toBeLessThan(1050);
  }
});

test('no more checks are under way at once than allowed, and none is left out', async () => {
  const world = startWorld({ probesMax: 3 });
  world.checker.setTargets(Array.from({ length: 10 }, (_, i) => wanted(i + 1)));
  await world.pass(100);
  expect(world.open).toHaveLength(3);
  for (let answered = 0; answered < 10; answered++) {
    world.open[answered]?.answer(null);
    await settle();
  }
  expect(new Set(world.asked)).toEqual(new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
});

test('checks of one target never overlap, and start one interval apart give or take the jitter', async () => {
  const world = startWorld();
  world.checker.setTargets([wanted(1)]);
  const startsMs: number[] = [];
  for (let i = 0; i < 1000; i++) {
    const before = world.asked.length;
    await world.pass(20);
    if (world.asked.length === before) continue;
    startsMs.push(world.clock.monotonicMs());
    await world.pass(500);
    world.open.at(-1)?.answer(null);
  }
  const gapsMs = startsMs.slice(1).map((startMs, i) => startMs - (startsMs[i] ?? 0));
  expect(gapsMs.length).toBeGreaterThan(5);
  for (const gapMs of gapsMs) {
    expect(gapMs).toBeGreaterThanOrEqual(INTERVAL_MS * (1 - INTERVAL_JITTER) - 20);
    expect(gapMs).toBeLessThanOrEqual(INTERVAL_MS * (1 + INTERVAL_JITTER) + 20);
  }
  expect(new Set(gapsMs).size).toBeGreaterThan(1);
});

test('after close nothing is asked, nothing reported and no timer left', async () => {
  const world = startWorld();
  world.answers.set(2, null);
  world.checker.setTargets([wanted(1), wanted(2)]);
  await world.pass(100);
  world.takeChanges();
  await world.checker.close();
  expect(world.clock.pendingTimers()).toBe(0);
  world.checker.setTargets([wanted(3)]);
  await world.pass(2 * INTERVAL_MS);
  expect(world.asked).not.toContain(3);
  expect(world.takeChanges()).toEqual([]);
});

test('an address that two pools want the same check of is asked once, and both hear the answer', async () => {
  const world = startWorld();
  world.answers.set(1, null);
  world.checker.setTargets([wanted(1, { pool: 'blue' }), wanted(1), wanted(1, { service: 'blog' })]);
  world.takeChanges();
  await world.pass(100 + ONE_ROUND_MS);
  expect(world.asked).toEqual([1, 1]);
  expect(world.takeChanges()).toHaveLength(3);
});

test('a pool that comes later starts with what is known of the address', async () => {
  const world = startWorld();
  world.answers.set(1, null);
  world.answers.set(2, 'refused');
  world.checker.setService('shop', [wanted(1), wanted(2, { initial: 'up', check: { ...CHECK, fall: 1 } })]);
  await world.pass(100 + ONE_ROUND_MS);
  world.checker.setService('blog', [
    wanted(1, { service: 'blog' }),
    wanted(2, { service: 'blog', initial: 'up', check: { ...CHECK, fall: 1 } }),
  ]);
  expect(world.checker.isUp('blog', 'green', '127.0.0.1:1')).toBe(true);
  expect(world.checker.isUp('blog', 'green', '127.0.0.1:2')).toBe(false);
});

test('a shared check goes on as long as one pool wants it', async () => {
  const world = startWorld();
  world.answers.set(1, null);
  world.checker.setService('shop', [wanted(1)]);
  world.checker.setService('blog', [wanted(1, { service: 'blog' })]);
  await world.pass(100);
  world.checker.setService('shop', []);
  await world.pass(ONE_ROUND_MS);
  expect(world.checker.isUp('blog', 'green', '127.0.0.1:1')).toBe(true);
  world.checker.setService('blog', []);
  expect(world.clock.pendingTimers()).toBe(0);
});

test('a target that is down, or about to change sides, is asked in the quicker rhythm', async () => {
  const world = startWorld();
  const check = { ...CHECK, intervalMs: 10_000, downIntervalMs: 500 };
  world.answers.set(1, null);
  world.checker.setTargets([wanted(1, { initial: 'up', check })]);
  await world.pass(2_000);
  expect(world.asked).toHaveLength(1);
  world.answers.set(1, 'refused');
  await world.pass(11_000);
  const asked = world.asked.length;
  expect(world.checker.isUp('shop', 'green', '127.0.0.1:1')).toBe(false);
  await world.pass(2_000);
  expect(world.asked.length - asked).toBeGreaterThanOrEqual(3);
  world.answers.set(1, null);
  await world.pass(1_500);
  expect(world.checker.isUp('shop', 'green', '127.0.0.1:1')).toBe(true);
  const settled = world.asked.length;
  await world.pass(4_000);
  expect(world.asked.length - settled).toBeLessThanOrEqual(1);
});
