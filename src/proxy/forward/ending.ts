/** What the end of a request says of the target that it was given. */
import type { Outcome } from '../outcome.ts';
import type { RetryReason } from '../pool.ts';
import type { Ending } from '../wellness/failure-watch.ts';

/** `status`: of the answer; 0: none came. Null: nothing. */
export function endingOf(outcome: Outcome, status: number, isRequestComplete: boolean): Ending | null {
  if (outcome === 'upstreamFailed') {
    // A client that took its time for the request leaves nothing to be said of the target.
    return isRequestComplete ? 'unreachable' : null;
  }
  if (outcome !== 'completed' || status === 0) {
    return null;
  }
  return isTargetsFailure(status) ? 'failed' : 'well';
}

/** The same of a try after which there is another, for this reason. */
export function endingOfTry(reason: RetryReason): Ending {
  return reason === '502' || reason === '503' || reason === '504' ? 'failed' : 'unreachable';
}

/** Statuses of 5xx that tell of the target; 501 and 505 tell of the request. */
export function isTargetsFailure(status: number): boolean {
  return status >= 500 && status !== 501 && status !== 505;
}
