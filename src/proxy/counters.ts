/** What is counted about the requests of one pool: an increment per request here, added up when it is asked for. */
import { bucketOf } from '../base/log-linear.ts';
import {
  DURATION_BUCKET_COUNT,
  type HistogramReport,
  METHOD_LABELS,
  type TrafficReport,
} from '../snapshot/data-plane.ts';

/** Status codes 0 (none was sent) to 599. */
const CODE_COUNT = 600;

/** Methods are told by capitals: none is called as what is none. */
const METHOD_INDEX: ReadonlyMap<string, number> = new Map(
  METHOD_LABELS.map((label, index): [string, number] => [label, index]).filter(
    ([label]) => label === label.toUpperCase(),
  ),
);
const OTHER_METHOD = METHOD_LABELS.length - 1;

/** Where connections whose bytes pass as they are are counted. */
export const TCP_METHOD = METHOD_LABELS.indexOf('tcp');

/** Where a method is counted: a client cannot make a new series by a new method. */
export function methodIndexOf(method: string): number {
  return method === 'GET' ? 0 : (METHOD_INDEX.get(method) ?? OTHER_METHOD);
}

export class Histogram {
  /** Made with the first value: among thousands of pools most see none. */
  #buckets: Float64Array | null = null;
  #sumMs = 0;
  #count = 0;

  observe(durationMs: number): void {
    this.#buckets ??= new Float64Array(DURATION_BUCKET_COUNT);
    const bucket = bucketOf(durationMs * 1000);
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + 1;
    this.#sumMs += durationMs;
    this.#count++;
  }

  report(): HistogramReport {
    return {
      buckets: this.#buckets === null ? NO_BUCKETS : Array.from(this.#buckets),
      sumSeconds: this.#sumMs / 1000,
      count: this.#count,
    };
  }
}

const NO_BUCKETS: readonly number[] = [];

/** Requests by method and status, and how long they took. */
export class TrafficCounters {
  /** Rows are made when a method is first seen: most pools see few. */
  readonly #codesByMethod: (Float64Array | undefined)[] = METHOD_LABELS.map(() => undefined);
  readonly #durations = new Histogram();

  get isUnused(): boolean {
    return this.#codesByMethod.every((codes) => codes === undefined);
  }

  count(methodIndex: number, status: number, durationMs: number): void {
    let codes = this.#codesByMethod[methodIndex];
    if (codes === undefined) {
      codes = new Float64Array(CODE_COUNT);
      this.#codesByMethod[methodIndex] = codes;
    }
    codes[status] = (codes[status] as number) + 1;
    this.#durations.observe(durationMs);
  }

  report(traffic: TrafficReport['traffic']): TrafficReport {
    const requests: (readonly [string, number, number])[] = [];
    this.#codesByMethod.forEach((codes, methodIndex) => {
      codes?.forEach((count, code) => {
        if (count > 0) {
          requests.push([METHOD_LABELS[methodIndex] as string, code, count]);
        }
      });
    });
    return { traffic, requests, durations: this.#durations.report() };
  }
}

/** Counts by a key from a fixed set (failure codes, retry reasons). */
export class Tally<K extends string> {
  readonly #counts = new Map<K, number>();

  add(key: K): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  report(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}
