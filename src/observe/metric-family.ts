import type { Metric } from 'prom-client';
import { bucketOf } from '../base/log-linear.ts';
import type { HistogramReport } from '../snapshot/data-plane.ts';
import type { MetricDefinition } from './metric-catalogue.ts';

export type LabelValues<Definition extends MetricDefinition> = Readonly<Record<Definition['labels'][number], string>>;

/**
 * The samples of one metric for one scrape. Values added under the same labels add up, which is all there is to
 * adding workers up.
 */
export class MetricFamily<Definition extends MetricDefinition> {
  readonly #definition: Definition;
  readonly #samples = new Map<string, Sample<number>>();

  constructor(definition: Definition) {
    this.#definition = definition;
  }

  add(labels: LabelValues<Definition>, value: number): void {
    const sample = findSample(this.#samples, this.#definition, labels, () => 0);
    sample.value += value;
  }

  /** What the registry renders. */
  asMetric(): Metric {
    const values = [...this.#samples.values()].map(({ labels, value }) => ({ labels, value }));
    return asMetric(this.#definition, values);
  }
}

/**
 * Bounds of the exported buckets: the powers of two of the internal grid from 128 µs to 67 s. Each of them begins a
 * bucket of the grid, so that exporting is a sum and never a guess. A duration that is exactly a bound counts above
 * it, where Prometheus would count it below: durations are cut to whole microseconds before, so nothing is lost.
 */
const BOUND_EXPONENT_MIN = 7;
const BOUND_EXPONENT_MAX = 26;
const BOUNDS = Array.from({ length: BOUND_EXPONENT_MAX - BOUND_EXPONENT_MIN + 1 }, (_, i) => {
  const micros = 2 ** (BOUND_EXPONENT_MIN + i);
  return { le: String(micros / 1e6), bucketEnd: bucketOf(micros) };
});

export class HistogramFamily<Definition extends MetricDefinition> {
  readonly #definition: Definition;
  readonly #samples = new Map<string, Sample<MutableHistogram>>();

  constructor(definition: Definition) {
    this.#definition = definition;
  }

  add(labels: LabelValues<Definition>, { buckets, sumSeconds }: HistogramReport): void {
    const sample = findSample(this.#samples, this.#definition, labels, () => ({ buckets: [], sumSeconds: 0 }));
    const total = sample.value;
    total.sumSeconds += sumSeconds;
    buckets.forEach((count, i) => {
      total.buckets[i] = (total.buckets[i] ?? 0) + count;
    });
  }

  asMetric(): Metric {
    const { name } = this.#definition;
    const values = [...this.#samples.values()].flatMap(({ labels, value: { buckets, sumSeconds } }) => {
      const counts = cumulate(buckets);
      const total = counts.at(-1)?.value ?? 0;
      return [
        ...counts.map(({ le, value }) => ({
          metricName: `${name}_bucket`,
          labels: { le },
          sharedLabels: labels,
          value,
        })),
        { metricName: `${name}_sum`, sharedLabels: labels, value: sumSeconds },
        { metricName: `${name}_count`, sharedLabels: labels, value: total },
      ];
    });
    return asMetric(this.#definition, values);
  }
}

interface Sample<Value> {
  readonly labels: Readonly<Record<string, string>>;
  value: Value;
}

interface MutableHistogram {
  readonly buckets: number[];
  sumSeconds: number;
}

function cumulate(buckets: readonly number[]): { readonly le: string; readonly value: number }[] {
  let bucket = 0;
  let count = 0;
  const counts = BOUNDS.map(({ le, bucketEnd }) => {
    for (; bucket < bucketEnd; bucket++) count += buckets[bucket] ?? 0;
    return { le, value: count };
  });
  for (; bucket < buckets.length; bucket++) count += buckets[bucket] ?? 0;
  // The count is summed up from the buckets and not taken from the report, so that "+Inf" and `_count` never differ.
  return [...counts, { le: '+Inf', value: count }];
}

function findSample<Value, Definition extends MetricDefinition>(
  samples: Map<string, Sample<Value>>,
  definition: Definition,
  labels: LabelValues<Definition>,
  zero: () => Value,
): Sample<Value> {
  const key = JSON.stringify(definition.labels.map((label) => (labels as Readonly<Record<string, string>>)[label]));
  let sample = samples.get(key);
  if (sample === undefined) {
    sample = { labels, value: zero() };
    samples.set(key, sample);
  }
  return sample;
}

/** prom-client's registry renders whatever has a name and a `get`; its own classes would count a second time. */
function asMetric({ name, help, type }: MetricDefinition, values: readonly object[]): Metric {
  const rendered = { name, help, type, values };
  return { name, get: () => Promise.resolve(rendered) } as unknown as Metric;
}
