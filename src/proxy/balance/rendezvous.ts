/**
 * The same key to the same target, on every worker and every instance, with nothing shared: each target has a number for
 * the key, drawn by its weight, and the lowest wins (D. Thaler and C. Ravishankar, 1998; weighted as an exponential race:
 * -ln(u)/weight). A target that goes takes only its own keys with it, one that comes takes from each only its share.
 *
 * Drawing for every target would cost n. So keys fall into 65,536 slots, and who wins a slot is worked out when it is
 * asked for first; in small pools that is cheaper than remembering. The price: shares are as even as n targets in 65,536
 * slots can be, with a standard deviation of 1 % of a share at 10 targets, 4 % at 100, 12 % at 1,000.
 *
 * A request without the key goes by round robin.
 */
import { hash32 } from '../../base/hash.ts';
import type { AlgorithmSpec } from '../../snapshot/algorithm-spec.ts';
import type { Balancer, BalancerContext, Candidate, Explanation } from './balancer.ts';
import { placeOf } from './places.ts';
import { roundRobin } from './round-robin.ts';
import { numberPlaces } from './places.ts';

const SLOT_BITS = 16;
/** Up to so many targets drawing anew is about as fast as looking up, and takes no memory. */
const DRAWN_ANEW_MAX = 16;

export function rendezvous<C extends Candidate>(
  candidates: readonly C[],
  spec: AlgorithmSpec,
  context: BalancerContext,
): Balancer<C> {
  return new Rendezvous(candidates, spec, context);
}

class Rendezvous<C extends Candidate> implements Balancer<C> {
  readonly #candidates: readonly C[];
  readonly #hashes: Int32Array;
  readonly #weights: Float64Array;
  /** Of each slot the winner's index + 1; 0: not worked out yet. Null: the pool is small. */
  readonly #winners: Uint16Array | null;
  readonly #keyless: Balancer<C>;

  constructor(candidates: readonly C[], spec: AlgorithmSpec, context: BalancerContext) {
    this.#candidates = candidates;
    numberPlaces(candidates);
    this.#hashes = Int32Array.from(candidates, ({ id }) => hash32(id));
    this.#weights = Float64Array.from(candidates, ({ weight }) => weight);
    this.#winners = candidates.length <= DRAWN_ANEW_MAX ? null : new Uint16Array(1 << SLOT_BITS);
    this.#keyless = roundRobin(candidates, spec, context);
  }

  pick(avoid: C | null, key: string): C | null {
    return key === '' ? this.#keyless.pick(avoid, key) : this.peek(avoid, key);
  }

  peek(avoid: C | null, key: string): C | null {
    if (key === '') {
      return this.#keyless.peek(avoid, key);
    }
    const candidates = this.#candidates;
    const slot = slotOf(key);
    const winner = this.#winnerOf(slot);
    if (avoid === null || candidates[winner] !== avoid) {
      return candidates[winner] as C;
    }
    const second = this.#draw(slot, placeOf(candidates, avoid));
    return candidates[second < 0 ? winner : second] as C;
  }

  explain(key: string): Explanation<C> {
    if (key === '') {
      const { meaning, scores } = this.#keyless.explain(key);
      return { meaning: `the request has no key, so it goes round: ${meaning}`, scores };
    }
    const slot = slotOf(key);
    return {
      meaning: "number drawn for the key's slot, by weight; the lowest wins",
      scores: this.#candidates.map((candidate, index) => ({ candidate, score: this.#numberOf(slot, index) })),
    };
  }

  #winnerOf(slot: number): number {
    const winners = this.#winners;
    if (winners === null) {
      return this.#draw(slot, -1);
    }
    const known = winners[slot] as number;
    if (known > 0) {
      return known - 1;
    }
    const winner = this.#draw(slot, -1);
    winners[slot] = winner + 1;
    return winner;
  }

  /** The index of the lowest number; -1: there is none but `without`. */
  #draw(slot: number, without: number): number {
    const weights = this.#weights;
    let winner = -1;
    let lowest = Number.POSITIVE_INFINITY;
    for (let index = 0; index < weights.length; index++) {
      // 1 - u is never above -ln(u): most are out of the race before a logarithm is taken.
      if (index === without || (1 - this.#chanceOf(slot, index)) / (weights[index] as number) >= lowest) {
        continue;
      }
      const number = this.#numberOf(slot, index);
      if (number < lowest) {
        lowest = number;
        winner = index;
      }
    }
    return winner;
  }

  #numberOf(slot: number, index: number): number {
    return -Math.log(this.#chanceOf(slot, index)) / (this.#weights[index] as number);
  }

  /** Evenly drawn from (0, 1), the same for the same slot and target everywhere. */
  #chanceOf(slot: number, index: number): number {
    return (mix((this.#hashes[index] as number) ^ Math.imul(slot + 1, 0x9e3779b1)) + 0.5) / 2 ** 32;
  }
}

function slotOf(key: string): number {
  return hash32(key) >>> (32 - SLOT_BITS);
}

/** The finalizer of MurmurHash3: every bit that goes in moves half of those that come out. */
function mix(bits: number): number {
  let mixed = bits;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
