/**
 * Which pool a request goes to, and why: rules first, then the split. Pure but for the draw of a slot for those whose
 * user is not known. Called with nothing but synchronous code between it and the request's being counted in flight
 * on the pool: the promise of a cutover stands on that.
 */
import type { Random } from '../base/random.ts';
import type { Pool } from './pool.ts';
import type { BoundService } from './routing.ts';
import type { RequestFacts } from './split/request-facts.ts';
import { firstMatch } from './split/rules.ts';
import { poolOfSlot, slotFor } from './split/slots.ts';

export interface Decision {
  readonly pool: Pool | null;
  /** Name of the rule that chose the pool; null: the split did. */
  readonly rule: string | null;
  /** The slot that the split was asked with; -1: it was not needed. */
  readonly slot: number;
}

export function decide(service: BoundService, facts: RequestFacts, random: Random): Decision {
  if (service.rules.length > 0) {
    const rule = firstMatch(service.rules, facts);
    const pool = rule === null ? undefined : service.pools.get(rule.pool);
    if (rule !== null && pool !== undefined) {
      return { pool, rule: rule.name, slot: -1 };
    }
  }
  if (service.only !== null) {
    return { pool: service.only, rule: null, slot: -1 };
  }
  const slot = slotFor(service.spec.affinity, facts, random);
  return { pool: service.pools.get(poolOfSlot(service.spec.slots, slot)) ?? null, rule: null, slot };
}
