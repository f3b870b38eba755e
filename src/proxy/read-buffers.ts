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
/** Given back while something in it was still to be sent; what does not fit in is left to the collector. */
const LENT_BYTES_MAX = 32 * 1024 * 1024;
/** How many of these are looked at for one that is free by now, in turn. */
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
  #lentBytes = 0;
  /** Of those lent, whose turn it is to be looked at. */
  #hand = 0;

  take(bytes: number): Buffer {
    const free = this.#free.get(bytes)?.pop();
    if (free !== undefined) {
      this.#freeBytes -= bytes;
      return free;
    }
    return this.#takeSent(bytes) ?? Buffer.allocUnsafeSlow(bytes);
  }

  #takeSent(bytes: number): Buffer | null {
    for (let looked = 0; looked < LOOKED_AT_MAX && this.#lent.length > 0; looked++) {
      const sent = this.#nextIfSent();
      if (sent?.length === bytes) {
        return sent;
      }
      if (sent !== null) {
        this.#keep(sent);
      }
    }
    return null;
  }

  /** What of those lent has its turn, if nothing in it is left to be sent. */
  #nextIfSent(): Buffer | null {
    if (this.#hand >= this.#lent.length) {
      this.#hand = 0;
    }
    const { buffer, sender, given } = this.#lent[this.#hand] as Lent;
    if (sender.hasSent(given)) {
      this.#forget(this.#hand);
      return buffer;
    }
    this.#hand++;
    return null;
  }

  #forget(place: number): void {
    this.#lentBytes -= (this.#lent[place] as Lent).buffer.length;
    const last = this.#lent.pop() as Lent;
    if (place < this.#lent.length) {
      this.#lent[place] = last;
    }
  }

  /** `sender` holds on to what is in it, up to the byte that was its last one then; null: nobody does. */
  giveBack(buffer: Buffer, sender: Sender | null, given: number): void {
    if (sender === null) {
      this.#keep(buffer);
    } else if (sender !== UNKNOWN_SENDER) {
      this.#lend({ buffer, sender, given });
    }
  }

  /** One that has long been out makes room: many clients that take nothing must not keep the others from using memory again. */
  #lend(lent: Lent): void {
    while (this.#lent.length > 0 && this.#lentBytes + lent.buffer.length > LENT_BYTES_MAX) {
      const sent = this.#nextIfSent();
      if (sent === null) {
        this.#forget(this.#hand - 1);
      } else {
        this.#keep(sent);
      }
    }
    this.#lent.push(lent);
    this.#lentBytes += lent.buffer.length;
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
