/** From a request to its user, from the user to one of the 10,000 slots, and from a slot to the pool that owns it. */
import { slotOf } from '../../base/hash.ts';
import type { Random } from '../../base/random.ts';
import { type AffinityKey, type AffinitySpec, SLOT_COUNT, type SlotRange } from '../../snapshot/types.ts';
import { cookieOf, type RequestFacts } from './request-facts.ts';

export interface User {
  readonly id: string;
  /** The key that told. */
  readonly key: AffinityKey;
  /** The request did not bring the id: it was made now, and the client must be given it. */
  readonly isNew: boolean;
}

/**
 * Who the request's user is by the first key that it has; null: nothing tells. `newUserId` is asked for no more than one
 * id; null: nobody is given one.
 */
export function userOf(affinity: AffinitySpec, facts: RequestFacts, newUserId: (() => string) | null): User | null {
  for (let i = 0; i < affinity.keys.length; i++) {
    const key = affinity.keys[i] as AffinityKey;
    const id = userBy(key, facts);
    if (id !== null && id !== '') {
      return { id, key, isNew: false };
    }
    // The keys behind it are not asked: the client will bring the cookie next time, and would then be somebody else.
    if (affinity.issue !== null && key.kind === 'cookie' && key.name === affinity.issue.name) {
      return newUserId === null ? null : { id: newUserId(), key, isNew: true };
    }
  }
  return null;
}

/** The user's slot, or a drawn one where nobody knows who that is. */
export function slotFor({ salt }: AffinitySpec, user: User | null, random: Random): number {
  return user === null ? Math.floor(random.next() * SLOT_COUNT) : slotOf(salt, user.id);
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

export function hasShare(ranges: readonly SlotRange[], pool: string): boolean {
  for (let i = 0; i < ranges.length; i++) {
    if ((ranges[i] as SlotRange).pool === pool) {
      return true;
    }
  }
  return false;
}
