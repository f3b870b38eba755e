import { expect, test } from 'vitest';
import fc from 'fast-check';
import { LOG_LINEAR_BUCKET_COUNT, bucketOf, bucketUpperMicros } from '../../../src/base/log-linear.ts';
import { DURATION_BUCKET_COUNT } from '../../../src/snapshot/data-plane.ts';

const MICROS_MAX = 0xffff_ffff;

test('a value lies below the upper bound of its bucket and not below the bound of the bucket before', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: MICROS_MAX }), (micros) => {
      const bucket = bucketOf(micros);
      expect(micros).toBeLessThan(bucketUpperMicros(bucket));
      if (bucket > 0) expect(micros).toBeGreaterThanOrEqual(bucketUpperMicros(bucket - 1));
    }),
  );
});

test('a bucket is at most a quarter as wide as the values it holds, above four microseconds', () => {
  for (let bucket = 4; bucketUpperMicros(bucket) <= MICROS_MAX; bucket++) {
    const lower = bucketUpperMicros(bucket - 1);
    expect((bucketUpperMicros(bucket) - lower) / lower).toBeLessThanOrEqual(0.25);
  }
});

test('buckets ascend without gaps: one value below a bound and the bound itself are neighbours', () => {
  for (let bucket = 0; bucketUpperMicros(bucket) <= MICROS_MAX; bucket++) {
    const upper = bucketUpperMicros(bucket);
    expect(bucketOf(upper - 1)).toBe(bucket);
    expect(bucketOf(upper)).toBe(bucket + 1);
  }
});

test.for([
  [0, 0],
  [3, 3],
  [4, 4],
  [7, 7],
  [8, 8],
  [9, 8],
  [15, 11],
  [16, 12],
  [1000, 35],
  [1_000_000, 75],
  [2 ** 31, 120],
  [MICROS_MAX, 123],
] as const)('%i µs counts in bucket %i', ([micros, bucket]) => {
  expect(bucketOf(micros)).toBe(bucket);
});

test('every power of two from 8 µs on begins a bucket, so that exported bounds cut no bucket in two', () => {
  for (let exponent = 3; exponent < 32; exponent++) {
    const bucket = bucketOf(2 ** exponent);
    expect(bucketUpperMicros(bucket - 1)).toBe(2 ** exponent);
  }
});

test('fractions are cut off, negative values and NaN count as zero, values past 32 bits go last', () => {
  expect(bucketOf(3.99)).toBe(3);
  expect(bucketOf(9.99)).toBe(8);
  expect(bucketOf(-5)).toBe(0);
  expect(bucketOf(Number.NaN)).toBe(0);
  expect(bucketOf(2 ** 32)).toBe(LOG_LINEAR_BUCKET_COUNT - 1);
  expect(bucketOf(Number.POSITIVE_INFINITY)).toBe(LOG_LINEAR_BUCKET_COUNT - 1);
  expect(bucketUpperMicros(LOG_LINEAR_BUCKET_COUNT - 1)).toBe(Number.POSITIVE_INFINITY);
});

test('the grid has as many buckets as a data plane reports', () => {
  expect(LOG_LINEAR_BUCKET_COUNT).toBe(DURATION_BUCKET_COUNT);
});
