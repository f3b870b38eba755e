/**
 * Chooses a target inside a pool. A balancer is made for one list of candidates, all of which may be chosen; when
 * health, admin state or weight changes, a new one takes its place. Implementations differ by file; all of them pass
 * test/unit/proxy/balance/conformance.ts.
 */
import type { Random } from '../../base/random.ts';
import type { Algorithm } from '../../snapshot/types.ts';
import { leastConnections } from './least-connections.ts';
import { roundRobin } from './round-robin.ts';

export interface Candidate {
  /** 1 or more. */
  readonly weight: number;
  readonly inFlight: number;
}

export interface Balancer<C extends Candidate> {
  /** The next target; not `avoid`, unless it is the only one. Null where there is none. */
  pick(avoid: C | null): C | null;
}

export function createBalancer<C extends Candidate>(
  algorithm: Algorithm,
  candidates: readonly C[],
  random: Random,
): Balancer<C> {
  switch (algorithm) {
    case 'round-robin':
      return roundRobin(candidates, random);
    case 'least-connections':
      return leastConnections(candidates, random);
  }
}
