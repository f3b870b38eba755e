/** The data plane of one process: listeners, the current routing, and the live pools behind it. */
import { randomBytes, randomUUID } from 'node:crypto';
import { CidrSet } from '../base/cidr.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { type Random, systemRandom } from '../base/random.ts';
import { TargetGuard } from '../base/target-guard.ts';
import { FunctionRegistry } from '../modules/function-registry.ts';
import type { UserCodeError } from '../modules/user-code-error.ts';
import type { UserFunction } from '../modules/user-code.ts';
import type {
  Applied,
  DataPlane,
  DataPlaneReport,
  DrainCount,
  DrainRequest,
  PoolPanic,
  PoolReport,
  ModuleProblem,
  TargetEjection,
  TargetHealth,
  UserModule,
  WarmedTarget,
  WarmUpCall,
} from '../snapshot/data-plane.ts';
import type { ListenerCredentials } from '../snapshot/credential-spec.ts';
import type { ExplainQuestion, Explanation } from '../snapshot/explain.ts';
import type { ListenerSpec, PoolSpec, ServiceSpec, SnapshotUpdate } from '../snapshot/types.ts';
import { AccessLog, type LineSink } from './access-log.ts';
import { type Algorithms, BUILT_IN } from './balance/algorithms.ts';
import { ServiceBuffers } from './buffer/service-buffers.ts';
import { Spool, type SpoolOptions } from './buffer/spool.ts';
import { SHARED_READ_BYTES } from './socket-reads.ts';
import { ConnectionPipeline } from './connection-pipeline.ts';
import { TrafficCounters } from './counters.ts';
import { Deadlines } from './deadlines.ts';
import { DescriptorBudget } from './descriptor-budget.ts';
import { FilterChain } from './filters/filter-chain.ts';
import { PickedRequest, userAlgorithm } from './filters/user-algorithm.ts';
import { userConditions } from './filters/user-condition.ts';
import { UserCodeReports } from './filters/user-code-reports.ts';
import { ResponseHead } from './http1/response-head.ts';
import { explain, type HeadLimits } from './explain.ts';
import { Drain, Ledger } from './ledger.ts';
import { Listener, type ListenerShared } from './listener/listener.ts';
import type { HashSeeds } from './limit/rate-limiter.ts';
import { LiveService } from './live-service.ts';
import { outcomeOf } from './outcome.ts';
import { Pipeline, type PipelineContext } from './pipeline.ts';
import { Pool, type PoolShared } from './pool.ts';
import { ReadBuffers } from './read-buffers.ts';
import { warmUp, type WarmUpUnderWay } from './warm-up/warm-up.ts';
import { NO_LOOKUPS } from './rules/lookups.ts';
import { emptyRouting, nextRouting, type Routing } from './routing.ts';

/** Capacity of the response scanner; a service's own limit may be lower. */
const RESPONSE_FIELDS_MAX = 1024;
/** How often a closing data plane looks whether its connections have ended. */
const CLOSE_POLL_MS = 25;

/** Of requests that are explained where nothing listens: as much as may be asked about. */
const NO_LIMITS: HeadLimits = { requestLineBytesMax: 1 << 20, headBytesMax: 1 << 20, fieldsMax: 1_000 };

export interface ProxyOptions {
  /** Which worker this is, in reports; default "0". */
  readonly name?: string;
  /** How many workers share what is limited as a whole; default 1. */
  readonly workers?: number;
  /** CIDR blocks of proxies whose X-Forwarded-* and Forwarded fields count. */
  readonly trustedProxies?: readonly string[];
  /** Where targets' names may lead; default: not to forbidden addresses. */
  readonly targetGuard?: TargetGuard;
  /** Functions of user code that are at hand already. */
  readonly functions?: FunctionRegistry;
  /** Hears of mistakes of ours, each of which has cost a request a 500. */
  readonly onError?: (error: unknown) => void;
  /** Hears of user code that failed, and how often it did unheard of since the last time: once a second at most. */
  readonly onUserCodeError?: (error: UserCodeError, unreported: number) => void;
  /** Hears of targets that were taken out of balancing for what became of their requests here. */
  readonly onEjection?: (ejection: TargetEjection) => void;
  /** Hears when so few targets of a pool are well that all are used here, and when no longer. */
  readonly onPanic?: (panic: PoolPanic) => void;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Where this proxy runs; default: nobody said, so that zones make no difference. */
  readonly zone?: string;
  /** Where messages are kept until they are whole, and how much of them; default: in the folder for temporary files. */
  readonly spool?: Omit<SpoolOptions, 'descriptors'>;
  /** By the names that snapshots give them; default: those that come with the program. */
  readonly algorithms?: Algorithms;
  /** Takes a line for each request; null: they are not logged. `query`: with the queries of paths. */
  readonly accessLog?: { readonly sink: LineSink; readonly query: boolean } | null;
}

