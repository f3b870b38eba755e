/** What a client may send of bodies before it is told that there is room for more: RFC 9113 section 5.2. */
import { DEFAULT_WINDOW_BYTES } from './frames/frame-types.ts';

export class ReceiveWindow {
  readonly #size: number;
  /** What the client may still send. */
  #open: number;
  /** There is room for it, which the client has not been told. */
  #untold = 0;

  /** `size`: bytes that may be under way, or held, at once. */
  constructor(size = DEFAULT_WINDOW_BYTES) {
    this.#size = size;
    this.#open = size;
  }

  /** False: the client was not told that it may send so much. */
  take(bytes: number): boolean {
    this.#open -= bytes;
    return this.#open >= 0;
  }

  /** There is room again for `bytes`. Returns what the client is to be told of: 0 as long as that would not be worth a frame. */
  giveBack(bytes: number): number {
    this.#untold += bytes;
    if (this.#untold * 2 < this.#size) {
      return 0;
    }
    const increment = this.#untold;
    this.#open += increment;
    this.#untold = 0;
    return increment;
  }
}
