import { pointerParts } from '../../schema/problem.ts';
import type { Problem } from '../../schema/problem.ts';

/*
 * Names, sums and conflicts can only be checked in a configuration of the right form. An operator with one misspelt field
 * should still hear of everything else at once: so what has the wrong form is left out, and the rest is looked at.
 */

/**
 * A copy of `value` without what `problems` name, or `null` where too little is left. `check` says what is wrong with
 * the form of a value.
 */
export function soundPart(value: unknown, problems: readonly Problem[], check: (value: unknown) => Problem[]): unknown {
  const copy = structuredClone(value);
  for (const { path } of problems) remove(copy, pointerParts(path));
  // What could not be mended by leaving a field out (one is missing, a list entry is wrong) is left out with what it is in.
  for (const depth of WIDER_DEPTHS) {
    for (const { path } of check(copy)) remove(copy, pointerParts(path).slice(0, depth));
  }
  const left = check(copy);
  if (left.length === 0) return copy;
  // With no listener left that is right, the services still can be looked at.
  return isRecord(copy) && left.every(({ path }) => path === '/listeners') ? { ...copy, listeners: {} } : null;
}

/** Tells of a problem whether it may be there only because something in it or around it was left out. */
export function consequenceOf(leftOut: readonly Problem[]): (found: Problem) => boolean {
  const paths = new Set(leftOut.map(({ path }) => path));
  const outerPaths = new Set(leftOut.flatMap(({ path }) => prefixesOf(path)));
  return ({ path }) => outerPaths.has(path) || prefixesOf(path).some((prefix) => paths.has(prefix));
}

function remove(root: unknown, parts: readonly string[]): void {
  let parent = root;
  for (const part of parts.slice(0, -1)) parent = childOf(parent, part);
  const key = parts.at(-1);
  // Taking an entry out of a list would give the others new numbers.
  if (key === undefined || !isRecord(parent) || !Object.hasOwn(parent, key)) return;
  // An emptied pool is still one that splits and rules may name.
  if (parts.length === POOL_DEPTH && parts[0] === 'services' && parts[2] === 'pools') parent[key] = {};
  else delete parent[key];
}

/** "/services/shop/pools/blue" */
const POOL_DEPTH = 4;

/** A pool; a field of a service; a whole service or listener. */
const WIDER_DEPTHS = [POOL_DEPTH, 3, 2] as const;

function childOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** "/a/b": "", "/a", "/a/b" */
function prefixesOf(path: string): string[] {
  const parts = path.split('/');
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}
