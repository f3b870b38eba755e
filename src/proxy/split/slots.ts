/** From a request to one of the 10,000 slots, and from a slot to the pool that owns it. */
import { slotOf } from '../../base/hash.ts';
import type { Random } from '../../base/random.ts';
import { type AffinityKey, type AffinitySpec, SLOT_COUNT, type SlotRange } from '../../snapshot/types.ts';
import { cookieOf, type RequestFacts } from './request-facts.ts';

/** The slot of the request's user, or a drawn one where nothing tells who that is. */
export function slotFor(affinity: AffinitySpec, facts: RequestFacts, random: Random): number {
  for (let i = 0; i < affinity.keys.length; i++) {
    const user = userBy(affinity.keys[i] as AffinityKey, facts);
    if (user !== null && user !== '') {
      return slotOf(affinity.salt, user);
    }
  }
  return Math.floor(random.next() * SLOT_COUNT);
}

/** Who the request's user is by one key; null where the request does not have it. */
export function userBy(key: AffinityKey, facts: RequestFacts): string | null {
  switch (key.kind) {
    case 'cookie':
      return cookieOf(facts.field('cookie'), key.name);
    case 'header':
      return facts.field(key.name);
    case 'client-ip':
      return facts.clientAddress;
  }
}

/** Ranges are few and sorted: a walk is faster than a search. */
export function poolOfSlot(ranges: readonly SlotRange[], slot: number): string {
  for (let i = 0; i < ranges.length; i++) {
    const range = ranges[i] as SlotRange;
    if (slot < range.to) {
      return range.pool;
    }
  }
  return '';
}
