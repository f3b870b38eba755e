/**
 * What the primary and its workers say to each other, over a socket in the file system. Workers connect to it and come
 * back to it: when a primary is gone they go on serving what they have, and the next primary finds them there.
 */
import type { Endpoint } from '../base/endpoint.ts';
import type {
  Applied,
  DataPlaneReport,
  DrainCount,
  DrainRequest,
  TargetEjection,
  TargetHealth,
  UserModule,
  WarmUpCall,
} from './data-plane.ts';
import type { ListenerCredentials } from './credential-spec.ts';
import type { ExplainQuestion } from './explain.ts';
import type { ListenerSpec, SnapshotUpdate } from './types.ts';

/** Descriptors of one listener's sockets, the same in every worker: one of them per worker is accepted on. */
export interface SocketSet {
  readonly listener: string;
  readonly host: string;
  readonly port: number;
  readonly fds: readonly number[];
}

/** What a listener's sockets are bound to. */
export type SocketAddress = Pick<ListenerSpec, 'name' | 'host' | 'port'>;

/** Handed to a worker in its environment. */
export interface WorkerSetting {
  /** Path of the primary's socket. */
  readonly control: string;
  /** Of `count` workers this is number `index`: it accepts on every socket whose number leaves `index` when divided. */
  readonly index: number;
  readonly count: number;
  /** Tells the one who asked for this worker that it is the one. */
  readonly name: string;
  readonly sockets: readonly SocketSet[];
  /** How long it serves without a primary before it ends by itself; 0: for as long as it is wanted. */
  readonly orphanMsMax: number;
}

export const WORKER_SETTING_VARIABLE = 'CUTOVER_WORKER';

/** The first message of a worker on every connection. Its others are `ejection` and `panic`: what it has found of targets. */
export interface Hello {
  readonly pid: number;
  readonly name: string;
  readonly index: number;
  /** 0: it has served nothing yet. */
  readonly generation: number;
  readonly sockets: readonly SocketSet[];
  readonly isAccepting: boolean;
  /** It finishes what it has, and has let go of its sockets. */
  readonly isDraining: boolean;
}

export interface AccessLogSpec {
  /** Absolute, or "stdout". */
  readonly path: string;
  readonly query: boolean;
}

/** Everything that a worker serves, whatever it served before. */
export interface Setup {
  readonly update: SnapshotUpdate;
  readonly listeners: readonly ListenerSpec[];
  readonly trustedProxies: readonly string[];
  /** Where the proxy runs; left out by versions that did not ask. */
  readonly zone?: string;
  /** Where the proxy listens itself, so that no target's name may lead there; left out by versions that did not look. */
  readonly own?: readonly Endpoint[];
  /** Of listeners that speak TLS; left out by versions that knew none. */
  readonly credentials?: ListenerCredentials;
  /** Where lines about requests go; null or left out: nowhere. */
  readonly accessLog?: AccessLogSpec | null;
  /** User code that the services name; left out by versions that knew none. */
  readonly modules?: readonly UserModule[];
}

/** Calls of the primary: what they take. */
export interface PrimaryCalls {
  setup: Setup;
  accept: null;
  /** Load user code; answers with what cannot be loaded. */
  prepare: readonly UserModule[];
  apply: ApplyCall;
  credentials: ListenerCredentials;
  /** The access log has another file by now. */
  reopenAccessLog: null;
  health: readonly TargetHealth[];
  /** Make the targets of a pool warm; answers with what became of each. */
  warmUp: WarmUpCall;
  /** What another worker has found. */
  ejection: TargetEjection;
  drainCount: string;
  cutDrain: string;
  forgetDrain: string;
  explain: { readonly question: ExplainQuestion; readonly proposed: SnapshotUpdate | null };
  report: null;
  /** Answers are the last of their connections from now on. */
  announce: null;
  /** Accept no more, finish, then end. Answers with how many connections were cut. */
  drain: { readonly drainMs: number; readonly idleGraceMs: number };
  /** Start another worker, with the sockets that this one holds and, where a listener has none, new ones. */
  spawn: SpawnRequest;
}

export interface ApplyCall {
  readonly update: SnapshotUpdate;
  /** The first of `tracks`, for versions that know of one only. */
  readonly track: DrainRequest | null;
  /** Left out by versions that know of one only. */
  readonly tracks?: readonly DrainRequest[];
}

/** Answer to `apply`, with the same for other versions. */
export interface ApplyAnswer extends Omit<Applied, 'drains'> {
  readonly drain: DrainCount | null;
  readonly drains?: Applied['drains'];
}

export interface SpawnRequest {
  /** File to run. */
  readonly entry: string;
  readonly index: number;
  readonly count: number;
  readonly name: string;
  readonly orphanMsMax: number;
  readonly listeners: readonly SocketAddress[];
}

/** Answer to `spawn`. */
export interface Spawned {
  /** `null`: the system could not start a process. */
  readonly pid: number | null;
  readonly sockets: readonly SocketSet[];
}

/** Answer to `drain`: the last account of a worker that ends. */
export interface Drained {
  readonly cut: number;
  readonly report: DataPlaneReport;
}

/** Calls of a primary that is about to take over; what they take. */
export interface SuccessorCalls {
  /** Let everything go. Answered when that is done. Versions that were not watched while they took over send nothing. */
  handOver: { readonly pid: number } | null;
  /** This process serves. */
  tookOver: null;
}
