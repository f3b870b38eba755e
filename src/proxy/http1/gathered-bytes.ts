/**
 * Bytes of a head that has not come whole, or of a body that may have to be sent once more. Appending copies each byte
 * once on average, however small the pieces, so that what is sent byte by byte costs no more than its length: as a
 * list of pieces, each of which is an object with memory of its own, it would cost hundreds of times that.
 */
import { LF } from './bytes.ts';

const CAPACITY_MIN = 1024;

export class GatheredBytes {
  #bytes: Buffer = EMPTY;
  #length = 0;

  get buffer(): Buffer {
    return this.#bytes;
  }

  get length(): number {
    return this.#length;
  }

  /** Returns whether the new bytes hold a line end: without one nothing more of a head can be read than before. */
  append(source: Buffer, from: number, to: number): boolean {
    const before = this.#length;
    this.add(source, from, to);
    const lineEnd = this.#bytes.indexOf(LF, before);
    return lineEnd >= 0 && lineEnd < this.#length;
  }

  add(source: Buffer, from: number, to: number): void {
    const needed = this.#length + to - from;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2, CAPACITY_MIN));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    source.copy(this.#bytes, this.#length, from, to);
    this.#length = needed;
  }

  /** Drops the first `count` bytes. */
  consume(count: number): void {
    if (count >= this.#length) {
      this.clear();
    } else {
      this.#bytes.copyWithin(0, count, this.#length);
      this.#length -= count;
    }
  }

  clear(): void {
    this.#bytes = EMPTY;
    this.#length = 0;
  }
}

const EMPTY = Buffer.alloc(0);