export class ProxyDataPlane implements DataPlane {
  readonly #name: string;
  readonly #workers: number;
  readonly #onError: (error: unknown) => void;
  readonly #clock: Clock;
  readonly #accessLog: AccessLog | null;
  readonly #deadlines: Deadlines;
  readonly #readBuffers = new ReadBuffers();
  readonly #shared: PoolShared;
  readonly #trustedProxies: CidrSet;
  readonly #pipeline: Pipeline;
  readonly #connections: ConnectionPipeline;
  readonly #functions: FunctionRegistry;
  readonly #pickedRequest = new PickedRequest();
  readonly #ledger = new Ledger();
  /** By `poolKey`. */
  readonly #pools = new Map<string, Pool>();
  /** Gone from every snapshot, with requests that may still be under way. */
  readonly #leaving = new Set<Pool>();
  /** Of requests that rules answered, by service. */
  readonly #answered = new Map<string, TrafficCounters>();
  /** By name; of services that limit rates or were ever paused. */
  readonly #liveServices = new Map<string, LiveService>();
  /** Nobody outside can tell which keys of a rate limit share a bucket. */
  readonly #seeds: HashSeeds = [randomBytes(4).readInt32LE(), randomBytes(4).readInt32LE()];
  readonly #drains = new Map<string, Drain>();
  readonly #listeners = new Map<string, Listener>();
  #credentials: ListenerCredentials = { ticketKeys: '', certificates: {} };
  readonly #warmUps = new Set<WarmUpUnderWay>();
  readonly #spool: Spool;
  #descriptors: DescriptorBudget | null = null;
  readonly #requestIdPrefix = `${randomBytes(6).toString('hex')}-`;
  #requestCount = 0;
  /** What requests are routed by: replaced whole, by one assignment, and never changed. */
  #current: Routing;

