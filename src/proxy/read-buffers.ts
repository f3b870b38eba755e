/**
 * Memory that the connections of one worker read into, used again once all that was read into it has been sent.
 *
 * Memory that is taken anew for every read is found again by the collector alone, which looks through the whole heap for
 * every few dozen MiB: of the time that passing on 1 MiB took, that was half.
 */

/**
 * Pieces up to this are copied into the text that is sent, so that nobody holds on to their memory: it is cheaper than
 * handing the kernel a second buffer.
 */
export const INLINE_BYTES_MAX = 4096;

/** Given back memory that is kept, of all lengths together. */
const FREE_BYTES_MAX = 32 * 1024 * 1024;
/** Given back while something in it was still to be sent; what is more than that is left to the collector. */
const LENT_MAX = 128;
/** How many of these are looked at for one that is free by now, the oldest first. */
const LOOKED_AT_MAX = 4;

/** Sends bytes that lie in somebody else's memory. */
export interface Sender {
  /** How many bytes it was given in all. */
  readonly given: number;
  /** Whether the first `given` of them need their memory no more. */
  hasSent(given: number): boolean;
}

/** Of which nothing is known: what it holds is never used again. */
export const UNKNOWN_SENDER: Sender = { given: 0, hasSent: () => false };

interface Lent {
  readonly buffer: Buffer;
  readonly sender: Sender;
  readonly given: number;
}

export class ReadBuffers {
  readonly #free = new Map<number, Buffer[]>();
  #freeBytes = 0;
  readonly #lent: Lent[] = [];

  take(bytes: number): Buffer {
    const free = this.#free.get(bytes)?.pop();
    if (free !== undefined) {
      this.#freeBytes -= bytes;
      return free;
    }
    return this.#takeSent(bytes) ?? Buffer.allocUnsafeSlow(bytes);
  }

  #takeSent(bytes: number): Buffer | null {
    for (let i = 0; i < this.#lent.length && i < LOOKED_AT_MAX; i++) {
      const { buffer, sender, given } = this.#lent[i] as Lent;
      if (sender.hasSent(given)) {
        this.#lent.splice(i, 1);
        i--;
        if (buffer.length === bytes) {
          return buffer;
        }
        this.#keep(buffer);
      }
    }
    return null;
  }

  /** `sender` holds on to what is in it, up to the byte that was its last one then; null: nobody does. */
  giveBack(buffer: Buffer, sender: Sender | null, given: number): void {
    if (sender === null) {
      this.#keep(buffer);
    } else if (sender !== UNKNOWN_SENDER && this.#lent.length < LENT_MAX) {
      this.#lent.push({ buffer, sender, given });
    }
  }

  #keep(buffer: Buffer): void {
    if (this.#freeBytes + buffer.length > FREE_BYTES_MAX) {
      return;
    }
    this.#freeBytes += buffer.length;
    const free = this.#free.get(buffer.length);
    if (free === undefined) {
      this.#free.set(buffer.length, [buffer]);
    } else {
      free.push(buffer);
    }
  }
}
