import { pointerOf } from '../../schema/problem.ts';
import { isSameJson } from './canonical-json.ts';

/** One value that differs between two documents; `null`: not there. */
export interface Difference {
  /** JSON pointer; "" is the whole document. */
  readonly pointer: string;
  readonly before: unknown;
  readonly after: unknown;
}

/**
 * What differs between two JSON documents, as deep as both have the same shape: a field that came or went is named with all
 * that is in it, a list that grew or shrank as a whole.
 */
export function differences(before: unknown, after: unknown, pointer = ''): Difference[] {
  if (isSameJson(before, after)) return [];
  const parts = partsOf(before, after);
  if (parts === null) return [{ pointer, before: before ?? null, after: after ?? null }];
  return parts.flatMap(([name, a, b]) => differences(a, b, pointer + pointerOf(name)));
}

/** `null`: they are compared as one value. */
function partsOf(before: unknown, after: unknown): [name: string | number, before: unknown, after: unknown][] | null {
  if (Array.isArray(before) && Array.isArray(after)) {
    return before.length === after.length ? before.map((item, i) => [i, item, after[i]]) : null;
  }
  if (!isFields(before) || !isFields(after)) return null;
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.map((name) => [name, before[name], after[name]]);
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
