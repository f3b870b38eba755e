/**
 * Leaves alone what fails too often.
 *
 *   closed ──(too many failures)──► open ──(its time is up)──► recovering ──(its time is up)──► closed
 *                                     ▲                             │
 *                                     └──────(too many failures)────┘
 *
 * Failures are a share of what happened within a window, and only count from a least number on: one failure of one
 * request is no sign of anything. While it recovers, the share of requests that it lets through grows evenly from
 * nothing to all, so that what has just come back is not knocked over by everything that was kept from it.
 *
 * Time comes from the coarse clock of `Deadlines`, which also ends the states: nobody has to ask for that to happen.
 */
import type { Random } from '../../base/random.ts';
import type { BreakerSpec } from '../../snapshot/protection-spec.ts';
import { type Deadlines, type Expiring, NEVER } from '../deadlines.ts';

export type BreakerState = 'closed' | 'open' | 'recovering';

/** The window moves on in so many steps. */
const STEPS = 10;

export class CircuitBreaker implements Expiring {
  readonly #deadlines: Pick<Deadlines, 'nowMs' | 'add' | 'remove'>;
  readonly #random: Random;
  readonly #onChange: () => void;
  #spec: BreakerSpec;
  readonly #failures = new Float64Array(STEPS);
  readonly #totals = new Float64Array(STEPS);
  #step = 0;
  #stepEndsAtMs = 0;
  #since = 0;
  state: BreakerState = 'closed';
  /** How often it has opened. */
  opened = 0;
  deadlineAt = NEVER;
  deadlineSlot = -1;

  /** `onChange` hears of every change of state. */
  constructor(
    spec: BreakerSpec,
    deadlines: Pick<Deadlines, 'nowMs' | 'add' | 'remove'>,
    random: Random,
    onChange: () => void,
  ) {
    this.#spec = spec;
    this.#deadlines = deadlines;
    this.#random = random;
    this.#onChange = onChange;
    this.#clear();
  }

  update(spec: BreakerSpec): void {
    this.#spec = spec;
  }

  /** Whether a request may pass now. */
  admits(): boolean {
    switch (this.state) {
      case 'closed':
        return true;
      case 'open':
        return false;
      case 'recovering':
        return this.#random.next() * this.#spec.recoverMs < this.#deadlines.nowMs - this.#since;
    }
  }

  /** Milliseconds until it may let requests through again; 0 unless it is open. */
  get waitMs(): number {
    return this.state === 'open' ? Math.max(0, this.deadlineAt - this.#deadlines.nowMs) : 0;
  }

  /** A request has ended, well or badly. */
  record(isFailure: boolean): void {
    if (this.state === 'open') {
      // It was under way already, and says nothing of what is there now.
      return;
    }
    this.#moveOn();
    const step = this.#step;
    this.#totals[step] = (this.#totals[step] as number) + 1;
    if (isFailure) {
      this.#failures[step] = (this.#failures[step] as number) + 1;
      if (this.#hasTooManyFailures()) {
        this.#open();
      }
    }
  }

  expire(): void {
    if (this.state === 'open') {
      this.#enter('recovering', this.#spec.recoverMs);
    } else {
      this.#enter('closed', 0);
    }
  }

  /** Lets go of its deadline. */
  close(): void {
    this.#deadlines.remove(this);
    this.deadlineAt = NEVER;
  }

  #open(): void {
    this.opened++;
    this.#clear();
    this.#enter('open', this.#spec.openMs);
  }

  #enter(state: BreakerState, forMs: number): void {
    this.state = state;
    this.#since = this.#deadlines.nowMs;
    if (state === 'closed') {
      this.close();
    } else {
      this.deadlineAt = this.#since + forMs;
      this.#deadlines.add(this);
    }
    this.#onChange();
  }

  #hasTooManyFailures(): boolean {
    let [failures, total] = [0, 0];
    for (let step = 0; step < STEPS; step++) {
      failures += this.#failures[step] as number;
      total += this.#totals[step] as number;
    }
    return total >= this.#spec.minimum && failures * 100 >= total * this.#spec.failurePercent;
  }

  #moveOn(): void {
    const { nowMs } = this.#deadlines;
    if (nowMs < this.#stepEndsAtMs) {
      return;
    }
    const stepMs = this.#spec.windowMs / STEPS;
    const passed = Math.min(STEPS, Math.floor((nowMs - this.#stepEndsAtMs) / stepMs) + 1);
    for (let i = 0; i < passed; i++) {
      this.#step = (this.#step + 1) % STEPS;
      this.#failures[this.#step] = 0;
      this.#totals[this.#step] = 0;
    }
    this.#stepEndsAtMs = Math.max(this.#stepEndsAtMs + passed * stepMs, nowMs);
  }

  #clear(): void {
    this.#failures.fill(0);
    this.#totals.fill(0);
    this.#stepEndsAtMs = this.#deadlines.nowMs + this.#spec.windowMs / STEPS;
  }
}
