/** Patterns as trees: what parsers make and `compileProgram` takes. */

/** Code units, both ends included. */
export type CharRange = readonly [from: number, to: number];
export type CharSet = readonly CharRange[];

export type Node =
  | { readonly kind: 'char'; readonly set: CharSet }
  | { readonly kind: 'sequence'; readonly of: readonly Node[] }
  | { readonly kind: 'any'; readonly of: readonly Node[] }
  | { readonly kind: 'repeat'; readonly of: Node; readonly min: number; readonly max: number }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' };

/** A pattern that cannot be used; its message says why, and reads on behind the name of a field. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

export const CODE_MAX = 0xffff;

export function complementOf(set: CharSet): CharSet {
  const rest: CharRange[] = [];
  let next = 0;
  for (const [from, to] of set.toSorted((a, b) => a[0] - b[0])) {
    if (from > next) rest.push([next, from - 1]);
    next = Math.max(next, to + 1);
  }
  if (next <= CODE_MAX) rest.push([next, CODE_MAX]);
  return rest;
}
