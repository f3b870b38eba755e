import { describe, expect, test } from 'vitest';
import { SPREAD_TIMES_MAX, judgeRatios } from '../../../bench/guard-verdict.ts';

const NOTED = 1.4;
/** Above which it is a regression. */
const LIMIT = 1.6 * NOTED;

describe('the guard', () => {
  test('passes what is as it was noted, better, or somewhat worse', () => {
    for (const ratio of [NOTED, NOTED / 2, LIMIT - 0.01]) {
      expect(judgeRatios(Array<number>(9).fill(ratio), NOTED).kind).toBe('passed');
    }
  });

  test('finds a large regression', () => {
    expect(judgeRatios([2.4, 2.5, 2.6, 2.4, 2.5, 2.6, 2.4, 2.5, 2.6], NOTED)).toMatchObject({
      kind: 'regressed',
      ratio: 2.5,
    });
  });

  test('does not call it a regression where a quarter of the rounds deny it', () => {
    const denied = [LIMIT - 0.1, LIMIT - 0.1, LIMIT - 0.1, ...Array<number>(6).fill(LIMIT + 0.1)];
    expect(judgeRatios(denied, NOTED).kind).toBe('passed');
  });

  test('leaves out of account a round that something else spoilt', () => {
    expect(judgeRatios([30, ...Array<number>(8).fill(1.4)], NOTED).kind).toBe('passed');
    expect(judgeRatios([0.1, ...Array<number>(8).fill(2.6)], NOTED).kind).toBe('regressed');
  });

  test('says nothing of rounds that differ too much, good or bad', () => {
    const restless = [3, 3, 3, 3, 3].flatMap((ratio) => [ratio, ratio * (SPREAD_TIMES_MAX + 0.1)]);
    const verdict = judgeRatios(restless, NOTED);
    expect(verdict.kind).toBe('not judged');
    expect(verdict.why).toContain('differ too much');
  });

  test('says nothing of too few rounds, nor of such as have no figure', () => {
    expect(judgeRatios([3, 3, 3, 3], NOTED).kind).toBe('not judged');
    expect(judgeRatios([3, 3, 3, 3, Number.NaN, Number.POSITIVE_INFINITY, 0], NOTED).kind).toBe('not judged');
    expect(judgeRatios([], NOTED).kind).toBe('not judged');
  });
});
