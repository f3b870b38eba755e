/**
 * Bytes of a head that has not come whole, or of a body that may have to be sent once more. Appending copies each byte
 * once on average, however small the pieces, so that what is sent byte by byte costs no more than its length: as a
 * list of pieces, each of which is an object with memory of its own, it would cost hundreds of times that.
 */
import { LF } from './bytes.ts';

const CAPACITY_MIN = 1024;

export class GatheredBytes {
  #bytes: Buffer = EMPTY;
  #start = 0;
  #end = 0;

  get buffer(): Buffer {
    return this.#bytes;
  }

  /** Index of the first byte in `buffer`: 0 unless some were dropped. */
  get start(): number {
    return this.#start;
  }

  /** Index after the last byte in `buffer`. */
  get end(): number {
    return this.#end;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** Returns whether the new bytes hold a line end: without one nothing more of a head can be read than before. */
  append(source: Buffer, from: number, to: number): boolean {
    this.add(source, from, to);
    const lineEnd = this.#bytes.indexOf(LF, this.#end - (to - from));
    return lineEnd >= 0 && lineEnd < this.#end;
  }

  add(source: Buffer, from: number, to: number): void {
    const count = to - from;
    if (this.#end + count > this.#bytes.length) {
      // A new buffer also where bytes at the front of this one were used: a socket may still be sending them.
      const grown = Buffer.allocUnsafeSlow(Math.max(this.length + count, this.length * 2, CAPACITY_MIN));
      this.#bytes.copy(grown, 0, this.#start, this.#end);
      this.#bytes = grown;
      this.#end -= this.#start;
      this.#start = 0;
    }
    source.copy(this.#bytes, this.#end, from, to);
    this.#end += count;
  }

  /** The bytes before `index` of `buffer` are used. */
  dropBefore(index: number): void {
    this.#start = index;
  }
}

const EMPTY = Buffer.alloc(0);
