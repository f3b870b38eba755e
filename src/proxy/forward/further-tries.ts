/**
 * The further tries of one request, of which most have none: whether there may be another, by what reason, and when.
 *
 * What may be sent again (RFC 9110 section 9.2.2): anything that was never sent; otherwise only an idempotent request
 * whose body is still at hand. And nothing that would make a bad thing worse: a target that is slow is not asked again
 * unless the operator wants it, and what fails is asked again only within a budget.
 */
import type { Timer } from '../../base/clock.ts';
import type { RetrySpec } from '../../snapshot/protection-spec.ts';
import type { FailureCode } from '../errors.ts';
import type { Pool, RetryReason } from '../pool.ts';
import type { FailureContext } from '../upstream/target-connection.ts';
import type { Target } from '../upstream/target.ts';

/** How often the algorithm is asked for a target that was not tried yet, before one that was will do. */
const PICKS_MAX = 4;

/** Reasons that add nothing to the load of a target: it has not got the request, or not on a connection that worked. */
const FREE: ReadonlySet<RetryReason> = new Set(['connect', 'reused-connection']);

export class FurtherTries {
  readonly #spec: RetrySpec;
  readonly #pool: Pool;
  readonly #hashKey: string;
  readonly #tried: Target[] = [];
  #made = 0;
  #wasReplaced = false;
  #isInBudget = false;
  /** The wait before the next one. */
  pause: Timer | null = null;

  constructor(spec: RetrySpec, pool: Pool, hashKey: string) {
    this.#spec = spec;
    this.#pool = pool;
    this.#hashKey = hashKey;
  }

  /** Begins another, and counts it; false: there may be none. */
  begin(reason: RetryReason, target: Target): boolean {
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
    this.#pool.retries.add(reason);
    return true;
  }

  #takeFromBudget(): boolean {
    const { budgetMin, budgetPercent } = this.#spec;
    const most = Math.max(budgetMin, Math.floor((this.#pool.inFlight * budgetPercent) / 100));
    if (!this.#isInBudget && this.#pool.retriesInFlight >= most) {
      return false;
    }
    if (!this.#isInBudget) {
      this.#isInBudget = true;
      this.#pool.retriesInFlight++;
    }
    return true;
  }

  /** A target that was not tried yet, where there is one; null: none that may be tried. */
  nextTarget(current: Target): Target | null {
    const admission = this.#pool.guard?.admission ?? null;
    let other: Target | null = null;
    for (let picks = 0; picks < PICKS_MAX; picks++) {
      other = this.#pool.pick(current, this.#hashKey);
      if (other === null || !this.#tried.includes(other)) {
        break;
      }
    }
    // It has a place at the current one, and gets none at another that is full.
    return other === null || other === current || admission === null || admission.hasRoom(other)
      ? other
      : admission.another(current);
  }

  /** Drawn between nothing and a bound that doubles with each try: tries that failed together do not come back together. */
  pauseMs(draw: number): number {
    const { backoffBaseMs, backoffMaxMs } = this.#spec;
    return draw * Math.min(backoffMaxMs, backoffBaseMs * 2 ** (this.#made - 1));
  }

  /** The request is over. */
  close(): void {
    this.pause?.cancel();
    this.pause = null;
    if (this.#isInBudget) {
      this.#isInBudget = false;
      this.#pool.retriesInFlight--;
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
