/**
 * A pool as it lives on from snapshot to snapshot: its targets, its counters, and the requests that are under way on
 * it, by the generation that sent them there.
 */
import { assert } from '../base/assert.ts';
import type { Random } from '../base/random.ts';
import type { PoolPanic, PoolReport, TargetEjection } from '../snapshot/data-plane.ts';
import type { PoolSpec, ServiceSpec, TargetSpec } from '../snapshot/types.ts';
import type { AlgorithmSpec } from '../snapshot/algorithm-spec.ts';
import type { KeptIn } from '../snapshot/buffer-spec.ts';
import { type Algorithms, createBalancer } from './balance/algorithms.ts';
import type { Balancer, Explanation } from './balance/balancer.ts';
import { preferring } from './balance/preferences.ts';
import { Tally, TrafficCounters } from './counters.ts';
import type { FailureCode } from './errors.ts';
import { Cohort, type GenerationLedger } from './ledger.ts';
import { PoolGuard } from './limit/pool-guard.ts';
import { ShadowTraffic } from './shadow-traffic.ts';
import { type SessionResult, SessionTokens } from './split/sticky.ts';
import type { ConnectionLimits, ConnectionShared } from './upstream/connection-pool.ts';
import { PassedBytes } from './passed-bytes.ts';
import { Target } from './upstream/target.ts';
import { PoolWellness } from './wellness/pool-wellness.ts';

/** "502" and the like: the target answered so. */
export type RetryReason = 'connect' | 'reused-connection' | 'reset' | '502' | '503' | '504' | 'per-try-timeout';
/** Which message was kept until it was whole, and where. */
export type KeptMessage = `${'request' | 'response'} ${KeptIn}`;

/** What the pools of one worker share. */
export interface PoolShared {
  readonly connections: ConnectionShared;
  readonly random: Random;
  readonly algorithms: Algorithms;
  /** Where this proxy runs; "": nobody said. */
  readonly zone: string;
  /** How many workers share what is limited as a whole. */
  readonly workers: number;
  /** Hears of targets that were taken out of balancing here. */
  readonly onEjection: (ejection: TargetEjection) => void;
  /** Hears when so few targets of a pool are well that all are used, and when no longer. */
  readonly onPanic: (panic: PoolPanic) => void;
}

export class Pool {
  readonly service: string;
  readonly name: string;
  readonly live = new TrafficCounters();
  /** Requests of ours that make its targets warm. */
  readonly probed = new TrafficCounters();
  readonly failures = new Tally<FailureCode>();
  readonly retries = new Tally<RetryReason>();
  /** Requests that were routed here while sessions are bound. */
  readonly sessions = new Tally<SessionResult>();
  readonly kept = new Tally<KeptMessage>();
  /** Of connections that pass as they are. */
  readonly passed = new PassedBytes();
  readonly sessionTokens: SessionTokens;
  /** Copies of requests of other pools. */
  readonly shadow: ShadowTraffic;
  /** Requests that are in a further try which the budget counts. */
  retriesInFlight = 0;
  /** Null where neither a breaker nor a limit was ever asked for. */
  guard: PoolGuard<Target> | null = null;
  /** Null where checks and operators alone say who may be chosen. */
  wellness: PoolWellness<Target> | null = null;
  #version = '';
  #targets: ReadonlyMap<string, Target> = new Map();
  #balancer: Balancer<Target> | null = null;
  #algorithm: AlgorithmSpec | null = null;
  #cohorts: Cohort[] = [];
  readonly #shared: PoolShared;

  constructor(service: string, name: string, shared: PoolShared) {
    this.service = service;
    this.name = name;
    this.sessionTokens = new SessionTokens(service, name);
    this.#shared = shared;
    this.shadow = new ShadowTraffic(shared.workers);
  }

  get inFlight(): number {
    return this.#cohorts.reduce((sum, cohort) => sum + cohort.inFlight, 0);
  }

  /** What runs there, as the operator calls it. */
  get version(): string {
    return this.#version;
  }

