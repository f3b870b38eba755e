import { expect, test } from 'vitest';

import { TokenBucket } from '../../../src/base/token-bucket.ts';
import { manualClock } from '../../helpers/manual-clock.ts';

test('a burst gets through at once, then so many a second', () => {
  const clock = manualClock();
  const bucket = new TokenBucket(clock, { perSecond: 2, burst: 3 });
  const taken = () => Array.from({ length: 5 }, () => bucket.take()).filter(Boolean).length;
  expect(taken()).toBe(3);
  expect(bucket.isEmpty).toBe(true);
  clock.advance(499);
  expect(bucket.take()).toBe(false);
  clock.advance(1);
  expect(taken()).toBe(1);
  clock.advance(60_000);
  expect(taken()).toBe(3);
});
