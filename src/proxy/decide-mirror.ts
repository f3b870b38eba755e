/**
 * Whether a request is copied for a shadow. Who is known is drawn by a hash of who that is, as for the split, but with
 * another salt: always or never, on every worker, and independently of the pool. Of the others each request is drawn.
 */
import { slotOf } from '../base/hash.ts';
import type { Random } from '../base/random.ts';
import { type MirrorSpec, SLOT_COUNT } from '../snapshot/types.ts';
import type { Pool } from './pool.ts';
import type { BoundService } from './routing.ts';
import type { Condition } from './rules/condition.ts';
import type { RequestFacts } from './split/request-facts.ts';
import { type User, userOf } from './split/slots.ts';

/** A mirror with the live pool that its specification names. */
export interface BoundMirror {
  readonly spec: MirrorSpec;
  readonly pool: Pool;
  /** Null: copies are made of any request. */
  readonly when: Condition | null;
  readonly withheld: ReadonlySet<string>;
}

/** Why a request is never copied, whoever is drawn. */
export type MirrorBar = 'same-pool' | 'upgrade' | 'unsafe-method' | 'condition';

/** Methods that change nothing at the target (RFC 9110 section 9.2.1): the only ones that are copied unasked. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** `pool` is where the request itself goes, `upgrade` the protocol that it asks the target for. Null: nothing bars it. */
export function mirrorBar(mirror: BoundMirror, facts: RequestFacts, pool: Pool, upgrade: string): MirrorBar | null {
  if (mirror.pool === pool) {
    return 'same-pool';
  }
  if (upgrade !== '') {
    return 'upgrade';
  }
  if (!mirror.spec.unsafeMethods && !SAFE.has(facts.method)) {
    return 'unsafe-method';
  }
  return mirror.when === null || mirror.when.holds(facts) ? null : 'condition';
}

/** `user` is whom the split was asked for; null: nobody, or it was not asked. */
export function isDrawnForMirror(
  service: BoundService,
  mirror: MirrorSpec,
  facts: RequestFacts,
  user: User | null,
  random: Random,
): boolean {
  const { share } = mirror;
  if (share === 0 || share >= SLOT_COUNT) {
    return share !== 0;
  }
  const slot = mirrorSlot(service, mirror, facts, user);
  return (slot < 0 ? random.next() * SLOT_COUNT : slot) < share;
}

/** The slot of the request's user in the draw for copies: below the share is in. -1: nobody knows who that is. */
export function mirrorSlot(
  { spec: { affinity } }: BoundService,
  { salt }: MirrorSpec,
  facts: RequestFacts,
  user: User | null,
): number {
  const known = user ?? userOf(affinity, facts, null);
  return known === null ? -1 : slotOf(salt, known.id);
}
