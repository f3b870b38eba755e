/**
 * Of two targets drawn by weight, the one that will probably answer sooner: what it takes by the latest observations, as
 * many times as there would be requests on it, for its weight. Looking at two is enough to keep away from the worst one,
 * and, other than looking at all, does not make every worker run to the same best one (M. Mitzenmacher, The Power of Two
 * Choices in Randomized Load Balancing, 2001).
 */
import type { Random } from '../../base/random.ts';
import type { AlgorithmSpec } from '../../snapshot/algorithm-spec.ts';
import type { Balancer, BalancerContext, Candidate, Explanation } from './balancer.ts';
import { LatencyBook } from './latency-book.ts';
import { numberPlaces, placeOf } from './places.ts';
import { WeightedDraw } from './weighted-draw.ts';

export function powerOfTwoChoices<C extends Candidate>(
  candidates: readonly C[],
  spec: AlgorithmSpec,
  context: BalancerContext,
): Balancer<C> {
  return new PowerOfTwoChoices(candidates, spec, context);
}

class PowerOfTwoChoices<C extends Candidate> implements Balancer<C> {
  readonly #candidates: readonly C[];
  readonly #weights: readonly number[];
  readonly #draw: WeightedDraw;
  readonly #latency: LatencyBook;
  readonly #random: Random;
  /** For the next pick: whoever asks what that will be can then be told. */
  #drawnOne: number;
  #drawnOther: number;

  constructor(candidates: readonly C[], { decayMs }: AlgorithmSpec, { random, time }: BalancerContext) {
    this.#candidates = candidates;
    numberPlaces(candidates);
    this.#weights = candidates.map(({ weight }) => weight);
    this.#draw = new WeightedDraw(this.#weights);
    this.#latency = new LatencyBook(candidates, { decayMs, keepsPeaks: true }, time, null);
    this.#random = random;
    this.#drawnOne = random.next();
    this.#drawnOther = random.next();
  }

  pick(avoid: C | null): C | null {
    const chosen = this.peek(avoid);
    this.#drawnOne = this.#random.next();
    this.#drawnOther = this.#random.next();
    return chosen;
  }

  peek(avoid: C | null): C | null {
    const candidates = this.#candidates;
    if (candidates.length < 2) {
      return candidates[0] ?? null;
    }
    const avoided = avoid === null ? -1 : placeOf(candidates, avoid);
    const one = avoided < 0 ? this.#draw.index(this.#drawnOne) : this.#draw.indexWithout(this.#drawnOne, avoided);
    const other = this.#draw.indexWithout(this.#drawnOther, one);
    return candidates[other !== avoided && this.#costOf(other) < this.#costOf(one) ? other : one] as C;
  }

  explain(): Explanation<C> {
    return {
      meaning:
        'expected milliseconds times requests in flight with this one, for its weight; of two drawn, the lower is chosen',
      scores: this.#candidates.map((candidate, index) => ({ candidate, score: this.#costOf(index) })),
    };
  }

  #costOf(index: number): number {
    const { load } = this.#candidates[index] as C;
    return (this.#latency.estimateMs(load) * (load.inFlight + 1)) / (this.#weights[index] as number);
  }
}
