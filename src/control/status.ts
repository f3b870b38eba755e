import type { Status, TargetView } from '../schema/api.ts';
import type { DataPlaneReport, PoolReport } from '../snapshot/data-plane.ts';
import type { PoolSpec, TargetSpec } from '../snapshot/types.ts';
import type { HealthView } from './health-view.ts';
import type { TargetStatus } from './health/health-checker.ts';
import type { ControlState, ServiceRecord } from './state/control-state.ts';
import { splitOf } from './state/split-of.ts';

/** What serves at this moment: the state, what the data plane counts, and what the health checks say. */
export function statusOf(
  state: ControlState,
  report: DataPlaneReport,
  health: Pick<HealthView, 'statuses'>,
  process: Pick<Status, 'startedAt' | 'ready'>,
): Status {
  const pools = new Map(report.pools.map((pool) => [`${pool.service}/${pool.pool}`, pool]));
  const held = new Map(report.services.map((one) => [one.service, one.held]));
  const targets = new Map(health.statuses().map((status) => [keyOf(status), status]));
  return {
    generation: state.generation,
    ...process,
    workers: {
      total: report.workers.length,
      applied: report.workers.filter(({ generation }) => generation === state.generation).length,
      fenced: report.workersFenced,
    },
    listeners: report.listeners.map(({ listener, connections, acceptedTotal }) => {
      return { name: listener, connections: { ...connections }, acceptedTotal };
    }),
    services: [...state.services.values()].map((record) =>
      serviceStatus(record, held.get(record.name) ?? 0, pools, targets),
    ),
  };
}

/** One target as its resource shows it. */
export function targetView(url: string, spec: TargetSpec, status: TargetStatus | undefined): TargetView {
  return {
    id: spec.id,
    url,
    weight: spec.weight,
    zone: spec.zone,
    backup: spec.backup,
    state: spec.state,
    health: {
      up: status?.up ?? false,
      checked: status?.checked ?? false,
      failure: status?.failure ?? null,
      since: status === undefined ? null : new Date(status.sinceMs).toISOString(),
    },
  };
}

function serviceStatus(
  { name, document, base, spec }: ServiceRecord,
  held: number,
  pools: ReadonlyMap<string, PoolReport>,
  targets: ReadonlyMap<string, TargetStatus>,
): Status['services'][number] {
  const split = splitOf(document);
  return {
    name,
    origin: base === null ? 'api' : 'file',
    split,
    mirror: document.mirror?.pool ?? null,
    paused: document.pause !== undefined,
    held,
    pools: spec.pools.map((pool) => {
      const counts = pools.get(`${name}/${pool.name}`);
      return {
        name: pool.name,
        version: pool.version,
        percent: split[pool.name] ?? 0,
        inFlight: counts?.inFlight ?? 0,
        panicking: counts?.panicking ?? 0,
        targets: targetStatuses(name, pool, document.pools[pool.name]?.targets ?? [], counts, targets),
      };
    }),
  };
}

function targetStatuses(
  service: string,
  pool: PoolSpec,
  documents: readonly { readonly url: string }[],
  counts: PoolReport | undefined,
  targets: ReadonlyMap<string, TargetStatus>,
): Status['services'][number]['pools'][number]['targets'] {
  const reports = new Map(counts?.targets.map((report) => [report.target, report]));
  return pool.targets.map((spec, index) => ({
    ...targetView(documents[index]?.url ?? '', spec, targets.get(keyOf({ service, pool: pool.name, target: spec.id }))),
    inFlight: reports.get(spec.id)?.inFlight ?? 0,
    idleConnections: reports.get(spec.id)?.idleConnections ?? 0,
    ejectedIn: reports.get(spec.id)?.ejected ?? 0,
    weightPercent: Math.round(100 * (reports.get(spec.id)?.weightShare ?? 1)),
  }));
}

function keyOf({ service, pool, target }: { service: string; pool: string; target: string }): string {
  return `${service}/${pool}/${target}`;
}
