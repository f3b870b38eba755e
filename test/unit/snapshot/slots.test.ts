import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { allocateSlots } from '../../../src/snapshot/slots.ts';
import { SLOT_COUNT } from '../../../src/snapshot/types.ts';
import type { SlotRange } from '../../../src/snapshot/types.ts';

type Shares = Readonly<Record<string, number>>;

const POOLS = ['blue', 'canary', 'green', 'old', 'stable', 'x'];

/** A split of any of the pools, in basis points. */
const anySplit: fc.Arbitrary<Map<string, number>> = fc
  .record({
    pools: fc.shuffledSubarray(POOLS, { minLength: 1 }),
    cuts: fc.array(fc.integer({ min: 0, max: SLOT_COUNT }), { minLength: POOLS.length, maxLength: POOLS.length }),
  })
  .map(({ pools, cuts }) => {
    const borders = [0, ...cuts.slice(0, pools.length - 1).toSorted((a, b) => a - b), SLOT_COUNT];
    return new Map(pools.map((pool, i) => [pool, (borders[i + 1] ?? 0) - (borders[i] ?? 0)]));
  });

const anyRamp = fc.array(anySplit, { minLength: 1, maxLength: 12 });

function split(shares: Shares): Map<string, number> {
  return new Map(Object.entries(shares));
}

function ramp(...steps: readonly Shares[]): SlotRange[][] {
  const allocations: SlotRange[][] = [];
  for (const step of steps) allocations.push(allocateSlots(allocations.at(-1) ?? [], split(step)));
  return allocations;
}

/** The owner of each slot; fails where the ranges have gaps, overlaps or neighbours that are one range. */
function ownersOf(ranges: readonly SlotRange[]): string[] {
  const owners: string[] = [];
  let previous: SlotRange | null = null;
  for (const range of ranges) {
    // An expectation for each of thousands of ranges would take most of the time.
    if (range.from !== owners.length || range.to <= range.from || range.pool === previous?.pool) {
      throw new Error(`${JSON.stringify(range)} does not follow on ${JSON.stringify(previous)}`);
    }
    for (let slot = range.from; slot < range.to; slot += 1) owners.push(range.pool);
    previous = range;
  }
  expect(owners.length).toBe(SLOT_COUNT);
  return owners;
}

function countsOf(owners: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const owner of owners) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return counts;
}

