import { parseDuration } from '../../base/duration.ts';
import type { HealthConfig } from '../../schema/health.ts';
import { statusRange } from '../../schema/status-range.ts';
import type { HealthCheck } from '../health/wanted-target.ts';

/** The checks of a service as the health checker wants them. */
export function compileHealthCheck(health: HealthConfig): HealthCheck {
  return {
    type: health.type,
    method: health.method,
    path: health.path,
    headers: Object.entries(health.headers),
    intervalMs: parseDuration(health.interval),
    downIntervalMs: parseDuration(health.downInterval ?? health.interval),
    timeoutMs: parseDuration(health.timeout),
    rise: health.rise,
    fall: health.fall,
    host: health.host ?? null,
    statuses: health.status.map(statusRange),
    bodyContains: health.bodyContains ?? null,
  };
}
