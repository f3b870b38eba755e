/** What limits a whole exchange, or each of its tries, in time. Most exchanges have no such limit. */
import { type Deadlines, type Expiring, NEVER } from '../deadlines.ts';

export interface TimedExchange {
  onTimeUp(isTryTimed: boolean): void;
}

export class TimeLimits implements Expiring {
  readonly #deadlines: Deadlines;
  readonly #user: TimedExchange;
  /** Milliseconds; 0: a try has no limit of its own. */
  readonly #perTryMs: number;
  /** Of the whole exchange. */
  readonly #endsAt: number;
  /** `deadlineAt` is that of one try. */
  #isTryTimed = false;
  deadlineAt: number;
  deadlineSlot = -1;

  /** `totalMs` 0: the whole exchange has no limit. */
  constructor(deadlines: Deadlines, totalMs: number, perTryMs: number, user: TimedExchange) {
    this.#deadlines = deadlines;
    this.#user = user;
    this.#perTryMs = perTryMs;
    this.#endsAt = totalMs > 0 ? deadlines.nowMs + totalMs : NEVER;
    this.deadlineAt = this.#endsAt;
    deadlines.add(this);
  }

  /** A target is tried. */
  timeTry(): void {
    if (this.#perTryMs > 0) {
      const tryEndsAt = this.#deadlines.nowMs + this.#perTryMs;
      this.#isTryTimed = tryEndsAt < this.#endsAt;
      this.deadlineAt = this.#isTryTimed ? tryEndsAt : this.#endsAt;
    }
  }

  /** No try is going on, or it has been answered: what is left of the time is that of the whole exchange. */
  timeAll(): void {
    this.deadlineAt = this.#endsAt;
    this.#isTryTimed = false;
  }

  expire(): void {
    this.#user.onTimeUp(this.#isTryTimed);
  }

  close(): void {
    this.#deadlines.remove(this);
  }
}
