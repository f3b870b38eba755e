import { median, quantile } from './quantile.ts';

/** So many times the noted ratio is a large regression, whatever else the machine did. */
export const REGRESSION_TIMES = 1.6;
/** Between the quartiles of the rounds; with more, the machine was too restless to say anything. */
export const SPREAD_TIMES_MAX = 1.35;
/** Rounds of both without a failed request, below which nothing is said. */
export const ROUNDS_MIN = 5;

export interface GuardVerdict {
  readonly kind: 'passed' | 'regressed' | 'not judged';
  readonly ratio: number;
  /** A sentence for whoever reads the log. */
  readonly why: string;
}

/**
 * Of the ratios of the rounds, processor time of ours to that of the reference, next to the one that was noted. A regression is one
 * only if three quarters of the rounds say so.
 */
export function judgeRatios(ratios: readonly number[], noted: number): GuardVerdict {
  const sorted = ratios.filter((ratio) => ratio > 0 && Number.isFinite(ratio)).toSorted((a, b) => a - b);
  const ratio = median(sorted);
  if (sorted.length < ROUNDS_MIN) {
    return { kind: 'not judged', ratio, why: `only ${sorted.length} rounds can be used, and ${ROUNDS_MIN} are needed` };
  }
  const [low, high] = [quantile(sorted, 0.25), quantile(sorted, 0.75)];
  const limit = noted * REGRESSION_TIMES;
  const found = `${ratio.toFixed(2)} times the reference (${low.toFixed(2)} to ${high.toFixed(2)} in the middle half of the rounds)`;
  const said = `${found}; ${noted} is noted, and above ${limit.toFixed(2)} is a regression`;
  if (high / low > SPREAD_TIMES_MAX) return { kind: 'not judged', ratio, why: `the rounds differ too much: ${said}` };
  return { kind: low > limit ? 'regressed' : 'passed', ratio, why: said };
}