  constructor({
    name = '0',
    workers = 1,
    trustedProxies = [],
    targetGuard = new TargetGuard(),
    functions = new FunctionRegistry(),
    onError = ignore,
    onUserCodeError = ignore,
    onEjection = ignore,
    onPanic = ignore,
    clock = systemClock,
    random = systemRandom,
    zone = '',
    spool = {},
    algorithms = BUILT_IN,
    accessLog = null,
  }: ProxyOptions = {}) {
    this.#name = name;
    this.#functions = functions;
    this.#workers = workers;
    this.#onError = onError;
    this.#clock = clock;
    this.#accessLog = accessLog === null ? null : new AccessLog(clock, accessLog.sink, accessLog.query);
    this.#deadlines = new Deadlines(clock);
    const responseHead = new ResponseHead(RESPONSE_FIELDS_MAX);
    const connections = {
      deadlines: this.#deadlines,
      responseHead,
      targetGuard,
      readBuffer: Buffer.allocUnsafeSlow(SHARED_READ_BYTES),
      readBuffers: this.#readBuffers,
    };
    const user = userAlgorithm((reference) => this.#functionFor(reference), this.#pickedRequest);
    this.#spool = new Spool({
      ...spool,
      // A file and what it is kept for are two descriptors, as a client and its target are.
      descriptors: { take: () => this.#descriptors?.take() ?? true, giveBack: () => this.#descriptors?.giveBack() },
    });
    this.#shared = { connections, random, algorithms: { ...algorithms, user }, zone, workers, onEjection, onPanic };
    this.#trustedProxies = new CidrSet(trustedProxies);
    const userCondition = userConditions((reference) => this.#functionFor(reference));
    this.#current = emptyRouting(this.#ledger.current, { ...NO_LOOKUPS, userCondition });
    const reports = new UserCodeReports(clock, onUserCodeError);
    const context: PipelineContext = {
      clock,
      random,
      deadlines: this.#deadlines,
      trustedProxies: this.#trustedProxies,
      routing: () => this.#current,
      accessLog: this.#accessLog,
      newRequestId: () => this.newRequestId(),
      newUserId: randomUUID,
      onError: (error) => this.#onError(error),
      onUserCodeError: (error) => reports.add(error),
      pickedRequest: this.#pickedRequest,
    };
    this.#pipeline = new Pipeline(context);
    this.#connections = new ConnectionPipeline(context);
    this.#deadlines.start();
  }

  /** The names of the services that are served. */
  get serviceNames(): readonly string[] {
    return [...this.#current.services.keys()];
  }

  /** Opens a listener: at its address, or on sockets that were bound before. Resolves with the address. */
  async listen(spec: ListenerSpec, fds: readonly number[] = []): Promise<{ host: string; port: number }> {
    this.#descriptors ??= new DescriptorBudget();
    const listener = new Listener(spec, this.#listenerShared(this.#descriptors), {
      begin: (requester, head) => this.#pipeline.begin(requester, requester.origin, head),
      beginTunnel: (client, isResumed) => this.#connections.begin(client, isResumed),
      wantsServerName: (name) => this.#current.ofListener?.get(name)?.hasHosts === true,
      refused: (code) => {
        this.#current.ledger.enter();
        this.#current.ledger.leave(outcomeOf(code));
      },
      failed: (error) => this.#onError(error),
      newRequestId: () => this.newRequestId(),
      isTrusted: (address) => this.#trustedProxies.has(address),
    });
    listener.useCredentials(this.#credentials);
    // Before it listens: what is replaced meanwhile is replaced here, too.
    this.#listeners.set(spec.name, listener);
    return listener.listen(fds);
  }

  #listenerShared(descriptors: DescriptorBudget): ListenerShared {
    return {
      deadlines: this.#deadlines,
      descriptors,
      readBuffers: this.#readBuffers,
      accessLog: this.#accessLog,
    };
  }

  reopenAccessLog(): void {
    this.#accessLog?.reopen();
  }

  async useCredentials(credentials: ListenerCredentials): Promise<void> {
    this.#credentials = credentials;
    for (const listener of this.#listeners.values()) listener.useCredentials(credentials);
  }

  newRequestId(): string {
    return this.#requestIdPrefix + (this.#requestCount++).toString(36);
  }

  async prepare(modules: readonly UserModule[]): Promise<readonly ModuleProblem[]> {
    return this.#functions.prepare(modules);
  }

  async apply(update: SnapshotUpdate, tracks: readonly DrainRequest[] = []): Promise<Applied> {
    const health = update.health ?? [];
    const down = new Set(
      health.flatMap(({ service, pool, target, up }) => (up ? [] : targetKey(service, pool, target))),
    );
    const next = nextRouting(this.#current, update, this.#ledger.open(update.generation), {
      pool: (service, index) => this.#poolFor(service, index, down),
      answered: (service) => this.#answeredFor(service),
      live: (service) => this.#liveFor(service),
      buffers: (service) => this.#buffersOf(service),
      filters: ({ filters }) =>
        filters.length === 0 ? null : new FilterChain(filters, (one) => this.#functionFor(one)),
    });
    this.setHealth(health);
    this.#current = next;
    const drains = Object.fromEntries(tracks.map((track) => [track.id, this.#track(track)]));
    this.#retireUnused(update);
    this.#letGo(update);
    return { generation: next.generation, drains, workers: { total: 1, applied: 1, fenced: 0 } };
  }

  /** One that is not loaded here fails in each request that needs it, and in no other. */
  #functionFor(reference: string): UserFunction {
    const notLoaded = (): never => {
      throw new Error('it is not loaded in this process');
    };
    return this.#functions.find(reference) ?? notLoaded;
  }

  /** `down`: by `targetKey`. */
  #poolFor(service: ServiceSpec, index: number, down: ReadonlySet<string>): Pool {
    const spec = service.pools[index];
    if (spec === undefined) {
      throw new RangeError(`service ${service.name} has no pool ${index}`);
    }
    const key = poolKey(service.name, spec.name);
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      pool = new Pool(service.name, spec.name, this.#shared);
      this.#pools.set(key, pool);
    }
    pool.update(spec, service, (id) => down.has(targetKey(service.name, spec.name, id)));
    return pool;
  }

  #buffersOf({ buffering }: ServiceSpec): ServiceBuffers | null {
    return buffering === null ? null : new ServiceBuffers(buffering, this.#spool);
  }

  #answeredFor(service: string): TrafficCounters {
    let counters = this.#answered.get(service);
    if (counters === undefined) {
      counters = new TrafficCounters();
      this.#answered.set(service, counters);
    }
    return counters;
  }

  #liveFor(service: ServiceSpec): LiveService | null {
    let live = this.#liveServices.get(service.name) ?? null;
    if (live === null && LiveService.isWanted(service)) {
      const resume = (begin: () => void): void => this.#pipeline.resume(begin);
      live = new LiveService(service.name, {
        clock: this.#clock,
        deadlines: this.#deadlines,
        resume,
        seeds: this.#seeds,
        workers: this.#workers,
      });
      this.#liveServices.set(service.name, live);
    }
    live?.update(service);
    return LiveService.isWanted(service) ? live : null;
  }

  /** Begins the requests that services have held which are paused no longer, or are gone. */
  #letGo(update: SnapshotUpdate): void {
    for (const { name, pause } of update.changed) {
      if (pause === null) {
        this.#liveServices.get(name)?.hold?.resume();
      }
    }
    for (const name of update.removed) {
      this.#liveServices.get(name)?.hold?.resumeAtOnce();
      this.#liveServices.delete(name);
    }
  }

