/**
 * The worker processes as one data plane.
 *
 *   spawned ─► hello ─► setup (has the routing) ─► accepting ─► draining ─► gone
 *
 * **The barrier.** A change goes to every worker that may serve a request, and `apply` resolves when all of them have
 * acknowledged it. A worker that is silent for too long is killed before the answer: a stopped or looping process can
 * be told nothing, and nothing less makes sure that it never routes a request by the old generation again. A worker
 * that is being set up takes part without being waited for: it accepts nothing before it has the newest generation.
 *
 * **Orphans.** Workers do not need the primary to serve. They come back to its socket in the file system, so that the
 * next primary finds them there, has them start their own replacements, which inherit the listening sockets, and lets
 * them drain: no socket is ever closed with connections in its queue.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';

import type { Clock } from '../../base/clock.ts';
import type { Endpoint } from '../../base/endpoint.ts';
import type {
  Applied,
  DataPlane,
  DataPlaneReport,
  DrainCount,
  DrainRequest,
  TargetHealth,
} from '../../snapshot/data-plane.ts';
import type { ListenerSpec, ServiceSpec, SnapshotUpdate } from '../../snapshot/types.ts';
import type { Hello, Setup, SocketSet } from '../../snapshot/worker-protocol.ts';
import type { Log } from '../log.ts';
import { bindSockets, type BoundSockets } from './bind-sockets.ts';
import type { ControlSocket } from './control-socket.ts';
import { EMPTY_REPORT, lastAccount, mergeReports } from './merge-reports.ts';
import { spawnWorker } from './spawn-worker.ts';
import { WorkerLink } from './worker-link.ts';

/** How long a worker may take to acknowledge a generation before it is fenced. */
export const BARRIER_DEADLINE_MS = 2_000;
/** How long a new worker may take to accept. */
const START_DEADLINE_MS = 20_000;
/** How long orphans of a former primary are waited for. */
const ORPHAN_WAIT_MS = 3_000;
/** How often workers are asked for their counts, so that little is forgotten when one dies. */
const REPORT_INTERVAL_MS = 1_000;
/** With many services a report is work: so many times as long as it took nothing is asked. */
const REPORT_REST = 20;
/** How long a worker may take to say what it counted. */
const REPORT_DEADLINE_MS = 2_000;
/** First and longest wait before a worker that died is replaced; a worker that stays a while resets it. */
const RESPAWN_MS_MIN = 50;
const RESPAWN_MS_MAX = 5_000;
const STABLE_MS = 10_000;

export interface WorkerPoolOptions {
  readonly count: number;
  /** The program that a worker runs. */
  readonly entry: string;
  readonly control: ControlSocket;
  readonly listeners: readonly ListenerSpec[];
  readonly trustedProxies: readonly string[];
  /** Where the proxy listens itself, so that no target's name may lead there. */
  readonly own: readonly Endpoint[];
  /** Sockets that a service manager has opened; `null`: they are bound here. */
  readonly activated: readonly SocketSet[] | null;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when another primary takes over; resolves when all but the workers was let go. `outcome` says how it ended. */
  readonly onHandOver: (outcome: Promise<Succession>) => Promise<void>;
}

/** `abandoned`: the other primary was gone before it served. */
export type Succession = 'taken-over' | 'abandoned';

