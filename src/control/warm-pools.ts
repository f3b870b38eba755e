import type { Clock } from '../base/clock.ts';
import { type Problem, pointerOf } from '../schema/problem.ts';
import { serviceWithDefaults } from '../schema/with-defaults.ts';
import { compileWarmUp } from '../snapshot/compile-wellness.ts';
import type { DataPlane, WarmUpCall } from '../snapshot/data-plane.ts';
import { ControlError } from './control-error.ts';
import type { Rehearsal, WarmUpAccount } from './state/change.ts';
import { splitOf } from './state/split-of.ts';

/**
 * Makes the pools warm that a change gives their first traffic, where their services ask for that. Throws a `ControlError`
 * with every target that did not get warm. Of a pool that comes with the same change no worker knows yet: it is not made
 * warm, and a service that must have it so makes the pool first.
 */
export async function warmPools(
  services: readonly string[],
  { before, next }: Rehearsal,
  { clock, dataPlane }: { readonly clock: Clock; readonly dataPlane: Pick<DataPlane, 'warmUp'> },
): Promise<ReadonlyMap<string, WarmUpAccount>> {
  const accounts = new Map<string, WarmUpAccount>();
  const problems: Problem[] = [];
  for (const service of new Set(services)) {
    const calls = callsFor(service, before, next);
    if (calls.length === 0) continue;
    const startedMs = clock.monotonicMs();
    const account = { targets: 0, requests: 0, tookMs: 0 };
    const answers = await Promise.all(
      calls.map(async (call) => ({ call, warmed: await dataPlane.warmUp(call).catch(() => null) })),
    );
    for (const { call, warmed } of answers) {
      if (warmed === null) {
        problems.push({ path: pointerOf('pools', call.pool), message: 'is not warm: no worker could be asked' });
        continue;
      }
      for (const { target, requests, failure } of warmed) {
        account.targets++;
        account.requests += requests;
        if (failure !== null) {
          problems.push({ path: pointerOf('pools', call.pool, 'targets', target), message: `is not warm: ${failure}` });
        }
      }
    }
    accounts.set(service, { ...account, tookMs: Math.round(clock.monotonicMs() - startedMs) });
  }
  if (problems.length === 0) return accounts;
  const detail = `${problems.length === 1 ? 'A target' : `${problems.length} targets`} could not be made warm. Traffic stays where it is; "force": true moves it all the same.`;
  throw new ControlError('warm-up-failed', detail, problems);
}

/** Of the pools that have no share yet and are to get one. */
function callsFor(service: string, before: Rehearsal['before'], next: Rehearsal['next']): WarmUpCall[] {
  const [was, will] = [before.services.get(service), next.services.get(service)];
  if (was === undefined || will === undefined) return [];
  const { warmUp } = serviceWithDefaults(will.document);
  if (warmUp === undefined) return [];
  const [from, to] = [splitOf(was.document), splitOf(will.document)];
  const pools = Object.keys(to).filter((pool) => (to[pool] ?? 0) > 0 && (from[pool] ?? 0) === 0);
  return pools.map((pool) => ({ service, pool, warmUp: compileWarmUp(warmUp) }));
}
