/**
 * A log-linear grid over whole microseconds: four buckets per power of two, so that a counted duration is known to
 * within 25 % from one microsecond to more than an hour, in 128 counters.
 *
 *   value   0  1  2  3 | 4  5  6  7 | 8-9  10-11  12-13  14-15 | 16-19 ...
 *   bucket  0  1  2  3 | 4  5  6  7 |   8     9     10     11  |   12  ...
 *
 * The first eight buckets are one microsecond wide; from there each block of four is twice as wide as the one before.
 * Finding a bucket is a count of leading zeros and two shifts, because it happens for every request.
 */

/** Size of the counter array. Values that do not fit 32 bits (71 minutes) share the last one. */
export const LOG_LINEAR_BUCKET_COUNT = 128;

const BUCKETS_PER_DOUBLING_LOG2 = 2;
const BUCKETS_PER_DOUBLING = 1 << BUCKETS_PER_DOUBLING_LOG2;
const LAST_BUCKET = LOG_LINEAR_BUCKET_COUNT - 1;
const MICROS_MAX = 0xffff_ffff;

/** The bucket that counts `micros`; fractions are cut off, what is below zero counts as zero. */
export function bucketOf(micros: number): number {
  if (!(micros >= BUCKETS_PER_DOUBLING)) return micros > 0 ? micros | 0 : 0;
  if (micros > MICROS_MAX) return LAST_BUCKET;
  const exponent = 31 - Math.clz32(micros);
  const block = (exponent - 1) << BUCKETS_PER_DOUBLING_LOG2;
  return block + ((micros >>> (exponent - BUCKETS_PER_DOUBLING_LOG2)) & (BUCKETS_PER_DOUBLING - 1));
}

/** The first value above bucket `bucket`, in microseconds: it holds what is below, and not below its predecessor's. */
export function bucketUpperMicros(bucket: number): number {
  if (bucket >= LAST_BUCKET) return Number.POSITIVE_INFINITY;
  if (bucket < BUCKETS_PER_DOUBLING) return bucket + 1;
  const doublings = (bucket >> BUCKETS_PER_DOUBLING_LOG2) - 1;
  const step = bucket & (BUCKETS_PER_DOUBLING - 1);
  return (BUCKETS_PER_DOUBLING + step + 1) * 2 ** doublings;
}
