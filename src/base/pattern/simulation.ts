/**
 * The threads of a program, walked one character at a time with nothing remembered: a few steps' work per thread and character,
 * however many states a text would make. What a `Pattern` does where remembering states does not pay.
 */
import type { Program } from './program.ts';

const CHAR = 0;
const FORK = 1;
const START = 2;
const END = 3;
const MATCH = 4;
const KINDS = { char: CHAR, fork: FORK, start: START, end: END, match: MATCH } as const;

export class Simulation {
  readonly #program: Program;
  // Flat copies of the steps: this is walked for each character.
  readonly #kinds: Uint8Array;
  readonly #next: Int32Array;
  readonly #other: Int32Array;
  /** By class of characters: whether each step takes it. Made when the class is first met. */
  readonly #takes: (Uint8Array | undefined)[] = [];
  readonly #marks: Uint32Array;
  readonly #stack: Int32Array;
  #mark = 0;
  /** Steps that were looked at, since it was made. */
  work = 0;
  /** Steps that wait for a character or for the end, and those of the character behind. */
  #waiting: Int32Array;
  #waitingCount = 0;
  #coming: Int32Array;

  constructor(program: Program) {
    const { steps } = program;
    this.#program = program;
    this.#kinds = Uint8Array.from(steps, ({ kind }) => KINDS[kind]);
    this.#next = Int32Array.from(steps, (step) => ('next' in step ? step.next : 0));
    this.#other = Int32Array.from(steps, (step) => ('other' in step ? step.other : 0));
    this.#marks = new Uint32Array(steps.length);
    // A step is looked at once for each character, and leaves two others behind at most.
    this.#stack = new Int32Array(2 * steps.length + 1);
    this.#waiting = new Int32Array(steps.length);
    this.#coming = new Int32Array(steps.length);
  }

  /** Goes on at the character `from`, past the first, with threads at these steps. */
  test(text: string, from: number, steps: readonly number[], classOf: (code: number) => number): boolean {
    this.#waiting.set(steps);
    this.#waitingCount = steps.length;
    for (let i = from; i < text.length; i += 1) {
      if (this.#takeChar(classOf(text.charCodeAt(i)))) return true;
    }
    this.#mark += 1;
    for (let i = 0; i < this.#waitingCount; i += 1) {
      const index = this.#waiting[i] as number;
      if (this.#kinds[index] === END && this.#reach(this.#next[index] as number, 0, true) < 0) return true;
    }
    return false;
  }

  /** Whether the text has matched. */
  #takeChar(kind: number): boolean {
    const takes = (this.#takes[kind] ??= this.#takesOf(kind));
    const waiting = this.#waiting;
    let count = 0;
    this.#mark += 1;
    this.work += this.#waitingCount;
    for (let i = 0; i < this.#waitingCount; i += 1) {
      const index = waiting[i] as number;
      if (takes[index] === 0) continue;
      count = this.#reach(this.#next[index] as number, count, false);
      if (count < 0) return true;
    }
    // A match may begin at every character.
    count = this.#reach(this.#program.first, count, false);
    if (count < 0) return true;
    this.#waiting = this.#coming;
    this.#coming = waiting;
    this.#waitingCount = count;
    return false;
  }

  /** Adds to the coming steps what can be come to without a character. Returns how many there are then; -1: a match. */
  #reach(from: number, found: number, isEnd: boolean): number {
    const stack = this.#stack;
    let count = found;
    let depth = 0;
    stack[depth++] = from;
    while (depth > 0) {
      const index = stack[--depth] as number;
      if (this.#marks[index] === this.#mark) continue;
      this.#marks[index] = this.#mark;
      this.work += 1;
      const kind = this.#kinds[index];
      if (kind === MATCH) return -1;
      if (kind === FORK) {
        stack[depth++] = this.#next[index] as number;
        stack[depth++] = this.#other[index] as number;
      } else if (kind === END && isEnd) {
        stack[depth++] = this.#next[index] as number;
      } else if (kind !== START) {
        this.#coming[count++] = index;
      }
    }
    return count;
  }

  #takesOf(kind: number): Uint8Array {
    const code = this.#program.borders[kind] as number;
    return Uint8Array.from(this.#program.steps, (step) =>
      step.kind === 'char' && step.set.some(([from, to]) => code >= from && code <= to) ? 1 : 0,
    );
  }
}
