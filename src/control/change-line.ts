import { parseDuration } from '../base/duration.ts';
import type { Clock } from '../base/clock.ts';
import { printable } from '../base/printable.ts';
import type { Random } from '../base/random.ts';
import type { AuditEntry, Receipt } from '../schema/api.ts';
import { mapFunctions } from '../schema/function-fields.ts';
import type { Problem } from '../schema/problem.ts';
import { serviceWithDefaults } from '../schema/with-defaults.ts';
import type { Applied, DataPlane, DrainRequest, TargetHealth } from '../snapshot/data-plane.ts';
import { compileService } from '../snapshot/compile.ts';
import type { ServiceSpec, SnapshotUpdate } from '../snapshot/types.ts';
import { KnownFunctions, withKnownFunctions } from './changes/known-functions.ts';
import type { Listening } from './config/own-addresses.ts';
import { ControlError } from './control-error.ts';
import type { CutoverCounts } from './cutover-counts.ts';
import { type DrainWatch, drainOf } from './drain-watch.ts';
import type { EventLog } from './event-log.ts';
import type { HealthView } from './health-view.ts';
import { wantedTargets } from './health/wanted-targets.ts';
import { differingKeys, type LookupMap, lookupMapOf, lookupUpdateOf, namesOf } from './lookups/lookup-changes.ts';
import type { Log } from './log.ts';
import type { Change, ChangeContext, Edits, Outcome, ReceiptWish, Rehearsal } from './state/change.ts';
import { type ControlState, EMPTY_STATE, type ServiceRecord } from './state/control-state.ts';
import { type PreparedChange, type Surrounded, prepareChange, prepareStep } from './state/prepare-change.ts';
import { SerialQueue } from './state/serial-queue.ts';
import { leftPools, splitOf } from './state/split-of.ts';
import { StoreError } from './store/store-error.ts';
import type { Commit, Store } from './store/store.ts';

export interface ChangeLineOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly dataPlane: DataPlane;
  readonly health: Pick<HealthView, 'setService' | 'isUp'>;
  readonly drains: DrainWatch;
  readonly events: EventLog;
  readonly counts: CutoverCounts;
  readonly log: Log;
  /** Listeners and admin address, which targets must not name. */
  readonly surroundings: () => Listening;
  /** Whether a target was down when the process before this one ended. */
  readonly wasDown: (service: string, pool: string, target: string) => boolean;
  readonly makeSecret: () => string;
}

/**
 * The one way by which anything changes. Changes take turns; a turn is
 *
 *   edit      what is to be different, seen from the state that the changes before have left
 *   prepare   validate and compile: the last step that can refuse
 *   commit    to the store, all or nothing; from here on the change is a fact
 *   apply     to the data plane, behind its barrier
 *   answer
 *
 * A failure before the commit has changed nothing. Compiling comes before it so that a document which cannot be served can
 * never be stored. Answering comes last so that nobody hears of a change which is not served yet.
 */
export class ChangeLine {
  readonly #options: ChangeLineOptions;
  readonly #queue = new SerialQueue();
  #state: ControlState = EMPTY_STATE;
  /**
   * Services that the data plane may not have as they are in the state: all of them at first, and those of an apply that
   * failed. They travel with the next update, so that it is whole whatever happened before.
   */
  readonly #unapplied = new Set<string>();
  #lookups: LookupMap = new Map();
  /** As `#unapplied`, of what rules look things up in. */
  readonly #unappliedLookups = new Set<string>();
  #hasServed = false;
  #known = new KnownFunctions([]);

  constructor(options: ChangeLineOptions) {
    this.#options = options;
  }

  /** What is in force, or for the time of an apply about to be. */
  get state(): ControlState {
    return this.#state;
  }

