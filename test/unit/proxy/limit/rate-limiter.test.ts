import { describe, expect, it } from 'vitest';

import { RateLimiter } from '../../../../src/proxy/limit/rate-limiter.ts';
import type { RateLimitSpec } from '../../../../src/snapshot/protection-spec.ts';

function limiter(over: Partial<RateLimitSpec> = {}): RateLimiter {
  return new RateLimiter({ kind: 'header', name: 'x', perSecond: 10, burst: 5, keysMax: 1_000, ...over }, [11, 47]);
}

/** How many of `count` requests at one moment pass. */
function passed(limit: RateLimiter, count: number, nowMs: number, key = 'a'): number {
  return Array.from({ length: count }, () => limit.take(key, nowMs)).filter((waitMs) => waitMs === 0).length;
}

describe('a rate limit', () => {
  it('lets a burst through at once, and then the rate', () => {
    const limit = limiter();
    expect(passed(limit, 20, 1_000)).toBe(5);
    expect(passed(limit, 20, 1_100)).toBe(1);
    expect(passed(limit, 20, 1_350)).toBe(2);
    expect(passed(limit, 20, 60_000)).toBe(5);
  });

  it('says after how long one more may pass, and keeps its word', () => {
    const limit = limiter({ perSecond: 0.5, burst: 1 });
    expect(limit.take('a', 1_000)).toBe(0);
    expect(limit.take('a', 1_500)).toBeCloseTo(1_500, 3);
    expect(limit.take('a', 2_999)).toBeCloseTo(1, 3);
    expect(limit.take('a', 3_000)).toBe(0);
  });

  it('lets nobody pass more often for being refused in between, and nobody less', () => {
    const limit = limiter({ perSecond: 1, burst: 1 });
    let through = 0;
    for (let nowMs = 0; nowMs < 60_000; nowMs += 37) through += limit.take('a', nowMs) === 0 ? 1 : 0;
    expect(through).toBeGreaterThanOrEqual(58);
    expect(through).toBeLessThanOrEqual(60);
  });

  it('tells keys apart', () => {
    const limit = limiter();
    for (let i = 0; i < 500; i++) expect(passed(limit, 6, 1_000, `key ${i}`)).toBe(5);
    expect(limit.refused).toBe(500);
  });

  it('remembers so many keys and no more, and forgets the one not seen for longest', () => {
    const limit = limiter({ keysMax: 3 });
    for (const key of ['a', 'b', 'c']) expect(passed(limit, 5, 1_000, key)).toBe(5);
    expect(passed(limit, 1, 1_000, 'a')).toBe(0);
    expect(passed(limit, 1, 1_000, 'd')).toBe(1);
    expect(limit.size).toBe(3);
    expect(passed(limit, 1, 1_000, 'a')).toBe(0);
    expect(passed(limit, 1, 1_000, 'b')).toBe(1);
  });

  it('keeps what was used when the limit is changed', () => {
    const limit = limiter();
    expect(passed(limit, 5, 1_000)).toBe(5);
    limit.update({ kind: 'header', name: 'x', perSecond: 10, burst: 6, keysMax: 1_000 });
    expect(passed(limit, 5, 1_000)).toBe(1);
  });

  it('makes nobody wait for longer than an empty bucket needs when the limit is raised', () => {
    const limit = limiter({ perSecond: 1 / 3_600, burst: 3 });
    expect(passed(limit, 4, 1_000)).toBe(3);
    limit.update({ kind: 'header', name: 'x', perSecond: 100, burst: 100, keysMax: 1_000 });
    expect(limit.waitMs('a', 1_000)).toBeCloseTo(10, 3);
    expect(limit.take('a', 1_000)).toBeCloseTo(10, 3);
    expect(passed(limit, 5, 1_010)).toBe(1);
    expect(passed(limit, 200, 5_000)).toBe(100);
  });
});
