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

export type SessionFieldFor = (target: Target) => string;

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
  /** Binds the session to the target, as a complete line; "" where there is none, or it is bound already. */
  sessionField = '';
  /** The same for another target; null: there will be none. */
  #sessionFieldFor: SessionFieldFor | null = null;
  readonly #clock: Clock;
  /** The target is occupied with this request. */
  #isAtTarget = false;
  /** It was at its target until it, or what the target had to do with it, was over. */
  #hasLeftTarget = false;
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

  /** Says how the session is bound to the target, or to another that it may come to before it was at any. */
  bindBy(sessionField: string, sessionFieldFor: SessionFieldFor | null): void {
    this.sessionField = sessionField;
    this.#sessionFieldFor = sessionFieldFor;
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
    this.#choose(target);
    this.#enter();
    this.restart();
  }

  /**
   * Places a request anew that was kept until it was whole: its client may have taken its time, and the target be gone or
   * busy. False: the line is full.
   */
  takeKept(keptIn: KeptIn): boolean {
    const { pool, target } = this;
    pool.kept.add(`request ${keptIn}`);
    this.restart();
    const isThere = target.keepsSessions && pool.targets.get(target.id) === target;
    if (!isThere) {
      this.#choose(pool.pick(null, this.hashKey) ?? target);
    }
    const admission = pool.guard === null ? null : pool.guard.admission;
    const isBound = this.isBound && isThere;
    const free = admission === null ? this.target : admission.place(this.target, isBound);
    if (free === null && admission?.isFull === true) {
      return false;
    }
    this.#choose(free ?? this.target);
    this.mustWait = free !== null ? 'no' : isBound ? 'for-this' : 'for-any';
    return true;
  }

  /** Another target than the one that was chosen first. */
  #choose(target: Target): void {
    if (target !== this.target) {
      this.target = target;
      this.sessionField = this.#sessionFieldFor?.(target) ?? '';
    }
  }

  /** Goes to another target, after this one has failed. */
  moveTo(other: Target): void {
    this.#stayUnbound();
    this.target.load.leave();
    this.#choose(other);
    this.restart();
    other.load.enter();
  }

  /** A session that was about to be bound to one target is not bound to another behind its back. */
  #stayUnbound(): void {
    this.#sessionFieldFor = null;
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
    this.#stayUnbound();
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
  restart(): void {
    this.waitFrom(this.#clock.monotonicMs());
  }

  /** The same, as of `nowMs`. */
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

  /** The target has nothing more to do with it, though its client has not got it. */
  leaveEarly(): void {
    this.leave();
    this.giveRoom(this.target);
  }

  /** A connection to the target was made for it alone, and nothing more can be told of the target. */
  tellConnected(): void {
    this.observe('answered', true);
    this.pool.wellness?.record(this.target, 'well');
    this.pool.guard?.record(this.target, false);
    this.pool.guard?.recordEnd(false);
  }

  /** The target, or the line, is rid of it. */
  leave(): void {
    if (this.#isAtTarget) {
      this.#isAtTarget = false;
      this.#hasLeftTarget = true;
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

  /** What the request, which is over, tells of its target, if it left one. `targetStatus`: of the answer; 0: none came. */
  tellEnd(outcome: Outcome, targetStatus: number, isRequestComplete: boolean): void {
    const { guard, wellness } = this.pool;
    if (guard === null && wellness === null) {
      return;
    }
    const ending = this.#hasLeftTarget ? endingOf(outcome, targetStatus, isRequestComplete) : null;
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
