/**
 * Gives targets that have just come into service their share bit by bit, so that one whose caches are cold or whose code
 * is not compiled yet is not hit by all of its share at once. A target comes into service when it joins a pool, passes its
 * checks again, comes back from an ejection, or is made ready again by its operator, who may have replaced what runs there.
 *
 * Its weight is multiplied by (time / duration) ^ (1 / aggression), and by `minShare` at least. What counts is the share
 * next to the others: targets that came together spare nobody anything, and each has its whole share.
 *
 * Balancers are made for fixed weights, so weights grow in steps, and requests pay nothing for it.
 */
import type { SlowStartSpec } from '../../snapshot/wellness-spec.ts';
import { type Deadlines, type Expiring, NEVER } from '../deadlines.ts';

/** Of the whole time. More would be smoother, and make more balancers. */
const STEPS = 10;

export interface Starting {
  /** Its checks, its operator and what became of its requests do not keep it from being chosen. */
  readonly isWell: boolean;
  /** What its weight is multiplied by. */
  weightShare: number;
}

export class SlowStart<T extends Starting> implements Expiring {
  readonly #deadlines: Pick<Deadlines, 'nowMs' | 'add' | 'remove'>;
  readonly #onChange: () => void;
  #spec: SlowStartSpec;
  /** Those in service, with the time when they came; minus infinity for those that were there before. */
  #since = new Map<T, number>();
  deadlineAt = NEVER;
  deadlineSlot = -1;

  /** `targets` are as warm as they will ever be. `onChange` hears that shares have changed. */
  constructor(
    spec: SlowStartSpec,
    targets: readonly T[],
    deadlines: Pick<Deadlines, 'nowMs' | 'add' | 'remove'>,
    onChange: () => void,
  ) {
    this.#spec = spec;
    this.#deadlines = deadlines;
    this.#onChange = onChange;
    for (const target of targets) {
      if (target.isWell) {
        this.#since.set(target, Number.NEGATIVE_INFINITY);
      }
    }
  }

  /** To be told when targets have come, gone or changed sides. */
  update(spec: SlowStartSpec, targets: readonly T[]): void {
    this.#spec = spec;
    const before = this.#since;
    this.#since = new Map();
    for (const target of targets) {
      if (target.isWell) {
        this.#since.set(target, before.get(target) ?? this.#deadlines.nowMs);
      } else {
        target.weightShare = 1;
      }
    }
    this.#share();
  }

  /** A step has ended. */
  expire(): void {
    this.#share();
  }

  /** Everybody has its whole weight. */
  close(): void {
    for (const target of this.#since.keys()) {
      target.weightShare = 1;
    }
    this.#waitUntil(NEVER);
  }

  #share(): void {
    const { nowMs } = this.#deadlines;
    const stepMs = this.#spec.durationMs / STEPS;
    let highest = 0;
    let nextAt = NEVER;
    const shares = new Map<T, number>();
    for (const [target, since] of this.#since) {
      const steps = Math.min(STEPS, Math.floor((nowMs - since) / stepMs));
      const share = Math.max(this.#spec.minShare, (steps / STEPS) ** (1 / this.#spec.aggression));
      shares.set(target, share);
      highest = Math.max(highest, share);
      nextAt = steps === STEPS ? nextAt : Math.min(nextAt, since + (steps + 1) * stepMs);
    }
    this.#waitUntil(nextAt);
    let hasChanged = false;
    for (const [target, share] of shares) {
      hasChanged ||= target.weightShare !== share / highest;
      target.weightShare = share / highest;
    }
    if (hasChanged) {
      this.#onChange();
    }
  }

  #waitUntil(atMs: number): void {
    if (atMs === NEVER) {
      this.#deadlines.remove(this);
    } else if (this.deadlineAt === NEVER) {
      this.#deadlines.add(this);
    }
    this.deadlineAt = atMs;
  }
}
