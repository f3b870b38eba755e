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

import type { Endpoint } from '../../base/endpoint.ts';
import type {
  Applied,
  DataPlane,
  DataPlaneReport,
  DrainCount,
  DrainRequest,
  ModuleProblem,
  PoolPanic,
  TargetEjection,
  TargetHealth,
  UserModule,
  WarmedTarget,
  WarmUpCall,
} from '../../snapshot/data-plane.ts';
import type { ListenerCredentials } from '../../snapshot/credential-spec.ts';
import type { ExplainQuestion, Explanation } from '../../snapshot/explain.ts';
import type { SnapshotUpdate } from '../../snapshot/types.ts';
import type { AccessLogSpec, Hello, Setup, SocketSet, SuccessorCalls } from '../../snapshot/worker-protocol.ts';
import { cutOf, NO_DRAIN, PastDrains, sumDrains } from './drain-counts.ts';
import { HeardPanics } from './heard-panics.ts';
import { EMPTY_REPORT, lastAccount, mergeReports, mergeWarmed } from './merge-reports.ts';
import { isAlive, kill } from './process-id.ts';
import { ServedState } from './served-state.ts';
import { WorkerLink } from './worker-link.ts';
import { type SpawnerOptions, WorkerSpawner } from './worker-spawner.ts';

/** How long a worker may take to acknowledge a generation before it is fenced. */
export const BARRIER_DEADLINE_MS = 2_000;
/** How long a worker may take to load user code that has loaded in a process of its own before. */
const PREPARE_DEADLINE_MS = 10_000;
/** How long a new worker may take to accept. */
const START_DEADLINE_MS = 20_000;
/** How long orphans of a former primary are waited for. */
const ORPHAN_WAIT_MS = 3_000;
/** How often workers are asked for their counts, so that little is forgotten when one dies. */
const REPORT_INTERVAL_MS = 1_000;
/** With many services a report is work: so many times as long as it took nothing is asked. */
const REPORT_REST = 20;
/** How long a worker may take to explain a request before the next is asked. */
const EXPLAIN_DEADLINE_MS = 2_000;
/** How long a worker may take to say what it counted. */
const REPORT_DEADLINE_MS = 2_000;
/**
 * First and longest wait before a worker that died is replaced. It grows where the workers of one number die young, as
 * they do when they cannot live; one that has accepted for a while was killed by something else, and is missed.
 */
const RESPAWN_MS_MIN = 50;
const RESPAWN_MS_MAX = 5_000;
const STABLE_MS = 1_000;
/** How often it is looked whether a worker that is being started is still there. */
const START_POLL_MS = 50;

export interface WorkerPoolOptions extends SpawnerOptions {
  readonly trustedProxies: readonly string[];
  /** Where the proxy runs; "": nobody said. */
  readonly zone: string;
  /** Where lines about requests go; null: nowhere. */
  readonly accessLog: AccessLogSpec | null;
  /** Where the proxy listens itself, so that no target's name may lead there. */
  readonly own: readonly Endpoint[];
  /** How long that may take, before the other primary is ended. */
  readonly handOverMsMax: number;
  /** Hears of each target that a worker takes out of balancing. */
  readonly onEjection: (ejection: TargetEjection) => void;
  /** Hears when so few targets of a pool are well that some worker uses all, and when none does any longer. */
  readonly onPanic: (panic: PoolPanic) => void;
  /** Called when another primary takes over; resolves when all but the workers was let go. `outcome` says how it ended. */
  readonly onHandOver: (outcome: Promise<Succession>) => Promise<void>;
}

/** `abandoned`: the other primary was gone before it served. */
export type Succession = 'taken-over' | 'abandoned';

