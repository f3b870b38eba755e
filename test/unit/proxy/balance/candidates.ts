import type { Balancer, BalancerContext, BalancerFactory, Candidate } from '../../../../src/proxy/balance/balancer.ts';
import type { AlgorithmSpec } from '../../../../src/snapshot/algorithm-spec.ts';
import { TargetLoad } from '../../../../src/proxy/target-load.ts';
import { seededRandom } from '../../../../src/base/random.ts';

/** What is chosen from, in a test. */
export interface TestCandidate extends Candidate {
  readonly load: TargetLoad;
}

export function candidatesOf(...weights: number[]): TestCandidate[] {
  return weights.map((weight, index) => candidate(`10.0.0.${index}:80`, weight));
}

export function candidate(id: string, weight = 1): TestCandidate {
  return { id, weight, load: new TargetLoad() };
}

/** So many of weight 1. */
export function equals(count: number): TestCandidate[] {
  return candidatesOf(...Array.from({ length: count }, () => 1));
}

export function specOf(name: string, more: Partial<AlgorithmSpec> = {}): AlgorithmSpec {
  return { name, function: null, key: null, decayMs: 10_000, zone: null, ...more };
}

export function contextOf(seed = 1): BalancerContext & { readonly time: { nowMs: number } } {
  return { random: seededRandom(seed), time: { nowMs: 0 } };
}

export function balancerOf<C extends Candidate>(
  factory: BalancerFactory,
  candidates: readonly C[],
  context: BalancerContext = contextOf(),
): Balancer<C> {
  for (const { load } of candidates) load.release();
  return factory(candidates, specOf('tested'), context);
}

/** How often each candidate of a list was chosen by so many picks, nothing being under way. */
export function sharesOf<C extends Candidate>(
  balancer: Balancer<C>,
  candidates: readonly C[],
  picks: number,
  keyOf: (index: number) => string = () => '',
): number[] {
  const counts = new Map<C, number>();
  for (let index = 0; index < picks; index += 1) {
    const chosen = balancer.pick(null, keyOf(index));
    if (chosen === null) throw new Error('nobody was chosen');
    counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
  }
  return candidates.map((one) => counts.get(one) ?? 0);
}
