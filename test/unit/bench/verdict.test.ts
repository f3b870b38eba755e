import { expect, test } from 'vitest';
import { type Goal, GOALS, judge, verdictRows } from '../../../bench/report/verdict.ts';
import { CONTENDERS } from '../../../bench/contenders/all.ts';
import type { Results, ScenarioResults } from '../../../bench/results.ts';
import { SCENARIOS } from '../../../bench/scenarios.ts';
import { entrant, loadResults, results, samples } from './results-fixture.ts';

const NEXT_TO_NGINX = GOALS.filter(
  ({ work, figure }) => work.startsWith('small GET, kept') && figure === 'CPU, × nginx',
);

function verdictOf(found: Results): string | undefined {
  return judge(found, NEXT_TO_NGINX)[0]?.verdict;
}

test.each([
  [14, 'reached'],
  [15, 'reached'],
  [18, 'first bar reached'],
  [20, 'not reached'],
])('%s µs next to 15 of nginx is %s', (micros, verdict) => {
  const load = loadResults('small-64', [entrant('cutover', [micros]), entrant('nginx', [15])]);
  expect(verdictOf(results([load]))).toBe(verdict);
});

test('a scenario that was not measured, or without nginx, decides nothing', () => {
  expect(verdictOf(results([]))).toBe('not measured');
  expect(verdictOf(results([loadResults('small-64', [entrant('cutover', [10])])]))).toBe('not measured');
});

test('requests that failed decide nothing, however cheap they were', () => {
  const failing = entrant('cutover', [], { samples: samples([1], { failed: 1 }) });
  expect(verdictOf(results([loadResults('small-64', [failing, entrant('nginx', [15])])]))).toBe('not measured');
});

test('a rate that a contender cannot keep up with decides nothing about its processor time', () => {
  const late = { latencies: [{ latenciesMs: [], failed: 9 }] };
  const load = loadResults('small-64', [entrant('cutover', [15], late), entrant('nginx', [15], late)]);
  expect(verdictOf(results([load]))).toBe('reached');
});

test('a goal that is a lower bound is reached from below', () => {
  const workers = GOALS.filter(({ work }) => work === 'two workers against one');
  const found = (times: number): Results =>
    results([{ kind: 'script', name: 'workers', title: '', table: [], figures: { times } }]);
  expect(judge(found(1.79), workers)[0]?.verdict).toBe('not reached');
  expect(judge(found(1.8), workers)[0]?.verdict).toBe('reached');
  expect(verdictRows(judge(found(1.8), workers))[1]).toEqual([
    'two workers against one',
    'times',
    'at least 1.8×',
    '1.8×',
    'reached',
  ]);
});

test('what many cost is compared with the few of the same rounds', () => {
  const services = GOALS.filter(({ work }) => work === '10 → 10,000 services');
  const few = entrant('cutover', [20, 40], { label: '10 services' });
  const many = entrant('cutover', [22, 44], { label: '10,000 services' });
  expect(judge(results([loadResults('services', [few, many])]), services)[0]).toMatchObject({ verdict: 'reached' });
});

test('every goal reads its figure from a scenario that there is', () => {
  const names = SCENARIOS.map(({ name }) => name);
  const asked = (goal: Goal): string[] => {
    return names.filter((name) => goal.read(results([everything(name)])) !== null);
  };
  expect(GOALS.filter((goal) => asked(goal).length !== 1)).toEqual([]);
});

/** Results of a scenario as it is, in which everybody took part. */
function everything(name: string): ScenarioResults {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (scenario?.kind !== 'load') {
    const figures = new Proxy({}, { get: () => 1 });
    return { kind: 'script', name, title: '', table: [], figures };
  }
  const labels = scenario.settings.map(([label]) => label);
  return loadResults(
    name,
    CONTENDERS.flatMap((contender) => labels.map((label) => entrant(contender.name, [10], { label }))),
  );
}
