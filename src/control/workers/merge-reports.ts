/** Many workers as one data plane: what they counted, added up. */
import type {
  DataPlaneReport,
  HistogramReport,
  LedgerReport,
  ListenerReport,
  PoolReport,
  ServiceReport,
  TargetReport,
  TrafficReport,
  WarmedTarget,
} from '../../snapshot/data-plane.ts';

export const EMPTY_REPORT: DataPlaneReport = {
  generation: 0,
  workers: [],
  workersFenced: 0,
  pools: [],
  services: [],
  listeners: [],
  buffered: {},
  ledger: [],
};

/** Generations that are told apart; what is older is added up under generation 0, as in each worker. */
export const LEDGERS_MAX = 64;

export function mergeReports(reports: readonly DataPlaneReport[]): DataPlaneReport {
  const serving = reports.flatMap(({ workers }) => workers);
  return {
    generation: serving.length === 0 ? 0 : Math.min(...serving.map(({ generation }) => generation)),
    workers: serving,
    // Only the primary knows.
    workersFenced: 0,
    pools: merged(
      reports,
      ({ pools }) => pools,
      (pool) => `${pool.service}\n${pool.pool}`,
      mergePools,
    ),
    services: merged(
      reports,
      ({ services }) => services,
      ({ service }) => service,
      mergeServices,
    ),
    listeners: merged(
      reports,
      ({ listeners }) => listeners,
      ({ listener }) => listener,
      mergeListeners,
    ),
    accessLogDropped: reports.reduce((sum, { accessLogDropped = 0 }) => sum + accessLogDropped, 0),
    buffered: reports.reduce<Readonly<Record<string, number>>>((sum, { buffered }) => sumCounts(sum, buffered), {}),
    ledger: foldOlder(
      merged(
        reports,
        ({ ledger }) => ledger,
        ({ generation }) => String(generation),
        mergeLedgers,
      ).toSorted((a, b) => a.generation - b.generation),
    ),
  };
}

function foldOlder(sorted: LedgerReport[]): LedgerReport[] {
  const surplus = sorted.length - LEDGERS_MAX;
  if (surplus <= 0) return sorted;
  const older = sorted.slice(0, surplus).reduce(mergeLedgers);
  return [{ ...older, generation: 0 }, ...sorted.slice(surplus)];
}

/** What stays of a worker that is gone: its counts, without what was a state of the moment. What it had under way was cut. */
export function lastAccount(report: DataPlaneReport): DataPlaneReport {
  return {
    generation: report.generation,
    workers: [],
    workersFenced: 0,
    pools: report.pools.map(poolWithoutState),
    services: report.services.map((service) => ({ ...service, held: 0 })),
    listeners: report.listeners.map((one) => ({ ...one, connections: { idle: 0, active: 0, tunnel: 0 } })),
    accessLogDropped: report.accessLogDropped ?? 0,
    buffered: {},
    ledger: report.ledger.map((entry) => ({ ...entry, cut: entry.cut + entry.inFlight, inFlight: 0 })),
  };
}

function poolWithoutState(pool: PoolReport): PoolReport {
  const breakers = Object.entries(pool.breakers).map(([target, { opened }]) => [target, { open: 0, opened }]);
  return {
    ...pool,
    inFlight: 0,
    waiting: 0,
    panicking: null,
    breakers: Object.fromEntries(breakers),
    targets: pool.targets.map(withoutState),
  };
}

function withoutState(target: TargetReport): TargetReport {
  return { ...target, inFlight: 0, idleConnections: 0, ejected: 0, weightShare: 1 };
}

function merged<T>(
  reports: readonly DataPlaneReport[],
  partsOf: (report: DataPlaneReport) => readonly T[],
  keyOf: (part: T) => string,
  merge: (a: T, b: T) => T,
): T[] {
  const byKey = new Map<string, T>();
  for (const part of reports.flatMap(partsOf)) {
    const key = keyOf(part);
    const known = byKey.get(key);
    byKey.set(key, known === undefined ? part : merge(known, part));
  }
  return [...byKey.values()];
}

function mergePools(a: PoolReport, b: PoolReport): PoolReport {
  return {
    service: a.service,
    pool: a.pool,
    // The later report is of the process that was asked later, or is newer.
    version: b.version,
    inFlight: a.inFlight + b.inFlight,
    traffic: mergedBy(a.traffic, b.traffic, ({ traffic }) => traffic, mergeTraffic),
    failures: sumCounts(a.failures, b.failures),
    waiting: a.waiting + b.waiting,
    panicking: sumOrNull(a.panicking ?? null, b.panicking ?? null),
    breakers: sumBreakers(a.breakers, b.breakers),
    retries: sumCounts(a.retries, b.retries),
    targets: mergedBy(a.targets, b.targets, ({ target }) => target, mergeTargets),
    mirrorDropped: sumCounts(a.mirrorDropped, b.mirrorDropped),
    mirrorFailures: sumCounts(a.mirrorFailures, b.mirrorFailures),
    sessions: sumCounts(a.sessions, b.sessions),
    kept: sumCounts(a.kept, b.kept),
    passed: sumCounts(a.passed ?? {}, b.passed ?? {}),
  };
}

