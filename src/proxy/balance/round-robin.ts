/**
 * Round robin, weighted and smooth: a target of weight 5 among 7 is not chosen five times running, but spread evenly.
 *
 * Equal weights are the common case and need only a position. Unequal ones use the scheme known from nginx: on each
 * turn every candidate gains its weight in credit, the richest is chosen and pays the sum of all weights. Credits
 * always add up to zero, and over one period each target is chosen exactly `weight` times.
 */
import type { Random } from '../../base/random.ts';
import type { Balancer, Candidate } from './balancer.ts';

export function roundRobin<C extends Candidate>(candidates: readonly C[], random: Random): Balancer<C> {
  const first = candidates[0];
  const areEqual = first === undefined || candidates.every((candidate) => candidate.weight === first.weight);
  return areEqual ? new Rotation(candidates, random) : new SmoothWeights(candidates);
}

class Rotation<C extends Candidate> implements Balancer<C> {
  readonly #candidates: readonly C[];
  #position: number;

  constructor(candidates: readonly C[], random: Random) {
    this.#candidates = candidates;
    // Workers that all began with the first target would send it a burst.
    this.#position = Math.floor(random.next() * candidates.length);
  }

  pick(avoid: C | null): C | null {
    const chosen = this.#next();
    return chosen !== null && chosen === avoid ? this.#next() : chosen;
  }

  #next(): C | null {
    const candidates = this.#candidates;
    if (this.#position >= candidates.length) {
      this.#position = 0;
    }
    return candidates[this.#position++] ?? null;
  }
}

class SmoothWeights<C extends Candidate> implements Balancer<C> {
  readonly #candidates: readonly C[];
  readonly #credits: Float64Array;
  readonly #weightSum: number;

  constructor(candidates: readonly C[]) {
    this.#candidates = candidates;
    this.#credits = new Float64Array(candidates.length);
    this.#weightSum = candidates.reduce((sum, candidate) => sum + candidate.weight, 0);
  }

  pick(avoid: C | null): C | null {
    const chosen = this.#next(null);
    return chosen !== null && chosen === avoid ? (this.#next(avoid) ?? chosen) : chosen;
  }

  #next(avoid: C | null): C | null {
    const credits = this.#credits;
    let richest = -1;
    for (let i = 0; i < credits.length; i++) {
      const candidate = this.#candidates[i] as C;
      const credit = (credits[i] as number) + candidate.weight;
      credits[i] = credit;
      if (candidate !== avoid && (richest < 0 || credit > (credits[richest] as number))) {
        richest = i;
      }
    }
    if (richest < 0) {
      return null;
    }
    credits[richest] = (credits[richest] as number) - this.#weightSum;
    return this.#candidates[richest] as C;
  }
}
