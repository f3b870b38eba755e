import type { Clock } from '../../base/clock.ts';
import type { UserCodeError } from '../../modules/user-code-error.ts';

/** A function that fails with every request must not write a line for each of them. */
const REPORT_INTERVAL_MS = 1_000;

/** Tells of user code that failed: the first time, and then at most once a second for each function. */
export class UserCodeReports {
  readonly #clock: Clock;
  readonly #report: (error: UserCodeError, unreported: number) => void;
  /** By reference; as many as configurations have named. */
  readonly #lastByReference = new Map<string, { atMs: number; unreported: number }>();

  /** `report` hears of one failure, and of how many there were since the one before. */
  constructor(clock: Clock, report: (error: UserCodeError, unreported: number) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  add(error: UserCodeError): void {
    const nowMs = this.#clock.monotonicMs();
    const last = this.#lastByReference.get(error.reference);
    if (last !== undefined && nowMs - last.atMs < REPORT_INTERVAL_MS) {
      last.unreported++;
      return;
    }
    this.#lastByReference.set(error.reference, { atMs: nowMs, unreported: 0 });
    this.#report(error, last?.unreported ?? 0);
  }
}
