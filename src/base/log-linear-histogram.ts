import { LOG_LINEAR_BUCKET_COUNT, bucketOf } from './log-linear.ts';

export interface LogLinearReport {
  readonly buckets: readonly number[];
  readonly sumSeconds: number;
  readonly count: number;
}

/** Durations counted on the log-linear grid. */
export class LogLinearHistogram {
  readonly #buckets = new Float64Array(LOG_LINEAR_BUCKET_COUNT);
  #sumMs = 0;
  #count = 0;

  recordMs(ms: number): void {
    const bucket = bucketOf(ms * 1000);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#sumMs += ms;
    this.#count += 1;
  }

  report(): LogLinearReport {
    return { buckets: [...this.#buckets], sumSeconds: this.#sumMs / 1000, count: this.#count };
  }
}
