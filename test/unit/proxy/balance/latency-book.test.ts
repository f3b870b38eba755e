import { describe, expect, it } from 'vitest';
import { leastTime } from '../../../../src/proxy/balance/least-time.ts';
import { powerOfTwoChoices } from '../../../../src/proxy/balance/p2c.ts';
import { LatencyBook } from '../../../../src/proxy/balance/latency-book.ts';
import type { BalancerFactory } from '../../../../src/proxy/balance/balancer.ts';
import { balancerOf, candidate, contextOf, equals, type TestCandidate } from './candidates.ts';

const DECAY_MS = 10_000;

function bookOf(keepsPeaks: boolean, candidates = equals(3)) {
  const time = { nowMs: 0 };
  const book = new LatencyBook(candidates, { decayMs: DECAY_MS, keepsPeaks }, time, null);
  return { book, time, loads: candidates.map(({ load }) => load) };
}

describe('what is known of a target', () => {
  it('is its first answer, then an average in which time weighs', () => {
    const { book, loads, time } = bookOf(false);
    const [load] = loads as [TestCandidate['load']];
    book.answered(load, 10, 0);
    expect(book.estimateMs(load)).toBe(10);
    time.nowMs = DECAY_MS;
    book.answered(load, 100, DECAY_MS);
    // A third (1/e) of 10, and the rest of 100.
    expect(book.estimateMs(load)).toBeCloseTo(10 / Math.E + 100 * (1 - 1 / Math.E), 6);
  });

  it('rises at once and falls slowly where peaks are kept', () => {
    const { book, loads } = bookOf(true);
    const [load] = loads as [TestCandidate['load']];
    book.answered(load, 10, 0);
    book.answered(load, 500, 1);
    expect(book.estimateMs(load)).toBe(500);
    book.answered(load, 10, 2);
    expect(book.estimateMs(load)).toBeGreaterThan(499);
    book.answered(load, 10, 2 + 5 * DECAY_MS);
    expect(book.estimateMs(load)).toBeLessThan(15);
  });

  it('fades while it is not asked, so that it is tried again', () => {
    const { book, loads, time } = bookOf(true);
    const [slow, fast] = loads as [TestCandidate['load'], TestCandidate['load']];
    book.answered(slow, 2_000, 0);
    time.nowMs = 6 * DECAY_MS;
    book.answered(fast, 10, time.nowMs);
    expect(book.estimateMs(slow)).toBeLessThan(book.estimateMs(fast));
    expect(book.logCost(slow)).toBeLessThan(book.logCost(fast));
  });

  it('is what answers take in its pool, as long as it has not answered', () => {
    const { book, loads } = bookOf(true);
    const [one, other, unknown] = loads as [TestCandidate['load'], TestCandidate['load'], TestCandidate['load']];
    book.answered(one, 10, 0);
    book.answered(other, 30, 0);
    expect(book.estimateMs(unknown)).toBe(20);
  });

  it('suffers from a failure, ten times the mean and a second at least, however fast it came', () => {
    const { book, loads } = bookOf(false);
    const [one, other] = loads as [TestCandidate['load'], TestCandidate['load']];
    book.answered(one, 10, 0);
    book.failed(one, 0.1, 0);
    expect(book.estimateMs(one)).toBe(1_000);
    book.answered(other, 590, 0);
    book.failed(other, 0.1, 0);
    expect(book.estimateMs(other)).toBe(3_000);
  });

  it('does not make failures dearer by failing again', () => {
    const { book, loads } = bookOf(true);
    const [one] = loads as [TestCandidate['load']];
    book.answered(one, 10, 0);
    for (let index = 0; index < 100; index += 1) book.failed(one, 0.1, index);
    expect(book.estimateMs(one)).toBe(1_000);
  });

  it('counts a wait that was given up, but only if it was long', () => {
    const { book, loads } = bookOf(true);
    const [one] = loads as [TestCandidate['load']];
    book.answered(one, 100, 0);
    book.abandoned(one, 50, 0);
    expect(book.estimateMs(one)).toBe(100);
    book.abandoned(one, 5_000, 0);
    expect(book.estimateMs(one)).toBe(5_000);
  });

  it('outlives the balancer that observed it', () => {
    const candidates = equals(2);
    const { book, loads } = bookOf(true, candidates);
    book.answered(loads[0] as TestCandidate['load'], 40, 0);
    const later = bookOf(true, [...candidates, candidate('10.0.0.9:80')]);
    expect(later.loads.map((load) => later.book.estimateMs(load))).toEqual([40, 40, 40]);
  });
});

describe.each<[string, BalancerFactory]>([
  ['p2c', powerOfTwoChoices],
  ['least-time', leastTime],
])('%s', (_, factory) => {
  /** Serves so many requests one after the other; how many each target got. */
  function serve(candidates: readonly TestCandidate[], requests: number, answer: (at: number) => number | 'failed') {
    const context = contextOf();
    const balancer = balancerOf(factory, candidates, context);
    const counts = candidates.map(() => 0);
    for (let index = 0; index < requests; index += 1) {
      const chosen = balancer.pick(null, '') as TestCandidate;
      const at = candidates.indexOf(chosen);
      counts[at] = (counts[at] ?? 0) + 1;
      const took = answer(at);
      context.time.nowMs += 1;
      if (took === 'failed') chosen.load.latencyWatcher?.failed(chosen.load, 0.1, context.time.nowMs);
      else chosen.load.latencyWatcher?.answered(chosen.load, took, context.time.nowMs);
    }
    return counts;
  }

  it('keeps away from a target that is slow', () => {
    const [slow = 0] = serve(equals(5), 5_000, (at) => (at === 0 ? 50 : 10));
    expect(slow).toBeGreaterThan(0);
    // A fair share would be 1,000.
    expect(slow).toBeLessThan(200);
  });

  it('keeps away from a target that fails at once', () => {
    const [failing = 0] = serve(equals(5), 5_000, (at) => (at === 0 ? 'failed' : 10));
    expect(failing).toBeGreaterThan(0);
    expect(failing).toBeLessThan(100);
  });

  it('does not run to a target that nobody knows', () => {
    const known = equals(4);
    serve(known, 1_000, () => 20);
    const all = [...known, candidate('10.0.0.9:80')];
    const balancer = balancerOf(factory, all, contextOf());
    for (let index = 0; index < 100; index += 1) balancer.pick(null, '')?.load.enter();
    expect(all.at(-1)?.load.inFlight).toBeGreaterThan(10);
    expect(all.at(-1)?.load.inFlight).toBeLessThan(35);
  });

  it('weighs what is under way against how fast it goes', () => {
    const candidates = equals(2);
    const [slow, fast] = candidates as [TestCandidate, TestCandidate];
    const balancer = balancerOf(factory, candidates);
    slow.load.latencyWatcher?.answered(slow.load, 30, 0);
    fast.load.latencyWatcher?.answered(fast.load, 10, 0);
    for (let index = 0; index < 40; index += 1) balancer.pick(null, '')?.load.enter();
    expect([slow.load.inFlight, fast.load.inFlight]).toEqual([10, 30]);
  });
});
