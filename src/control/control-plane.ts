import { randomBytes } from 'node:crypto';
import path from 'node:path';

import type { Clock } from '../base/clock.ts';
import { closestName } from '../base/closest-name.ts';
import type { Random } from '../base/random.ts';
import type { ControlGauges } from '../observe/control-gauges.ts';
import type {
  Actor,
  AuditEntry,
  ConfigAnswer,
  CutoverRequest,
  Receipt,
  RollbackRequest,
  SplitRequest,
  Status,
  TargetPatch,
} from '../schema/api.ts';
import type { Config, ConfigDocument } from '../schema/config.ts';
import type { MirrorDocument } from '../schema/mirror.ts';
import type { PauseDocument } from '../schema/pause.ts';
import { withDefaults } from '../schema/with-defaults.ts';
import type { LookupSpec } from '../snapshot/lookup-spec.ts';
import type {
  DataPlane,
  PoolPanic,
  TargetEjection,
  TargetHealth,
  UserModule,
  WorkerReport,
} from '../snapshot/data-plane.ts';
import type { ExplainQuestion, Explanation } from '../snapshot/explain.ts';
import { ChangeLine } from './change-line.ts';
import { type SetEntry, changeSet } from './changes/change-set.ts';
import { type RunTimeChanges, applyConfig } from './changes/config-change.ts';
import { deleteMirror, putMirror } from './changes/mirror-changes.ts';
import { deletePause, putPause } from './changes/pause-changes.ts';
import { deletePool, putPool } from './changes/pool-changes.ts';
import { deleteService, patchService, putService } from './changes/service-changes.ts';
import { type TargetPath, patchTarget } from './changes/target-changes.ts';
import { cutover, rollback, setSplit } from './changes/traffic-changes.ts';
import type { Listening } from './config/own-addresses.ts';
import { ControlError } from './control-error.ts';
import { CutoverCounts } from './cutover-counts.ts';
import { DrainWatch } from './drain-watch.ts';
import { EventLog } from './event-log.ts';
import type { HealthView } from './health-view.ts';
import type { Log } from './log.ts';
import { LookupWatch } from './lookups/lookup-watch.ts';
import { readLookups, type ReadLookup } from './lookups/read-lookups.ts';
import { isSameJson } from './state/canonical-json.ts';
import type { Change, ChangeContext, Outcome, Rehearsal } from './state/change.ts';
import type { ControlState } from './state/control-state.ts';
import { NO_PRECONDITIONS } from './state/entity-tag.ts';
import { SerialQueue } from './state/serial-queue.ts';
import { splitOf } from './state/split-of.ts';
import { statusOf } from './status.ts';
import { warmPools } from './warm-pools.ts';
import type { Store } from './store/store.ts';
import { CredentialKeeper } from './tls/credential-keeper.ts';

export interface ControlPlaneOptions {
  readonly dataPlane: DataPlane;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  /** Its changes are to be handed to `ControlPlane.healthChanged`. */
  readonly health: HealthView;
  readonly log: Log;
  /** Whether a target was down when the process before this one ended; default: none was. */
  readonly wasDown?: (service: string, pool: string, target: string) => boolean;
  /** A new secret for sticky sessions; default: 256 bits of the system's. */
  readonly makeSecret?: () => string;
}

/** Bytes of a secret that signs cookies. */
const SECRET_BYTES = 32;

/** Gives a control plane that serves nothing yet: `start` it. */
export function createControlPlane(options: ControlPlaneOptions): ControlPlane {
  return new ControlPlane(options);
}

/**
 * Everything that an operator can see and do. Every change answers when it is served everywhere, and throws a
 * `ControlError` when it was refused, with all that is wrong with it.
 */