  /** Takes up what the store has kept; nothing is served by that. */
  async load(): Promise<void> {
    const kept = await this.#options.store.load();
    const services = new Map([...kept.services].map(([name, record]) => [name, recompiled(record)]));
    this.#state = { ...kept, services };
    for (const name of this.#state.services.keys()) this.#unapplied.add(name);
  }

  /** Waits for its turn and carries the change out. Throws a `ControlError` when it is refused; every call is audited. */
  async submit(change: Change, context: ChangeContext): Promise<Outcome> {
    try {
      return await this.#queue.run(() => this.#turn(change, context));
    } catch (error) {
      const refusal = error instanceof ControlError ? error : null;
      for (const { service } of change.receipts ?? []) this.#count(service, refusal === null || isOurs(refusal));
      if (refusal !== null) {
        await this.#auditRefusal(change, context, refusal);
        refusal.isAudited = true;
      }
      throw error;
    }
  }

  /**
   * What the change would do, seen from the state that is in force, and nothing of it done. Throws the `ControlError` that it
   * would be refused with. A change that waits for its turn is not seen.
   */
  rehearse(change: Change): Rehearsal {
    const before = this.#state;
    const edits = withKnownFunctions(change.edit(before), change, before, this.#knownBy(change));
    const { next, changes } = this.#prepare(before, edits, change, this.#lookups);
    return { before, next, changes };
  }

  /** As `rehearse`: what the data plane would be told. */
  propose(change: Change): SnapshotUpdate {
    const { before, next, changes } = this.rehearse(change);
    const specs = changes.map(({ service }) => [service, next.services.get(service)] as const);
    return {
      generation: next.generation,
      changed: specs.flatMap(([, record]) => record?.spec ?? []),
      removed: specs.flatMap(([name, record]) => (record === undefined ? [name] : [])),
      health: specs.flatMap(([name, record]) => unwatched(before.services.get(name), record)),
    };
  }

  /** For a change that is made of several: the state after one of them. */
  readonly takeStep = (state: ControlState, edits: Edits, locate: Surrounded['locate']): ControlState =>
    prepareStep(state, edits, this.#surrounded(locate, this.#lookups)).next;

  /** Takes no more changes; resolves when the last has been answered. */
  async close(): Promise<void> {
    await this.#queue.close();
  }

  async #turn(change: Change, context: ChangeContext): Promise<Outcome> {
    const before = this.#state;
    const known = this.#knownBy(change);
    const edits = withKnownFunctions(change.edit(before), change, before, known);
    const lookups = change.lookups === undefined ? this.#lookups : lookupMapOf(change.lookups);
    const newLookups = differingKeys(this.#lookups, lookups);
    const prepared = this.#prepare(before, edits, change, lookups);
    const { changes, next } = prepared;
    const wishes = change.receipts ?? [];
    const isSameRest = next.deleted === before.deleted && newLookups.length === 0 && this.#unappliedLookups.size === 0;
    if (prepared.records.size === 0 && isSameRest && change.always !== true && wishes.length === 0) {
      await this.#audit(auditEntry(change, context, this.#now(), 'unchanged', before.generation, edits.summary));
      return { state: before, before, changes, changed: [], removed: [], receipts: [], edits };
    }

    const pending = wishes.map((wish) => this.#pendingReceipt(wish, change, context, before, prepared));
    await this.#prepareModules(change, before, prepared);
    await this.#commit(commitOf(change, context, this.#now(), edits, prepared, pending));
    this.#state = next;
    this.#known = known;
    this.#lookups = lookups;
    for (const key of newLookups) this.#unappliedLookups.add(key);
    const { receipts, changed, removed } = await this.#apply(before, prepared, pending);
    this.#announce(change, edits, prepared, receipts);
    return { state: next, before, changes, changed, removed, receipts, edits };
  }

  /** The functions that documents may name from this change on. */
  #knownBy({ modules }: Change): KnownFunctions {
    return modules === undefined ? this.#known : new KnownFunctions(modules);
  }

  #prepare(before: ControlState, edits: Edits, { locate }: Change, lookups: LookupMap): PreparedChange {
    return prepareChange(before, edits, this.#surrounded(locate ?? ((_service, problem) => problem), lookups));
  }

  #surrounded(locate: Surrounded['locate'], lookups: LookupMap): Surrounded {
    const { surroundings, makeSecret } = this.#options;
    const hasNewLookups = lookups !== this.#lookups;
    return { surroundings: { ...surroundings(), lookups: namesOf(lookups) }, hasNewLookups, makeSecret, locate };
  }

  /** Loads user code everywhere: the last thing that can refuse a change. */
  async #prepareModules(
    { modules = [], locate }: Change,
    before: ControlState,
    prepared: PreparedChange,
  ): Promise<void> {
    if (modules.length === 0) return;
    const wrong = await this.#options.dataPlane.prepare(modules);
    if (wrong.length === 0) return;
    const messages = new Map(wrong.map(({ reference, message }) => [reference, message]));
    const problems: Problem[] = [];
    for (const [name, record] of prepared.next.services) {
      if (record === before.services.get(name)) continue;
      mapFunctions(record.document, (reference, path) => {
        const message = messages.get(reference);
        if (message !== undefined) problems.push(locate?.(name, { path, message }) ?? { path, message });
        return reference;
      });
    }
    const all = problems.length > 0 ? problems : wrong.map(({ message }) => ({ path: '', message }));
    throw new ControlError('invalid', 'User code could not be loaded; nothing was changed.', all);
  }

  async #commit(commit: Commit): Promise<void> {
    try {
      await this.#options.store.commit(commit);
    } catch (cause) {
      this.#options.log.error({ err: cause }, 'the store did not keep a change');
      const isFull = cause instanceof StoreError && cause.reason === 'full';
      throw isFull
        ? new ControlError('store-full', 'There is no room for the change; nothing was changed.', [], { cause })
        : new ControlError('store-failed', 'The store did not keep the change; nothing was changed.', [], { cause });
    }
  }

