/**
 * How late the event loop comes to what waits for it, told by how late one timer fires: what a request would wait
 * before anybody looks at it.
 *
 * One late turn is a pause and not overload: the process was stopped and continued, the machine slept, code was
 * compiled at the start. What came meanwhile has waited already, and is best served. So only what is late twice in a
 * row counts, and counts until the timer has been in time for a while.
 */

/** Ticks for which a lag is remembered; the timer makes ten a second where nothing is late. */
const TICKS_REMEMBERED = 10;

export class LoopLag {
  readonly #recentMs = new Float64Array(TICKS_REMEMBERED);
  #next = 0;
  #previousMs = 0;

  /** The longest of late. */
  ms = 0;

  /** Called at every tick. */
  observe(lateMs: number): void {
    this.#recentMs[this.#next] = Math.max(0, Math.min(lateMs, this.#previousMs));
    this.#next = (this.#next + 1) % TICKS_REMEMBERED;
    this.#previousMs = lateMs;
    this.ms = Math.max(...this.#recentMs);
  }
}
