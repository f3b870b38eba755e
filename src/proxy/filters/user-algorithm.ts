/**
 * An algorithm that the configuration names. It is asked once for each request, with the request; second tries and copies
 * of a mirror, for which there is nothing left to ask it, go by round robin.
 */
import type {
  Algorithm,
  AlgorithmFactory,
  AlgorithmTarget,
  RequestView,
  UserFunction,
} from '../../modules/user-code.ts';
import { UserCodeError } from '../../modules/user-code-error.ts';
import type { Balancer, BalancerFactory, Candidate, Explanation } from '../balance/balancer.ts';
import { roundRobin } from '../balance/round-robin.ts';
import { disregard, isThenable } from './thenable.ts';

/** The request that a target is being chosen for, while that goes on: algorithms that ask for none cost nothing so. */
export class PickedRequest {
  current: RequestView | null = null;
}

/** `find` gives the function of a reference. */
export function userAlgorithm(find: (reference: string) => UserFunction, request: PickedRequest): BalancerFactory {
  return (candidates, spec, context) => {
    const reference = spec.function ?? '';
    const factory = find(reference) as AlgorithmFactory;
    return new UserBalancer(candidates, { reference, factory, request }, roundRobin(candidates, spec, context));
  };
}

interface Asked {
  readonly reference: string;
  readonly factory: AlgorithmFactory;
  readonly request: PickedRequest;
}

class UserBalancer<C extends Candidate> implements Balancer<C> {
  readonly #asked: Asked;
  readonly #rotation: Balancer<C>;
  readonly #views: readonly AlgorithmTarget[];
  readonly #candidates: ReadonlyMap<unknown, C>;
  /** Made for the first request: a factory that fails must cost a request and not the change. */
  #algorithm: Algorithm | null = null;

  constructor(candidates: readonly C[], asked: Asked, rotation: Balancer<C>) {
    this.#asked = asked;
    this.#rotation = rotation;
    this.#views = Object.freeze(candidates.map((candidate) => new TargetView(candidate)));
    this.#candidates = new Map(candidates.map((candidate, index) => [this.#views[index], candidate]));
  }

  pick(avoid: C | null, key: string): C | null {
    const request = this.#asked.request.current;
    return request === null || avoid !== null ? this.#rotation.pick(avoid, key) : this.#ask(request, false);
  }

  /** Asks one that is made for this question: what the one in use remembers stays as it is. */
  peek(avoid: C | null, key: string): C | null {
    const request = this.#asked.request.current;
    return request === null || avoid !== null ? this.#rotation.peek(avoid, key) : this.#ask(request, true);
  }

  explain(): Explanation<C> {
    return { meaning: '', scores: [...this.#candidates.values()].map((candidate) => ({ candidate, score: null })) };
  }

  #ask(request: RequestView, isTrial: boolean): C {
    const { factory, reference } = this.#asked;
    try {
      const algorithm = isTrial ? factory() : (this.#algorithm ??= factory());
      const chosen: unknown = algorithm.pick(this.#views, request);
      const candidate = this.#candidates.get(chosen);
      if (isThenable(chosen)) disregard(chosen);
      if (candidate === undefined) throw new TypeError('pick() must give one of the targets that it was given');
      return candidate;
    } catch (error) {
      throw new UserCodeError(reference, error);
    }
  }
}

class TargetView implements AlgorithmTarget {
  readonly #candidate: Candidate;

  constructor(candidate: Candidate) {
    this.#candidate = candidate;
  }

  get id(): string {
    return this.#candidate.id;
  }

  get weight(): number {
    return this.#candidate.weight;
  }

  get zone(): string {
    return (this.#candidate as Candidate & { readonly zone?: string }).zone ?? '';
  }

  get inFlight(): number {
    return this.#candidate.load.inFlight;
  }
}
