/**
 * What becomes of a request, and why: rules first, then a session that stays, then the split. Pure but for the draw
 * of a slot for those whose user is not known, and of an id for those who are given one. Called with nothing but
 * synchronous code between it and the request's being counted in flight on the pool: the promise of a cutover stands on
 * that.
 */
import type { Random } from '../base/random.ts';
import type { Pool } from './pool.ts';
import type { BoundService } from './routing.ts';
import type { CompiledRule } from './rules/rule-set.ts';
import type { RequestFacts } from './split/request-facts.ts';
import { hasShare, poolOfSlot, slotFor, type User, userOf } from './split/slots.ts';
import type { Session } from './split/sticky.ts';

export interface Decision {
  /** Null: there is none, or the rule answers. */
  readonly pool: Pool | null;
  /** The rule that matched, whose answer or rewrite is to be carried out; null: none did. */
  readonly rule: CompiledRule | null;
  /** The request's session chose the pool. */
  readonly bySession: boolean;
  /** The slot that the split was asked with; -1: it was not needed. */
  readonly slot: number;
  /** Whom the split was asked for; null: it was not asked, or nothing tells. */
  readonly user: User | null;
}

/** What is left to chance. */
export interface Chance {
  readonly random: Random;
  /** An id that nobody can guess, for a user who has none. */
  readonly newUserId: () => string;
}

/** `session` is what the request's cookie is bound to; null: to nothing. */
export function decide(service: BoundService, facts: RequestFacts, session: Session | null, chance: Chance): Decision {
  const rule = service.rules === null ? null : service.rules.firstMatch(facts);
  if (rule !== null) {
    if (rule.action.answer !== null) {
      return { pool: null, rule, bySession: false, slot: -1, user: null };
    }
    const pool = rule.action.pool === null ? undefined : service.pools.get(rule.action.pool);
    if (pool !== undefined) {
      return { pool, rule, bySession: false, slot: -1, user: null };
    }
  }
  const { affinity, sticky, slots } = service.spec;
  if (session !== null && sticky?.onCutover === 'keep' && session.target.keepsSessions) {
    return { pool: session.pool, rule, bySession: true, slot: -1, user: null };
  }
  // Ids are given out also where one pool has everything: users are then known before the first share moves.
  const user = service.only === null || affinity.issue !== null ? userOf(affinity, facts, chance.newUserId) : null;
  if (service.only !== null) {
    return { pool: service.only, rule, bySession: false, slot: -1, user };
  }
  // Who is not known by affinity is known by the session: it stays where it is for as long as its pool has a share.
  if (user === null && session !== null && hasShare(slots, session.pool.name)) {
    return { pool: session.pool, rule, bySession: true, slot: -1, user };
  }
  const slot = slotFor(affinity, user, chance.random);
  return { pool: service.pools.get(poolOfSlot(slots, slot)) ?? null, rule, bySession: false, slot, user };
}
