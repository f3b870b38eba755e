import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Children } from '../../../bench/children.ts';
import type { Contender, Feature } from '../../../bench/contender.ts';
import { relay } from '../../../bench/contenders/relay.ts';
import type { LoadGenerator } from '../../../bench/load.ts';
import { type LoadResults, hasFailed } from '../../../bench/results.ts';
import { type Run, runScenario } from '../../../bench/run-scenario.ts';
import type { LoadScenario } from '../../../bench/scenario.ts';
import { SMALL_GET } from '../../../bench/scenarios.ts';

const SCENARIO: LoadScenario = {
  kind: 'load',
  name: 'small',
  title: 'small GET',
  isUsual: false,
  load: SMALL_GET,
  settings: [['', { entry: 'http' }]],
  backend: 'raw',
  hasLatencies: false,
};

/** Asks each proxy once, says that it was a thousand times, and notes whom it asked. */
function quickLoad(asked: string[]): LoadGenerator {
  return {
    name: 'quick load',
    suits: () => true,
    async run({ origin }) {
      asked.push(origin);
      const { status } = await fetch(`${origin}/`);
      return { requests: status === 200 ? 1_000 : 0, seconds: 1, p50Ms: 1, p99Ms: 2, failed: 0 };
    },
  };
}

const startingNever: Contender = {
  ...relay,
  name: 'broken',
  start: () => Promise.reject(new Error('no\n  such file')),
};

interface Entering {
  readonly contenders: readonly (readonly [contender: Contender, features: readonly Feature[]])[];
  readonly generator?: LoadGenerator | null;
}

async function makeRun({ contenders, generator = quickLoad([]) }: Entering): Promise<Run> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cutover-run-scenario-'));
  const children = new Children({ pinning: false });
  onTestFinished(async () => {
    await children.stopAll();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    children,
    folder,
    core: 0,
    loadCore: 0,
    rounds: 2,
    seconds: 1,
    generators: { for: () => generator, missing: [] },
    certificate: null,
    contenders: contenders.map(([contender, features]) => ({ contender, probed: { version: '1', features } })),
    say: () => {},
  };
}

test('contenders take turns, whoever does not start or cannot do it is named, and the others are measured', async () => {
  const asked: string[] = [];
  const other: Contender = { ...relay, name: 'other' };
  const contenders = [
    [relay, ['http']],
    [startingNever, ['http']],
    [{ ...relay, name: 'tcp only' }, ['tcp']],
    [other, ['http']],
  ] as const;
  const run = await makeRun({ contenders, generator: quickLoad(asked) });
  const found = (await runScenario(run, SCENARIO)) as LoadResults;
  expect(found.entrants.map(({ contender, samples }) => [contender, samples.length])).toEqual([
    ['relay', 2],
    ['other', 2],
  ]);
  expect(found.absent).toEqual([
    { name: 'broken', reason: 'no such file', isFailure: true },
    { name: 'tcp only', reason: 'no http here', isFailure: false },
  ]);
  expect(hasFailed(found)).toBe(true);
  const [one, two] = [...new Set(asked)];
  // Each is warmed up when it starts, and in each round asked once before it counts.
  expect(asked).toEqual([one, two, one, one, two, two, one, one, two, two]);
});

test('what has been started for a scenario has ended when it is over', async () => {
  const run = await makeRun({ contenders: [[relay, ['http']]] });
  const pids: number[] = [];
  const startFree = run.children.startFree.bind(run.children);
  run.children.startFree = async (...args) => {
    const child = await startFree(...args);
    pids.push(child.pid);
    return child;
  };
  await runScenario(run, SCENARIO);
  expect(pids).toHaveLength(2); // the backend, and the relay
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

test('a setting that is compared with another one is asked only of those who can do both', async () => {
  const settings = [
    ['one', { entry: 'http' }],
    ['ten', { entry: 'http', services: 10 }],
  ] as const;
  const run = await makeRun({ contenders: [[relay, ['http']]] });
  const found = await runScenario(run, { ...SCENARIO, settings });
  expect(found).toMatchObject({ kind: 'skipped', isFailure: false });
  expect((found as { reason: string }).reason).toContain('services');
});

test('without a program that makes the load, or a certificate, a scenario is skipped and says why', async () => {
  const run = await makeRun({ contenders: [[relay, ['http']]], generator: null });
  expect(await runScenario(run, SCENARIO)).toMatchObject({ kind: 'skipped', isFailure: false });
  const secure = { ...SCENARIO, settings: [['', { entry: 'https' }]] as const };
  const found = await runScenario(await makeRun({ contenders: [[relay, ['https']]] }), secure);
  expect(found).toMatchObject({ kind: 'skipped', reason: expect.stringContaining('openssl') as string });
});

test('a load that fails costs its scenario, not the run', async () => {
  const failing: LoadGenerator = { ...quickLoad([]), run: () => Promise.reject(new Error('it crashed')) };
  const run = await makeRun({ contenders: [[relay, ['http']]], generator: failing });
  const found = await runScenario(run, SCENARIO);
  expect(found).toMatchObject({
    kind: 'skipped',
    isFailure: true,
    reason: expect.stringContaining('it crashed') as string,
  });
});
