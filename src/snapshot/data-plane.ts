/**
 * What the control plane knows of a data plane. One in the same process implements it directly; a worker process
 * implements it behind messages. Everything that crosses is plain data.
 */
import type { ListenerCredentials } from './credential-spec.ts';
import type { ExplainQuestion, Explanation } from './explain.ts';
import type { WarmUpSpec } from './wellness-spec.ts';
import type { SnapshotUpdate } from './types.ts';

export interface DataPlane {
  /**
   * Loads user code everywhere, before a change that names it is committed. Resolves with what cannot be loaded; then the
   * change is refused, and nothing was changed. Functions that are loaded already are not loaded again.
   */
  prepare(modules: readonly UserModule[]): Promise<readonly ModuleProblem[]>;
  /**
   * Makes `update` the current snapshot by one assignment. When it resolves, no request accepted later is routed by
   * an older generation. Each of `tracks` asks for the in-flight requests of its pools at the flip to be counted down.
   */
  apply(update: SnapshotUpdate, tracks?: readonly DrainRequest[]): Promise<Applied>;
  /** Sends requests to the targets of a pool that are ready and well, from everywhere. Resolves with what became of each; rejects where nobody could. */
  warmUp(call: WarmUpCall): Promise<readonly WarmedTarget[]>;
  /** Takes these for clients that connect from now on, in every listener that speaks TLS. Rejects where they cannot be used. */
  useCredentials(credentials: ListenerCredentials): Promise<void>;
  /** Writes the access log on to the file that has its name by now. */
  reopenAccessLog(): void;
  /** Where the health checks moved targets; unknown targets are ignored. */
  setHealth(changes: readonly TargetHealth[]): void;
  /** Where a tracked drain stands now. `null`: not (or no longer) known. */
  drainCount(id: string): Promise<DrainCount | null>;
  /** Ends what is left of a tracked drain, connections included, and counts it as cut. */
  cutDrain(id: string): Promise<DrainCount | null>;
  /** Stops counting it. */
  forgetDrain(id: string): void;
  /**
   * What would become of a request, by the routing in force or, with `proposed`, by the one that it would make of it. Changes
   * nothing: no request is counted, no turn taken.
   */
  explain(question: ExplainQuestion, proposed: SnapshotUpdate | null): Promise<Explanation>;
  /** All counters since start, and the gauges of this moment. */
  report(): Promise<DataPlaneReport>;
}

/** One content of a file with user code, as the primary read it. */
export interface UserModule {
  /** Absolute. What the module imports is found from there. */
  readonly file: string;
  /** Hash of `source`. */
  readonly version: string;
  readonly source: string;
  /** What the configuration names of it: exports, or JSON pointers into its default export. */
  readonly functions: readonly string[];
}

/** A function that cannot be loaded. */
export interface ModuleProblem {
  /** As the documents name it. */
  readonly reference: string;
  readonly message: string;
}

export interface DrainRequest {
  /** The receipt's id. */
  readonly id: string;
  readonly pools: readonly { readonly service: string; readonly pool: string }[];
}

export interface Applied {
  readonly generation: number;
  /** The drains that were asked for at the moment of the flip, by id. */
  readonly drains: Readonly<Record<string, DrainCount>>;
  readonly workers: WorkerCounts;
}

export interface WorkerCounts {
  /** Those that were asked; a data plane in the primary's own process counts as one. */
  readonly total: number;
  readonly applied: number;
  /** Those that were silent for too long: they were ended, and are replaced. */
  readonly fenced: number;
}

export interface DrainCount {
  /** Requests under way on the tracked pools when the new snapshot took over. */
  readonly inFlightAtFlip: number;
  /** Of those, still under way. */
  readonly remaining: number;
  /** Of those, ended by `cutDrain` before they were finished. */
  readonly cut: number;
  /** Of the remaining ones, upgraded connections (WebSocket and other tunnels). */
  readonly longLived: number;
}

export interface TargetHealth {
  readonly service: string;
  readonly pool: string;
  /** "host:port" */
  readonly target: string;
  readonly up: boolean;
}

/** Why a target was taken out of balancing. `failures`: in a row. */
export type EjectionReason = 'unreachable' | 'failures' | 'failure-share';

/** A target was taken out of balancing, by what became of its requests. */
export interface TargetEjection {
  readonly service: string;
  readonly pool: string;
  /** "host:port" */
  readonly target: string;
  readonly reason: EjectionReason;
  readonly forMs: number;
  /** What the first ejection takes is multiplied by. */
  readonly times: number;
}

/** So few targets of a pool are well that all are used, or no longer. */
export interface PoolPanic {
  readonly service: string;
  readonly pool: string;
  readonly isPanic: boolean;
}

/** Asks for the targets of a pool to be made warm. */
export interface WarmUpCall {
  readonly service: string;
  readonly pool: string;
  readonly warmUp: WarmUpSpec;
}

/** What became of a target that was to be made warm. */
export interface WarmedTarget {
  readonly target: string;
  /** Those that have passed. */
  readonly requests: number;
  /** Why it is not warm; `null`: it is. */
  readonly failure: string | null;
}

/** Bounded set for the `method` label: what a client sends can never make a new series. */
export const METHOD_LABELS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'tcp', 'other'] as const;

