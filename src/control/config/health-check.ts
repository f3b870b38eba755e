import { parseDuration } from '../../base/duration.ts';
import type { HealthConfig } from '../../schema/health.ts';
import type { HealthCheck, StatusRange } from '../health/wanted-target.ts';

/** The checks of a service as the health checker wants them. */
export function compileHealthCheck(health: HealthConfig): HealthCheck {
  return {
    path: health.path,
    intervalMs: parseDuration(health.interval),
    timeoutMs: parseDuration(health.timeout),
    rise: health.rise,
    fall: health.fall,
    host: health.host ?? null,
    statuses: health.status.map(statusRange),
  };
}

function statusRange(status: number | string): StatusRange {
  const [from, to = from] = String(status).split('-').map(Number);
  return { from: from ?? 0, to: to ?? 0 };
}
