/**
 * The target with the fewest requests in flight for its weight. Ties go round: without that, an idle pool would send
 * every single request to its first target.
 */
import type { Random } from '../../base/random.ts';
import type { Balancer, Candidate } from './balancer.ts';

export function leastConnections<C extends Candidate>(candidates: readonly C[], random: Random): Balancer<C> {
  let start = Math.floor(random.next() * candidates.length);
  return {
    pick(avoid) {
      start = start + 1 >= candidates.length ? 0 : start + 1;
      return leastLoaded(candidates, start, avoid) ?? avoid;
    },
  };
}

function leastLoaded<C extends Candidate>(candidates: readonly C[], start: number, avoid: C | null): C | null {
  let best: C | null = null;
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[start + i < candidates.length ? start + i : start + i - candidates.length] as C;
    // The request to come is counted in, so that an idle target of weight 2 is better than an idle one of weight 1.
    if (
      candidate !== avoid &&
      (best === null || (candidate.inFlight + 1) * best.weight < (best.inFlight + 1) * candidate.weight)
    ) {
      best = candidate;
    }
  }
  return best;
}