export class ControlPlane {
  readonly events: EventLog;
  readonly store: Store;
  readonly #options: ControlPlaneOptions;
  readonly #counts = new CutoverCounts();
  readonly #drains: DrainWatch;
  readonly #lookups: LookupWatch;
  readonly #credentials: CredentialKeeper;
  /** Of what reads the files that the configuration names: what was read later is put in force later. */
  readonly #readings = new SerialQueue();
  /** Receipts whose end the store has not kept yet: until then it would show an older one. */
  readonly #unsaved = new Map<string, Receipt>();
  #line: ChangeLine | null = null;
  /** What only a restart can change. */
  #fixed: ConfigDocument | null = null;
  #startedAt = '';
  /** The configuration file. */
  #source = '';
  #isEnding = false;
  #isStopped = false;
  /** Where targets must not be. */
  #listening: Listening = {};

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
    this.store = options.store;
    this.events = new EventLog(options.clock);
    this.#drains = new DrainWatch({
      clock: options.clock,
      dataPlane: options.dataPlane,
      onSettled: (receipt) => this.#drainSettled(receipt),
      onError: (error) => options.log.error({ err: error }, 'the data plane did not say how a drain stands'),
    });
    this.#credentials = new CredentialKeeper(options);
    this.#lookups = new LookupWatch({
      clock: options.clock,
      log: options.log,
      onChange: (specs) => this.#lookupsChanged(specs),
      inTurn: (look) => this.#readings.run(look),
    });
  }

  /**
   * Serves what the store has kept and `config` says; `config` is valid, `modules` is all the user code that it names. Throws a `ControlError` when both together
   * are not, and serves nothing then.
   */
  async start(config: ConfigDocument, source: string, modules: readonly UserModule[] = []): Promise<ConfigAnswer> {
    const { clock, dataPlane, health, log, random, store } = this.#options;
    const line = new ChangeLine({
      clock,
      random,
      store,
      dataPlane,
      health,
      log,
      drains: this.#drains,
      events: this.events,
      counts: this.#counts,
      surroundings: () => this.#listening,
      wasDown: this.#options.wasDown ?? (() => false),
      makeSecret: this.#options.makeSecret ?? (() => randomBytes(SECRET_BYTES).toString('base64url')),
    });
    this.#listening = { listeners: config.listeners, ...(config.admin === undefined ? {} : { admin: config.admin }) };
    await line.load();
    const context = this.fileContext(source);
    const lookups = await lookupsOf(config, source);
    const change = { ...applyConfig(config, 'keep', context), modules, lookups: specsOf(lookups), always: true };
    // Before anything listens: nobody can be met without them.
    await this.#credentials.use(await this.#credentials.read(config, source));
    const outcome = await line.submit(change, context);
    this.#line = line;
    this.#source = source;
    this.#lookups.use(lookups);
    this.#fixed = config;
    this.#startedAt = new Date(clock.wallMs()).toISOString();
    return this.#answerToFile(outcome);
  }

  /** Where the proxy listens in fact: a port that was left to chance is known only then. */
  listensAt(listening: Listening): void {
    this.#listening = listening;
  }

  /** Whether traffic should be sent here: it serves, and is not ending. */
  get isReady(): boolean {
    return this.#line !== null && !this.#isEnding;
  }

  get state(): ControlState {
    return this.#started.state;
  }

  get health(): HealthView {
    return this.#options.health;
  }

  /** Puts another configuration in force, all or nothing; whatever is no service must be as it was. */
  async applyConfig(config: ConfigDocument, runTime: RunTimeChanges, context: ChangeContext): Promise<ConfigAnswer> {
    this.#requireSame(config, (whole) => whole);
    return this.#readings.run(async () => {
      // By the names that the configuration file has given them.
      const certificates = await this.#credentials.read(config, this.#source);
      const outcome = await this.#started.submit(applyConfig(config, runTime, context), context);
      await this.#credentials.use(certificates);
      return configAnswerOf(outcome);
    });
  }

  /**
   * Puts the configuration file at `source` in force as it is now, all or nothing. Besides services, it may change who may call the
   * admin API, what rules look things up in, and certificates: that is for whoever may write the file, and never for the API itself, whose
   * callers could else make themselves what they like, and have any file of the machine read.
   */
  async reload(config: ConfigDocument, source: string, modules: readonly UserModule[] = []): Promise<ConfigAnswer> {
    this.#requireSame(config, withoutFilesOwn);
    const context = this.fileContext(source);
    return this.#readings.run(async () => {
      const lookups = await lookupsOf(config, source);
      const certificates = await this.#credentials.read(config, source);
      const change = { ...applyConfig(config, 'keep', context), modules, lookups: specsOf(lookups) };
      const outcome = await this.#started.submit(change, context);
      await this.#credentials.use(certificates);
      this.#fixed = config;
      this.#source = source;
      this.#lookups.use(lookups);
      return this.#answerToFile(outcome);
    });
  }

  /** Nobody reads the answer to a file: what it cost is said in the log. */
  #answerToFile(outcome: Outcome): ConfigAnswer {
    const answer = configAnswerOf(outcome);
    if (answer.dropped.length > 0) {
      const { dropped } = answer;
      this.#options.log.warn({ dropped }, 'changes of run time were given up: the file no longer has what they name');
    }
    return answer;
  }

  /** The context of a change that the configuration file at `path` asks for. */
  fileContext(path: string): ChangeContext {
    const actor: Actor = { kind: 'file', name: 'configuration file', address: path };
    return {
      actor,
      requestId: 'file',
      requestedAtMs: this.#options.clock.wallMs(),
      preconditions: NO_PRECONDITIONS,
      idempotency: null,
    };
  }

  putService(name: string, body: unknown, context: ChangeContext): Promise<Outcome> {
    return this.#submit(putService(name, body, context), context);
  }

  patchService(name: string, patch: unknown, context: ChangeContext): Promise<Outcome> {
    return this.#submit(patchService(name, patch, context), context);
  }

  deleteService(name: string, context: ChangeContext): Promise<Outcome> {
    return this.#submit(deleteService(name, context), context);
  }

  putPool(service: string, name: string, body: unknown, context: ChangeContext): Promise<Outcome> {
    return this.#submit(putPool(service, name, body, context), context);
  }

  deletePool(service: string, name: string, context: ChangeContext): Promise<Outcome> {
    return this.#submit(deletePool(service, name, context), context);
  }

  patchTarget(path: TargetPath, patch: TargetPatch, context: ChangeContext): Promise<Outcome> {
    return this.#submit(patchTarget(path, patch, context), context);
  }

  putMirror(service: string, mirror: MirrorDocument, context: ChangeContext): Promise<Outcome> {
    return this.#submit(putMirror(service, mirror, context), context);
  }

  deleteMirror(service: string, context: ChangeContext): Promise<Outcome> {
    return this.#submit(deleteMirror(service, context), context);
  }

  putPause(service: string, pause: PauseDocument, context: ChangeContext): Promise<Outcome> {
    return this.#submit(putPause(service, pause, context), context);
  }

  deletePause(service: string, context: ChangeContext): Promise<Outcome> {
    return this.#submit(deletePause(service, context), context);
  }

  cutover(service: string, request: CutoverRequest, context: ChangeContext): Promise<Outcome> {
    return this.#submitWarm(cutover(service, request, context, this.health), context);
  }

  setSplit(service: string, request: SplitRequest, context: ChangeContext): Promise<Outcome> {
    return this.#submitWarm(setSplit(service, request, context, this.health), context);
  }

  rollback(service: string, request: RollbackRequest, context: ChangeContext): Promise<Outcome> {
    return this.#submit(rollback(service, request, context, this.health), context);
  }

  /** All of them at once, or none. */
  changeSet(entries: readonly SetEntry[], context: ChangeContext): Promise<Outcome> {
    return this.#submitWarm(this.proposedSet(entries, context), context);
  }

  /** What `changeSet` would do, and nothing of it done. */
  rehearseSet(entries: readonly SetEntry[], context: ChangeContext): Rehearsal {
    return this.#started.rehearse(this.proposedSet(entries, context));
  }

  /** The change of `applyConfig`, to be looked at and not made. */
  proposedConfig(config: ConfigDocument, runTime: RunTimeChanges, context: ChangeContext): Change {
    this.#requireSame(config, (whole) => whole);
    return applyConfig(config, runTime, context);
  }

  /** The change of `changeSet`, to be looked at and not made. */
  proposedSet(entries: readonly SetEntry[], context: ChangeContext): Change {
    return changeSet(entries, context, this.#started.takeStep);
  }

  /** What would become of a request, now or with `change` in force. */
  async explain(question: ExplainQuestion, change: Change | null): Promise<Explanation> {
    this.#requireListener(question);
    const proposed = change === null ? null : this.#started.propose(change);
    try {
      return await this.#options.dataPlane.explain(question, proposed);
    } catch (cause) {
      this.#options.log.error({ err: cause }, 'no worker explained a request');
      throw new ControlError('no-worker-answers', 'No worker explained the request.', [], { cause });
    }
  }

  /**
   * The receipt, its drain brought up to date: at once, or when the drain has come to its end, `waitMs` are over or
   * `signal` says that nobody waits any more. `null`: there is none of that id.
   */
  async receipt(id: string, waitMs = 0, signal: AbortSignal = new AbortController().signal): Promise<Receipt | null> {
    const followed = await (waitMs > 0 ? this.#drains.settled(id, waitMs, signal) : this.#drains.current(id));
    return followed ?? this.#unsaved.get(id) ?? (await this.store.receipt(id));
  }

  /** Newest first, each brought up to date. */
  async receipts(service: string, limit: number): Promise<Receipt[]> {
    const stored = await this.store.receipts(service, limit);
    return Promise.all(
      stored.map(async (receipt) => {
        const { id } = receipt;
        return (await this.#drains.current(id)) ?? this.#unsaved.get(id) ?? receipt;
      }),
    );
  }

  async status(): Promise<Status> {
    const report = await this.#options.dataPlane.report();
    return statusOf(this.state, report, this.#options.health, { startedAt: this.#startedAt, ready: this.isReady });
  }

  /** The processes that serve requests. */
  async workers(): Promise<WorkerReport[]> {
    return [...(await this.#options.dataPlane.report()).workers];
  }

  /** To be called with what the health checks find. */
  healthChanged(changes: readonly TargetHealth[]): void {
    this.#options.dataPlane.setHealth(changes);
    for (const change of changes) this.events.append('health', change);
  }

  /** To be called with what the data plane finds. */
  targetEjected(ejection: TargetEjection): void {
    this.#options.log.warn(ejection, 'a target was taken out of balancing for what became of its requests');
    this.events.append('ejection', ejection);
  }

  /** To be called with what the data plane finds. */
  panicChanged(panic: PoolPanic): void {
    const { log } = this.#options;
    if (panic.isPanic) log.warn(panic, 'so few targets of a pool are well that all of them are used');
    else log.info(panic, 'enough targets of a pool are well again');
    this.events.append('panic', panic);
  }

  /** What the metrics show of the control plane. */
  gauges(): ControlGauges {
    const { generation, services } = this.state;
    return {
      generation,
      splits: [...services.values()].flatMap(({ name, document }) => {
        const split = splitOf(document);
        return Object.keys(document.pools).map((pool) => ({ service: name, pool, percent: split[pool] ?? 0 }));
      }),
      targets: this.#options.health.statuses(),
      cutovers: this.#counts.counts(),
      barrier: this.#counts.barrier(),
    };
  }

  /** Keeps an entry of a call that made no change; rejects with a `ControlError` where the store did not. */
  async audit(entry: Omit<AuditEntry, 'at' | 'generation'>): Promise<void> {
    const { generation } = this.state;
    const at = new Date(this.#options.clock.wallMs()).toISOString();
    try {
      await this.store.appendAudit({ at, ...entry, generation: { before: generation, after: generation } });
    } catch (cause) {
      throw new ControlError('store-failed', 'The store did not keep an entry of the audit.', [], { cause });
    }
  }

  /** Whether it takes no more calls. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Readiness fails from now on; everything else goes on. */
  announceEnd(): void {
    this.#isEnding = true;
  }

  /** Takes no more changes, waits for the last, and lets answers that are held go out as they are. */
  async stop(): Promise<void> {
    this.#isEnding = true;
    this.#isStopped = true;
    this.#lookups.close();
    this.#credentials.close();
    await this.#readings.close();
    await this.#line?.close();
    this.#drains.close();
  }

  /** Stops, and lets the store go. */
  async close(): Promise<void> {
    await this.stop();
    await this.store.close();
  }

  get #started(): ChangeLine {
    if (this.#line === null) throw new ControlError('shutting-down', 'The proxy has not started yet.');
    return this.#line;
  }

  /** Makes warm what is to get its first traffic, while other changes go on. */
  async #submitWarm(change: Change, context: ChangeContext): Promise<Outcome> {
    const { clock, dataPlane } = this.#options;
    const { warms = [] } = change;
    const rehearsal = warms.length === 0 ? null : this.#rehearseOrNull(change);
    if (rehearsal === null) return this.#submit(change, context);
    try {
      const warmed = await warmPools(warms, rehearsal, { clock, dataPlane });
      return await this.#submit({ ...change, warmed }, context);
    } catch (error) {
      if (!(error instanceof ControlError) || error.code !== 'warm-up-failed') throw error;
      // Refused in its turn, as everything that is refused: counted and in the audit.
      const refuse = (): never => {
        throw error;
      };
      return this.#submit({ ...change, edit: refuse }, context);
    }
  }

  /** Null: no service that it moves asks for a warm-up; or it would be refused, and is when its turn comes. */
  #rehearseOrNull(change: Change): Rehearsal | null {
    try {
      const { services } = change.edit(this.state);
      const asks = [...services.values()].some((edit) => edit?.document.warmUp !== undefined);
      return asks ? this.#started.rehearse(change) : null;
    } catch (error) {
      if (error instanceof ControlError) return null;
      throw error;
    }
  }

  #submit(change: Change, context: ChangeContext): Promise<Outcome> {
    return this.#started.submit(change, context);
  }

  #requireListener({ listener: name, scheme }: ExplainQuestion): void {
    const { listeners = {} } = this.#listening;
    const isTcp = scheme === 'tcp';
    const names = Object.keys(listeners).filter((one) => (listeners[one]?.protocol === 'tcp') === isTcp);
    if (name === null || names.includes(name)) return;
    if (Object.hasOwn(listeners, name)) this.#refuseListener(name, isTcp);
    const meant = closestName(name, names);
    const right =
      meant === null ? `there are ${names.map((one) => `"${one}"`).join(', ')}` : `did you mean "${meant}"?`;
    const path = isTcp ? '/request/url' : '/request/listener';
    const problem = { path, message: `there is no listener "${name}"; ${right}` };
    throw new ControlError('invalid', 'The request comes by a listener that is not there.', [problem]);
  }

  /** One that is there, and speaks something else than what is described. */
  #refuseListener(name: string, isTcp: boolean): never {
    const problem = isTcp
      ? { path: '/request/url', message: `must ask by http: the listener "${name}" reads requests` }
      : { path: '/request/listener', message: `is one of connections, which are described as "tcp://${name}"` };
    throw new ControlError('invalid', 'The listener speaks something else.', [problem]);
  }

  /** Listeners and the like are bound once: a file that wants others needs a new process, and says so before anything changes. */
  #requireSame(config: ConfigDocument, fixedPart: (whole: Config) => object): void {
    const now = this.#fixed;
    if (now === null) return;
    const [before, after] = [now, config].map((one) => fixedPart(withDefaults({ ...one, services: {} }))) as [
      Readonly<Record<string, unknown>>,
      Readonly<Record<string, unknown>>,
    ];
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    const problems = names
      .filter((name) => !isSameJson(before[name], after[name]))
      .map((name) => ({ path: `/${name}`, message: 'differs from what this process was started with' }));
    if (problems.length === 0) return;
    throw new ControlError(
      'restart-required',
      'Only services can change while the proxy runs; nothing was changed.',
      problems,
    );
  }

  async #lookupsChanged(lookups: readonly LookupSpec[]): Promise<void> {
    const context = this.fileContext(this.#source);
    const summary = 'reads files again that rules look things up in';
    await this.#started.submit(
      { kind: 'lookups', service: null, edit: () => ({ services: new Map(), summary }), lookups },
      context,
    );
  }

  #drainSettled(receipt: Receipt): void {
    const { log } = this.#options;
    this.events.append('drain', { id: receipt.id, service: receipt.service, drain: receipt.drain });
    this.#unsaved.set(receipt.id, receipt);
    this.store
      .saveReceipt(receipt)
      .catch((error: unknown) => log.error({ err: error, receipt: receipt.id }, 'the store did not keep a receipt'))
      .finally(() => this.#unsaved.delete(receipt.id));
  }
}

