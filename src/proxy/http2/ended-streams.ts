/** The streams of a session that ended last, for frames that come late. */

/** More than may be under way at once by default: of each of them something may still be on its way. */
const REMEMBERED = 128;

export type Ending = 'by-both' | 'by-us' | 'unknown';

export class EndedStreams {
  /** Their numbers, those that we have reset with a minus; 0: none yet. */
  #ids: Int32Array | null = null;
  #next = 0;

  add(id: number, isResetByUs: boolean): void {
    this.#ids ??= new Int32Array(REMEMBERED);
    this.#ids[this.#next] = isResetByUs ? -id : id;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /** How it ended; `by-us`: the client may not know of it yet. */
  endOf(id: number): Ending {
    if (this.#ids?.includes(-id) === true) {
      return 'by-us';
    }
    return this.#ids?.includes(id) === true ? 'by-both' : 'unknown';
  }
}
