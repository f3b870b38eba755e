import { closestName } from '../../base/closest-name.ts';
import type { Problem } from '../../schema/problem.ts';
import type { ServiceDocument } from '../../schema/service.ts';

/** Whether the service has a pool of that name. `atKey`: the name is a key, and the problem is with it. */
export function checkPoolName(
  path: string,
  pool: string,
  service: Pick<ServiceDocument, 'pools'>,
  atKey = false,
): Problem[] {
  if (Object.hasOwn(service.pools, pool)) return [];
  const pools = Object.keys(service.pools);
  const meant = closestName(pool, pools);
  const right =
    meant === null ? `the pools are ${pools.map((name) => `"${name}"`).join(', ')}` : `did you mean "${meant}"?`;
  return [{ path, message: `there is no pool "${pool}"; ${right}`, atKey }];
}
