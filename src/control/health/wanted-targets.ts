import { parseDuration } from '../../base/duration.ts';
import type { HealthConfig } from '../../schema/health.ts';
import type { ServiceSpec } from '../../snapshot/types.ts';
import type { HealthCheck, StatusRange, WantedTarget } from './wanted-target.ts';

/**
 * What the health checker has to watch for one service. Targets that it does not know yet start as the configuration
 * says when the process starts, and down when they came while it runs: a pool that nobody has seen working takes no
 * traffic. Targets that an operator has put to `drain` or `maint` are watched on, so that their health is known when
 * they come back.
 */
export function wantedTargets(
  service: Pick<ServiceSpec, 'name' | 'pools'>,
  health: HealthConfig | undefined,
  arrival: 'at-start' | 'while-running',
): WantedTarget[] {
  const check = health === undefined ? null : compileCheck(health);
  const initial = arrival === 'at-start' && health !== undefined ? health.initialState : 'down';
  return service.pools.flatMap((pool) =>
    pool.targets.map(({ id, host, port }) => ({
      service: service.name,
      pool: pool.name,
      target: id,
      host,
      port,
      check,
      initial,
    })),
  );
}

function compileCheck(health: HealthConfig): HealthCheck {
  return {
    path: health.path,
    intervalMs: parseDuration(health.interval),
    timeoutMs: parseDuration(health.timeout),
    rise: health.rise,
    fall: health.fall,
    host: health.host ?? null,
    statuses: health.status.map(parseStatusRange),
  };
}

/** 200, "200" or "200-299". */
function parseStatusRange(status: number | string): StatusRange {
  if (typeof status === 'number') return { from: status, to: status };
  const [from = '', to = from] = status.split('-');
  return { from: Number(from), to: Number(to) };
}
