import type { Clock, Timer } from '../../../src/base/clock.ts';

/** One timer, which fires as late as it is told to. */
export class LateClock implements Clock {
  #nowMs = 0;
  #due: { readonly atMs: number; readonly fn: () => void } | null = null;

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  setTimer(ms: number, fn: () => void): Timer {
    this.#due = { atMs: this.#nowMs + ms, fn };
    return { cancel: () => {} };
  }

  fire(lateMs: number): void {
    const due = this.#due;
    if (due === null) throw new Error('no timer was set');
    this.#nowMs = due.atMs + lateMs;
    due.fn();
  }
}
