import { assert } from '../base/assert.ts';
import { SLOT_COUNT } from './types.ts';
import type { SlotRange } from './types.ts';

/**
 * Who owns which slots after a split has changed.
 *
 * Users are hashed into slots, so the slots that change hands are the users that change version. The fewest possible do: a
 * pool whose share shrinks gives up exactly what it has too much, a pool whose share grows takes exactly that, and a slot
 * that stays with a pool that keeps or raises its share never moves. A canary that goes from 1 to 5 to 20 to 100 % thus keeps
 * everyone whom it ever had.
 *
 * A shrinking pool gives up its highest slots, and growing pools take what was given up from the lowest, in the order of
 * their names: the same for whoever computes it from the same previous allocation and split.
 *
 * `split` is in basis points and sums to 10,000. The result is sorted and merged, without gaps or overlaps.
 */
export function allocateSlots(previous: readonly SlotRange[], split: ReadonlyMap<string, number>): SlotRange[] {
  let sum = 0;
  for (const share of split.values()) sum += share;
  assert(sum === SLOT_COUNT, `a split sums to ${sum} of ${SLOT_COUNT}`);
  const { kept, free } = release(previous, split);
  return merge([...kept, ...claim(kept, free, split)]);
}

/** What each pool keeps of what it has, and what is free after that. */
function release(
  previous: readonly SlotRange[],
  split: ReadonlyMap<string, number>,
): { kept: SlotRange[]; free: Span[] } {
  const allowance = new Map(split);
  const kept: SlotRange[] = [];
  const free: Span[] = [];
  let end = 0;
  for (const range of previous.toSorted((a, b) => a.from - b.from)) {
    if (range.from > end) free.push({ from: end, to: range.from });
    const allowed = allowance.get(range.pool) ?? 0;
    const keptTo = Math.min(range.to, range.from + allowed);
    allowance.set(range.pool, allowed - (keptTo - range.from));
    if (keptTo > range.from) kept.push({ pool: range.pool, from: range.from, to: keptTo });
    if (keptTo < range.to) free.push({ from: keptTo, to: range.to });
    end = range.to;
  }
  if (end < SLOT_COUNT) free.push({ from: end, to: SLOT_COUNT });
  return { kept, free };
}

/** Hands the free slots to the pools that lack some. */
function claim(kept: readonly SlotRange[], free: readonly Span[], split: ReadonlyMap<string, number>): SlotRange[] {
  const lacking = new Map(split);
  for (const { pool, from, to } of kept) lacking.set(pool, (lacking.get(pool) ?? 0) - (to - from));
  const claims = [...lacking].filter(([, slots]) => slots > 0).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const claimed: SlotRange[] = [];
  let spanIndex = 0;
  let from = free[0]?.from ?? SLOT_COUNT;
  for (const [pool, slots] of claims) {
    for (let left = slots; left > 0;) {
      const span = free[spanIndex];
      assert(span !== undefined, 'the free slots are as many as the lacking ones');
      const to = Math.min(span.to, from + left);
      if (to > from) claimed.push({ pool, from, to });
      left -= to - from;
      from = to;
      if (to === span.to) from = free[++spanIndex]?.from ?? SLOT_COUNT;
    }
  }
  return claimed;
}

function merge(ranges: readonly SlotRange[]): SlotRange[] {
  const merged: SlotRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && last.pool === range.pool && last.to === range.from)
      merged[merged.length - 1] = { ...last, to: range.to };
    else merged.push(range);
  }
  return merged;
}

interface Span {
  readonly from: number;
  readonly to: number;
}
