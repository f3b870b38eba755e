import { assert } from '../base/assert.ts';
import { SLOT_COUNT } from './types.ts';
import type { SlotRange } from './types.ts';

/**
 * Who owns which slots after a split has changed.
 *
 * Users are hashed into slots, so the slots that change hands are the users that change version. The fewest possible do: a
 * pool whose share shrinks gives up exactly what it has too much, pools whose share grows take exactly that, and nothing
 * else moves. A canary that goes from 1 to 5 to 20 to 100 % thus keeps everyone whom it ever had.
 *
 * Which slots a shrinking pool gives up is free to choose, and chosen so that ranges stay whole and steps can be taken back:
 * those nearest to what the growing pools own. Two pools then share one border that moves to and fro, and the user whom
 * a canary got last is the one whom it loses first.
 *
 * The result depends on nothing but the arguments. `split` is in basis points and sums to 10,000; the ranges come out
 * sorted and merged, without gaps or overlaps.
 */
export function allocateSlots(previous: readonly SlotRange[], split: ReadonlyMap<string, number>): SlotRange[] {
  assert(sumOf(split.values()) === SLOT_COUNT, `a split sums to ${sumOf(split.values())} of ${SLOT_COUNT}`);
  const names = [...split.keys()].toSorted();
  if (previous.length === 0) return layOut(names, split);
  const owned = countByOwner(previous);
  const growth = new Map(names.map((pool) => [pool, (split.get(pool) ?? 0) - (owned.get(pool) ?? 0)]));
  const growing = names.filter((pool) => (growth.get(pool) ?? 0) > 0);
  // Where nobody grows nobody shrinks, for both sum to the same.
  if (growing.length === 0) return [...previous];
  const owners = ownersOf(previous);
  const free = release(owners, owned, split, new Set(growing));
  for (const pool of growing) claim(owners, free, pool, growth.get(pool) ?? 0);
  return rangesOf(owners);
}

/** The first allocation of a service: pool after pool, by name. */
function layOut(names: readonly string[], split: ReadonlyMap<string, number>): SlotRange[] {
  let from = 0;
  return names.flatMap((pool) => {
    const to = from + (split.get(pool) ?? 0);
    const ranges = to > from ? [{ pool, from, to }] : [];
    from = to;
    return ranges;
  });
}

/** Takes from each pool what it has too much; the slots that are free now. */
function release(
  owners: readonly (string | null)[],
  owned: ReadonlyMap<string, number>,
  split: ReadonlyMap<string, number>,
  growing: ReadonlySet<string>,
): Set<number> {
  const surplus = new Map([...owned].map(([pool, count]) => [pool, count - (split.get(pool) ?? 0)]));
  const distance = distancesTo(owners, (owner) => owner !== null && growing.has(owner));
  // Where nobody grows who has slots already, the highest go: the next who grows the same way gets the same ones.
  const slots = owners
    .keys()
    .toArray()
    .toSorted((a, b) => distanceAt(distance, a) - distanceAt(distance, b) || b - a);
  const free = new Set<number>();
  for (const slot of slots) {
    const owner = owners[slot] ?? null;
    const left = owner === null ? 1 : (surplus.get(owner) ?? 0);
    if (left <= 0) continue;
    free.add(slot);
    if (owner !== null) surplus.set(owner, left - 1);
  }
  return free;
}

/** Gives `count` of the free slots to a pool: those nearest to what it has, or else the lowest. */
function claim(owners: (string | null)[], free: Set<number>, pool: string, count: number): void {
  const distance = distancesTo(owners, (owner, slot) => owner === pool && !free.has(slot));
  const nearest = [...free].toSorted((a, b) => distanceAt(distance, a) - distanceAt(distance, b) || a - b);
  assert(nearest.length >= count, 'what pools grow by is what others shrink by');
  for (const slot of nearest.slice(0, count)) {
    owners[slot] = pool;
    free.delete(slot);
  }
}

/** How far each slot is from the nearest one that `isSource`; SLOT_COUNT everywhere if there is none. */
function distancesTo(
  owners: readonly (string | null)[],
  isSource: (owner: string | null, slot: number) => boolean,
): Uint16Array {
  const distance = new Uint16Array(SLOT_COUNT).fill(SLOT_COUNT);
  let last = SLOT_COUNT;
  for (let slot = 0; slot < SLOT_COUNT; slot += 1) {
    last = isSource(owners[slot] ?? null, slot) ? 0 : Math.min(last + 1, SLOT_COUNT);
    distance[slot] = last;
  }
  last = SLOT_COUNT;
  for (let slot = SLOT_COUNT - 1; slot >= 0; slot -= 1) {
    last = Math.min(last + 1, distanceAt(distance, slot));
    distance[slot] = last;
  }
  return distance;
}

function distanceAt(distance: Uint16Array, slot: number): number {
  return distance[slot] ?? SLOT_COUNT;
}

function ownersOf(ranges: readonly SlotRange[]): (string | null)[] {
  const owners = new Array<string | null>(SLOT_COUNT).fill(null);
  for (const { pool, from, to } of ranges) owners.fill(pool, from, to);
  return owners;
}

function countByOwner(ranges: readonly SlotRange[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { pool, from, to } of ranges) counts.set(pool, (counts.get(pool) ?? 0) + to - from);
  return counts;
}

function rangesOf(owners: readonly (string | null)[]): SlotRange[] {
  const ranges: SlotRange[] = [];
  let from = 0;
  for (let slot = 1; slot <= SLOT_COUNT; slot += 1) {
    if (slot < SLOT_COUNT && owners[slot] === owners[from]) continue;
    const pool = owners[from] ?? null;
    assert(pool !== null, 'every slot has an owner');
    ranges.push({ pool, from, to: slot });
    from = slot;
  }
  return ranges;
}

function sumOf(shares: Iterable<number>): number {
  let sum = 0;
  for (const share of shares) sum += share;
  return sum;
}
