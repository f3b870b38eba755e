/** What became of the requests that a target was given lately, and whether that is enough to leave it alone. */
import type { EjectionSpec } from '../../snapshot/wellness-spec.ts';
import type { EjectionReason } from '../../snapshot/data-plane.ts';

/** `unreachable`: it could not be talked to, or gave no whole answer in time. `failed`: it answered that it failed. */
export type Ending = 'well' | 'failed' | 'unreachable';

/** The window moves on in so many steps. */
const STEPS = 10;

export class FailureWatch {
  #unreachableInARow = 0;
  #failuresInARow = 0;
  readonly #failures = new Float64Array(STEPS);
  readonly #totals = new Float64Array(STEPS);
  #step = 0;
  #stepEndsAtMs = 0;

  /** Takes the end of a request; the reason why it is one too many, or null. */
  record(ending: Ending, spec: EjectionSpec, nowMs: number): EjectionReason | null {
    const hasFailed = ending !== 'well';
    this.#unreachableInARow = ending === 'unreachable' ? this.#unreachableInARow + 1 : 0;
    this.#failuresInARow = hasFailed ? this.#failuresInARow + 1 : 0;
    if (spec.failurePercent > 0) {
      this.#count(hasFailed, spec, nowMs);
    }
    return hasFailed ? this.#verdict(spec) : null;
  }

  clear(): void {
    this.#unreachableInARow = 0;
    this.#failuresInARow = 0;
    this.#failures.fill(0);
    this.#totals.fill(0);
  }

  #verdict(spec: EjectionSpec): EjectionReason | null {
    if (spec.unreachableMax > 0 && this.#unreachableInARow >= spec.unreachableMax) {
      return 'unreachable';
    }
    if (spec.failuresMax > 0 && this.#failuresInARow >= spec.failuresMax) {
      return 'failures';
    }
    return spec.failurePercent > 0 && this.#hasTooLargeShare(spec) ? 'failure-share' : null;
  }

  #hasTooLargeShare({ minimum, failurePercent }: EjectionSpec): boolean {
    let [failures, total] = [0, 0];
    for (let step = 0; step < STEPS; step++) {
      failures += this.#failures[step] as number;
      total += this.#totals[step] as number;
    }
    return total >= minimum && failures * 100 >= total * failurePercent;
  }

  #count(hasFailed: boolean, spec: EjectionSpec, nowMs: number): void {
    this.#moveOn(spec.windowMs / STEPS, nowMs);
    this.#totals[this.#step] = (this.#totals[this.#step] as number) + 1;
    if (hasFailed) {
      this.#failures[this.#step] = (this.#failures[this.#step] as number) + 1;
    }
  }

  #moveOn(stepMs: number, nowMs: number): void {
    if (nowMs < this.#stepEndsAtMs) {
      return;
    }
    const passed = Math.min(STEPS, Math.floor((nowMs - this.#stepEndsAtMs) / stepMs) + 1);
    for (let i = 0; i < passed; i++) {
      this.#step = (this.#step + 1) % STEPS;
      this.#failures[this.#step] = 0;
      this.#totals[this.#step] = 0;
    }
    this.#stepEndsAtMs = Math.max(this.#stepEndsAtMs + passed * stepMs, nowMs);
  }
}
