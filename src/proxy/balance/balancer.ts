/**
 * Chooses a target inside a pool. A balancer is made for one list of candidates, all of which may be chosen; when
 * health, admin state or weight changes, a new one takes its place, and what must be remembered across that lives on
 * the candidate's `load`. Implementations differ by file and are listed in algorithms.ts; all of them pass
 * test/unit/proxy/balance/conformance.ts.
 */
import type { Random } from '../../base/random.ts';
import type { AlgorithmSpec } from '../../snapshot/algorithm-spec.ts';
import type { TargetLoad } from '../target-load.ts';

export interface Candidate {
  /** "host:port": the same on every worker and instance. */
  readonly id: string;
  /** Above 0, at most 65,535; a part of what its operator has set while it starts slowly. */
  readonly weight: number;
  readonly load: TargetLoad;
}

export interface Balancer<C extends Candidate> {
  /**
   * The next target; not `avoid`, unless it is the only one. Null where there is none. `key` is what the algorithm asked
   * for by `AlgorithmSpec.key`; "": the request has none.
   */
  pick(avoid: C | null, key: string): C | null;
  /** What `pick` would answer now. Changes nothing: chance is drawn ahead of each pick. */
  peek(avoid: C | null, key: string): C | null;
  /** What the next pick goes by. */
  explain(key: string): Explanation<C>;
}

export interface Explanation<C> {
  /** What a score is, in words, and whether the highest or the lowest is chosen; "" where there are none. */
  readonly meaning: string;
  /** One for each candidate, in no order; null: only the algorithm knows. */
  readonly scores: readonly { readonly candidate: C; readonly score: number | null }[];
}

/** What a balancer may use. */
export interface BalancerContext {
  readonly random: Random;
  /** Monotonic; a tenth of a second late at most. */
  readonly time: { readonly nowMs: number };
}

/** Makes the balancer of one algorithm. Never called without candidates. */
export type BalancerFactory = <C extends Candidate>(
  candidates: readonly C[],
  spec: AlgorithmSpec,
  context: BalancerContext,
) => Balancer<C>;