/** What the configuration names, with what the files hold. Throws a `ControlError` where one cannot be used. */
async function lookupsOf(config: ConfigDocument, source: string): Promise<readonly ReadLookup[]> {
  const { lookups, problems } = await readLookups(config, path.dirname(source));
  if (problems.length === 0) return lookups;
  throw new ControlError(
    'invalid',
    'Files that rules look things up in cannot be used; nothing was changed.',
    problems,
  );
}

function specsOf(lookups: readonly ReadLookup[]): LookupSpec[] {
  return lookups.map(({ spec }) => spec);
}

/**
 * The configuration but for what rules look things up in, for certificates, and for what only says who may call the admin API.
 */
function withoutFilesOwn({ addressSets: _sets, regions: _maps, jwtKeys: _keys, ...config }: Config): object {
  const { listen, insecure, tls } = config.admin;
  // Whether TLS is spoken, and whether certificates are asked for, is settled when the listener opens.
  const admin = { listen, insecure, tls: tls !== undefined, clientCa: tls?.clientCa !== undefined };
  const listeners = Object.entries(config.listeners).map(([name, { tls: own, ...listener }]) => {
    return [name, { ...listener, tls: own === undefined ? null : { ...own, certificates: [] } }] as const;
  });
  return { ...config, admin, listeners: Object.fromEntries(listeners) };
}

function configAnswerOf({ state, changed, removed, edits }: Outcome): ConfigAnswer {
  return {
    generation: state.generation,
    changed: [...changed],
    removed: [...removed],
    kept: [...(edits.kept ?? [])],
    dropped: [...(edits.dropped ?? [])],
  };
}
