/** Every algorithm by the name that a configuration gives it. A new one is a file and a line here. */
import { assert } from '../../base/assert.ts';
import type { AlgorithmName, AlgorithmSpec } from '../../snapshot/algorithm-spec.ts';
import type { Balancer, BalancerContext, BalancerFactory, Candidate } from './balancer.ts';
import { leastConnections } from './least-connections.ts';
import { leastTime } from './least-time.ts';
import { powerOfTwoChoices } from './p2c.ts';
import { randomChoice } from './random.ts';
import { rendezvous } from './rendezvous.ts';
import { roundRobin } from './round-robin.ts';

/** Algorithms by name; one that serves others too is made as `{ ...BUILT_IN, name: factory }`. */
export type Algorithms = Readonly<Record<string, BalancerFactory>>;

export const BUILT_IN: Readonly<Record<AlgorithmName, BalancerFactory>> = {
  'round-robin': roundRobin,
  'least-connections': leastConnections,
  p2c: powerOfTwoChoices,
  'least-time': leastTime,
  rendezvous,
  random: randomChoice,
};

/** Of one or more candidates, all of which may be chosen. They belong to this balancer until their load is released. */
export function createBalancer<C extends Candidate>(
  algorithms: Algorithms,
  candidates: readonly C[],
  spec: AlgorithmSpec,
  context: BalancerContext,
): Balancer<C> {
  const create = algorithms[spec.name];
  assert(create !== undefined, `a snapshot names the algorithm ${spec.name}, which is none`);
  return create(candidates, spec, context);
}
