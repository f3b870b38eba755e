/**
 * A pattern as a program for many threads that walk a text side by side (Thompson, "Regular Expression Search Algorithm",
 * CACM 1968): a step of the program either takes one character or branches. No thread ever goes back.
 */
import { type CharSet, CODE_MAX, type Node, PatternError } from './pattern-node.ts';

/** Steps of one program: together with the length of a text, the bound of the work that it can make. */
export const STEPS_MAX = 1_000;

export type Step =
  | { readonly kind: 'char'; readonly set: CharSet; readonly next: number }
  | { readonly kind: 'fork'; readonly next: number; readonly other: number }
  | { readonly kind: 'start' | 'end'; readonly next: number }
  | { readonly kind: 'match' };

export interface Program {
  readonly steps: readonly Step[];
  readonly first: number;
  /** Where the classes of characters that no step tells apart begin: sorted, the first is 0. */
  readonly borders: readonly number[];
}

/** Throws a `PatternError` where the program would be too long. */
export function compileProgram(node: Node): Program {
  const steps: Step[] = [{ kind: 'match' }];
  const first = emit(node, 0, steps);
  return { steps, first, borders: bordersOf(steps) };
}

/** Writes `node` in front of the step `next`. Returns its first step. */
function emit(node: Node, next: number, steps: Step[]): number {
  switch (node.kind) {
    case 'char':
      return push({ kind: 'char', set: node.set, next }, steps);
    case 'start':
    case 'end':
      return push({ kind: node.kind, next }, steps);
    case 'sequence':
      return node.of.reduceRight((behind, part) => emit(part, behind, steps), next);
    case 'any':
      return node.of
        .map((branch) => emit(branch, next, steps))
        .reduceRight((other, branch) => push({ kind: 'fork', next: branch, other }, steps));
    case 'repeat':
      return emitRepeat(node, next, steps);
  }
}

function emitRepeat({ of, min, max }: Extract<Node, { kind: 'repeat' }>, next: number, steps: Step[]): number {
  let first = next;
  if (max === Infinity) {
    // The loop comes first, since what is inside of it leads back to it.
    const loop = push({ kind: 'fork', next: 0, other: next }, steps);
    const inside = emit(of, loop, steps);
    steps[loop] = { kind: 'fork', next: inside, other: next };
    first = loop;
  } else {
    for (let i = min; i < max; i += 1) first = push({ kind: 'fork', next: emit(of, first, steps), other: next }, steps);
  }
  for (let i = 0; i < min; i += 1) first = emit(of, first, steps);
  return first;
}

function push(step: Step, steps: Step[]): number {
  if (steps.length >= STEPS_MAX) throw new PatternError(`is too long: it comes down to more than ${STEPS_MAX} steps`);
  steps.push(step);
  return steps.length - 1;
}

function bordersOf(steps: readonly Step[]): number[] {
  const borders = new Set([0]);
  for (const step of steps) {
    if (step.kind !== 'char') continue;
    for (const [from, to] of step.set) {
      borders.add(from);
      if (to < CODE_MAX) borders.add(to + 1);
    }
  }
  return [...borders].toSorted((a, b) => a - b);
}
