/** Chance alone, by weight: nothing to remember, and workers that know nothing of each other never march in step. */
import type { Random } from '../../base/random.ts';
import type { Balancer, BalancerContext, Candidate, Explanation } from './balancer.ts';
import { numberPlaces, placeOf } from './places.ts';
import { WeightedDraw } from './weighted-draw.ts';

export function randomChoice<C extends Candidate>(
  candidates: readonly C[],
  _: unknown,
  context: BalancerContext,
): Balancer<C> {
  return new RandomChoice(candidates, context);
}

class RandomChoice<C extends Candidate> implements Balancer<C> {
  readonly #candidates: readonly C[];
  readonly #draw: WeightedDraw;
  readonly #random: Random;
  /** For the next pick: whoever asks what that will be can then be told. */
  #drawn: number;

  constructor(candidates: readonly C[], { random }: BalancerContext) {
    this.#candidates = candidates;
    numberPlaces(candidates);
    this.#draw = new WeightedDraw(candidates.map(({ weight }) => weight));
    this.#random = random;
    this.#drawn = random.next();
  }

  pick(avoid: C | null): C | null {
    const chosen = this.peek(avoid);
    this.#drawn = this.#random.next();
    return chosen;
  }

  peek(avoid: C | null): C | null {
    const candidates = this.#candidates;
    const avoided = avoid === null || candidates.length < 2 ? -1 : placeOf(candidates, avoid);
    const index = avoided < 0 ? this.#draw.index(this.#drawn) : this.#draw.indexWithout(this.#drawn, avoided);
    return candidates[index] as C;
  }

  explain(): Explanation<C> {
    const sum = this.#candidates.reduce((total, { weight }) => total + weight, 0);
    return {
      meaning: 'probability of being drawn',
      scores: this.#candidates.map((candidate) => ({ candidate, score: candidate.weight / sum })),
    };
  }
}
