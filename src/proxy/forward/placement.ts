/**
 * Where a request is: on its pool from beginning to end; there at a target, or in a line until one has room for it. What
 * becomes of it there is told here to whoever goes by that: the algorithm, breakers, ejection, and those who wait.
 */
import type { Clock } from '../../base/clock.ts';
import type { KeptIn } from '../../snapshot/buffer-spec.ts';
import type { Cohort } from '../ledger.ts';
import type { Applicant, Ticket } from '../limit/admission.ts';
import type { Outcome } from '../outcome.ts';
import type { Pool, RetryReason } from '../pool.ts';
import type { Target } from '../upstream/target.ts';
import { endingOf, endingOfTry } from './ending.ts';

/** The target has no room: the request waits for that, or for any other's. */
export type MustWait = 'no' | 'for-any' | 'for-this';

export class Placement {
  readonly pool: Pool;
  readonly cohort: Cohort;
  /** What of the request decides on a target, where the algorithm asks. */
  readonly hashKey: string;
  /** The request's session is bound to the target. */
  readonly isBound: boolean;
  /** Before it is at a target: whether it can go there. */
  mustWait: MustWait;
  target: Target;
  readonly #clock: Clock;
  /** The target is occupied with this request. */
  #isAtTarget = false;
  /** Its place in the line, while it waits for a target with room. */
  #ticket: Ticket<Target> | null = null;
  #startedAtMs = 0;
  /** Since when a target has had the whole request; as long as it is being connected to, since when that is tried. */
  #waitingSinceMs = 0;

  constructor(
    pool: Pool,
    cohort: Cohort,
    target: Target,
    isBound: boolean,
    mustWait: MustWait,
    hashKey: string,
    clock: Clock,
  ) {
    this.pool = pool;
    this.cohort = cohort;
    this.target = target;
    this.isBound = isBound;
    this.mustWait = mustWait;
    this.hashKey = hashKey;
    this.#clock = clock;
  }

  /** The exchange begins. */
  begin(): void {
    this.#startedAtMs = this.#clock.monotonicMs();
    this.#waitingSinceMs = this.#startedAtMs;
  }

  /** Goes to the target. False: it waits for one that has room, of which `applicant` hears. */
  take(applicant: Applicant<Target>): boolean {
    if (this.mustWait !== 'no') {
      const wanted = this.mustWait === 'for-this' ? this.target : null;
      this.#ticket = this.pool.guard?.admission?.join(applicant, wanted) ?? null;
    }
    if (this.#ticket !== null) {
      return false;
    }
    this.#enter();
    return true;
  }

  #enter(): void {
    this.#isAtTarget = true;
    this.target.load.enter();
  }

  /** Its turn has come. */
  enterFromLine(target: Target): void {
    this.#ticket = null;
    this.target = target;
    this.#enter();
    this.waitFrom(this.#clock.monotonicMs());
  }

  /**
   * Places a request anew that was kept until it was whole: its client may have taken its time, and the target be gone or
   * busy. False: the line is full.
   */
  takeKept(keptIn: KeptIn): boolean {
    const { pool, target } = this;
    pool.kept.add(`request ${keptIn}`);
    this.waitFrom(this.#clock.monotonicMs());
    const isThere = target.keepsSessions && pool.targets.get(target.id) === target;
    const chosen = isThere ? target : (pool.pick(null, this.hashKey) ?? target);
    const admission = pool.guard === null ? null : pool.guard.admission;
    const isBound = this.isBound && isThere;
    const free = admission === null ? chosen : admission.place(chosen, isBound);
    if (free === null && admission?.isFull === true) {
      return false;
    }
    this.target = free ?? chosen;
    this.mustWait = free !== null ? 'no' : isBound ? 'for-this' : 'for-any';
    return true;
  }

  /** Goes to another target, after this one has failed. */
  moveTo(other: Target): void {
    this.target.load.leave();
    this.target = other;
    this.waitFrom(this.#clock.monotonicMs());
    other.load.enter();
  }

  /**
   * Leaves a target that could not be reached, to wait until another has room, as all have as many requests as they may.
   * False: there is none to wait for.
   */
  waitForOther(applicant: Applicant<Target>): boolean {
    const before = this.target;
    const admission = this.pool.guard?.admission ?? null;
    const ticket = admission?.joinForOther(applicant, before) ?? null;
    if (ticket === null) {
      return false;
    }
    this.#ticket = ticket;
    this.#isAtTarget = false;
    before.load.leave();
    admission?.roomAt(before);
    return true;
  }

  /** Whether anybody wants to know how soon targets answer. */
  get isTimed(): boolean {
    return this.target.load.latencyWatcher !== null;
  }

  /** What was before, such as a client that took its time, is not the target's. */
  waitFrom(nowMs: number): void {
    this.#waitingSinceMs = nowMs;
  }

  /** Tells the algorithm what the target took for this request, up to its response head. */
  observe(how: 'answered' | 'failed' | 'abandoned', isRequestComplete: boolean): void {
    const { load } = this.target;
    // A target that answers before it has heard everything says nothing about its speed.
    if (load.latencyWatcher !== null && this.#isAtTarget && (isRequestComplete || how === 'failed')) {
      const nowMs = this.#clock.monotonicMs();
      load.latencyWatcher[how](load, nowMs - this.#waitingSinceMs, nowMs);
    }
  }

  /** The target has failed in a try after which there is another. */
  tellFailedTry(reason: RetryReason, isRequestComplete: boolean): void {
    this.observe('failed', isRequestComplete);
    this.pool.guard?.record(this.target, true);
    this.pool.wellness?.record(this.target, endingOfTry(reason));
  }

  /** The target, or the line, is rid of it. */
  leave(): void {
    if (this.#isAtTarget) {
      this.#isAtTarget = false;
      this.target.load.leave();
    } else if (this.#ticket !== null) {
      this.pool.guard?.admission?.leave(this.#ticket);
      this.#ticket = null;
    }
  }

  /** Counts the request, which is over, with what the client was told. */
  count(methodIndex: number, status: number): void {
    this.pool.live.count(methodIndex, status, this.#clock.monotonicMs() - this.#startedAtMs);
  }

  /** What the request, which is over, tells of its target. `targetStatus`: of the answer; 0: none came. */
  tellEnd(outcome: Outcome, targetStatus: number, isRequestComplete: boolean): void {
    const { guard, wellness } = this.pool;
    if (guard === null && wellness === null) {
      return;
    }
    const ending = endingOf(outcome, targetStatus, isRequestComplete);
    if (ending !== null) {
      wellness?.record(this.target, ending);
      guard?.record(this.target, ending !== 'well');
      guard?.recordEnd(ending !== 'well');
    }
    this.giveRoom(this.target);
  }

  /** Whoever waits for `target` may have a turn now. */
  giveRoom(target: Target): void {
    this.pool.guard?.admission?.roomAt(target);
  }
}