  async #apply(
    before: ControlState,
    prepared: PreparedChange,
    pending: readonly PendingReceipt[],
  ): Promise<{ receipts: Receipt[]; changed: string[]; removed: string[] }> {
    const { clock, dataPlane, health } = this.#options;
    this.#watchTargets(prepared.next, this.#hasServed ? prepared.records.keys() : prepared.next.services.keys());
    const arriving = this.#arrivingTargets(before, prepared);
    for (const name of prepared.records.keys()) this.#unapplied.add(name);
    const update = this.#updateTo(prepared.next, arriving);
    const startedMs = clock.monotonicMs();
    const tracks = pending.flatMap(({ track }) => track ?? []);
    const applied = await this.#applyUpdate(update, tracks);
    const barrierMs = clock.monotonicMs() - startedMs;
    this.#unapplied.clear();
    this.#unappliedLookups.clear();
    this.#hasServed = true;
    // Checks that ended while the data plane did not know these targets yet went unheard.
    if (arriving.length > 0) {
      dataPlane.setHealth(arriving.map((was) => ({ ...was, up: health.isUp(was.service, was.pool, was.target) })));
    }
    const receipts: Receipt[] = [];
    for (const one of pending) receipts.push(await this.#receiptOf(one, applied, barrierMs));
    return { receipts, changed: update.changed.map((spec) => spec.name), removed: [...update.removed] };
  }

  #watchTargets(next: ControlState, names: Iterable<string>): void {
    const { health, wasDown } = this.#options;
    const arrival = this.#hasServed ? 'while-running' : 'at-start';
    for (const name of names) {
      const record = next.services.get(name);
      const check = record === undefined ? undefined : serviceWithDefaults(record.document).health;
      const wasDownHere = (pool: string, target: string): boolean => wasDown(name, pool, target);
      health.setService(name, record === undefined ? [] : wantedTargets(record.spec, check, arrival, wasDownHere));
    }
  }

  /** The targets that the data plane does not know yet, with the health that they start with. */
  #arrivingTargets(before: ControlState, { next, records }: PreparedChange): TargetHealth[] {
    const { health } = this.#options;
    return [...new Set([...this.#unapplied, ...records.keys()])].flatMap((service) => {
      const known = this.#unapplied.has(service) ? undefined : before.services.get(service)?.spec;
      return targetsOf(next.services.get(service)?.spec)
        .filter(({ pool, target }) => !targetsOf(known).some((old) => old.pool === pool && old.target === target))
        .map(({ pool, target }) => ({ service, pool, target, up: health.isUp(service, pool, target) }));
    });
  }

  #updateTo(next: ControlState, health: readonly TargetHealth[]): SnapshotUpdate {
    const specs = [...this.#unapplied].map((name) => [name, next.services.get(name)?.spec] as const);
    const lookups = lookupUpdateOf(this.#lookups, this.#unappliedLookups);
    return {
      generation: next.generation,
      changed: specs.flatMap(([, spec]) => spec ?? []),
      removed: specs.flatMap(([name, spec]) => (spec === undefined ? [name] : [])),
      health,
      ...(lookups === undefined ? {} : { lookups }),
    };
  }

  async #applyUpdate(update: SnapshotUpdate, tracks: readonly DrainRequest[]): Promise<Applied> {
    const { dataPlane, log } = this.#options;
    try {
      return await dataPlane.apply(update, tracks);
    } catch (cause) {
      log.error({ err: cause, generation: update.generation }, 'the data plane did not apply a generation');
      const detail = `Generation ${update.generation} is stored, but was not seen to be applied; the next change carries it too.`;
      throw new ControlError('apply-failed', detail, [], { cause });
    }
  }

  #pendingReceipt(
    wish: ReceiptWish,
    { warmed }: Change,
    context: ChangeContext,
    before: ControlState,
    { next }: PreparedChange,
  ): PendingReceipt {
    const [from, to] = [before, next].map((state) => {
      const record = state.services.get(wish.service);
      return record === undefined ? {} : splitOf(record.document);
    }) as [Receipt['from'], Receipt['to']];
    const warmUp = warmed?.get(wish.service);
    const receipt: Receipt = {
      id: this.#newReceiptId(),
      kind: wish.kind,
      service: wish.service,
      from,
      to,
      generation: { before: before.generation, after: next.generation },
      requestedAt: new Date(context.requestedAtMs).toISOString(),
      appliedAt: null,
      barrierMs: null,
      workers: { total: 0, applied: 0, fenced: 0 },
      drainTimeout: wish.drainTimeout,
      drain: drainOf(NOTHING_LEFT),
      ...(warmUp === undefined ? {} : { warmUp }),
    };
    const pools = leftPools(from, to).map((pool) => ({ service: wish.service, pool }));
    return { receipt, track: pools.length === 0 ? null : { id: receipt.id, pools } };
  }

  async #receiptOf({ receipt, track }: PendingReceipt, applied: Applied, barrierMs: number): Promise<Receipt> {
    const { counts, drains, log, store } = this.#options;
    const final: Receipt = {
      ...receipt,
      appliedAt: this.#now(),
      barrierMs: Math.round(barrierMs * 1_000) / 1_000,
      workers: { ...applied.workers },
      drain: drainOf(applied.drains[receipt.id] ?? NOTHING_LEFT),
    };
    counts.applied(final.service, barrierMs);
    try {
      await store.saveReceipt(final);
    } catch (error) {
      // The change stands and is served: it is answered, even if its receipt cannot be read again later.
      log.error({ err: error, receipt: final.id }, 'the store did not keep a receipt');
    }
    if (final.drain.state === 'draining') {
      drains.follow(final, final.drainTimeout === null ? null : parseDuration(final.drainTimeout));
    } else if (track !== null) {
      this.#options.dataPlane.forgetDrain(final.id);
    }
    return final;
  }

  #announce(change: Change, edits: Edits, { next, changes }: PreparedChange, receipts: readonly Receipt[]): void {
    const { events } = this.#options;
    const services = changes.map(({ service }) => service);
    events.append('generation', { generation: next.generation, kind: change.kind, summary: edits.summary, services });
    for (const receipt of receipts) events.append('receipt', receipt);
  }

  #count(service: string, failed: boolean): void {
    // Names that do not exist must not make series.
    if (this.#state.services.has(service)) this.#options.counts.notApplied(service, failed ? 'failed' : 'refused');
  }

  async #auditRefusal(change: Change, context: ChangeContext, refusal: ControlError): Promise<void> {
    const result = isOurs(refusal) ? 'failed' : 'refused';
    const entry = auditEntry(change, context, this.#now(), result, this.#state.generation, refusal.message);
    await this.#audit({ ...entry, problem: refusal.code });
  }

  async #audit(entry: AuditEntry): Promise<void> {
    try {
      await this.#options.store.appendAudit(entry);
    } catch (error) {
      this.#options.log.error({ err: error, entry }, 'the store did not keep an audit entry');
    }
  }

  #newReceiptId(): string {
    const letters = Array.from({ length: RECEIPT_ID_CHARS }, () =>
      Math.floor(this.#options.random.next() * 36).toString(36),
    );
    return `co_${letters.join('')}`;
  }

  #now(): string {
    return new Date(this.#options.clock.wallMs()).toISOString();
  }
}

