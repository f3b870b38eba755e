import type { StatusRange } from '../../schema/status-range.ts';

/** One target as the health checker is told of it. Found again by (service, pool, target) when it is told anew. */
export interface WantedTarget {
  readonly service: string;
  readonly pool: string;
  /** "host:port" */
  readonly target: string;
  readonly host: string;
  readonly port: number;
  /** `null`: no active checks, the target counts as up. */
  readonly check: HealthCheck | null;
  /** What a checked target counts as until checks have moved it. Later tellings do not change it. */
  readonly initial: 'up' | 'down';
}

export interface HealthCheck {
  readonly type: 'http' | 'tcp';
  readonly method: 'GET' | 'HEAD' | 'OPTIONS';
  /** Origin-form: path and query, starting with "/". */
  readonly path: string;
  /** Lower-case names. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** From the start of one check to the start of the next; spread by ± `INTERVAL_JITTER`. */
  readonly intervalMs: number;
  /** The same while the target is down, or its last check speaks against the side that it is on. */
  readonly downIntervalMs: number;
  /** For the whole check: connecting, answer's head and body. */
  readonly timeoutMs: number;
  /** So many passed checks in a row bring a target up. */
  readonly rise: number;
  /** So many failed checks in a row take it down. */
  readonly fall: number;
  /** `Host` of the check; `null`: the target itself. */
  readonly host: string | null;
  /** Answers that pass, both bounds inclusive. */
  readonly statuses: readonly StatusRange[];
  /** What the answer must contain besides; `null`: anything will do. */
  readonly bodyContains: string | null;
}

/** Whether two tellings ask for the same checks at the same address, so that one may go on as the other. */
export function isSameCheck(a: WantedTarget, b: WantedTarget): boolean {
  if (a.host !== b.host || a.port !== b.port) return false;
  return a.check === null || b.check === null ? a.check === b.check : areSameChecks(a.check, b.check);
}

/** Whether both ask the same in the same rhythm. */
export function areSameChecks(a: HealthCheck, b: HealthCheck): boolean {
  return (
    a === b ||
    (a.type === b.type &&
      a.method === b.method &&
      a.path === b.path &&
      a.intervalMs === b.intervalMs &&
      a.downIntervalMs === b.downIntervalMs &&
      a.timeoutMs === b.timeoutMs &&
      a.rise === b.rise &&
      a.fall === b.fall &&
      a.host === b.host &&
      a.bodyContains === b.bodyContains &&
      areSameHeaders(a.headers, b.headers) &&
      areSameStatuses(a.statuses, b.statuses))
  );
}

function areSameHeaders(a: HealthCheck['headers'], b: HealthCheck['headers']): boolean {
  return a.length === b.length && a.every(([name, value], i) => name === b[i]?.[0] && value === b[i][1]);
}

function areSameStatuses(a: HealthCheck['statuses'], b: HealthCheck['statuses']): boolean {
  return a.length === b.length && a.every((range, i) => range.from === b[i]?.from && range.to === b[i].to);
}
