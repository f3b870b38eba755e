import { LOG_LINEAR_BUCKET_COUNT, bucketOf } from '../base/log-linear.ts';
import type { HistogramReport } from '../snapshot/data-plane.ts';

/** What became of a cutover. refused: the operator was at fault, or no target was well. failed: we were. */
export type CutoverResult = 'applied' | 'refused' | 'failed';

export interface CutoverCount {
  readonly service: string;
  readonly result: CutoverResult;
  readonly count: number;
}

/** Changes of traffic (cutovers, splits, rollbacks) since start, for the metrics. */
export class CutoverCounts {
  readonly #byService = new Map<string, Map<CutoverResult, number>>();
  readonly #buckets = new Array<number>(LOG_LINEAR_BUCKET_COUNT).fill(0);
  #barrierSumMs = 0;
  #barrierCount = 0;

  applied(service: string, barrierMs: number): void {
    this.#add(service, 'applied');
    const bucket = bucketOf(barrierMs * 1_000);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#barrierSumMs += barrierMs;
    this.#barrierCount += 1;
  }

  notApplied(service: string, result: Exclude<CutoverResult, 'applied'>): void {
    this.#add(service, result);
  }

  counts(): CutoverCount[] {
    return [...this.#byService].flatMap(([service, results]) =>
      [...results].map(([result, count]) => ({ service, result, count })),
    );
  }

  /** `null`: none was applied yet. */
  barrier(): HistogramReport | null {
    if (this.#barrierCount === 0) return null;
    return { buckets: [...this.#buckets], sumSeconds: this.#barrierSumMs / 1_000, count: this.#barrierCount };
  }

  #add(service: string, result: CutoverResult): void {
    const results = this.#byService.get(service) ?? new Map<CutoverResult, number>();
    this.#byService.set(service, results.set(result, (results.get(result) ?? 0) + 1));
  }
}
