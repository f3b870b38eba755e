/**
 * A worker process: serves requests by what the primary has told it last, and goes on doing so when the primary is gone,
 * until another one comes.
 */
import { existsSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';

import { BoundedLines } from './base/bounded-lines.ts';
import { systemClock } from './base/clock.ts';
import { Calls } from './base/calls.ts';
import { printableJson } from './base/printable.ts';
import { TargetGuard } from './base/target-guard.ts';
import { expectShortLives } from './base/young-objects.ts';
import { HeldSockets } from './control/workers/held-sockets.ts';
import { spawnWorker } from './control/workers/spawn-worker.ts';
import { LineFile } from './observe/line-file.ts';
import { ProxyDataPlane } from './proxy/data-plane.ts';
import type { UserModule } from './snapshot/data-plane.ts';
import type { ListenerCredentials } from './snapshot/credential-spec.ts';
import type { ListenerSpec } from './snapshot/types.ts';
import {
  type ApplyAnswer,
  type Drained,
  type Hello,
  type PrimaryCalls,
  type Setup,
  type Spawned,
  WORKER_SETTING_VARIABLE,
  type WorkerSetting,
} from './snapshot/worker-protocol.ts';

/** How often a worker without a primary looks for one. */
const RECONNECT_MS = 50;

/** How long a worker that has nothing to serve looks for a primary. */
const UNUSED_MS_MAX = 5_000;

const NO_CREDENTIALS: ListenerCredentials = { ticketKeys: '', certificates: {} };

class Worker {
  readonly #setting: WorkerSetting;
  readonly #sockets: HeldSockets;
  /** Descriptors that are listened on here. */
  readonly #listenedOn = new Set<number>();
  #primary: Socket | null = null;
  #calls: Calls | null = null;
  /** When the primary was lost, on the monotonic clock. */
  #lostAtMs: number | null = null;
  #dataPlane: ProxyDataPlane | null = null;
  /** A setup that waits for user code to be loaded. */
  #settingUp: Promise<void> | null = null;
  #listeners: readonly ListenerSpec[] = [];
  #generation = 0;
  #isAccepting = false;
  #isDraining = false;
  #isEnding = false;

  constructor(setting: WorkerSetting) {
    this.#setting = setting;
    this.#sockets = new HeldSockets(setting.sockets);
  }

  /** Goes to the primary, and back to it whenever the connection ends. */
  connect(): void {
    const socket = connect(this.#setting.control);
    socket.on('error', () => {});
    socket.once('connect', () => this.#greet(socket));
    socket.once('close', () => {
      this.#primary = null;
      if (this.#isEnding) return;
      this.#lostAtMs ??= performance.now();
      if (this.#isForsaken(performance.now() - this.#lostAtMs)) void this.end();
      else setTimeout(() => this.connect(), RECONNECT_MS);
    });
  }

  /** Whether there is no use in looking for a primary any longer. */
  #isForsaken(lostMs: number): boolean {
    const { control, orphanMsMax } = this.#setting;
    // One that never got anything to serve is of no use to anybody.
    if (this.#dataPlane === null) return lostMs > UNUSED_MS_MAX;
    // Where there is no folder any more, no primary can come to it.
    return (orphanMsMax > 0 && lostMs > orphanMsMax) || !existsSync(dirname(control));
  }

  #greet(socket: Socket): void {
    const calls = new Calls(socket, (method, params) => this.#handle(method as keyof PrimaryCalls, params));
    this.#primary = socket;
    this.#calls = calls;
    this.#lostAtMs = null;
    const { name, index } = this.#setting;
    const hello: Hello = {
      pid: process.pid,
      name,
      index,
      sockets: this.#sockets.sets,
      generation: this.#generation,
      isAccepting: this.#isAccepting,
      isDraining: this.#isDraining,
    };
    calls.call('hello', hello).catch(() => {});
  }

  /** Begins what the primary asks for before the next message is looked at. */
  #handle(method: keyof PrimaryCalls, params: unknown): unknown {
    // What comes while user code is loaded for a setup waits for it: each message stands on the ones before.
    if (this.#settingUp !== null) return this.#settingUp.then(() => this.#handle(method, params));
    if (method === 'setup') return this.#setup(params as Setup);
    if (method === 'spawn') return this.#spawn(params as PrimaryCalls['spawn']);
    const dataPlane = this.#dataPlane;
    if (dataPlane === null) throw new Error(`${method} came before setup`);
    switch (method) {
      case 'accept':
        return this.#accept(dataPlane);
      case 'prepare':
        return dataPlane.prepare(params as PrimaryCalls['prepare']);
      case 'apply':
        return this.#apply(dataPlane, params as PrimaryCalls['apply']);
      case 'credentials':
        return dataPlane.useCredentials(params as PrimaryCalls['credentials']);
      case 'reopenAccessLog':
        return dataPlane.reopenAccessLog();
      case 'health':
        return dataPlane.setHealth(params as PrimaryCalls['health']);
      case 'ejection':
        return dataPlane.believeEjection(params as PrimaryCalls['ejection']);
      case 'warmUp':
        return dataPlane.warmUp(params as PrimaryCalls['warmUp']);
      case 'drainCount':
        return dataPlane.drainCount(params as string);
      case 'cutDrain':
        return dataPlane.cutDrain(params as string);
      case 'forgetDrain':
        return dataPlane.forgetDrain(params as string);
      case 'explain': {
        const { question, proposed } = params as PrimaryCalls['explain'];
        return dataPlane.explain(question, proposed);
      }
      case 'report':
        return dataPlane.report();
      case 'announce':
        return dataPlane.announceClose();
      case 'drain':
        return this.#drain(dataPlane, params as PrimaryCalls['drain']);
    }
  }

  /** Takes over everything that is served, whatever was served before. */
  #setup(setup: Setup): Promise<void> {
    const { listeners, trustedProxies, zone = '', own = [], modules = [], accessLog = null } = setup;
    this.#dataPlane ??= new ProxyDataPlane({
      name: String(this.#setting.index),
      workers: this.#setting.count,
      trustedProxies,
      zone,
      targetGuard: new TargetGuard(own),
      accessLog:
        accessLog === null ? null : { sink: new LineFile(accessLog.path, systemClock), query: accessLog.query },
      onError: report,
      onUserCodeError: (error, unreported) =>
        report(unreported === 0 ? error : `${String(error)} (and ${unreported} more)`),
      // Without a primary, or with one that knows nothing of it, it stays the finding of this worker.
      onEjection: (ejection) => void this.#calls?.call('ejection', ejection).catch(() => {}),
      onPanic: (panic) => void this.#calls?.call('panic', panic).catch(() => {}),
    });
    this.#listeners = listeners;
    if (modules.length === 0) return this.#takeOver(this.#dataPlane, setup);
    const done = this.#load(this.#dataPlane, modules).then((dataPlane) => this.#takeOver(dataPlane, setup));
    this.#settingUp = done
      .catch(() => {})
      .finally(() => {
        this.#settingUp = null;
      });
    return done;
  }

  /** What cannot be loaded costs the requests that need it a 500: this worker is there for all the others. */
  async #load(dataPlane: ProxyDataPlane, modules: readonly UserModule[]): Promise<ProxyDataPlane> {
    for (const { message } of await dataPlane.prepare(modules)) report(message);
    return dataPlane;
  }

  async #takeOver(dataPlane: ProxyDataPlane, { update, credentials = NO_CREDENTIALS }: Setup): Promise<void> {
    const wanted = new Set(update.changed.map(({ name }) => name));
    const removed = dataPlane.serviceNames.filter((name) => !wanted.has(name));
    const applied = this.#apply(dataPlane, { update: { ...update, removed }, track: null, tracks: [] });
    await Promise.all([applied, dataPlane.useCredentials(credentials)]);
    // While nobody is served here yet. For those to come: one that is killed writes nothing at its end.
    if (!this.#isAccepting) flushCompileCache();
  }

  async #spawn(request: PrimaryCalls['spawn']): Promise<Spawned> {
    const sockets = await this.#sockets.of(request.listeners, request.count);
    return spawnWorker(request, this.#setting.control, sockets);
  }

  async #apply(
    dataPlane: ProxyDataPlane,
    { update, track, tracks = track === null ? [] : [track] }: PrimaryCalls['apply'],
  ): Promise<ApplyAnswer> {
    this.#generation = update.generation;
    const applied = await dataPlane.apply(update, tracks);
    return { ...applied, drain: track === null ? null : (applied.drains[track.id] ?? null) };
  }

  async #accept(dataPlane: ProxyDataPlane): Promise<void> {
    this.#isAccepting = true;
    const { count, index } = this.#setting;
    for (const spec of this.#listeners) {
      const set = this.#sockets.sets.find(({ listener }) => listener === spec.name);
      if (set === undefined) throw new Error(`no socket was inherited for listener ${spec.name}`);
      // Fewer sockets than workers: they share.
      const fds = set.fds.filter((_, number) => set.fds.length < count || number % count === index);
      for (const fd of fds) this.#listenedOn.add(fd);
      await dataPlane.listen({ ...spec, host: set.host, port: set.port }, fds);
    }
  }

  /** Finishes, then ends: the answer is the last account of this process. */
  async #drain(dataPlane: ProxyDataPlane, drain: PrimaryCalls['drain']): Promise<Drained> {
    const wasDraining = this.#isDraining;
    this.#isAccepting = false;
    this.#isDraining = true;
    const closing = dataPlane.close(drain);
    if (!wasDraining) this.#sockets.close(this.#listenedOn);
    const { cut } = await closing;
    this.#isEnding = true;
    // After the answer has left.
    setTimeout(() => process.exit(0), 20);
    return { cut, report: await dataPlane.report() };
  }

  /**
   * On a signal. As long as there is a primary it decides: it may have got the same signal and be waiting for requests to
   * finish. Without one there is nobody else who could end this process.
   */
  async end(): Promise<void> {
    if (this.#primary !== null) return;
    this.#isEnding = true;
    await this.#dataPlane?.close({ drainMs: ALONE_DRAIN_MS });
    process.exit(0);
  }
}

/** How long a worker that is ended by a signal lets its requests finish. */
const ALONE_DRAIN_MS = 10_000;

/** Opened at the start and not with the first mistake: see `spawnWorker`. */
const errors = new BoundedLines(process.stderr);

function report(error: unknown): void {
  const line = JSON.stringify({ level: 'error', pid: process.pid, error: String(error) });
  errors.write(`${printableJson(line)}\n`);
}

const setting = process.env[WORKER_SETTING_VARIABLE];
if (setting === undefined) {
  process.stderr.write('This file is run by the primary process; start "cutover run".\n');
  process.exit(1);
}
expectShortLives();
const worker = new Worker(JSON.parse(setting) as WorkerSetting);
process.on('SIGTERM', () => void worker.end());
process.on('SIGINT', () => void worker.end());
worker.connect();