/** Null only where both are. */
function sumOrNull(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : a + b;
}

function sumBreakers(a: PoolReport['breakers'], b: PoolReport['breakers']): PoolReport['breakers'] {
  const sum = { ...a };
  for (const [target, { open, opened }] of Object.entries(b)) {
    sum[target] = { open: open + (sum[target]?.open ?? 0), opened: opened + (sum[target]?.opened ?? 0) };
  }
  return sum;
}

function mergeServices(a: ServiceReport, b: ServiceReport): ServiceReport {
  return {
    service: a.service,
    rateLimited: a.rateLimited + b.rateLimited,
    held: a.held + b.held,
    holds: sumCounts(a.holds, b.holds),
  };
}

function mergeTargets(a: TargetReport, b: TargetReport): TargetReport {
  return {
    target: a.target,
    up: b.up,
    inFlight: a.inFlight + b.inFlight,
    idleConnections: a.idleConnections + b.idleConnections,
    ejected: (a.ejected ?? 0) + (b.ejected ?? 0),
    ejections: sumCounts(a.ejections ?? {}, b.ejections ?? {}),
    weightShare: Math.min(a.weightShare ?? 1, b.weightShare ?? 1),
    connects: sumHistograms(a.connects, b.connects),
  };
}

function mergeTraffic(a: TrafficReport, b: TrafficReport): TrafficReport {
  const requests = mergedBy(
    a.requests,
    b.requests,
    ([method, code]) => `${method} ${code}`,
    (one, other) => {
      return [one[0], one[1], one[2] + other[2]] as const;
    },
  );
  return { traffic: a.traffic, requests, durations: sumHistograms(a.durations, b.durations) };
}

function mergeListeners(a: ListenerReport, b: ListenerReport): ListenerReport {
  return {
    listener: a.listener,
    connections: {
      idle: a.connections.idle + b.connections.idle,
      active: a.connections.active + b.connections.active,
      tunnel: a.connections.tunnel + b.connections.tunnel,
    },
    acceptedTotal: a.acceptedTotal + b.acceptedTotal,
    turnedAway: sumCounts(a.turnedAway, b.turnedAway),
    refused: sumCounts(a.refused, b.refused),
    handshakes: sumCounts(a.handshakes ?? {}, b.handshakes ?? {}),
  };
}

function mergeLedgers(a: LedgerReport, b: LedgerReport): LedgerReport {
  return {
    generation: a.generation,
    accepted: a.accepted + b.accepted,
    completed: a.completed + b.completed,
    clientAborted: a.clientAborted + b.clientAborted,
    upstreamFailed: a.upstreamFailed + b.upstreamFailed,
    proxyFailed: a.proxyFailed + b.proxyFailed,
    cut: a.cut + b.cut,
    inFlight: a.inFlight + b.inFlight,
  };
}

function mergedBy<T>(a: readonly T[], b: readonly T[], keyOf: (part: T) => string, merge: (a: T, b: T) => T): T[] {
  const byKey = new Map(a.map((part) => [keyOf(part), part]));
  for (const part of b) {
    const known = byKey.get(keyOf(part));
    byKey.set(keyOf(part), known === undefined ? part : merge(known, part));
  }
  return [...byKey.values()];
}

function sumCounts(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const sum = { ...a };
  for (const [key, count] of Object.entries(b)) sum[key] = (sum[key] ?? 0) + count;
  return sum;
}

function sumHistograms(a: HistogramReport, b: HistogramReport): HistogramReport {
  if (a.count === 0 || b.count === 0) return a.count === 0 ? b : a;
  return {
    buckets: a.buckets.map((count, index) => count + (b.buckets[index] ?? 0)),
    sumSeconds: a.sumSeconds + b.sumSeconds,
    count: a.count + b.count,
  };
}

/** A target is warm where every worker has made it so. */
export function mergeWarmed(warmed: readonly WarmedTarget[]): WarmedTarget[] {
  return mergedBy(
    [],
    warmed,
    ({ target }) => target,
    (a, b) => ({ target: a.target, requests: a.requests + b.requests, failure: a.failure ?? b.failure }),
  );
}
