/**
 * Of all targets the one that will probably answer soonest: the average time to a response head, as many times as there
 * would be requests on it, for its weight. Evens out unequal servers best where one proxy sends most of the load; where
 * there are many proxies, all would run to the same target, and `p2c` is the better choice.
 */
import type { AlgorithmSpec } from '../../snapshot/algorithm-spec.ts';
import type { LoadWatcher, TargetLoad } from '../target-load.ts';
import type { Balancer, BalancerContext, Candidate, Explanation } from './balancer.ts';
import { LatencyBook } from './latency-book.ts';
import { LoadHeap } from './load-heap.ts';
import { numberPlaces, placeOf } from './places.ts';

export function leastTime<C extends Candidate>(
  candidates: readonly C[],
  spec: AlgorithmSpec,
  context: BalancerContext,
): Balancer<C> {
  return new LeastTime(candidates, spec, context);
}

class LeastTime<C extends Candidate> implements Balancer<C>, LoadWatcher {
  readonly #candidates: readonly C[];
  readonly #weights: Float64Array;
  readonly #latency: LatencyBook;
  readonly #heap: LoadHeap;

  constructor(candidates: readonly C[], { decayMs }: AlgorithmSpec, { random, time }: BalancerContext) {
    this.#candidates = candidates;
    this.#weights = Float64Array.from(candidates, ({ weight }) => weight);
    numberPlaces(candidates);
    this.#latency = new LatencyBook(candidates, { decayMs, keepsPeaks: false }, time, (load, all) =>
      this.#latencyChanged(load, all),
    );
    for (const { load } of candidates) {
      load.watcher = this;
    }
    const first = Math.floor(random.next() * candidates.length);
    this.#heap = new LoadHeap(
      Float64Array.from(candidates, ({ load }) => this.#keyOf(load)),
      first,
    );
  }

  pick(avoid: C | null): C | null {
    const next = this.#next(avoid);
    this.#heap.endTurn(next);
    return this.#candidates[next] as C;
  }

  peek(avoid: C | null): C | null {
    return this.#candidates[this.#next(avoid)] as C;
  }

  explain(): Explanation<C> {
    return {
      meaning: 'expected milliseconds times requests in flight with this one, for its weight; the lowest is chosen',
      scores: this.#candidates.map((candidate, index) => ({
        candidate,
        score:
          (this.#latency.estimateMs(candidate.load) * (candidate.load.inFlight + 1)) / (this.#weights[index] as number),
      })),
    };
  }

  loadChanged(load: TargetLoad): void {
    this.#heap.update(load.place, this.#keyOf(load));
  }

  #latencyChanged(load: TargetLoad, all: boolean): void {
    if (all) {
      // Those that nothing is known of are as good as the first that answered.
      this.#heap.rearrange((index) => this.#keyOf((this.#candidates[index] as C).load));
    } else {
      this.loadChanged(load);
    }
  }

  #next(avoid: C | null): number {
    const other = avoid === null ? -1 : this.#heap.lowestBut(placeOf(this.#candidates, avoid));
    return other < 0 ? this.#heap.lowest : other;
  }

  /** In logarithms, where the fading of all estimates moves all keys alike, and the order stays as it is. */
  #keyOf(load: TargetLoad): number {
    return this.#latency.logCost(load) + Math.log((load.inFlight + 1) / (this.#weights[load.place] as number));
  }
}
