/**
 * The streams of a session that are under way, by their numbers. A `Map` that entries come to and go from all the time makes a
 * new table again and again, each of which the collector follows from the one before (see `Roster`); this one is made anew
 * only when it grows.
 */

interface Numbered {
  readonly id: number;
}

/** A power of two. */
const SLOTS_MIN = 16;

export class StreamTable<S extends Numbered> {
  /** Each stream is at the slot of its number or behind it, with no gap between. */
  #slots: (S | null)[] = new Array<S | null>(SLOTS_MIN).fill(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): S | null {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = (id >> 1) & mask; ; slot = (slot + 1) & mask) {
      const stream = slots[slot] as S | null;
      if (stream === null || stream.id === id) {
        return stream;
      }
    }
  }

  add(stream: S): void {
    if (this.#size * 2 >= this.#slots.length) {
      this.#grow();
    }
    this.#place(stream);
    this.#size++;
  }

  #place(stream: S): void {
    const mask = this.#slots.length - 1;
    let slot = (stream.id >> 1) & mask;
    while (this.#slots[slot] !== null) {
      slot = (slot + 1) & mask;
    }
    this.#slots[slot] = stream;
  }

  #grow(): void {
    const before = this.all();
    this.#slots = new Array<S | null>(this.#slots.length * 2).fill(null);
    for (const stream of before) {
      this.#place(stream);
    }
  }

  /** Does nothing to what is not in it. */
  delete(id: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = (id >> 1) & mask;
    while (slots[slot] !== null && slots[slot]?.id !== id) {
      slot = (slot + 1) & mask;
    }
    if (slots[slot] !== null) {
      this.#size--;
      this.#closeGap(slot, mask);
    }
  }

  /** What was put behind the gap because its slot was taken moves forward. */
  #closeGap(gapAt: number, mask: number): void {
    const slots = this.#slots;
    let gap = gapAt;
    for (let slot = (gap + 1) & mask; slots[slot] !== null; slot = (slot + 1) & mask) {
      const home = ((slots[slot] as S).id >> 1) & mask;
      if (((slot - home) & mask) >= ((slot - gap) & mask)) {
        slots[gap] = slots[slot] as S;
        gap = slot;
      }
    }
    slots[gap] = null;
  }

  /** What is in it at this moment, in no order. */
  all(): S[] {
    return this.#slots.filter((stream) => stream !== null);
  }
}
