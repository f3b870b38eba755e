/** Copies without an answer, one after the other, before a shadow is left alone: any may fail by chance. */
const FAILURES_MIN = 3;
/** The first rest; it doubles with each that follows, since a shadow that is gone stays gone for long. */
const REST_MS_MIN = 250;
/** A shadow that has come back gets copies again within this. */
const REST_MS_MAX = 5_000;

/**
 * Leaves a shadow alone for a while that does not answer its copies. A connection that is made for nothing costs more than
 * a whole request on a kept one, and comes out of the time of those who want an answer.
 */
export class ShadowRest {
  #failures = 0;
  #untilMs = 0;

  isResting(nowMs: number): boolean {
    return nowMs < this.#untilMs;
  }

  answered(): void {
    this.#failures = 0;
    this.#untilMs = 0;
  }

  /** A copy got no answer. What fails during a rest was sent before it, and says nothing new. */
  failed(nowMs: number): void {
    if (this.isResting(nowMs)) {
      return;
    }
    this.#failures++;
    if (this.#failures >= FAILURES_MIN) {
      this.#untilMs = nowMs + Math.min(REST_MS_MAX, REST_MS_MIN * 2 ** (this.#failures - FAILURES_MIN));
    }
  }
}
