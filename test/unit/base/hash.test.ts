import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { hash32, slotOf } from '../../../src/base/hash.ts';
import { SLOT_COUNT } from '../../../src/snapshot/types.ts';

const USERS = 200_000;

describe('the slot of a user', () => {
  // A change of the function would move every user of every running canary: these values may never change.
  it.each([
    ['', '', 2247],
    ['shop', 'alice', 828],
    ['shop', 'bob', 7286],
    ['canary-7', 'alice', 5436],
    ['shop', '203.0.113.9', 9258],
    ['shop', 'Zoë', 1544],
    ['ship', 'a'.repeat(1_000), 2459],
  ])('is what it has always been for %j and %j', (salt, user, slot) => {
    expect(slotOf(salt, user)).toBe(slot);
  });

  it('is a whole number from 0 to 9,999', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (salt, user) => {
        const slot = slotOf(salt, user);
        return Number.isInteger(slot) && slot >= 0 && slot < SLOT_COUNT;
      }),
    );
  });

  it.each([
    ['numbered users', (i: number) => `user-${i}`],
    ['bare numbers', (i: number) => String(i)],
    ['addresses', (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`],
    ['identifiers that differ at the front', (i: number) => `${i.toString(16)}-0000-4000-8000-000000000000`],
  ])('is spread evenly over %s', (_, userOf) => {
    const counts = new Float64Array(100);
    for (let i = 0; i < USERS; i += 1) counts[Math.floor(slotOf('shop', userOf(i)) / 100)]! += 1;
    const expected = USERS / 100;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 99 degrees of freedom: mean 99, standard deviation 14.1. Five deviations either way: too even is suspicious too.
    expect(chiSquare).toBeGreaterThan(99 - 5 * 14.1);
    expect(chiSquare).toBeLessThan(99 + 5 * 14.1);
  });

  it.each([0.01, 0.05, 0.2])('gives a share of %d to within three deviations', (share) => {
    let hits = 0;
    for (let i = 0; i < USERS; i += 1) if (slotOf('canary', `user-${i}`) < share * SLOT_COUNT) hits += 1;
    expect(Math.abs(hits - share * USERS)).toBeLessThan(3 * Math.sqrt(USERS * share * (1 - share)));
  });

  it('draws other users with another salt', () => {
    const share = 0.05;
    let both = 0;
    for (let i = 0; i < USERS; i += 1) {
      if (slotOf('canary-1', `user-${i}`) < share * SLOT_COUNT && slotOf('canary-2', `user-${i}`) < share * SLOT_COUNT)
        both += 1;
    }
    const expected = share * share * USERS;
    expect(Math.abs(both - expected)).toBeLessThan(5 * Math.sqrt(expected));
  });

  it('tells apart where the salt ends and the user begins', () => {
    expect(slotOf('ab', 'c')).not.toBe(slotOf('a', 'bc'));
  });
});

describe('hash32', () => {
  it('flips about half of its bits when one character changes', () => {
    let flipped = 0;
    const pairs = 2_000;
    for (let i = 0; i < pairs; i += 1) flipped += bitsSet(hash32(`user-${i}`) ^ hash32(`user-${i}x`));
    // Binomial: 16 of 32 on average, deviation of the mean sqrt(8 / pairs).
    expect(Math.abs(flipped / pairs - 16)).toBeLessThan(5 * Math.sqrt(8 / pairs));
  });

  it('has no two of 100,000 texts on one value more often than chance', () => {
    const seen = new Set<number>();
    for (let i = 0; i < 100_000; i += 1) seen.add(hash32(`user-${i}`));
    // The birthday bound expects 1.2 of them.
    expect(100_000 - seen.size).toBeLessThan(10);
  });
});

function bitsSet(value: number): number {
  let bits = 0;
  for (let rest = value >>> 0; rest !== 0; rest &= rest - 1) bits += 1;
  return bits;
}
