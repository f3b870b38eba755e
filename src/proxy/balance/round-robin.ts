/**
 * Round robin, weighted and smooth: a target of weight 5 among 7 is not chosen five times running, but spread evenly,
 * and over one period each is chosen exactly `weight` times.
 *
 * Equal weights are the common case and need only a position. Unequal ones are a timetable: a target of weight w is due
 * at (k + p)/w for k = 0, 1, 2, ..., and whoever is due first is next. Each has another p, from 0 to 1, so that those of
 * equal weight are not due together. Times are worked out from k anew, so nothing drifts, and the next is found in log n.
 */
import type { Random } from '../../base/random.ts';
import type { Balancer, BalancerContext, Candidate, Explanation } from './balancer.ts';
import { LoadHeap } from './load-heap.ts';
import { numberPlaces, placeOf } from './places.ts';

/** The fractions of its multiples lie far apart, however many there are. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

export function roundRobin<C extends Candidate>(
  candidates: readonly C[],
  _: unknown,
  { random }: Pick<BalancerContext, 'random'>,
): Balancer<C> {
  const first = candidates[0];
  const areEqual = first === undefined || candidates.every((candidate) => candidate.weight === first.weight);
  return areEqual ? new Rotation(candidates, random) : new Timetable(candidates, random);
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

  peek(avoid: C | null): C | null {
    const position = this.#position;
    const chosen = this.pick(avoid);
    this.#position = position;
    return chosen;
  }

  explain(): Explanation<C> {
    const size = this.#candidates.length;
    return {
      meaning: 'turns until it is chosen; the lowest is next',
      scores: this.#candidates.map((candidate, index) => ({
        candidate,
        score: (index - this.#position + 2 * size) % size,
      })),
    };
  }

  #next(): C | null {
    const candidates = this.#candidates;
    if (this.#position >= candidates.length) {
      this.#position = 0;
    }
    return candidates[this.#position++] ?? null;
  }
}

class Timetable<C extends Candidate> implements Balancer<C> {
  readonly #candidates: readonly C[];
  readonly #weights: Float64Array;
  readonly #phases: Float64Array;
  /** How often each was chosen, had the timetable begun at 0. */
  readonly #turns: Float64Array;
  readonly #heap: LoadHeap;

  constructor(candidates: readonly C[], random: Random) {
    this.#candidates = candidates;
    numberPlaces(candidates);
    this.#weights = Float64Array.from(candidates, ({ weight }) => weight);
    this.#phases = this.#weights.map((_, index) => ((index + 1) * GOLDEN_RATIO) % 1);
    // Somewhere in its first period, or all workers would begin with the same burst.
    const start = random.next();
    this.#turns = this.#weights.map((weight, index) => Math.ceil(start * weight - (this.#phases[index] as number)));
    this.#heap = new LoadHeap(
      this.#weights.map((_, index) => this.#dueAt(index)),
      0,
    );
  }

  pick(avoid: C | null): C | null {
    const next = this.#next(avoid);
    this.#turns[next] = (this.#turns[next] as number) + 1;
    this.#heap.update(next, this.#dueAt(next));
    return this.#candidates[next] as C;
  }

  peek(avoid: C | null): C | null {
    return this.#candidates[this.#next(avoid)] as C;
  }

  explain(): Explanation<C> {
    const soonest = this.#heap.keyOf(this.#heap.lowest);
    return {
      meaning: 'periods until it is due; the lowest is next',
      scores: this.#candidates.map((candidate, index) => ({ candidate, score: this.#dueAt(index) - soonest })),
    };
  }

  /** There are two or more: weights differ. */
  #next(avoid: C | null): number {
    return avoid === null ? this.#heap.lowest : this.#heap.lowestBut(placeOf(this.#candidates, avoid));
  }

  #dueAt(index: number): number {
    return ((this.#turns[index] as number) + (this.#phases[index] as number)) / (this.#weights[index] as number);
  }
}