  get targets(): ReadonlyMap<string, Target> {
    return this.#targets;
  }

  /**
   * Takes a new snapshot's targets: those it had keep their health, connections and requests. `isDown` says of which that
   * come it is known from the start: were they up for a moment, a pool would seem to be well again.
   */
  update(spec: PoolSpec, service: ServiceSpec, isDown: (targetId: string) => boolean = () => false): void {
    const limits = connectionLimits(service);
    const before = this.#targets;
    const targets = new Map(spec.targets.map((target) => [target.id, this.#targetFor(target, limits, isDown)]));
    this.#targets = targets;
    this.#version = spec.version;
    this.#algorithm = service.algorithm;
    this.sessionTokens.update(targets.keys(), service.sticky?.secrets ?? []);
    this.#balancer = null;
    for (const [id, target] of before) {
      if (targets.get(id) !== target) {
        target.retire();
      }
    }
    this.#updateWellness(service, before.size === 0 ? targets : before);
    this.#updateGuard(service);
  }

  /** Whoever is well of `known` has been in service before. */
  #updateWellness(service: ServiceSpec, known: ReadonlyMap<string, Target>): void {
    if (!PoolWellness.isWanted(service)) {
      this.wellness?.close();
      this.wellness = null;
      return;
    }
    const onChange = (): void => {
      this.#balancer = null;
      this.guard?.reconsider();
    };
    const { connections, onEjection, onPanic } = this.#shared;
    this.wellness ??= new PoolWellness(service, [...known.values()], {
      deadlines: connections.deadlines,
      onChange,
      onEjection: (ejection) => onEjection({ service: this.service, pool: this.name, ...ejection }),
      onPanic: (isPanic) => onPanic({ service: this.service, pool: this.name, isPanic }),
    });
    this.wellness.update(service, [...this.#targets.values()]);
  }

  #updateGuard(service: ServiceSpec): void {
    if (this.guard === null && PoolGuard.isWanted(service)) {
      const onChange = (): void => {
        this.#balancer = null;
      };
      const { connections, random, workers } = this.#shared;
      this.guard = new PoolGuard({ deadlines: connections.deadlines, random, workers, onChange });
    }
    this.guard?.update(service, [...this.#targets.values()]);
  }

  #targetFor(spec: TargetSpec, limits: ConnectionLimits, isDown: (targetId: string) => boolean): Target {
    const known = this.#targets.get(spec.id);
    if (known === undefined) {
      const target = new Target(spec, this.#shared.connections, limits);
      target.up = !isDown(spec.id);
      return target;
    }
    known.update(spec, limits);
    return known;
  }

  /** Makes its targets look like those of the same name in another pool, for whoever asks what it would choose. */
  imitate(other: Pool): void {
    for (const [id, target] of this.#targets) {
      const like = other.targets.get(id);
      if (like !== undefined) {
        target.imitate(like);
      }
    }
    const targets = [...this.#targets.values()];
    if (!targets.some((target) => target.isWell)) {
      // Ejections count only while somebody else is well.
      for (const target of targets) {
        target.isEjected = false;
      }
    }
    this.wellness?.reconsider();
    this.#balancer = null;
  }

  setHealth(targetId: string, up: boolean): void {
    const target = this.#targets.get(targetId);
    if (target !== undefined && target.up !== up) {
      target.up = up;
      this.#balancer = null;
      this.wellness?.reconsider();
      this.guard?.reconsider();
    }
  }

  /**
   * The next target by the algorithm, not `avoid` unless it is the only one; null: none is healthy and ready. `key` is
   * what the algorithm wants to know of the request, or "".
   */
  pick(avoid: Target | null, key: string): Target | null {
    this.#balancer ??= this.#createBalancer();
    return this.#balancer.pick(avoid, key);
  }

  /** What `pick` would answer now; changes nothing that a request could see. */
  peek(key: string): Target | null {
    this.#balancer ??= this.#createBalancer();
    return this.#balancer.peek(null, key);
  }

  /** What the next pick goes by. Targets that it is not made among (not eligible, in reserve, of other zones) are left out. */
  explain(key: string): Explanation<Target> {
    this.#balancer ??= this.#createBalancer();
    return this.#balancer.explain(key);
  }

  #createBalancer(): Balancer<Target> {
    const spec = this.#algorithm;
    assert(spec !== null, 'a pool is chosen from once it has been told what it is');
    const { algorithms, random, zone, connections } = this.#shared;
    const context = { random, time: connections.deadlines };
    const targets = [...this.#targets.values()];
    for (const target of targets) {
      target.load.release();
    }
    const preference = spec.zone === null || zone === '' ? null : { own: zone, enough: spec.zone.enough };
    return preferring(targets, preference, context, (part) => createBalancer(algorithms, part, spec, context));
  }

  /** The cohort that a request routed now belongs to. */
  cohort(ledger: GenerationLedger): Cohort {
    const newest = this.#cohorts[this.#cohorts.length - 1];
    if (newest !== undefined && newest.ledger === ledger) {
      return newest;
    }
    const cohort = new Cohort(ledger);
    this.#cohorts = this.#cohorts.filter((earlier) => earlier.inFlight > 0);
    this.#cohorts.push(cohort);
    return cohort;
  }

  /** The cohorts that still have requests under way. */
  unfinishedCohorts(): readonly Cohort[] {
    return this.#cohorts.filter((cohort) => cohort.inFlight > 0);
  }

  get hasUnderWay(): boolean {
    return this.shadow.underWay.size > 0 || this.unfinishedCohorts().length > 0;
  }

  /** Ends what is under way, copies too. */
  cutAll(): void {
    for (const cohort of this.unfinishedCohorts()) {
      cohort.cutAll();
    }
    this.shadow.cutAll();
  }

  /** Gone from every snapshot. */
  retire(): void {
    this.wellness?.close();
    this.guard?.retire();
    for (const target of this.#targets.values()) {
      target.retire();
    }
  }

  /** Nothing was ever asked of it: there is nothing to report. */
  get isUntouched(): boolean {
    return (
      this.live.isUnused &&
      this.shadow.isUnused &&
      this.probed.isUnused &&
      this.failures.isEmpty &&
      this.sessions.isEmpty &&
      this.wellness?.isPanic !== true &&
      this.unfinishedCohorts().length === 0
    );
  }

  report(): PoolReport {
    return {
      service: this.service,
      pool: this.name,
      version: this.#version,
      inFlight: this.inFlight,
      // What was never mirrored to, or made warm, has no series of it.
      traffic: [
        this.live.report('live'),
        ...(this.shadow.traffic.isUnused ? [] : [this.shadow.traffic.report('mirror')]),
        ...(this.probed.isUnused ? [] : [this.probed.report('probe')]),
      ],
      failures: this.failures.report(),
      retries: this.retries.report(),
      waiting: this.guard?.admission?.waiting ?? 0,
      breakers: this.guard?.report() ?? {},
      mirrorDropped: this.shadow.dropped.report(),
      mirrorFailures: this.shadow.failures.report(),
      panicking: panicking(this.wellness),
      targets: [...this.#targets.values()].map((target) => target.report(this.wellness?.ejections(target) ?? {})),
      sessions: this.sessions.report(),
      kept: this.kept.report(),
      passed: this.passed.report(),
    };
  }
}

function connectionLimits({ timeouts, limits, upstream }: ServiceSpec): ConnectionLimits {
  return {
    connectMs: timeouts.connectMs,
    idleConnectionsMax: upstream.idleConnectionsMax,
    idleTimeoutMs: upstream.idleTimeoutMs,
    responseHeadBytesMax: limits.responseHeadBytesMax,
    responseFieldsMax: limits.responseFieldsMax,
  };
}

/** Null where it is not asked for. */
function panicking(wellness: PoolWellness<Target> | null): number | null {
  const isPanic = wellness?.isPanic ?? null;
  return isPanic === null ? null : Number(isPanic);
}
