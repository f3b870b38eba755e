import { describe, expect, it } from 'vitest';
import { FrameBudget } from '../../../../src/proxy/http2/frame-budget.ts';

describe('a budget of frames', () => {
  it('has so many at once, and so many more each second', () => {
    const budget = new FrameBudget(3, 2, 0);
    expect([1, 2, 3, 4].map(() => budget.take(0))).toEqual([true, true, true, false]);
    expect(budget.take(500)).toBe(false);
    expect([1, 2].map(() => budget.take(1_500))).toEqual([true, false]);
  });

  it('never has more than at once, however long it rested', () => {
    const budget = new FrameBudget(2, 10, 0);
    expect([1, 2, 3].map(() => budget.take(1_000_000))).toEqual([true, true, false]);
  });

  it('grows by what is given back, but not beyond what it began with', () => {
    const budget = new FrameBudget(2, 0, 0);
    expect([1, 2, 3].map(() => budget.take(0))).toEqual([true, true, false]);
    budget.giveBack(9);
    expect([1, 2, 3].map(() => budget.take(0))).toEqual([true, true, false]);
  });
});