export class WorkerPool implements DataPlane {
  readonly #options: WorkerPoolOptions;
  readonly #links = new Set<WorkerLink>();
  readonly #spawner: WorkerSpawner;
  readonly #server: Server;
  readonly #served = new ServedState();
  readonly #panics: HeardPanics<WorkerLink>;
  /** Counts of workers that are gone. */
  #past: DataPlaneReport = EMPTY_REPORT;
  readonly #pastDrains = new PastDrains();
  /** Workers that were started and do not accept yet, by name. */
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  /** Starts under way, by the worker's number. */
  readonly #starts = new Map<number, Promise<void>>();
  /** The worker of each number that is meant to serve, by name: it accepts, or has died. */
  readonly #serving = new Map<number, string>();
  /** How long it was last waited before a worker of that number was replaced. */
  readonly #respawnMs = new Map<number, number>();
  /** `taking-over`: there are workers of a former primary, which may have to be given back. */
  #stage: 'unused' | 'starting' | 'taking-over' | 'in-charge' = 'unused';
  #isEnding = false;
  /** Who asks while one is under way waits for that one. */
  #restarting: Promise<{ restarted: number }> | null = null;
  #succession: PromiseWithResolvers<Succession> | null = null;
  #fencedTotal = 0;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#panics = new HeardPanics(options.onPanic);
    this.#spawner = new WorkerSpawner(options, this.#links);
    this.#server = createServer((socket) => this.#meet(socket));
  }

  /** Takes over the workers of a former primary, or binds the listeners, and resolves when all workers accept. */
  async start(): Promise<void> {
    this.#stage = 'starting';
    const hasFormer = await this.#gatherOrphans();
    if (hasFormer) this.#stage = 'taking-over';
    await this.#spawner.prepare();
    const starts = Array.from({ length: this.#options.count }, (_, index) => this.#startWorker(index));
    await Promise.all([...starts, this.#spawner.keep()]);
    this.#pollReports();
  }

  /** The primary is in charge: what the former one has left is no longer needed. */
  takeCharge(): void {
    this.#stage = 'in-charge';
    for (const link of this.#links) this.#retireIfUnwanted(link);
  }

  /** Those that came from a former primary, or too late for this one. */
  #retireIfUnwanted(link: WorkerLink): void {
    if (link.hello === null || link.phase === 'draining' || this.#isWanted(link)) return;
    this.#options.log.info({ workerPid: link.pid }, 'a worker of the former primary drains');
    void this.#retire(link);
  }

  #isWanted({ name, hello }: WorkerLink): boolean {
    return this.#spawner.isKeeper(name) || this.#waiting.has(name) || this.#serving.get(hello?.index ?? -1) === name;
  }

  get addresses(): readonly SocketSet[] {
    return this.#spawner.sockets;
  }

  // --- the data plane's contract -----------------------------------------------------------------------------------

  async prepare(modules: readonly UserModule[]): Promise<readonly ModuleProblem[]> {
    // From now on, so that a worker which is set up meanwhile has them too.
    this.#served.modules.add(modules);
    const asked = [...this.#links].filter(({ phase }) => phase !== 'hello');
    const answers = await Promise.all(asked.map((link) => this.#prepareOn(link, modules)));
    const problems = new Map(answers.flat().map((problem) => [problem.reference, problem]));
    if (problems.size > 0) this.#served.modules.keepNamed(this.#served.services);
    return [...problems.values()];
  }

  /** A worker that is silent is ended: what makes it so is its own, for elsewhere the code has loaded. */
  async #prepareOn(link: WorkerLink, modules: readonly UserModule[]): Promise<readonly ModuleProblem[]> {
    try {
      return await this.#inTime(link.prepare(modules), PREPARE_DEADLINE_MS);
    } catch (error) {
      if (!link.isClosed) {
        this.#options.log.error({ workerPid: link.pid, err: error }, 'a worker did not load user code and was ended');
        await link.kill();
      }
      return [];
    }
  }

  async apply(update: SnapshotUpdate, tracks: readonly DrainRequest[] = []): Promise<Applied> {
    this.#served.add(update);
    const asked = [...this.#links].filter(({ phase }) => phase !== 'hello');
    const awaited = asked.filter(({ phase }) => phase !== 'setup');
    const answers = new Map(asked.map((link) => [link, this.#applyTo(link, update, tracks)]));
    const drains = new Map<string, DrainCount[]>(tracks.map(({ id }) => [id, []]));
    let [applied, fenced] = [0, 0];
    await Promise.all(
      awaited.map(async (link) => {
        const answer = (await answers.get(link)) ?? 'gone';
        if (typeof answer !== 'string') {
          applied++;
          for (const { id } of tracks) drains.get(id)?.push(answer.drains[id] ?? NO_DRAIN);
          return;
        }
        if (answer === 'fenced') fenced++;
        for (const track of tracks) {
          const cut = cutOf(link.lastReport, track);
          drains.get(track.id)?.push(cut);
          this.#pastDrains.add(track.id, cut);
        }
      }),
    );
    this.#fencedTotal += fenced;
    return {
      generation: update.generation,
      drains: Object.fromEntries([...drains].map(([id, counts]) => [id, sumDrains(counts)])),
      workers: { total: applied + fenced, applied, fenced },
    };
  }

  /** `fenced`: the worker did not acknowledge, and was ended. `gone`: it ended by itself meanwhile. */
  async #applyTo(
    link: WorkerLink,
    update: SnapshotUpdate,
    tracks: readonly DrainRequest[],
  ): Promise<Applied | 'fenced' | 'gone'> {
    try {
      const applied = await this.#inTime(link.apply(update, tracks), BARRIER_DEADLINE_MS);
      this.#acceptIfCurrent(link);
      return applied;
    } catch (error) {
      const isGone = link.isClosed;
      // Also where only the connection has ended: a process that is still there would route by the former generation.
      if (!link.hasDrained) await link.kill();
      if (isGone) return 'gone';
      this.#options.log.error(
        { workerPid: link.pid, err: error },
        'a worker did not acknowledge a generation and was ended',
      );
      return 'fenced';
    }
  }

  reopenAccessLog(): void {
    for (const link of this.#links) if (link.phase !== 'hello') link.reopenAccessLog();
  }

  async useCredentials(credentials: ListenerCredentials): Promise<void> {
    // First, so that a worker which is set up meanwhile has them too.
    this.#served.credentials = credentials;
    const asked = [...this.#links].filter(({ phase }) => phase !== 'hello');
    await Promise.all(asked.map((link) => this.#useCredentialsOn(link, credentials)));
  }

  /** A worker that does not take them is ended: the one in its place starts with them. */
  async #useCredentialsOn(link: WorkerLink, credentials: ListenerCredentials): Promise<void> {
    try {
      await this.#inTime(link.useCredentials(credentials), BARRIER_DEADLINE_MS);
    } catch (error) {
      if (link.isClosed) return;
      this.#options.log.error({ workerPid: link.pid, err: error }, 'a worker did not take certificates and was ended');
      await link.kill();
    }
  }

  setHealth(changes: readonly TargetHealth[]): void {
    this.#served.setHealth(changes);
    for (const link of this.#links) if (link.phase !== 'hello') link.setHealth(changes);
  }

  async warmUp(call: WarmUpCall): Promise<readonly WarmedTarget[]> {
    const deadlineMs = call.warmUp.timeoutMs + REPORT_DEADLINE_MS;
    const answers = await Promise.all(
      // One that is silent is ended by the change that follows.
      [...this.#links]
        .filter(({ phase }) => phase === 'accepting')
        .map((link) => this.#inTime(link.warmUp(call), deadlineMs).catch(() => null)),
    );
    const given = answers.filter((answer) => answer !== null);
    // As when all of them end while they are at it, for the proxy ends: nothing is known of any target then.
    if (given.length === 0) throw new Error('no worker has made anything warm');
    return mergeWarmed(given.flat());
  }

  /** What one worker has found, the others need not find out for themselves. */
  #spreadEjection(finder: WorkerLink, ejection: TargetEjection): null {
    for (const link of this.#links) if (link !== finder && link.phase !== 'hello') link.setEjection(ejection);
    this.#options.onEjection(ejection);
    return null;
  }

  drainCount(id: string): Promise<DrainCount | null> {
    return this.#sumOfDrain(id, (link) => link.drainCount(id));
  }

  cutDrain(id: string): Promise<DrainCount | null> {
    return this.#sumOfDrain(id, (link) => link.cutDrain(id));
  }

  async #sumOfDrain(id: string, ask: (link: WorkerLink) => Promise<DrainCount | null>): Promise<DrainCount | null> {
    const counts = await Promise.all(
      // One that is stopped must not keep the answer about all the others.
      [...this.#links]
        .filter((link) => link.drains.has(id))
        .map((link) => this.#inTime(ask(link), REPORT_DEADLINE_MS).catch(() => link.drains.get(id) ?? null)),
    );
    const known = [...counts, this.#pastDrains.get(id)].filter((count) => count !== null);
    return known.length === 0 ? null : sumDrains(known);
  }

  forgetDrain(id: string): void {
    this.#pastDrains.forget(id);
    for (const link of this.#links) if (link.drains.has(id)) link.forgetDrain(id);
  }

  async report(): Promise<DataPlaneReport> {
    const reports = await Promise.all(
      [...this.#links]
        .filter(({ phase }) => phase !== 'hello')
        .map((link) => this.#inTime(link.report(), REPORT_DEADLINE_MS).catch(() => link.lastReport ?? EMPTY_REPORT)),
    );
    return { ...mergeReports([this.#past, ...reports]), workersFenced: this.#fencedTotal };
  }

  /** By one worker: all of them would say the same but for what each counts by itself. */
  async explain(question: ExplainQuestion, proposed: SnapshotUpdate | null): Promise<Explanation> {
    let failure: unknown = new Error('no worker accepts');
    for (const link of [...this.#links].filter(({ phase }) => phase === 'accepting')) {
      try {
        return await this.#inTime(link.explain(question, proposed), EXPLAIN_DEADLINE_MS);
      } catch (error) {
        // It may be stopped, or have just died: the next one will do as well.
        failure = error;
      }
    }
    throw failure;
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
    for (const index of this.#serving.keys()) {
      const old = this.#servingLink(index);
      await this.#startWorker(index);
      // Not waited for: a tunnel may keep it for as long as it likes.
      if (old !== undefined) void this.#retire(old);
    }
    return { restarted: this.#serving.size };
  }

  #servingLink(index: number): WorkerLink | undefined {
    const name = this.#serving.get(index);
    return [...this.#links].find((link) => link.name === name);
  }

  /** Starts a worker, which is the one of its number once it accepts; that is when this resolves. One at a time. */
  #startWorker(index: number): Promise<void> {
    const start = this.#starts.get(index) ?? this.#start(index).finally(() => this.#starts.delete(index));
    this.#starts.set(index, start);
    return start;
  }

  async #start(index: number): Promise<void> {
    const { clock, control, log } = this.#options;
    const name = `${index}-${randomUUID().slice(0, 8)}`;
    const accepted = Promise.withResolvers<void>();
    accepted.promise.catch(() => {});
    this.#waiting.set(name, accepted);
    const startedMs = clock.monotonicMs();
    try {
      await this.#spawner.spawn(index, name);
      this.#watchStart(name);
      await this.#inTime(accepted.promise, START_DEADLINE_MS);
    } catch (error) {
      this.#spawner.giveUp(name);
      throw new Error(`worker ${index} did not start: ${(error as Error).message}`, { cause: error });
    } finally {
      this.#waiting.delete(name);
    }
    await control.remember(this.#pids());
    log.info({ worker: index, startMs: Math.round(clock.monotonicMs() - startedMs) }, 'a worker accepts');
  }

  /** A process that ends before it connects is heard of nowhere else. */
  #watchStart(name: string): void {
    const waiting = this.#waiting.get(name);
    if (waiting === undefined) return;
    if (this.#spawner.hasEnded(name)) waiting.reject(new Error('its process ended'));
    else this.#options.clock.setTimer(START_POLL_MS, () => this.#watchStart(name));
  }

  #meet(socket: Socket): void {
    const link = new WorkerLink(socket, (method, params) => {
      switch (method) {
        case 'hello':
          return this.#welcome(link, params as Hello);
        case 'ejection':
          return this.#spreadEjection(link, params as TargetEjection);
        case 'panic':
          return this.#panics.heard(link, params as PoolPanic);
        case 'handOver':
          return this.#yieldTo(link, (params as SuccessorCalls['handOver'])?.pid ?? 0);
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
    this.#spawner.arrived(hello.name);
    if (this.#spawner.isKeeper(hello.name)) return;
    // One that served before this primary came goes on serving: it is waited for at once.
    link.phase = hello.isDraining ? 'draining' : hello.isAccepting ? 'accepting' : 'setup';
    link
      .setup(this.#setup())
      .then(() => {
        this.#acceptIfCurrent(link);
        if (this.#stage === 'in-charge') this.#retireIfUnwanted(link);
      })
      .catch((error: unknown) => {
        this.#options.log.error({ workerPid: link.pid, err: error }, 'a worker could not be set up and is ended');
        return link.kill();
      });
  }

  #setup(): Setup {
    const { listeners, trustedProxies, zone, own, accessLog } = this.#options;
    const { credentials, modules } = this.#served;
    const update = this.#served.asUpdate();
    return { update, listeners, trustedProxies, zone, own, credentials, accessLog, modules: modules.all };
  }

  #acceptIfCurrent(link: WorkerLink): void {
    const { generation } = this.#served;
    if (link.phase !== 'setup' || link.generation !== generation || generation === 0) return;
    const waiting = this.#waiting.get(link.name);
    if (waiting === undefined) return;
    link.phase = 'accepting';
    link
      .accept()
      .then(() => {
        link.acceptsSinceMs = this.#options.clock.monotonicMs();
        this.#serving.set(link.hello?.index ?? -1, link.name);
        waiting.resolve();
      })
      .catch((error: unknown) => {
        this.#options.log.error({ workerPid: link.pid, err: error }, 'a worker could not accept and is ended');
        return link.kill();
      });
  }

  /** A worker's process, or its connection, is gone. */
  #lost(link: WorkerLink): void {
    this.#links.delete(link);
    this.#panics.lost(link);
    if (link.lastReport !== null) this.#past = mergeReports([this.#past, lastAccount(link.lastReport)]);
    this.#pastDrains.addLost(link.drains);
    this.#waiting.get(link.name)?.reject(new Error('its process ended'));
    if (!this.#isEnding && this.#spawner.isKeeper(link.name)) void this.#spawner.keep();
    const index = link.hello?.index ?? -1;
    if (this.#isEnding || this.#serving.get(index) !== link.name) return;
    this.#options.log.warn({ workerPid: link.pid, worker: index }, 'a worker ended by itself and is replaced');
    const now = this.#options.clock.monotonicMs();
    this.#respawn(index, now - (link.acceptsSinceMs ?? now));
  }

  /** Replaces a worker that is gone and lived for `livedMs`; after a while, where its likes die young. */
  #respawn(index: number, livedMs: number): void {
    const { clock, log } = this.#options;
    const lastMs = this.#respawnMs.get(index) ?? 0;
    const waitMs = livedMs >= STABLE_MS ? RESPAWN_MS_MIN : clamp(lastMs * 2, RESPAWN_MS_MIN, RESPAWN_MS_MAX);
    this.#respawnMs.set(index, waitMs);
    clock.setTimer(waitMs, () => {
      if (this.#isEnding || this.#servingLink(index) !== undefined) return;
      this.#startWorker(index).catch((error: unknown) => {
        if (this.#isEnding) return;
        log.error({ worker: index, err: error }, 'a worker could not be replaced; it is tried again');
        this.#respawn(index, 0);
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

  /** Opens the socket that workers come to, and waits for those that a former primary has left. Whether there are any. */
  async #gatherOrphans(): Promise<boolean> {
    const { clock, control } = this.#options;
    const pids = await control.survivors();
    await control.listen(this.#server);
    const deadlineAt = clock.monotonicMs() + ORPHAN_WAIT_MS;
    const isMet = (pid: number): boolean => [...this.#links].some((link) => link.pid === pid);
    while (!pids.every((pid) => isMet(pid) || !isAlive(pid)) && clock.monotonicMs() < deadlineAt) {
      await new Promise<void>((resolve) => void clock.setTimer(20, resolve));
    }
    return [...this.#links].some(({ hello }) => hello !== null);
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  /** Lets all workers finish for `drainMs`. Resolves with how many connections had to be cut. */
  async close({ drainMs = 0 }: { drainMs?: number } = {}): Promise<{ cut: number }> {
    this.#isEnding = true;
    // Nothing was begun, or everything is another primary's by now, the files in the state folder included.
    if (this.#stage === 'unused' || this.#succession !== null) return { cut: 0 };
    if (this.#stage === 'taking-over') return this.#giveBack();
    const cuts = await Promise.all([...this.#links].map((link) => this.#end(link, drainMs)));
    await this.#options.control.forget();
    await this.#letGo();
    return { cut: cuts.reduce((sum, cut) => sum + cut, 0) };
  }

  /** Resolves with how many connections had to be cut. */
  async #end(link: WorkerLink, drainMs: number): Promise<number> {
    try {
      if (link.phase !== 'hello') {
        return await this.#inTime(this.#retire(link, { drainMs, idleGraceMs: 0 }), drainMs + REPORT_DEADLINE_MS);
      }
    } catch {
      // It says nothing.
    }
    await link.kill();
    return busyConnections(link.lastReport);
  }

  /** Ends everything at once, whatever is under way. */
  async kill(): Promise<void> {
    this.#isEnding = true;
    if (this.#stage !== 'starting' && this.#stage !== 'in-charge') return;
    if (this.#succession !== null) return;
    await Promise.all([...this.#links].filter(({ hello }) => hello !== null).map((link) => link.kill()));
    await this.#options.control.forget();
  }

  /**
   * This primary could not take charge. What served before goes on serving, for the former primary or the next one;
   * what was started here finishes the requests that it has got already.
   */
  async #giveBack(): Promise<{ cut: number }> {
    for (const link of this.#links) {
      if (!this.#isWanted(link)) continue;
      if (link.phase === 'accepting') void this.#retire(link);
      else void link.kill();
    }
    await this.#options.control.remember(this.#pids());
    await new Promise<void>((resolve) => void this.#options.clock.setTimer(GIVE_BACK_MS, resolve));
    await this.#letGo();
    return { cut: 0 };
  }

  async #letGo(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const link of this.#links) link.release();
    await closed;
    await this.#options.control.close();
    this.#spawner.close();
  }

  /**
   * Another primary is there to take over. Everything that only one of two may have is let go (`release`: the store, the
   * admin API), then the workers, which go on serving and find the other one by themselves.
   */
  async #yieldTo(successor: WorkerLink, pid: number): Promise<void> {
    const { clock, handOverMsMax, log, onHandOver } = this.#options;
    if (this.#succession !== null) throw new Error('the running proxy is being upgraded already');
    if (this.#isEnding) throw new Error('the running proxy is ending');
    if (this.#stage !== 'in-charge') throw new Error('the running proxy is still starting: try again');
    log.info({}, 'another primary takes over');
    const succession = Promise.withResolvers<Succession>();
    this.#succession = succession;
    // A process that hangs keeps the store locked: it has to go before this one can serve again.
    const deadline = clock.setTimer(handOverMsMax, () => {
      log.error({ pid }, `the other primary did not serve within ${handOverMsMax} ms and is ended`);
      kill(pid);
    });
    void succession.promise.then(() => deadline.cancel());
    void successor.closed.then(() => succession.resolve('abandoned'));
    await onHandOver(succession.promise);
    this.#isEnding = true;
    this.#server.close();
    for (const link of this.#links) if (link !== successor) link.release();
    await this.#options.control.close();
    this.#spawner.close();
  }

  // --- small things ------------------------------------------------------------------------------------------------

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

/** A worker that was replaced is in no hurry: a tunnel may last an hour, and an idle client has time to come again. */
const RETIREMENT = { drainMs: 3_600_000, idleGraceMs: 5_000 };

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}

/** Connections with something under way, as far as it was heard of. */
function busyConnections(report: DataPlaneReport | null): number {
  const listeners = report?.listeners ?? [];
  return listeners.reduce((sum, { connections }) => sum + connections.active + connections.tunnel, 0);
}
