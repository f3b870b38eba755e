import type { Sample } from '../../../bench/measure.ts';
import type { EntrantResult, LoadResults, Results, ScenarioResults } from '../../../bench/results.ts';

/** A round for each figure. */
export function samples(cpuMicrosPerRequest: readonly number[], over: Partial<Sample> = {}): Sample[] {
  return cpuMicrosPerRequest.map((cpu) => ({
    cpuMicrosPerRequest: cpu,
    userMicrosPerRequest: cpu / 4,
    systemMicrosPerRequest: (cpu * 3) / 4,
    requestsPerSecond: 1e6 / cpu,
    p50Ms: 1,
    p99Ms: 2,
    residentBytes: 10 * 2 ** 20,
    corePercent: 100,
    failed: 0,
    othersPercent: 3,
    ...over,
  }));
}

export function entrant(contender: string, cpu: readonly number[], over: Partial<EntrantResult> = {}): EntrantResult {
  return { contender, version: '1', label: '', samples: samples(cpu), latencies: [], ...over };
}

export function loadResults(name: string, entrants: readonly EntrantResult[]): LoadResults {
  const rest = { generator: 'wrk', connections: 64, rate: null, absent: [] };
  return { kind: 'load', name, title: `title of ${name}`, entrants, ...rest };
}

export function results(scenarios: readonly ScenarioResults[], over: Partial<Results> = {}): Results {
  const conditions = {
    takenAt: '2030-01-01T00:00:00.000Z',
    machine: 'a machine',
    node: '26.0.0',
    backend: 'nginx',
    placement: 'Somewhere.',
    seconds: 5,
    rounds: 3,
    loadBefore: 0,
    missingTools: [],
  };
  return { conditions, scenarios, missing: [], ...over };
}