/**
 * Durations are counted in log-linear buckets of microseconds: four per power of two, so that a value is known to
 * within 25 %. Bucket `i` holds the values below `bucketUpperMicros(i)`.
 */
export const DURATION_BUCKET_COUNT = 128;

export interface DataPlaneReport {
  /** The lowest that is served anywhere. */
  readonly generation: number;
  readonly workers: readonly WorkerReport[];
  /** Workers that were ended because they did not acknowledge a generation in time, since the primary started. */
  readonly workersFenced: number;
  /** Those that anything was ever asked of. */
  readonly pools: readonly PoolReport[];
  /** Those that limit rates or were ever paused. */
  readonly services: readonly ServiceReport[];
  readonly listeners: readonly ListenerReport[];
  /** Lines of the access log that were not kept; left out by versions that had none. */
  readonly accessLogDropped?: number;
  /** Bytes of messages that are kept at this moment, by where ("memory", "disk"). */
  readonly buffered: Readonly<Record<string, number>>;
  /** The ledger of each generation that is still remembered, oldest first; the current one last. */
  readonly ledger: readonly LedgerReport[];
}

export interface WorkerReport {
  readonly worker: string;
  readonly pid: number;
  readonly generation: number;
}

export interface PoolReport {
  readonly service: string;
  readonly pool: string;
  readonly version: string;
  readonly inFlight: number;
  readonly traffic: readonly TrafficReport[];
  /** By failure code of the table in proxy/errors.ts. */
  readonly failures: Readonly<Record<string, number>>;
  /** Requests that wait for a target with room; part of `inFlight`. */
  readonly waiting: number;
  /** Circuit breakers by target; the pool's own under "". */
  readonly breakers: Readonly<Record<string, BreakerReport>>;
  /** By reason ("connect", "reused-connection", "reset", "502", "503", "504", "per-try-timeout"). */
  readonly retries: Readonly<Record<string, number>>;
  readonly targets: readonly TargetReport[];
  /** Workers that use all targets because so few are well; null, or left out by versions that never do: nobody asks for it. */
  readonly panicking?: number | null;
  /** Mirror copies that were not sent, or whose answer was not read to its end, by reason. */
  readonly mirrorDropped: Readonly<Record<string, number>>;
  /** Mirror copies that got no whole answer, by failure code. */
  readonly mirrorFailures: Readonly<Record<string, number>>;
  /** Requests by what became of their session ("bound", "created", "moved", "unavailable", "unknown"). */
  readonly sessions: Readonly<Record<string, number>>;
  /** Messages that were kept until they were whole, by which and where ("request memory", "response disk"). */
  readonly kept: Readonly<Record<string, number>>;
  /** Bytes of connections that pass as they are, by where they came from ("client", "target"); left out by versions that passed none. */
  readonly passed?: Readonly<Record<string, number>>;
}

/** What belongs to a service and to none of its pools. */
export interface ServiceReport {
  readonly service: string;
  /** Requests refused because their client made too many. */
  readonly rateLimited: number;
  /** Requests that wait for the service to be resumed. */
  readonly held: number;
  /** Such waits that have ended, by how ("resumed", "timed-out", "full", "client-gone", "cut"). */
  readonly holds: Readonly<Record<string, number>>;
}

export interface BreakerReport {
  /** Workers in which it is open. */
  readonly open: number;
  /** How often it has opened. */
  readonly opened: number;
}

export interface TrafficReport {
  readonly traffic: 'live' | 'mirror' | 'probe';
  /** [method label, status code (0: none sent), count] */
  readonly requests: readonly (readonly [method: string, code: number, count: number])[];
  readonly durations: HistogramReport;
}

export interface HistogramReport {
  /** DURATION_BUCKET_COUNT counts; none where nothing was counted yet. */
  readonly buckets: readonly number[];
  readonly sumSeconds: number;
  readonly count: number;
}

export interface TargetReport {
  readonly target: string;
  readonly up: boolean;
  readonly inFlight: number;
  readonly idleConnections: number;
  /** Workers in which it is out of balancing for what became of its requests; left out by versions that did not look. */
  readonly ejected?: number;
  /** How often workers found that out, by reason. */
  readonly ejections?: Readonly<Record<string, number>>;
  /** What of its weight it has, where it has just come: above 0, at most 1. Of several workers, the lowest. */
  readonly weightShare?: number;
  readonly connects: HistogramReport;
}

export interface ListenerReport {
  readonly listener: string;
  /** Open client connections by what they are doing. */
  readonly connections: Readonly<Record<'idle' | 'active' | 'tunnel', number>>;
  readonly acceptedTotal: number;
  /** Connections closed at once, by reason ("too_many_connections", "too_many_of_client", "too_few_descriptors"). */
  readonly turnedAway: Readonly<Record<string, number>>;
  /** Requests refused before a service was found, by failure code. */
  readonly refused: Readonly<Record<string, number>>;
  /** TLS handshakes by how they ended; left out by versions that knew none. */
  readonly handshakes?: Readonly<Record<string, number>>;
}

/** accepted = completed + clientAborted + upstreamFailed + proxyFailed + cut + inFlight, always. */
export interface LedgerReport {
  readonly generation: number;
  readonly accepted: number;
  readonly completed: number;
  readonly clientAborted: number;
  readonly upstreamFailed: number;
  readonly proxyFailed: number;
  readonly cut: number;
  readonly inFlight: number;
}
