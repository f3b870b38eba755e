import type { HealthConfig } from '../../schema/health.ts';
import type { ServiceSpec } from '../../snapshot/types.ts';
import { compileHealthCheck } from '../config/health-check.ts';
import type { WantedTarget } from './wanted-target.ts';

/**
 * What the health checker has to watch for one service. Targets that it does not know yet start as the configuration
 * says when the process starts, and down when they came while it runs: a pool that nobody has seen working takes no
 * traffic. So do those that were down when the process before this one ended. Targets that an operator has put to `drain` or `maint` are watched on, so that their health is known when
 * they come back.
 */
export function wantedTargets(
  service: Pick<ServiceSpec, 'name' | 'pools'>,
  health: HealthConfig | undefined,
  arrival: 'at-start' | 'while-running',
  wasDown: (pool: string, target: string) => boolean = () => false,
): WantedTarget[] {
  const check = health === undefined ? null : compileHealthCheck(health);
  const initial = arrival === 'at-start' && health !== undefined ? health.initialState : 'down';
  return service.pools.flatMap((pool) =>
    pool.targets.map(({ id, host, port }) => ({
      service: service.name,
      pool: pool.name,
      target: id,
      host,
      port,
      check,
      initial: wasDown(pool.name, id) ? 'down' : initial,
    })),
  );
}
