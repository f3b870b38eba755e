/**
 * The streams of a session that ended last, for frames that come late. Those that we have reset are remembered by themselves: of
 * them something may still be on its way, which is nobody's mistake, however many others have ended meanwhile.
 */

/** Of those that both sides know of. */
const REMEMBERED = 64;
/** Of those that we have reset, at least: as many as may be under way at once by default, and some. */
const REMEMBERED_BY_US_MIN = 128;

export type Ending = 'by-both' | 'by-us' | 'unknown';

export class EndedStreams {
  readonly #byBoth = new LastNumbers(REMEMBERED);
  readonly #byUs: LastNumbers;

  /** `streamsMax`: that may be under way at once, and be reset together. */
  constructor(streamsMax: number) {
    this.#byUs = new LastNumbers(Math.max(REMEMBERED_BY_US_MIN, streamsMax));
  }

  add(id: number, isResetByUs: boolean): void {
    (isResetByUs ? this.#byUs : this.#byBoth).add(id);
  }

  /** How it ended; `by-us`: the client may not know of it yet. */
  endOf(id: number): Ending {
    if (this.#byUs.has(id)) {
      return 'by-us';
    }
    return this.#byBoth.has(id) ? 'by-both' : 'unknown';
  }
}

/** A ring, whose memory is made when the first number comes. */
class LastNumbers {
  readonly #most: number;
  #numbers: Int32Array | null = null;
  #next = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(number: number): void {
    this.#numbers ??= new Int32Array(this.#most);
    this.#numbers[this.#next] = number;
    this.#next = (this.#next + 1) % this.#most;
  }

  has(number: number): boolean {
    return this.#numbers !== null && this.#numbers.includes(number);
  }
}
