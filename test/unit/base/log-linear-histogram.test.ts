import { expect, test } from 'vitest';
import { LogLinearHistogram } from '../../../src/base/log-linear-histogram.ts';
import { LOG_LINEAR_BUCKET_COUNT, bucketOf } from '../../../src/base/log-linear.ts';

test('a recorded duration is in its bucket, in the count and in the sum', () => {
  const histogram = new LogLinearHistogram();
  histogram.recordMs(1.5);
  histogram.recordMs(1.5);
  histogram.recordMs(2000);
  const report = histogram.report();
  expect(report.buckets).toHaveLength(LOG_LINEAR_BUCKET_COUNT);
  expect(report.buckets[bucketOf(1500)]).toBe(2);
  expect(report.buckets[bucketOf(2_000_000)]).toBe(1);
  expect(report.count).toBe(3);
  expect(report.sumSeconds).toBeCloseTo(2.003, 9);
});

test('a report does not change with what is recorded after it', () => {
  const histogram = new LogLinearHistogram();
  const before = histogram.report();
  histogram.recordMs(1);
  expect(before.buckets.every((count) => count === 0)).toBe(true);
});
