/**
 * Whether a text matches a pattern, in time that grows with the length of the text and with nothing else that a client
 * chooses.
 *
 * A program's threads walk the text side by side. The set of steps that they stand at is a state, and where a state goes with a
 * class of characters is found out once and remembered: from then on a character costs one look-up. At most `STATES_MAX` states are
 * remembered; when there are more, the pattern forgets them all and begins anew. A text that needs many that are not known yet
 * is walked on without remembering, since finding a state out costs much more than passing through it. So the work for a
 * text is bounded by its length times the steps of the program (`STEPS_MAX`) whatever the text, and is one look-up per
 * character for nearly all.
 */
import type { Node } from './pattern-node.ts';
import { compileProgram, type Program } from './program.ts';
import { Simulation } from './simulation.ts';

/** States that are remembered: 64 KiB for a pattern of 64 classes. */
const STATES_MAX = 256;

/** States that are found out for one text. */
const NEW_STATES_MAX = 32;

/** Code units whose class is in a table; for others it is searched. */
const TABLE_CODES = 256;

const UNKNOWN = -1;
const DEAD = -2;
const MATCHED = -3;

export class Pattern {
  readonly #program: Program;
  readonly #classCount: number;
  readonly #classOf = new Uint16Array(TABLE_CODES);
  /** By state and class: the next state, or one of the constants above. */
  #table: Int32Array;
  /** The steps of each state that wait for a character or for the end of the text. */
  #states: (readonly number[])[] = [];
  /** 1: matches if the text ends here; 0: does not; UNKNOWN. */
  readonly #atEnd = new Int8Array(STATES_MAX);
  #byKey = new Map<string, number>();
  readonly #marks: Uint32Array;
  #mark = 0;
  #simulation: Simulation | null = null;
  #work = 0;

  readonly #newStatesMax: number;

  /** Throws a `PatternError` where the pattern is too long. */
  constructor(node: Node, newStatesMax = NEW_STATES_MAX) {
    this.#newStatesMax = newStatesMax;
    this.#program = compileProgram(node);
    const { borders, steps } = this.#program;
    this.#classCount = borders.length;
    this.#marks = new Uint32Array(steps.length);
    for (let code = 0; code < TABLE_CODES; code += 1) this.#classOf[code] = searchClass(borders, code);
    this.#table = new Int32Array(0);
  }

  /** Steps that were looked at, since the pattern was made: the work beyond look-ups. */
  get work(): number {
    return this.#work + (this.#simulation?.work ?? 0);
  }

  test(text: string): boolean {
    let state = this.#initial(text.length === 0);
    let newStates = 0;
    for (let i = 0; i < text.length; i += 1) {
      if (state < 0) return state === MATCHED;
      const kind = this.#kindOf(text.charCodeAt(i));
      const at = state * this.#classCount + kind;
      const known = this.#table[at] as number;
      if (known !== UNKNOWN) {
        state = known;
      } else if (newStates < this.#newStatesMax) {
        newStates += 1;
        state = this.#advance(state, kind, at);
      } else {
        return this.#simulate(text, i, state);
      }
    }
    return state < 0 ? state === MATCHED : this.#endsIn(state);
  }

  #kindOf(code: number): number {
    return code < TABLE_CODES ? (this.#classOf[code] as number) : searchClass(this.#program.borders, code);
  }

  #simulate(text: string, from: number, state: number): boolean {
    this.#simulation ??= new Simulation(this.#program);
    return this.#simulation.test(text, from, this.#states[state] as readonly number[], (code) => this.#kindOf(code));
  }

  /** State 0 is where every text begins; it is kept apart, since only there "^" holds. */
  #initial(isEnd: boolean): number {
    if (this.#states.length === 0) this.#forget();
    // "^" and "$" both hold in an empty text, wherever they stand.
    if (isEnd) return this.#closure([this.#program.first], true, true) === null ? MATCHED : DEAD;
    return this.#firstState;
  }

  #firstState = UNKNOWN;

  #forget(): void {
    this.#states = [];
    this.#byKey = new Map();
    this.#table = new Int32Array(STATES_MAX * this.#classCount).fill(UNKNOWN);
    this.#atEnd.fill(UNKNOWN);
    const steps = this.#closure([this.#program.first], true, false);
    this.#firstState = steps === null ? MATCHED : this.#remember(steps, '^');
  }

  #advance(state: number, kind: number, at: number): number {
    const code = this.#program.borders[kind] as number;
    const next: number[] = [];
    for (const index of this.#states[state] as readonly number[]) {
      this.#work += 1;
      const step = this.#program.steps[index];
      if (step?.kind === 'char' && step.set.some(([from, to]) => code >= from && code <= to)) next.push(step.next);
    }
    // A match may begin at every character.
    next.push(this.#program.first);
    const steps = this.#closure(next, false, false);
    const isFull = this.#states.length >= STATES_MAX;
    if (isFull) this.#forget();
    const found = steps === null ? MATCHED : this.#stateOf(steps);
    // What was forgotten has no row to write to.
    if (!isFull) this.#table[at] = found;
    return found;
  }

  #stateOf(steps: readonly number[]): number {
    if (steps.length === 0) return DEAD;
    const key = steps.join();
    return this.#byKey.get(key) ?? this.#remember(steps, key);
  }

  #remember(steps: readonly number[], key: string): number {
    const state = this.#states.length;
    this.#states.push(steps);
    this.#byKey.set(key, state);
    return state;
  }

  #endsIn(state: number): boolean {
    if (this.#atEnd[state] === UNKNOWN) {
      const steps = this.#states[state] as readonly number[];
      this.#atEnd[state] = this.#closure(steps, false, true) === null ? 1 : 0;
    }
    return this.#atEnd[state] === 1;
  }

  /** The waiting steps that can be come to without a character, sorted; null: the text has matched. */
  #closure(from: readonly number[], isStart: boolean, isEnd: boolean): number[] | null {
    const { steps } = this.#program;
    const waiting: number[] = [];
    const stack = [...from];
    this.#mark += 1;
    for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
      if (this.#marks[index] === this.#mark) continue;
      this.#marks[index] = this.#mark;
      this.#work += 1;
      const step = steps[index];
      if (step === undefined || step.kind === 'match') return null;
      if (step.kind === 'fork') stack.push(step.next, step.other);
      else if (step.kind === 'char') waiting.push(index);
      else if (step.kind === 'start' ? isStart : isEnd) stack.push(step.next);
      else if (step.kind === 'end') waiting.push(index);
    }
    return waiting.toSorted((a, b) => a - b);
  }
}

function searchClass(borders: readonly number[], code: number): number {
  let low = 0;
  let high = borders.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((borders[middle] as number) <= code) low = middle;
    else high = middle - 1;
  }
  return low;
}
