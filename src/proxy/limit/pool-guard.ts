/**
 * What stands between a pool and too much of a bad thing: breakers of the pool and of its targets, and a limit on what
 * each target has at once. Belongs to the pool and outlives snapshots; where none of it was ever asked for there is none.
 */
import type { Random } from '../../base/random.ts';
import type { BreakerReport } from '../../snapshot/data-plane.ts';
import type { ServiceSpec } from '../../snapshot/types.ts';
import type { Deadlines } from '../deadlines.ts';
import { Admission, type Limited } from './admission.ts';
import { CircuitBreaker } from './circuit-breaker.ts';

/** A target as it is guarded. */
export interface Guarded extends Limited {
  readonly id: string;
  /** It would be chosen if its breaker did not stand in the way. */
  readonly isWell: boolean;
  isTripped: boolean;
}

export interface PoolGuardContext {
  readonly deadlines: Pick<Deadlines, 'nowMs' | 'add' | 'remove'>;
  readonly random: Random;
  /** This worker is one of so many. */
  readonly workers: number;
  /** Targets may be chosen again, or no longer. */
  readonly onChange: () => void;
}

export class PoolGuard<T extends Guarded> {
  readonly #context: PoolGuardContext;
  #targets: readonly T[] = [];
  #breaker: CircuitBreaker | null = null;
  #ofTarget: ReadonlyMap<T, CircuitBreaker> = new Map();
  admission: Admission<T> | null = null;

  constructor(context: PoolGuardContext) {
    this.#context = context;
  }

  static isWanted({ breaker, admission }: ServiceSpec): boolean {
    return breaker !== null || admission !== null;
  }

  /** Takes a new snapshot's settings; breakers of targets that stay keep their state, and whoever waits waits on. */
  update({ breaker, admission }: ServiceSpec, targets: readonly T[]): void {
    this.#targets = targets;
    this.#breaker = this.#updated(this.#breaker, breaker?.ofPool === true ? breaker : null);
    const ofTarget = new Map<T, CircuitBreaker>();
    for (const target of targets) {
      const known = this.#ofTarget.get(target) ?? null;
      const kept = this.#updated(known, breaker?.ofTarget === true ? breaker : null);
      if (kept !== null) {
        ofTarget.set(target, kept);
      }
    }
    for (const [target, known] of this.#ofTarget) {
      if (!ofTarget.has(target)) {
        known.close();
      }
    }
    this.#ofTarget = ofTarget;
    this.#trip();
    if (admission !== null) {
      this.admission ??= new Admission(this.#context.deadlines);
      this.admission.update(admission, this.#context.workers, targets);
    } else {
      this.admission?.release(targets);
    }
  }

  #updated(known: CircuitBreaker | null, spec: ServiceSpec['breaker']): CircuitBreaker | null {
    if (spec === null) {
      known?.close();
      return null;
    }
    if (known === null) {
      return new CircuitBreaker(spec, this.#context.deadlines, this.#context.random, () => this.#onBreaker());
    }
    known.update(spec);
    return known;
  }

  /** Health or admin states have changed. */
  reconsider(): void {
    this.#trip();
    this.admission?.reconsider();
  }

  #onBreaker(): void {
    this.#trip();
    this.#context.onChange();
    this.admission?.reconsider();
  }

  /** An open target is passed over, unless all would be: some answer is then better than none. */
  #trip(): void {
    const isSome = this.#targets.some((target) => target.isWell && this.#ofTarget.get(target)?.state !== 'open');
    for (const target of this.#targets) {
      target.isTripped = isSome && this.#ofTarget.get(target)?.state === 'open';
    }
  }

  /** Whether the pool takes requests at all. */
  admits(): boolean {
    return this.#breaker === null || this.#breaker.admits();
  }

  /** The pool takes nothing for now. */
  get isOpen(): boolean {
    return this.#breaker?.state === 'open';
  }

  /** Milliseconds after which a pool that takes none may do so again. */
  get waitMs(): number {
    return this.#breaker?.waitMs ?? 0;
  }

  /** Whether a target that is recovering takes one more request. */
  mayTake(target: T): boolean {
    const breaker = this.#ofTarget.get(target);
    return breaker === undefined || breaker.state !== 'recovering' || breaker.admits();
  }

  /** One try at a target has ended. */
  record(target: T, isFailure: boolean): void {
    this.#ofTarget.get(target)?.record(isFailure);
  }

  /** A request has ended, whatever targets it was tried at. */
  recordEnd(isFailure: boolean): void {
    this.#breaker?.record(isFailure);
  }

  /** Gone from every snapshot. Whoever waits still has its time. */
  retire(): void {
    this.#breaker?.close();
    for (const breaker of this.#ofTarget.values()) {
      breaker.close();
    }
  }

  /** By target; the pool's own under "". */
  report(): Record<string, BreakerReport> {
    const reports: Record<string, BreakerReport> = {};
    if (this.#breaker !== null) {
      reports[''] = reportOf(this.#breaker);
    }
    for (const [target, breaker] of this.#ofTarget) {
      reports[target.id] = reportOf(breaker);
    }
    return reports;
  }
}

function reportOf(breaker: CircuitBreaker): BreakerReport {
  return { open: breaker.state === 'open' ? 1 : 0, opened: breaker.opened };
}