/** Longest text of an entry of the audit. */
const AUDIT_CHARS_MAX = 1_000;

/** 80 bits and more: no two receipts are alike by chance. */
const RECEIPT_ID_CHARS = 16;

const NOTHING_LEFT = { inFlightAtFlip: 0, remaining: 0, cut: 0, longLived: 0 };

/**
 * What was compiled by another version of the program may lack what this one serves by. The slots stay as they were:
 * no user moves because of an upgrade.
 */
function recompiled(record: ServiceRecord): ServiceRecord {
  const { name, document, spec, stickySecret } = record;
  return { ...record, spec: compileService(name, serviceWithDefaults(document), spec, { stickySecret }) };
}

/** Targets that nobody watches yet, as they would start: up where nothing is checked. */
function unwatched(before: ServiceRecord | undefined, record: ServiceRecord | undefined): TargetHealth[] {
  if (record === undefined) return [];
  const known = targetsOf(before?.spec);
  return targetsOf(record.spec)
    .filter(({ pool, target }) => !known.some((old) => old.pool === pool && old.target === target))
    .map((target) => ({ service: record.name, ...target, up: record.document.health === undefined }));
}

interface PendingReceipt {
  readonly receipt: Receipt;
  /** `null`: no pool loses all its share, so that nobody is left behind. */
  readonly track: DrainRequest | null;
}

