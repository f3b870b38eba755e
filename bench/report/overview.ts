import type { LoadResults, Results } from '../results.ts';
import { cpuOf, entrantNamed, medianOf } from './figures.ts';

/** Processor time by scenario and contender, with a row of titles first; "—" where a contender did not take part. */
export function overviewRows(results: Results): string[][] {
  const loads = results.scenarios.filter((scenario) => scenario.kind === 'load');
  const contenders = [...new Set(loads.flatMap(({ entrants }) => entrants.map(({ contender }) => contender)))];
  const rows = loads.flatMap((scenario) =>
    labelsOf(scenario).map((label) => [
      label === '' ? scenario.name : `${scenario.name}, ${label}`,
      ...contenders.map((contender) => {
        const found = entrantNamed(scenario, contender, label);
        return found === null ? '—' : medianOf(found.samples, cpuOf).toFixed(1);
      }),
    ]),
  );
  return [['CPU µs/request', ...contenders], ...rows];
}

function labelsOf({ entrants }: LoadResults): string[] {
  return [...new Set(entrants.map(({ label }) => label))];
}