  #track({ id, pools }: DrainRequest): DrainCount {
    const cohorts = pools.flatMap(
      ({ service, pool }) => this.#pools.get(poolKey(service, pool))?.unfinishedCohorts() ?? [],
    );
    const drain = new Drain(cohorts);
    this.#drains.set(id, drain);
    return drain.count();
  }

  /** Lets go of the pools that no service has any more. */
  #retireUnused(update: SnapshotUpdate): void {
    for (const name of update.removed) {
      this.#answered.delete(name);
    }
    for (const pool of this.#leaving) {
      if (!pool.hasUnderWay) {
        this.#leaving.delete(pool);
      }
    }
    const touched = new Set([...update.removed, ...update.changed.map((service) => service.name)]);
    for (const [key, pool] of this.#pools) {
      if (touched.has(pool.service) && this.#current.services.get(pool.service)?.pools.get(pool.name) !== pool) {
        pool.retire();
        this.#pools.delete(key);
        this.#leaving.add(pool);
      }
    }
  }

  setHealth(changes: readonly TargetHealth[]): void {
    for (const { service, pool, target, up } of changes) {
      this.#pools.get(poolKey(service, pool))?.setHealth(target, up);
    }
  }

  async warmUp({ service, pool: name, warmUp: spec }: WarmUpCall): Promise<readonly WarmedTarget[]> {
    const pool = this.#pools.get(poolKey(service, name));
    const context = { clock: this.#clock, deadlines: this.#deadlines, underWay: this.#warmUps };
    return pool === undefined ? [] : warmUp(pool, spec, context);
  }

  /** Another worker has taken a target out of balancing. */
  believeEjection(ejection: TargetEjection): void {
    this.#pools.get(poolKey(ejection.service, ejection.pool))?.wellness?.believe(ejection);
  }

  async drainCount(id: string): Promise<DrainCount | null> {
    return this.#drains.get(id)?.count() ?? null;
  }

  async cutDrain(id: string): Promise<DrainCount | null> {
    const drain = this.#drains.get(id);
    drain?.cut();
    return drain?.count() ?? null;
  }

  forgetDrain(id: string): void {
    this.#drains.delete(id);
  }

  async report(): Promise<DataPlaneReport> {
    return {
      generation: this.#current.generation,
      workers: [{ worker: this.#name, pid: process.pid, generation: this.#current.generation }],
      workersFenced: 0,
      pools: [
        ...[...this.#pools.values()].filter((pool) => !pool.isUntouched).map((pool) => pool.report()),
        ...[...this.#answered].flatMap(([name, counters]) => (counters.isUnused ? [] : answeredReport(name, counters))),
      ],
      services: Array.from(this.#liveServices.values(), (service) => service.report()),
      listeners: Array.from(this.#listeners.values(), (listener) => listener.report()),
      accessLogDropped: this.#accessLog?.dropped ?? 0,
      buffered: { memory: this.#spool.memoryBytes, disk: this.#spool.diskBytes },
      ledger: this.#ledger.report(),
    };
  }

  async explain(question: ExplainQuestion, proposed: SnapshotUpdate | null): Promise<Explanation> {
    const first = [...this.#listeners.values()].find(({ spec }) => spec.protocol !== 'tcp');
    const listener = this.#listeners.get(question.listener ?? '') ?? first;
    return explain(
      { ...question, listener: question.listener ?? listener?.spec.name ?? null },
      {
        routing: proposed === null ? this.#current : this.#trialRouting(proposed),
        isProposed: proposed !== null,
        worker: this.#name,
        trustedProxies: this.#trustedProxies,
        clock: this.#clock,
        limits: listener?.spec.limits ?? NO_LIMITS,
        chance: { random: systemRandom, newUserId: randomUUID },
        pickedRequest: this.#pickedRequest,
      },
    );
  }

  /**
   * The routing that an update would make, to be asked and never served by. Its new pools look like those that are live and
   * share nothing with them: whatever is asked of them leaves no trace.
   */
  #trialRouting(update: SnapshotUpdate): Routing {
    return nextRouting(this.#current, update, this.#current.ledger, {
      pool: (service, index) => this.#trialPool(service, index, update.health ?? []),
      answered: () => new TrafficCounters(),
      live: () => null,
      buffers: (service) => this.#buffersOf(service),
      // They are not run where nothing is sent.
      filters: () => null,
    });
  }

  #trialPool(service: ServiceSpec, index: number, health: readonly TargetHealth[]): Pool {
    const spec = service.pools[index] as PoolSpec;
    // Nobody is told what becomes of a pool that is only asked about.
    const shared = { ...this.#shared, random: systemRandom, onEjection: ignore, onPanic: ignore };
    const pool = new Pool(service.name, spec.name, shared);
    // Breakers, queues and the like have state and timers of their own: what they do now is imitated instead.
    pool.update(spec, { ...service, breaker: null, admission: null, slowStart: null, ejection: null });
    for (const change of health) {
      if (change.service === service.name && change.pool === spec.name) {
        pool.setHealth(change.target, change.up);
      }
    }
    const live = this.#pools.get(poolKey(service.name, spec.name));
    if (live !== undefined) {
      pool.imitate(live);
    }
    return pool;
  }

  /** From now on every answer is the last one of its connection; new connections are still served. */
  announceClose(): void {
    for (const listener of this.#listeners.values()) {
      listener.isClosing = true;
    }
  }

  /**
   * Stops accepting, lets requests under way finish for `drainMs`, then cuts the rest. Idle connections are closed
   * after `idleGraceMs`: until then a request that is on its way on one of them is still answered.
   * Resolves with how many connections had to be cut.
   */
  async close({ drainMs = 0, idleGraceMs = 0 }: { drainMs?: number; idleGraceMs?: number } = {}): Promise<{
    cut: number;
  }> {
    this.announceClose();
    const listeners = [...this.#listeners.values()];
    for (const listener of listeners) {
      listener.stopAccepting();
    }
    const graceMs = Math.min(idleGraceMs, drainMs);
    await this.#untilEmpty(listeners, graceMs, ignore);
    const remaining = await this.#untilEmpty(listeners, drainMs - graceMs, (listener) => listener.closeIdle());
    for (const service of this.#liveServices.values()) {
      service.hold?.cutAll();
    }
    for (const one of this.#warmUps) {
      one.cut();
    }
    for (const pool of [...this.#pools.values(), ...this.#leaving]) {
      pool.cutAll();
      pool.retire();
    }
    for (const listener of listeners) {
      listener.destroyAll();
    }
    this.#deadlines.stop();
    this.#functions.close();
    await this.#accessLog?.close();
    return { cut: remaining };
  }

  /** Waits until no connection is left, for `limitMs` at most, doing `hasten` at the start and again and again. */
  async #untilEmpty(
    listeners: readonly Listener[],
    limitMs: number,
    hasten: (listener: Listener) => void,
  ): Promise<number> {
    const deadlineAt = this.#clock.monotonicMs() + limitMs;
    const remaining = (): number => listeners.reduce((sum, listener) => sum + listener.connectionCount, 0);
    // Again and again: an answer that had begun before the end was announced has not said that it is the last one.
    for (
      listeners.forEach(hasten);
      remaining() > 0 && this.#clock.monotonicMs() < deadlineAt;
      listeners.forEach(hasten)
    ) {
      await new Promise<void>((resolve) => {
        this.#clock.setTimer(CLOSE_POLL_MS, resolve);
      });
    }
    return remaining();
  }
}

/** What rules answered went to no pool: a report without a name, and without what only pools have. */
function answeredReport(service: string, counters: TrafficCounters): PoolReport {
  return {
    service,
    pool: '',
    version: '',
    inFlight: 0,
    traffic: [counters.report('live')],
    failures: {},
    waiting: 0,
    breakers: {},
    retries: {},
    targets: [],
    mirrorDropped: {},
    mirrorFailures: {},
    sessions: {},
    kept: {},
  };
}

function poolKey(service: string, pool: string): string {
  return `${service}\n${pool}`;
}

function targetKey(service: string, pool: string, target: string): string {
  return `${poolKey(service, pool)}\n${target}`;
}

function ignore(): void {}