function targetsOf(spec: ServiceSpec | undefined): { pool: string; target: string }[] {
  return (spec?.pools ?? []).flatMap(({ name, targets }) => targets.map(({ id }) => ({ pool: name, target: id })));
}

function isOurs({ code }: ControlError): boolean {
  return code === 'store-failed' || code === 'store-full' || code === 'apply-failed';
}

function commitOf(
  change: Change,
  context: ChangeContext,
  at: string,
  { summary }: Edits,
  { next, records, changes }: PreparedChange,
  pending: readonly PendingReceipt[],
): Commit {
  const before = next.generation - 1;
  const entry = auditEntry(change, context, at, 'applied', before, summary);
  return {
    generation: { number: next.generation, at, actor: context.actor, kind: change.kind, summary, changes },
    services: records,
    deleted: next.deleted,
    receipts: pending.map(({ receipt }) => receipt),
    idempotency: context.idempotency,
    audit: { ...entry, generation: { before, after: next.generation } },
  };
}

function auditEntry(
  change: Change,
  context: ChangeContext,
  at: string,
  result: AuditEntry['result'],
  generation: number,
  detail: string,
): AuditEntry {
  return {
    at,
    actor: context.actor,
    requestId: context.requestId,
    kind: change.kind,
    // Names of what does not exist may be anything.
    service: change.service === null ? null : printable(change.service, AUDIT_CHARS_MAX),
    result,
    problem: null,
    detail: printable(detail, AUDIT_CHARS_MAX),
    generation: { before: generation, after: generation },
  };
}
