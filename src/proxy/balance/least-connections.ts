/**
 * The target with the fewest requests in flight for its weight. Ties go round: without that, an idle pool would send
 * every single request to its first target.
 */
import type { TargetLoad, LoadWatcher } from '../target-load.ts';
import type { Balancer, BalancerContext, Candidate, Explanation } from './balancer.ts';
import { LoadHeap } from './load-heap.ts';
import { numberPlaces, placeOf } from './places.ts';

export function leastConnections<C extends Candidate>(
  candidates: readonly C[],
  _: unknown,
  context: BalancerContext,
): Balancer<C> {
  return new LeastConnections(candidates, context);
}

class LeastConnections<C extends Candidate> implements Balancer<C>, LoadWatcher {
  readonly #candidates: readonly C[];
  readonly #weights: Float64Array;
  readonly #heap: LoadHeap;

  constructor(candidates: readonly C[], { random }: BalancerContext) {
    this.#candidates = candidates;
    this.#weights = Float64Array.from(candidates, ({ weight }) => weight);
    numberPlaces(candidates);
    for (const { load } of candidates) {
      load.watcher = this;
    }
    const first = Math.floor(random.next() * candidates.length);
    this.#heap = new LoadHeap(
      Float64Array.from(candidates, ({ load }) => this.#loadOf(load)),
      first,
    );
  }

  pick(avoid: C | null): C | null {
    const next = this.#next(avoid);
    // A copy that is mirrored is not in flight here: it too must go round.
    this.#heap.endTurn(next);
    return this.#candidates[next] as C;
  }

  peek(avoid: C | null): C | null {
    return this.#candidates[this.#next(avoid)] as C;
  }

  explain(): Explanation<C> {
    return {
      meaning:
        'requests in flight with this one, for its weight; the lowest is chosen, of equals the one longest not chosen',
      scores: this.#candidates.map((candidate) => ({ candidate, score: this.#loadOf(candidate.load) })),
    };
  }

  loadChanged(load: TargetLoad): void {
    this.#heap.update(load.place, this.#loadOf(load));
  }

  #next(avoid: C | null): number {
    const other = avoid === null ? -1 : this.#heap.lowestBut(placeOf(this.#candidates, avoid));
    return other < 0 ? this.#heap.lowest : other;
  }

  /** The request to come is counted in, so that an idle target of weight 2 is better than an idle one of weight 1. */
  #loadOf({ inFlight, place }: TargetLoad): number {
    return (inFlight + 1) / (this.#weights[place] as number);
  }
}
