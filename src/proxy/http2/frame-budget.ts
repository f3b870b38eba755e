/** How many frames of a kind a client may send that cost us something and bring nothing: some at once, and some each second. */
export class FrameBudget {
  readonly #burst: number;
  readonly #perMs: number;
  #left: number;
  #atMs: number;

  constructor(burst: number, perSecond: number, nowMs: number) {
    this.#burst = burst;
    this.#perMs = perSecond / 1000;
    this.#left = burst;
    this.#atMs = nowMs;
  }

  /** Takes one; false: there is none left. */
  take(nowMs: number): boolean {
    this.#left = Math.min(this.#burst, this.#left + (nowMs - this.#atMs) * this.#perMs) - 1;
    this.#atMs = nowMs;
    return this.#left >= 0;
  }

  /** The client has done something for which it may have `count` more, but never more than at once. */
  giveBack(count: number): void {
    this.#left = Math.min(this.#burst, this.#left + count);
  }
}
