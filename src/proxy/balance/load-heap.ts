/**
 * Candidates by a number, the lowest first, of those with the same number the one whose turn is earlier. A binary heap
 * that knows where everyone is, so that a number that changes costs a few steps and nobody is ever searched for.
 */
export class LoadHeap {
  /** Candidates' indices: nobody's number is lower than that of its parent, at half its position. */
  readonly #order: Int32Array;
  /** Where in `#order` each candidate is. */
  readonly #position: Int32Array;
  readonly #key: Float64Array;
  readonly #turn: Float64Array;
  #nextTurn: number;

  /** The candidate `first` has the first turn, and the others follow in order. */
  constructor(keys: Float64Array, first: number) {
    const size = keys.length;
    this.#order = Int32Array.from(keys.keys());
    this.#position = Int32Array.from(keys.keys());
    this.#key = keys;
    this.#turn = Float64Array.from(keys, (_, index) => (index + size - first) % size);
    this.#nextTurn = size;
    this.#arrange();
  }

  /** -1: it is empty. */
  get lowest(): number {
    return this.#order[0] ?? -1;
  }

  /** The lowest but for `avoided`; -1: there is no other. */
  lowestBut(avoided: number): number {
    const order = this.#order;
    if (order[0] !== avoided) {
      return order[0] ?? -1;
    }
    if (order.length < 3) {
      return order[1] ?? -1;
    }
    const [one, other] = [order[1] as number, order[2] as number];
    return this.#isBefore(one, other) ? one : other;
  }

  keyOf(index: number): number {
    return this.#key[index] as number;
  }

  update(index: number, key: number): void {
    const before = this.#key[index] as number;
    this.#key[index] = key;
    if (key < before) {
      this.#rise(this.#position[index] as number, index);
    } else if (key > before) {
      this.#sink(this.#position[index] as number, index);
    }
  }

  /** Puts it behind all others of the same number. */
  endTurn(index: number): void {
    this.#turn[index] = this.#nextTurn++;
    this.#sink(this.#position[index] as number, index);
  }

  /** Gives everyone a new number. */
  rearrange(keyOf: (index: number) => number): void {
    for (let index = 0; index < this.#key.length; index++) {
      this.#key[index] = keyOf(index);
    }
    this.#arrange();
  }

  #arrange(): void {
    for (let at = (this.#order.length >> 1) - 1; at >= 0; at--) {
      this.#sink(at, this.#order[at] as number);
    }
  }

  #isBefore(a: number, b: number): boolean {
    const keyA = this.#key[a] as number;
    const keyB = this.#key[b] as number;
    return keyA < keyB || (keyA === keyB && (this.#turn[a] as number) < (this.#turn[b] as number));
  }

  #rise(from: number, index: number): void {
    const order = this.#order;
    let at = from;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = order[parentAt] as number;
      if (!this.#isBefore(index, parent)) {
        break;
      }
      this.#put(at, parent);
      at = parentAt;
    }
    this.#put(at, index);
  }

  #sink(from: number, index: number): void {
    const order = this.#order;
    const size = order.length;
    let at = from;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= size) {
        break;
      }
      if (childAt + 1 < size && this.#isBefore(order[childAt + 1] as number, order[childAt] as number)) {
        childAt++;
      }
      const child = order[childAt] as number;
      if (!this.#isBefore(child, index)) {
        break;
      }
      this.#put(at, child);
      at = childAt;
    }
    this.#put(at, index);
  }

  #put(at: number, index: number): void {
    this.#order[at] = index;
    this.#position[index] = at;
  }
}
