/** What is read out of results: medians, and ratios within a round. */
import type { Sample } from '../measure.ts';
import { median } from '../quantile.ts';
import type { EntrantResult, LoadResults, Results } from '../results.ts';

export function medianOf(samples: readonly Sample[], pick: (sample: Sample) => number): number {
  return median(samples.map(pick));
}

export function cpuOf(sample: Sample): number {
  return sample.cpuMicrosPerRequest;
}

/** From the lowest to the highest round. */
export function spreadOf(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}`;
}

/** Of processor time. Within a round both had the same machine, quiet or not. Null where there is no round of both. */
export function cpuRatio(one: readonly Sample[], other: readonly Sample[]): number | null {
  const ratios = one.flatMap((sample, round) => {
    const beside = other[round];
    return beside === undefined ? [] : [cpuOf(sample) / cpuOf(beside)];
  });
  return ratios.length === 0 ? null : median(ratios);
}

/** A scenario that was measured, or null. */
export function loadNamed({ scenarios }: Results, name: string): LoadResults | null {
  const found = scenarios.find((scenario) => scenario.name === name);
  return found?.kind === 'load' ? found : null;
}

export function entrantNamed({ entrants }: LoadResults, contender: string, label = ''): EntrantResult | null {
  return entrants.find((entrant) => entrant.contender === contender && entrant.label === label) ?? null;
}

/** In the rounds that processor time is read of. */
export function failedOf({ samples }: EntrantResult): number {
  return samples.reduce((sum, { failed }) => sum + failed, 0);
}

/** At the fixed rate, which may be more than a contender can do: failed, or not answered in time. */
export function missedOf({ latencies }: EntrantResult): number {
  return latencies.reduce((sum, { failed }) => sum + failed, 0);
}