describe('slots', () => {
  it('are shared out as the split says, without gaps or overlaps, after any ramp', () => {
    fc.assert(
      fc.property(anyRamp, (steps) => {
        let ranges: SlotRange[] = [];
        for (const step of steps) {
          ranges = allocateSlots(ranges, step);
          const counts = countsOf(ownersOf(ranges));
          for (const pool of POOLS) expect(counts.get(pool) ?? 0).toBe(step.get(pool) ?? 0);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('move only into pools whose share grows, and no more of them than it grows by', () => {
    fc.assert(
      fc.property(anyRamp, anySplit, (steps, next) => {
        let before: SlotRange[] = [];
        for (const step of steps) before = allocateSlots(before, step);
        const last = steps.at(-1) ?? new Map<string, number>();
        const ownersBefore = ownersOf(before);
        const ownersAfter = ownersOf(allocateSlots(before, next));
        const grownBy = (pool: string) => Math.max(0, (next.get(pool) ?? 0) - (last.get(pool) ?? 0));
        const movedInto = new Map<string, number>();
        ownersAfter.forEach((owner, slot) => {
          if (owner !== ownersBefore[slot]) movedInto.set(owner, (movedInto.get(owner) ?? 0) + 1);
        });
        for (const pool of POOLS) expect(movedInto.get(pool) ?? 0).toBe(grownBy(pool));
      }),
      { numRuns: 50 },
    );
  });

  it('do not depend on the order in which a split names its pools', () => {
    fc.assert(
      fc.property(anySplit, anySplit, (first, second) => {
        const reversed = new Map([...second].toReversed());
        const before = allocateSlots([], first);
        expect(allocateSlots(before, reversed)).toEqual(allocateSlots(before, second));
      }),
      { numRuns: 50 },
    );
  });

  it('stay where they are when the split stays', () => {
    fc.assert(
      fc.property(anySplit, anySplit, (first, second) => {
        const ranges = allocateSlots(allocateSlots([], first), second);
        expect(allocateSlots(ranges, second)).toEqual(ranges);
      }),
      { numRuns: 50 },
    );
  });

  it('of a canary are kept through every step up', () => {
    const allocations = ramp(
      { stable: 10_000 },
      { stable: 9_900, canary: 100 },
      { stable: 9_500, canary: 500 },
      { stable: 8_000, canary: 2_000 },
      { canary: 10_000 },
    );
    const owned = allocations.map((ranges) => {
      const owners = ownersOf(ranges);
      return new Set(owners.keys().filter((slot) => owners[slot] === 'canary'));
    });
    expect(owned.map((slots) => slots.size)).toEqual([0, 100, 500, 2_000, 10_000]);
    for (const [i, slots] of owned.entries()) {
      const next = owned[i + 1] ?? slots;
      expect([...slots].filter((slot) => !next.has(slot))).toEqual([]);
    }
  });

  it('of a canary that is taken back and tried again are the same ones', () => {
    const allocations = ramp(
      { stable: 10_000 },
      { stable: 9_500, canary: 500 },
      { stable: 10_000 },
      { stable: 9_500, canary: 500 },
    );
    expect(allocations[3]).toEqual(allocations[1]);
  });

  it('are given back by a canary in the order in which it got them, the last first', () => {
    const steps = [9_900, 9_500, 8_000, 9_500, 9_900].map((stable) => ({ stable, canary: 10_000 - stable }));
    const [one, five, , fiveAgain, oneAgain] = ramp(...steps);
    expect(fiveAgain).toEqual(five);
    expect(oneAgain).toEqual(one);
  });

  it('of two pools keep one border, wherever it is moved', () => {
    const anyShare = fc.integer({ min: 1, max: SLOT_COUNT - 1 });
    fc.assert(
      fc.property(fc.array(anyShare, { minLength: 1, maxLength: 20 }), (shares) => {
        const steps = shares.map((blue) => ({ blue, green: SLOT_COUNT - blue }));
        for (const ranges of ramp(...steps)) expect(ranges).toHaveLength(2);
      }),
      { numRuns: 50 },
    );
  });

  it('of two pools follow from the split alone, whatever went before: instances agree without telling each other', () => {
    const anyShare = fc.integer({ min: 0, max: SLOT_COUNT });
    fc.assert(
      fc.property(fc.array(anyShare, { minLength: 2, maxLength: 12 }), (shares) => {
        const steps = shares.map((blue) => ({ blue, green: SLOT_COUNT - blue }));
        expect(ramp(...steps).at(-1)).toEqual(allocateSlots([], split(steps.at(-1) ?? {})));
      }),
      { numRuns: 50 },
    );
  });

  it('of any number of pools follow from the splits since one pool had everything', () => {
    fc.assert(
      fc.property(anyRamp, fc.constantFrom(...POOLS), anyRamp, (before, pool, since) => {
        const allocate = (from: SlotRange[], steps: readonly Map<string, number>[]) =>
          steps.reduce(allocateSlots, from);
        const all = split({ [pool]: SLOT_COUNT });
        // As text: thousands of ranges are compared in an instant.
        expect(JSON.stringify(allocate([], [...before, all, ...since]))).toBe(JSON.stringify(allocate([], since)));
      }),
      { numRuns: 20 },
    );
  });

  it('are not given to a pool with a share of nothing', () => {
    expect(allocateSlots([], split({ blue: 10_000, green: 0 }))).toEqual([{ pool: 'blue', from: 0, to: 10_000 }]);
  });

  it('of a pool that is gone are given away', () => {
    const ranges = allocateSlots([{ pool: 'gone', from: 0, to: 10_000 }], split({ blue: 5_000, green: 5_000 }));
    expect(ranges).toEqual([
      { pool: 'blue', from: 0, to: 5_000 },
      { pool: 'green', from: 5_000, to: 10_000 },
    ]);
  });

  it('are refused for a split that is not whole', () => {
    expect(() => allocateSlots([], split({ blue: 9_999 }))).toThrow('a split sums to 9999 of 10000');
  });
});
