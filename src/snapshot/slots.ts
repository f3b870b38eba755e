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
 * Which slots a shrinking pool gives up is free to choose, and chosen so that as little as possible hangs on what went
 * before: those that a service which begins with the new split would give away too, pool after pool by name. Of two pools the
 * slots therefore follow from the split alone, and of any number from the splits since one pool had everything, so that
 * instances agree without telling each other. More cannot be had: docs/decisions/ says why. Where there is a choice
 * left, ranges stay whole: slots go that are nearest to what the growing pools own.
 *
 * The result depends on nothing but the arguments. `split` is in basis points and sums to 10,000; the ranges come out
 * sorted and merged, without gaps or overlaps.
 */
export function allocateSlots(previous: readonly SlotRange[], split: ReadonlyMap<string, number>): SlotRange[] {
  assert(sumOf(split.values()) === SLOT_COUNT, `a split sums to ${sumOf(split.values())} of ${SLOT_COUNT}`);
  const names = [...split.keys()].toSorted();
  const first = layOut(names, split);
  // Nobody has slots yet, or one pool gets all of them: there is nothing to choose.
  if (previous.length === 0 || first.length === 1) return first;
  const owned = countByOwner(previous);
  const growth = new Map(names.map((pool) => [pool, (split.get(pool) ?? 0) - (owned.get(pool) ?? 0)]));
  const growing = names.filter((pool) => (growth.get(pool) ?? 0) > 0);
  // Where nobody grows nobody shrinks, for both sum to the same.
  if (growing.length === 0) return [...previous];
  const owners = ownersOf(previous);
  const wanted = ownersOf(first);
  const free = release(owners, wanted, owned, split, new Set(growing));
  const left = claimWanted(owners, wanted, free, growth);
  for (const pool of growing) claimNearest(owners, free, pool, left.get(pool) ?? 0);
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
  wanted: readonly (string | null)[],
  owned: ReadonlyMap<string, number>,
  split: ReadonlyMap<string, number>,
  growing: ReadonlySet<string>,
): Set<number> {
  const surplus = new Map([...owned].map(([pool, count]) => [pool, count - (split.get(pool) ?? 0)]));
  const distance = distancesTo(owners, (owner) => owner !== null && growing.has(owner));
  // Where nobody grows who has slots already, the highest go: the next who grows the same way gets the same ones.
  const order = new Uint32Array(SLOT_COUNT);
  let count = 0;
  for (let slot = 0; slot < SLOT_COUNT; slot += 1) {
    const owner = owners[slot] ?? null;
    if (owner !== null && (surplus.get(owner) ?? 0) <= 0) continue;
    const urgency = growing.has(wanted[slot] ?? '') ? 0 : 1 + distanceAt(distance, slot);
    order[count] = urgency * SLOT_COUNT + (SLOT_COUNT - 1 - slot);
    count += 1;
  }
  const free = new Set<number>();
  for (const rank of order.subarray(0, count).sort()) {
    const slot = SLOT_COUNT - 1 - (rank % SLOT_COUNT);
    const owner = owners[slot] ?? null;
    const left = owner === null ? 1 : (surplus.get(owner) ?? 0);
    if (left <= 0) continue;
    free.add(slot);
    if (owner !== null) surplus.set(owner, left - 1);
  }
  return free;
}

/** Gives every free slot to the pool that would begin with it, as far as that grows; by how much each is still to grow. */
function claimWanted(
  owners: (string | null)[],
  wanted: readonly (string | null)[],
  free: Set<number>,
  growth: ReadonlyMap<string, number>,
): Map<string, number> {
  const left = new Map(growth);
  for (const slot of [...free].toSorted((a, b) => a - b)) {
    const pool = wanted[slot] ?? '';
    const count = left.get(pool) ?? 0;
    if (count <= 0) continue;
    owners[slot] = pool;
    free.delete(slot);
    left.set(pool, count - 1);
  }
  return left;
}

/** Gives `count` of the free slots to a pool: those nearest to what it has, or else the lowest. */
function claimNearest(owners: (string | null)[], free: Set<number>, pool: string, count: number): void {
  if (count === 0) return;
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
