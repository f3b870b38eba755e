/**
 * The further tries of one request, of which most have none: whether there may be another, by what reason, when, and at
 * which target.
 *
 * What may be sent again (RFC 9110 section 9.2.2): anything that was never sent; otherwise only an idempotent request
 * whose body is still at hand. And nothing that would make a bad thing worse: a target that is slow is not asked again
 * unless the operator wants it, and what fails is asked again only within a budget.
 */
import type { Timer } from '../../base/clock.ts';
import type { RetrySpec } from '../../snapshot/protection-spec.ts';
import type { FailureCode } from '../errors.ts';
import type { Applicant } from '../limit/admission.ts';
import type { RetryReason } from '../pool.ts';
import type { FailureContext } from '../upstream/target-connection.ts';
import type { Target } from '../upstream/target.ts';
import type { ExchangeContext } from './exchange-input.ts';
import type { Placement } from './placement.ts';

/** How often the algorithm is asked for a target that was not tried yet, before one that was will do. */
const PICKS_MAX = 4;

/** Reasons that add nothing to the load of a target: it has not got the request, or not on a connection that worked. */
const FREE: ReadonlySet<RetryReason> = new Set(['connect', 'reused-connection']);

export interface TriedExchange {
  /** The try that went on is over, and its connection of no more use. */
  onTryEnded(): void;
  /** Goes to the target that it is at; `kept` null: by a new connection. */
  connect(kept: null): void;
  /** Goes to the target that it is at, while no turn of the client's is going on. */
  connectOutOfTurn(): void;
  /** No try is going on, until it is connected again. */
  waitForTry(): void;
}

export class FurtherTries {
  readonly #spec: RetrySpec;
  readonly #place: Placement;
  readonly #context: ExchangeContext;
  readonly #user: TriedExchange & Applicant<Target>;
  readonly #tried: Target[] = [];
  #made = 0;
  #wasReplaced = false;
  #isInBudget = false;
  /** The wait before the next one. */
  #pause: Timer | null = null;

  constructor(spec: RetrySpec, place: Placement, context: ExchangeContext, user: TriedExchange & Applicant<Target>) {
    this.#spec = spec;
    this.#place = place;
    this.#context = context;
    this.#user = user;
  }

  /**
   * Begins another, now or when it is due. `isTargets`: what failed was the target, and not this proxy. False: there may
   * be none.
   */
  begin(reason: RetryReason, isTargets: boolean, isRequestComplete: boolean): boolean {
    if (!this.#take(reason)) {
      return false;
    }
    this.#user.onTryEnded();
    if (reason === 'reused-connection') {
      this.#user.connect(null);
      return true;
    }
    if (isTargets) {
      this.#place.tellFailedTry(reason, isRequestComplete);
    }
    if (reason === 'connect') {
      this.#tryElsewhere();
    } else {
      this.#tryLater();
    }
    return true;
  }

  /** Counts another; false: there may be none. */
  #take(reason: RetryReason): boolean {
    const { pool, target } = this.#place;
    if (reason === 'reused-connection') {
      if (this.#wasReplaced) {
        return false;
      }
      this.#wasReplaced = true;
    } else if (this.#made >= this.#spec.triesMax || !(FREE.has(reason) || this.#takeFromBudget())) {
      return false;
    } else {
      this.#made++;
      this.#tried.push(target);
    }
    pool.retries.add(reason);
    return true;
  }

  #takeFromBudget(): boolean {
    const { budgetMin, budgetPercent } = this.#spec;
    const most = Math.max(budgetMin, Math.floor((this.#place.pool.inFlight * budgetPercent) / 100));
    if (!this.#isInBudget && this.#place.pool.retriesInFlight >= most) {
      return false;
    }
    if (!this.#isInBudget) {
      this.#isInBudget = true;
      this.#place.pool.retriesInFlight++;
    }
    return true;
  }

  #tryLater(): void {
    this.#user.waitForTry();
    const pauseMs = this.#pauseMs(this.#context.random.next());
    this.#pause = this.#context.clock.setTimer(pauseMs, () => this.#tryElsewhere());
  }

  /** Drawn between nothing and a bound that doubles with each try: tries that failed together do not come back together. */
  #pauseMs(draw: number): number {
    const { backoffBaseMs, backoffMaxMs } = this.#spec;
    return draw * Math.min(backoffMaxMs, backoffBaseMs * 2 ** (this.#made - 1));
  }

  #tryElsewhere(): void {
    const place = this.#place;
    const before = place.target;
    const other = this.#nextTarget(before);
    if (other === null) {
      this.#user.waitForTry();
      if (place.waitForOther(this.#user)) {
        return;
      }
    } else if (other !== before) {
      place.moveTo(other);
    }
    this.#user.connectOutOfTurn();
    if (place.target !== before) {
      place.giveRoom(before);
    }
  }

  /** A target that was not tried yet, where there is one; null: none that may be tried. */
  #nextTarget(current: Target): Target | null {
    const { pool, hashKey } = this.#place;
    const admission = pool.guard?.admission ?? null;
    let other: Target | null = null;
    for (let picks = 0; picks < PICKS_MAX; picks++) {
      other = pool.pick(current, hashKey);
      if (other === null || !this.#tried.includes(other)) {
        break;
      }
    }
    // It has a place at the current one, and gets none at another that is full.
    return other === null || other === current || admission === null || admission.hasRoom(other)
      ? other
      : admission.another(current);
  }

  /** The request is over. */
  close(): void {
    this.#pause?.cancel();
    this.#pause = null;
    if (this.#isInBudget) {
      this.#isInBudget = false;
      this.#place.pool.retriesInFlight--;
    }
  }
}

/**
 * Why a request whose try has failed may be tried again; null: it may not. `isRepeatable`: it may be processed twice, and
 * all of it is at hand. `isWhole`: all of it is at hand.
 */
export function reasonAfterFailure(
  spec: RetrySpec,
  code: FailureCode,
  how: FailureContext,
  isRepeatable: boolean,
  isWhole: boolean,
): RetryReason | null {
  if (how.unconnected) {
    return spec.onConnect ? 'connect' : null;
  }
  // A target that is slow would only get slower by being asked again.
  if (code === 'response_timeout' || code === 'upstream_stalled') {
    return null;
  }
  if (how.reused && spec.onReusedConnection && isWhole && (how.unsent || (isRepeatable && how.unanswered))) {
    return 'reused-connection';
  }
  return !how.reused && spec.onReset && isRepeatable && how.unanswered ? 'reset' : null;
}

/** As `reasonAfterFailure`, for a request that was answered with `status`. */
export function reasonAfterStatus(spec: RetrySpec, status: number, isRepeatable: boolean): RetryReason | null {
  if (!isRepeatable || !spec.onStatus.includes(status)) {
    return null;
  }
  return status === 502 ? '502' : status === 503 ? '503' : '504';
}
