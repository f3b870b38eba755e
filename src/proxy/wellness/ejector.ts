/**
 * Takes targets out of balancing that fail real requests, whatever their checks say, and brings them back after a while.
 * Each further ejection of a target lasts longer, and each such time that it gets through without one takes that back.
 *
 * However much fails, no more than a share of the ready targets is out at once; and an ejection only counts while another
 * target is well: where all seem to fail, some answer is better than none.
 *
 * Every worker judges by what it sees itself, so that it goes on doing so without a primary. What it finds it tells, and the
 * others believe it: of many workers each would have to see the failures for itself, at the cost of so many more requests.
 */
import type { EjectionReason, TargetEjection } from '../../snapshot/data-plane.ts';
import type { EjectionSpec } from '../../snapshot/wellness-spec.ts';
import { Tally } from '../counters.ts';
import { type Deadlines, type Expiring, NEVER } from '../deadlines.ts';
import { type Ending, FailureWatch } from './failure-watch.ts';

export interface Ejectable {
  readonly id: string;
  /** Its operator lets it be chosen. */
  readonly isReady: boolean;
  readonly up: boolean;
  isEjected: boolean;
}

/** What is told of an ejection; the target's place is known to whoever passes it on. */
export type Ejection = Pick<TargetEjection, 'target' | 'reason' | 'forMs' | 'times'>;

export interface EjectorContext {
  readonly deadlines: Pick<Deadlines, 'nowMs' | 'add' | 'remove'>;
  /** Hears of what was ejected by what was seen here. */
  readonly onEjection: (ejection: Ejection) => void;
  /** Targets may be chosen again, or no longer. */
  readonly onChange: () => void;
}

export class Ejector<T extends Ejectable> {
  readonly #context: EjectorContext;
  #spec: EjectionSpec;
  #records = new Map<T, EjectionRecord>();

  constructor(spec: EjectionSpec, context: EjectorContext) {
    this.#spec = spec;
    this.#context = context;
  }

  /** Takes a new snapshot's settings and targets; what is out stays out, unless its operator has put it aside. */
  update(spec: EjectionSpec, targets: readonly T[]): void {
    this.#spec = spec;
    const before = this.#records;
    this.#records = new Map();
    for (const target of targets) {
      const known = before.get(target);
      before.delete(target);
      // Whoever makes it ready again says that it is well.
      if (known !== undefined && !target.isReady) {
        known.forget();
      }
      this.#records.set(target, known ?? new EjectionRecord(this.#context.deadlines, () => this.#change()));
    }
    for (const [target, gone] of before) {
      gone.forget();
      target.isEjected = false;
    }
    this.reconsider();
  }

  /** An ejection leaves nobody without a target: to be called when others have come or gone. */
  reconsider(): void {
    let isSomebodyWell = false;
    for (const [target, { isOut }] of this.#records) {
      isSomebodyWell ||= isUsable(target) && !isOut;
    }
    for (const [target, { isOut }] of this.#records) {
      target.isEjected = isOut && isSomebodyWell;
    }
  }

  /** One try at a target has ended. */
  record(target: T, ending: Ending): void {
    const record = this.#records.get(target);
    // What was under way when it was taken out says nothing of what is there now.
    if (record === undefined || record.isOut) {
      return;
    }
    const reason = record.watch.record(ending, this.#spec, this.#context.deadlines.nowMs);
    if (reason === null || !this.#mayEject(target)) {
      return;
    }
    const times = record.timesNow(this.#spec) + 1;
    const forMs = Math.min(this.#spec.durationMsMax, times * this.#spec.durationMs);
    record.counts.add(reason);
    record.eject(times, forMs);
    this.#change();
    this.#context.onEjection({ target: target.id, reason, forMs, times });
  }

  /** Another worker has ejected a target. */
  believe({ target: id, forMs, times }: Ejection): void {
    for (const [target, record] of this.#records) {
      if (target.id === id && !record.isOut && this.#mayEject(target)) {
        record.eject(times, forMs);
        this.#change();
      }
    }
  }

  /** Brings everybody back. */
  close(): void {
    for (const [target, record] of this.#records) {
      record.forget();
      target.isEjected = false;
    }
  }

  /** How often the target was ejected by what was seen here, by reason. */
  counts(target: T): Record<string, number> {
    return this.#records.get(target)?.counts.report() ?? {};
  }

  #change(): void {
    this.reconsider();
    this.#context.onChange();
  }

  #mayEject(candidate: T): boolean {
    let [ready, out, well] = [0, 0, 0];
    for (const [target, { isOut }] of this.#records) {
      ready += target.isReady ? 1 : 0;
      out += isOut ? 1 : 0;
      well += target !== candidate && isUsable(target) && !isOut ? 1 : 0;
    }
    const outMax = Math.max(1, Math.floor((ready * this.#spec.maxPercent) / 100));
    return well > 0 && out < outMax;
  }
}

/** How often a target was taken out, and until when it is. */
class EjectionRecord implements Expiring {
  readonly watch = new FailureWatch();
  readonly counts = new Tally<EjectionReason>();
  readonly #deadlines: Pick<Deadlines, 'nowMs' | 'add' | 'remove'>;
  readonly #onReturn: () => void;
  #times = 0;
  #returnedAtMs = 0;
  deadlineAt = NEVER;
  deadlineSlot = -1;

  constructor(deadlines: Pick<Deadlines, 'nowMs' | 'add' | 'remove'>, onReturn: () => void) {
    this.#deadlines = deadlines;
    this.#onReturn = onReturn;
  }

  get isOut(): boolean {
    return this.deadlineAt !== NEVER;
  }

  /** What counts of former ejections: one less for each time span that it has got through since. */
  timesNow({ durationMs }: EjectionSpec): number {
    const spans = Math.floor((this.#deadlines.nowMs - this.#returnedAtMs) / durationMs);
    return Math.max(0, this.#times - spans);
  }

  eject(times: number, forMs: number): void {
    this.#times = times;
    this.watch.clear();
    this.deadlineAt = this.#deadlines.nowMs + forMs;
    this.#deadlines.add(this);
  }

  expire(): void {
    this.#deadlines.remove(this);
    this.deadlineAt = NEVER;
    this.#returnedAtMs = this.#deadlines.nowMs;
    this.#onReturn();
  }

  /** As if nothing had been; what was counted stays counted. */
  forget(): void {
    this.#deadlines.remove(this);
    this.deadlineAt = NEVER;
    this.#times = 0;
    this.watch.clear();
  }
}

function isUsable({ isReady, up }: Ejectable): boolean {
  return isReady && up;
}
