/** Where a candidate is in its balancer's list, kept on the candidate so that it need not be searched for. */
import type { Candidate } from './balancer.ts';

export function numberPlaces(candidates: readonly Candidate[]): void {
  for (let i = 0; i < candidates.length; i++) {
    (candidates[i] as Candidate).load.place = i;
  }
}

/** -1: it is none of them. A target that is avoided may have left the list since it was chosen. */
export function placeOf<C extends Candidate>(candidates: readonly C[], candidate: C): number {
  const place = candidate.load.place;
  return candidates[place] === candidate ? place : -1;
}
