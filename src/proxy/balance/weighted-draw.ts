/** Draws by weight, with one number per draw and in log n steps; equal weights need no search. */
export class WeightedDraw {
  /** The sum of the weights up to and with each one. */
  readonly #sums: Float64Array;
  readonly #areEqual: boolean;

  constructor(weights: readonly number[]) {
    this.#sums = new Float64Array(weights.length);
    let sum = 0;
    for (let i = 0; i < weights.length; i++) {
      sum += weights[i] as number;
      this.#sums[i] = sum;
    }
    this.#areEqual = weights.every((weight) => weight === weights[0]);
  }

  /** `drawn` is from [0, 1). */
  index(drawn: number): number {
    return this.#areEqual ? Math.floor(drawn * this.#sums.length) : this.#indexAt(drawn * this.#sumAt(-1));
  }

  /** As if `without`, which is one of two or more, were not there. */
  indexWithout(drawn: number, without: number): number {
    const from = without === 0 ? 0 : this.#sumAt(without - 1);
    const weight = this.#sumAt(without) - from;
    const at = drawn * (this.#sumAt(-1) - weight);
    return this.#indexAt(at < from ? at : at + weight);
  }

  #sumAt(index: number): number {
    return this.#sums[index < 0 ? this.#sums.length + index : index] as number;
  }

  /** The first whose sum is above `at`. */
  #indexAt(at: number): number {
    let from = 0;
    let to = this.#sums.length - 1;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#sums[middle] as number) > at) {
        to = middle;
      } else {
        from = middle + 1;
      }
    }
    return from;
  }
}
