/**
 * Which of many texts are in another, found in one walk over it however many they are (A. Aho and M. Corasick, "Efficient
 * String Matching", CACM 1975): a step for each character, from the longest beginning of one of them that ends here to the
 * next.
 */
export class LiteralFinder {
  readonly #steps: Map<number, number>[] = [new Map()];
  /** Of each step, the texts that end there, by number, those inside of others included. */
  readonly #ending: (readonly number[])[] = [[]];
  readonly #fallbacks: number[] = [0];
  readonly #literals: readonly string[];

  constructor(literals: readonly string[]) {
    this.#literals = literals;
    literals.forEach((literal, number) => {
      const end = this.#write(literal);
      this.#ending[end] = [...(this.#ending[end] as readonly number[]), number];
    });
    this.#linkFallbacks();
  }

  get size(): number {
    return this.#literals.length;
  }

  /** Adds the numbers of all texts that `text` has in it to `found`, some more than once. */
  find(text: string, found: number[]): void {
    let step = 0;
    for (let i = 0; i < text.length; i += 1) {
      step = this.#after(step, text.charCodeAt(i));
      const ending = this.#ending[step] as readonly number[];
      for (let k = 0; k < ending.length; k += 1) found.push(ending[k] as number);
    }
  }

  #after(from: number, code: number): number {
    for (let step = from; ; step = this.#fallbacks[step] as number) {
      const next = (this.#steps[step] as Map<number, number>).get(code);
      if (next !== undefined) return next;
      if (step === 0) return 0;
    }
  }

  /** Returns the step where it ends. */
  #write(literal: string): number {
    let step = 0;
    for (let i = 0; i < literal.length; i += 1) {
      const steps = this.#steps[step] as Map<number, number>;
      const code = literal.charCodeAt(i);
      const known = steps.get(code);
      step = known ?? this.#steps.push(new Map()) - 1;
      if (known !== undefined) continue;
      steps.set(code, step);
      this.#ending.push([]);
      this.#fallbacks.push(0);
    }
    return step;
  }

  /** To the longest end of what was read that begins a text too; shorter ones first, which longer ones go by. */
  #linkFallbacks(): void {
    const waiting = [0];
    for (const step of waiting) {
      for (const [code, next] of this.#steps[step] as Map<number, number>) {
        const fallback = step === 0 ? 0 : this.#after(this.#fallbacks[step] as number, code);
        this.#fallbacks[next] = fallback;
        this.#ending[next] = [
          ...(this.#ending[next] as readonly number[]),
          ...(this.#ending[fallback] as readonly number[]),
        ];
        waiting.push(next);
      }
    }
  }
}
