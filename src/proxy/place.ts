/** Where a request may go that the algorithm, or its session, has chosen a target for, in a pool that is guarded. */
import type { FailureCode } from './errors.ts';
import type { PoolGuard } from './limit/pool-guard.ts';
import type { Pool } from './pool.ts';
import type { Target } from './upstream/target.ts';

export type Place =
  | { readonly target: Target; readonly mustWait: 'no' | 'for-any' | 'for-this' }
  | { readonly code: FailureCode; readonly waitMs: number };

export function placeIn(
  pool: Pool,
  guard: PoolGuard<Target>,
  chosen: Target,
  isBound: boolean,
  hashKey: string,
): Place {
  if (!guard.admits()) {
    return { code: 'breaker_open', waitMs: guard.waitMs };
  }
  const target = isBound || guard.mayTake(chosen) ? chosen : (pool.pick(chosen, hashKey) ?? chosen);
  const { admission } = guard;
  if (admission === null) {
    return { target, mustWait: 'no' };
  }
  const free = admission.place(target, isBound);
  if (free !== null) {
    return { target: free, mustWait: 'no' };
  }
  return admission.isFull
    ? { code: 'queue_full', waitMs: admission.waitMs }
    : { target, mustWait: isBound ? 'for-this' : 'for-any' };
}
