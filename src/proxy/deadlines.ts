/**
 * Every limit in time of the data plane, checked by one timer. A deadline is a number on the object that it ends, so
 * setting and moving one costs an assignment, and no timer is started or stopped per request. The price is
 * coarseness: what is set between two ticks counts from the later one, so that no deadline strikes early, and one may
 * be noticed up to two ticks late.
 *
 * A pause, such as of a machine that is moved, is nobody's silence: what came meanwhile lies unread, and what is read
 * before the next tick is given the time of the last. So every deadline is put off by as long as nobody could look.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { Roster } from '../base/roster.ts';
import { LoopLag } from './loop-lag.ts';

const TICK_MS = 100;

/** No deadline. */
export const NEVER = Number.POSITIVE_INFINITY;

export interface Expiring {
  /** On the clock of `Deadlines.nowMs`. */
  deadlineAt: number;
  /** Where `Deadlines` has it; -1: nowhere. */
  deadlineSlot: number;
  expire(): void;
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #items = new Roster<'deadlineSlot', Expiring>('deadlineSlot');
  readonly #due: Expiring[] = [];
  #timer: Timer | null = null;
  #wallSecond = 0;
  #wasLate = false;

  /** The same timer tells how late everything else is. */
  readonly loopLag = new LoopLag();
  /** The monotonic time of the last tick: what deadlines are set from, without asking the system for the time. */
  nowMs: number;
  /** The Date field of this second (RFC 9110 section 6.6.1), line end included. */
  dateLine = '';

  constructor(clock: Clock) {
    this.#clock = clock;
    this.nowMs = clock.monotonicMs();
    this.#renewDate();
  }

  start(): void {
    this.#timer = this.#clock.setTimer(TICK_MS, () => {
      this.#tick();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  add(item: Expiring): void {
    this.#items.add(item);
  }

  remove(item: Expiring): void {
    this.#items.delete(item);
  }

  #tick(): void {
    const previousMs = this.nowMs;
    this.nowMs = this.#clock.monotonicMs();
    const lateMs = this.nowMs - previousMs - TICK_MS;
    this.loopLag.observe(lateMs);
    this.#allowForPause(lateMs);
    this.#renewDate();
    this.#strike(this.nowMs - TICK_MS);
  }

  /** What one of them ends may end, or begin, others. */
  #strike(dueAt: number): void {
    for (const item of this.#items) {
      if (item.deadlineAt <= dueAt) {
        this.#due.push(item);
      }
    }
    for (const item of this.#due) {
      if (this.#items.has(item) && item.deadlineAt <= dueAt) {
        item.expire();
      }
    }
    this.#due.length = 0;
  }

  /** Late twice in a row is no pause but too much to do, and deadlines must hold then. */
  #allowForPause(lateMs: number): void {
    const isPause = lateMs > TICK_MS && !this.#wasLate;
    this.#wasLate = lateMs > TICK_MS;
    if (!isPause) return;
    for (const item of this.#items) item.deadlineAt += lateMs;
  }

  #renewDate(): void {
    const wallMs = this.#clock.wallMs();
    const second = Math.floor(wallMs / 1000);
    if (second !== this.#wallSecond) {
      this.#wallSecond = second;
      this.dateLine = `Date: ${new Date(wallMs).toUTCString()}\r\n`;
    }
  }
}