export class WorkerPool implements DataPlane {
  readonly #options: WorkerPoolOptions;
  readonly #links = new Set<WorkerLink>();
  readonly #server: Server;
  /** Everything that is served, for workers to come. */
  readonly #services = new Map<string, ServiceSpec>();
  readonly #health = new Map<string, TargetHealth>();
  #generation = 0;
  #sockets: readonly SocketSet[] = [];
  #bound: BoundSockets | null = null;
  /** Counts of workers that are gone. */
  #past: DataPlaneReport = EMPTY_REPORT;
  readonly #pastDrains = new Map<string, DrainCount>();
  readonly #waiting = new Map<string, (link: WorkerLink) => void>();
  /** The worker of each index that is meant to serve. */
  readonly #serving = new Map<number, string>();
  #respawnMs = RESPAWN_MS_MIN;
  /** Workers of the former primary, until this one is in charge. */
  #orphans: readonly WorkerLink[] = [];
  #hasStarted = false;
  #isEnding = false;
  /** Who asks while one is under way waits for that one. */
  #restarting: Promise<{ restarted: number }> | null = null;
  #succession: PromiseWithResolvers<Succession> | null = null;
  #fencedTotal = 0;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#meet(socket));
  }

  /** Takes over the workers of a former primary, or binds the listeners, and resolves when all workers accept. */
  async start(): Promise<void> {
    const { count, listeners } = this.#options;
    const orphans = await this.#gatherOrphans();
    const { activated } = this.#options;
    if (activated !== null) {
      this.#bound = { sets: activated, close() {} };
      this.#sockets = activated;
    } else if (!this.#inheritSockets(orphans)) {
      this.#bound = await bindSockets(listeners, count, { isShared: orphans.length > 0 });
      this.#sockets = this.#bound.sets;
    }
    await Promise.all(Array.from({ length: count }, (_, index) => this.#startWorker(index)));
    this.#orphans = orphans;
    this.#pollReports();
  }

  /** The primary is in charge: what the former one has left is no longer needed. */
  takeCharge(): void {
    for (const orphan of this.#orphans) {
      if (orphan.phase === 'draining') continue;
      this.#options.log.info({ workerPid: orphan.pid }, 'a worker of the former primary drains');
      void this.#retire(orphan);
    }
    this.#orphans = [];
    this.#hasStarted = true;
  }

  get addresses(): readonly SocketSet[] {
    return this.#sockets;
  }

  get fencedTotal(): number {
    return this.#fencedTotal;
  }

  // --- the data plane's contract -----------------------------------------------------------------------------------

  async apply(update: SnapshotUpdate, track?: DrainRequest): Promise<Applied> {
    this.#remember(update);
    const asked = [...this.#links].filter(({ phase }) => phase !== 'hello');
    const awaited = asked.filter(({ phase }) => phase !== 'setup');
    const answers = new Map(asked.map((link) => [link, this.#applyTo(link, update, track ?? null)]));
    const drains: DrainCount[] = [];
    let fenced = 0;
    await Promise.all(
      awaited.map(async (link) => {
        const applied = await answers.get(link);
        if (applied === undefined || applied === null) {
          fenced++;
          if (track !== undefined) drains.push(cutOf(link.lastReport, track));
        } else if (applied.drain !== null) {
          drains.push(applied.drain);
        }
      }),
    );
    this.#fencedTotal += fenced;
    if (track !== undefined && fenced > 0) this.#pastDrains.set(track.id, sumDrains(drains.slice(-fenced)));
    const total = Math.max(awaited.length, 1);
    return {
      generation: update.generation,
      drain: track === undefined ? null : sumDrains(drains),
      workers: { total, applied: total - fenced, fenced },
    };
  }

  /** `null`: the worker did not acknowledge, and is gone. */
  async #applyTo(link: WorkerLink, update: SnapshotUpdate, track: DrainRequest | null): Promise<Applied | null> {
    try {
      const applied = await this.#inTime(link.apply(update, track), BARRIER_DEADLINE_MS);
      this.#acceptIfCurrent(link);
      return applied;
    } catch (error) {
      this.#options.log.error(
        { workerPid: link.pid, err: error },
        'a worker did not acknowledge a generation and is ended',
      );
      await link.kill();
      return null;
    }
  }

  setHealth(changes: readonly TargetHealth[]): void {
    for (const change of changes) this.#health.set(`${change.service}\n${change.pool}\n${change.target}`, change);
    for (const link of this.#links) if (link.phase !== 'hello') link.setHealth(changes);
  }

  drainCount(id: string): Promise<DrainCount | null> {
    return this.#sumOfDrain(id, (link) => link.drainCount(id));
  }

  cutDrain(id: string): Promise<DrainCount | null> {
    return this.#sumOfDrain(id, (link) => link.cutDrain(id));
  }

  async #sumOfDrain(id: string, ask: (link: WorkerLink) => Promise<DrainCount | null>): Promise<DrainCount | null> {
    const counts = await Promise.all(
      [...this.#links].filter((link) => link.drains.has(id)).map((link) => ask(link).catch(() => null)),
    );
    const past = this.#pastDrains.get(id);
    const known = [...counts, past ?? null].filter((count) => count !== null);
    return known.length === 0 ? null : sumDrains(known);
  }

  forgetDrain(id: string): void {
    this.#pastDrains.delete(id);
    for (const link of this.#links) if (link.drains.has(id)) link.forgetDrain(id);
  }

  async report(): Promise<DataPlaneReport> {
    const reports = await Promise.all(
      [...this.#links]
        .filter(({ phase }) => phase !== 'hello')
        .map((link) => this.#inTime(link.report(), REPORT_DEADLINE_MS).catch(() => link.lastReport ?? EMPTY_REPORT)),
    );
    return mergeReports([this.#past, ...reports]);
  }

  announceClose(): void {
    for (const link of this.#links) link.announce();
  }

  // --- starting and replacing --------------------------------------------------------------------------------------

  /** Replaces every worker, one after the other: the new one accepts before the old one stops. */
  restart(): Promise<{ restarted: number }> {
    this.#restarting ??= this.#restartAll().finally(() => {
      this.#restarting = null;
    });
    return this.#restarting;
  }

  async #restartAll(): Promise<{ restarted: number }> {
    const before = [...this.#serving];
    for (const [index, name] of before) {
      const old = [...this.#links].find((link) => link.name === name);
      await this.#startWorker(index);
      // Not waited for: a tunnel may keep it for as long as it likes.
      if (old !== undefined) void this.#retire(old);
    }
    return { restarted: before.length };
  }

  async #startWorker(index: number): Promise<void> {
    const { clock, count, entry, control } = this.#options;
    const name = `${index}-${randomUUID().slice(0, 8)}`;
    this.#serving.set(index, name);
    const accepted = new Promise<WorkerLink>((resolve) => this.#waiting.set(name, resolve));
    const request = { entry, index, count, name, orphanMsMax: control.isFindable ? 0 : LOST_ORPHAN_MS };
    // One that drains has closed its sockets already.
    const holder = this.#bound === null ? [...this.#links].find(({ phase }) => phase === 'accepting') : undefined;
    if (this.#bound !== null) spawnWorker(request, control.path, this.#sockets);
    else if (holder !== undefined) await holder.spawn(request);
    else {
      this.#bound = await bindSockets(this.#options.listeners, count, { isShared: true });
      this.#sockets = this.#bound.sets;
      spawnWorker(request, control.path, this.#sockets);
    }
    const startedMs = clock.monotonicMs();
    await this.#inTime(accepted, START_DEADLINE_MS).catch((error: unknown) => {
      this.#waiting.delete(name);
      throw new Error(`worker ${index} did not start within ${START_DEADLINE_MS / 1000} s`, { cause: error });
    });
    await control.remember(this.#pids());
    this.#options.log.info({ worker: index, startMs: Math.round(clock.monotonicMs() - startedMs) }, 'a worker accepts');
  }

  #meet(socket: Socket): void {
    const link = new WorkerLink(socket, (method, params) => {
      switch (method) {
        case 'hello':
          return this.#welcome(link, params as Hello);
        case 'handOver':
          return this.#yieldTo(link);
        case 'tookOver':
          this.#succession?.resolve('taken-over');
          return null;
        default:
          throw new Error(`nobody can ask a primary for ${method}`);
      }
    });
    this.#links.add(link);
    void link.closed.then(() => this.#lost(link));
  }

  /** Sends a worker all that is served. From here on it takes part in every change. */
  #welcome(link: WorkerLink, hello: Hello): void {
    link.hello = hello;
    // One that served before this primary came goes on serving: it is waited for at once.
    link.phase = hello.isDraining ? 'draining' : hello.isAccepting ? 'accepting' : 'setup';
    link
      .setup(this.#setup())
      .then(() => {
        this.#acceptIfCurrent(link);
        // An orphan that came too late to be waited for.
        const isServing = this.#serving.get(hello.index) === hello.name;
        if (this.#hasStarted && !isServing && !hello.isDraining) void this.#retire(link);
      })
      .catch((error: unknown) => {
        this.#options.log.error({ workerPid: link.pid, err: error }, 'a worker could not be set up and is ended');
        return link.kill();
      });
  }

  #setup(): Setup {
    const { listeners, trustedProxies, own } = this.#options;
    const update = {
      generation: this.#generation,
      changed: [...this.#services.values()],
      removed: [],
      health: [...this.#health.values()],
    };
    return { update, listeners, trustedProxies, own };
  }

  #acceptIfCurrent(link: WorkerLink): void {
    if (link.phase !== 'setup' || link.generation !== this.#generation || this.#generation === 0) return;
    link.phase = 'accepting';
    link
      .accept()
      .then(() => {
        this.#waiting.get(link.name)?.(link);
        this.#waiting.delete(link.name);
      })
      .catch((error: unknown) => {
        this.#options.log.error({ workerPid: link.pid, err: error }, 'a worker could not accept and is ended');
        return link.kill();
      });
  }

  /** A worker's process, or its connection, is gone. */
  #lost(link: WorkerLink): void {
    this.#links.delete(link);
    if (link.lastReport !== null) this.#past = mergeReports([this.#past, lastAccount(link.lastReport)]);
    for (const [id, count] of link.drains) {
      const gone = { ...count, cut: count.cut + count.remaining, remaining: 0, longLived: 0 };
      this.#pastDrains.set(id, sumDrains([this.#pastDrains.get(id) ?? NO_DRAIN, gone]));
    }
    const index = link.hello?.index ?? -1;
    if (this.#isEnding || this.#serving.get(index) !== link.name) return;
    this.#options.log.warn({ workerPid: link.pid, worker: index }, 'a worker ended by itself and is replaced');
    this.#respawn(index, link.name);
  }

  #respawn(index: number, name: string): void {
    const { clock, log } = this.#options;
    const waitMs = this.#respawnMs;
    this.#respawnMs = Math.min(this.#respawnMs * 2, RESPAWN_MS_MAX);
    clock.setTimer(waitMs, () => {
      if (this.#isEnding || this.#serving.get(index) !== name) return;
      this.#startWorker(index)
        .then(() => clock.setTimer(STABLE_MS, () => void (this.#respawnMs = RESPAWN_MS_MIN)))
        .catch((error: unknown) => {
          log.error({ worker: index, err: error }, 'a worker could not be replaced; it is tried again');
          this.#respawn(index, this.#serving.get(index) ?? name);
        });
    });
  }

  /** Lets a worker finish what it has, and end. */
  async #retire(link: WorkerLink, drain = RETIREMENT): Promise<number> {
    try {
      const { cut } = await link.drain(drain);
      await link.closed;
      return cut;
    } catch {
      // It ended on its own; what it had under way is accounted for as cut.
      return 0;
    }
  }

  // --- the former primary's workers --------------------------------------------------------------------------------

  /** Opens the socket that workers come to, and waits for those that a former primary has left. */
  async #gatherOrphans(): Promise<WorkerLink[]> {
    const { clock, control } = this.#options;
    const pids = await control.survivors();
    await control.listen(this.#server);
    const deadlineAt = clock.monotonicMs() + ORPHAN_WAIT_MS;
    const met = (): WorkerLink[] => [...this.#links].filter(({ hello }) => hello !== null);
    while (met().length < pids.length && clock.monotonicMs() < deadlineAt) {
      await new Promise<void>((resolve) => void clock.setTimer(20, resolve));
    }
    return met();
  }

  /** Whether the orphans hold sockets for just the listeners that are wanted. */
  #inheritSockets(orphans: readonly WorkerLink[]): boolean {
    const sets = orphans.find(({ phase }) => phase === 'accepting')?.hello?.sockets;
    if (sets === undefined) return false;
    const { listeners } = this.#options;
    const isSame = sets.length === listeners.length && listeners.every((spec) => sets.some((set) => isFor(set, spec)));
    if (!isSame) {
      this.#options.log.warn({}, 'the listeners differ from those of the former primary: they are bound anew');
      return false;
    }
    this.#sockets = sets;
    return true;
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  /** Lets all workers finish for `drainMs`. Resolves with how many connections had to be cut. */
  async close({ drainMs = 0 }: { drainMs?: number } = {}): Promise<{ cut: number }> {
    if (this.#orphans.length > 0) return this.#giveBack();
    this.#isEnding = true;
    const cuts = await Promise.all(
      [...this.#links].map(async (link) => {
        if (link.phase === 'hello') return link.kill().then(() => 0);
        return this.#inTime(this.#retire(link, { drainMs, idleGraceMs: 0 }), drainMs + REPORT_DEADLINE_MS).catch(() =>
          link.kill().then(() => 0),
        );
      }),
    );
    await this.#options.control.forget();
    await this.#letGo();
    return { cut: cuts.reduce((sum, cut) => sum + cut, 0) };
  }

  /**
   * This primary could not take charge. What served before goes on serving, for the former primary or the next one;
   * what was started here finishes the requests that it has got already.
   */
  async #giveBack(): Promise<{ cut: number }> {
    this.#isEnding = true;
    const ours = [...this.#links].filter((link) => this.#serving.get(link.hello?.index ?? -1) === link.name);
    for (const link of ours) void this.#retire(link);
    await new Promise<void>((resolve) => void this.#options.clock.setTimer(GIVE_BACK_MS, resolve));
    await this.#letGo();
    return { cut: 0 };
  }

  async #letGo(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const link of this.#links) link.release();
    await closed;
    await this.#options.control.close();
    this.#bound?.close();
  }

  /**
   * Another primary is there to take over. Everything that only one of two may have is let go (`release`: the store, the
   * admin API), then the workers, which go on serving and find the other one by themselves.
   */
  async #yieldTo(successor: WorkerLink): Promise<void> {
    const { log, onHandOver } = this.#options;
    if (this.#succession !== null) throw new Error('it is being handed over already');
    log.info({}, 'another primary takes over');
    const succession = Promise.withResolvers<Succession>();
    this.#succession = succession;
    void successor.closed.then(() => succession.resolve('abandoned'));
    await onHandOver(succession.promise);
    this.#isEnding = true;
    this.#server.close();
    for (const link of this.#links) if (link !== successor) link.release();
    await this.#options.control.close();
    this.#bound?.close();
  }

  // --- small things ------------------------------------------------------------------------------------------------

  #remember(update: SnapshotUpdate): void {
    this.#generation = update.generation;
    for (const name of update.removed) this.#services.delete(name);
    for (const service of update.changed) this.#services.set(service.name, service);
    for (const change of update.health ?? []) {
      this.#health.set(`${change.service}\n${change.pool}\n${change.target}`, change);
    }
  }

  #pids(): number[] {
    return [...this.#links].map(({ pid }) => pid).filter((pid) => pid > 0);
  }

  #pollReports(waitMs = REPORT_INTERVAL_MS): void {
    this.#options.clock.setTimer(waitMs, () => {
      if (this.#isEnding) return;
      const startedMs = this.#options.clock.monotonicMs();
      void this.report().finally(() => {
        const tookMs = this.#options.clock.monotonicMs() - startedMs;
        this.#pollReports(Math.max(REPORT_INTERVAL_MS, tookMs * REPORT_REST));
      });
    });
  }

  #inTime<T>(promise: Promise<T>, deadlineMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.#options.clock.setTimer(deadlineMs, () => reject(new Error(`no answer in ${deadlineMs} ms`)));
      promise.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}

/** For the last words to workers that are left to themselves to arrive. */
const GIVE_BACK_MS = 100;

/** Without a store no primary can follow this one: a worker that has lost it ends after a while. */
const LOST_ORPHAN_MS = 30_000;

/** A worker that was replaced is in no hurry: a tunnel may last an hour, and an idle client has time to come again. */
const RETIREMENT = { drainMs: 3_600_000, idleGraceMs: 5_000 };

const NO_DRAIN: DrainCount = { inFlightAtFlip: 0, remaining: 0, cut: 0, longLived: 0 };

function isFor(set: SocketSet, spec: ListenerSpec): boolean {
  return set.listener === spec.name && (spec.port === 0 || set.port === spec.port);
}

function sumDrains(counts: readonly DrainCount[]): DrainCount {
  return counts.reduce(
    (sum, count) => ({
      inFlightAtFlip: sum.inFlightAtFlip + count.inFlightAtFlip,
      remaining: sum.remaining + count.remaining,
      cut: sum.cut + count.cut,
      longLived: sum.longLived + count.longLived,
    }),
    NO_DRAIN,
  );
}

/** What a fenced worker had under way on the tracked pools, as far as it was heard of: all of it was cut. */
function cutOf(report: DataPlaneReport | null, track: DrainRequest): DrainCount {
  const inFlight = (report?.pools ?? [])
    .filter(({ service, pool }) => track.pools.some((one) => one.service === service && one.pool === pool))
    .reduce((sum, pool) => sum + pool.inFlight, 0);
  return { inFlightAtFlip: inFlight, remaining: 0, cut: inFlight, longLived: 0 };
}
