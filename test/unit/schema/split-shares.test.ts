import fc from 'fast-check';
import { expect, it } from 'vitest';

import { SHARES_ALL, splitPercents, splitShares } from '../../../src/schema/split-shares.ts';
import { SLOT_COUNT } from '../../../src/snapshot/types.ts';

it('decimal percents are exact in basis points', () => {
  expect([...splitShares({ a: 33.33, b: 33.33, c: 33.34 })]).toEqual([
    ['a', 3_333],
    ['b', 3_333],
    ['c', 3_334],
  ]);
  expect([...splitShares({ a: 0.07, b: 0.29, c: 0 })]).toEqual([
    ['a', 7],
    ['b', 29],
  ]);
});

it("shares and percents are each other's inverse", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: SHARES_ALL }), (share) => {
      expect(splitShares(splitPercents(new Map([['a', share]])))).toEqual(new Map([['a', share]]));
    }),
  );
});

it('a share is a slot', () => {
  expect(SHARES_ALL).toBe(SLOT_COUNT);
});
