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
  /** Origin-form: path and query, starting with "/". */
  readonly path: string;
  /** From the start of one check to the start of the next; spread by ± `INTERVAL_JITTER`. */
  readonly intervalMs: number;
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
}

export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** Whether two tellings ask for the same checks at the same address, so that one may go on as the other. */
export function isSameCheck(a: WantedTarget, b: WantedTarget): boolean {
  if (a.host !== b.host || a.port !== b.port) return false;
  if (a.check === null || b.check === null) return a.check === b.check;
  return (
    a.check.path === b.check.path &&
    a.check.intervalMs === b.check.intervalMs &&
    a.check.timeoutMs === b.check.timeoutMs &&
    a.check.rise === b.check.rise &&
    a.check.fall === b.check.fall &&
    a.check.host === b.check.host &&
    areSameStatuses(a.check.statuses, b.check.statuses)
  );
}

function areSameStatuses(a: readonly StatusRange[], b: readonly StatusRange[]): boolean {
  return a.length === b.length && a.every((range, i) => range.from === b[i]?.from && range.to === b[i].to);
}
