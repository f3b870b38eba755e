/**
 * What a request must have for a condition to hold: one of some keys that can be looked up in a map. Rules are found by
 * it without being asked one by one. A guard may promise too little, never too much: a request without any of the keys does not match.
 */
import { parseGlob } from '../../base/pattern/parse-glob.ts';
import { parseRegex } from '../../base/pattern/parse-regex.ts';
import { requiredLiteral } from '../../base/pattern/required-literal.ts';
import type { ConditionSpec, TextMatchSpec } from '../../snapshot/rule-spec.ts';

export type GuardKind = 'path' | 'path-prefix' | 'path-part' | 'header' | 'cookie' | 'query' | 'client-ip' | 'method';

export interface GuardKey {
  readonly kind: GuardKind;
  /** Of a header field, cookie or parameter; "" for the other kinds. */
  readonly name: string;
  readonly value: string;
}

export interface Guard {
  readonly keys: readonly GuardKey[];
  /** How few requests it lets through, by its kind: the lower the fewer. */
  readonly rank: number;
}

const RANKS: Readonly<Record<GuardKind, number>> = {
  path: 0,
  header: 1,
  cookie: 1,
  query: 1,
  'path-prefix': 2,
  'path-part': 2,
  'client-ip': 3,
  method: 4,
};

/** More keys than this are more to keep than to ask. */
const KEYS_MAX = 256;

/** Null where nothing that can be looked up is needed. */
export function guardOf(spec: ConditionSpec): Guard | null {
  switch (spec.kind) {
    case 'all':
      return bestOf(spec.of.map(guardOf));
    case 'any':
      return unionOf(spec.of.map(guardOf));
    case 'method':
      return guard('method', '', spec.methods);
    case 'path':
      return pathGuard(spec.match);
    case 'header':
    case 'cookie':
    case 'query':
      return exactGuard(spec.kind, spec.name, spec.match);
    case 'client-ip':
      return spec.sets.length > 0 || spec.blocks.length === 0 ? null : guard('client-ip', '', spec.blocks);
    default:
      return null;
  }
}

function guard(kind: GuardKind, name: string, values: readonly string[]): Guard | null {
  return values.length > KEYS_MAX ? null : { keys: values.map((value) => ({ kind, name, value })), rank: RANKS[kind] };
}

function bestOf(guards: readonly (Guard | null)[]): Guard | null {
  return guards.reduce((best, one) => (one !== null && (best === null || one.rank < best.rank) ? one : best), null);
}

/** One that needs nothing lets everything through. */
function unionOf(guards: readonly (Guard | null)[]): Guard | null {
  const keys: GuardKey[] = [];
  let rank = 0;
  for (const one of guards) {
    if (one === null) {
      return null;
    }
    keys.push(...one.keys);
    rank = Math.max(rank, one.rank);
  }
  return keys.length > KEYS_MAX ? null : { keys, rank };
}

function exactGuard(kind: GuardKind, name: string, match: TextMatchSpec): Guard | null {
  if (match.kind === 'exact') {
    return guard(kind, name, [match.text]);
  }
  return match.kind === 'in' ? guard(kind, name, match.texts) : null;
}

function pathGuard(match: TextMatchSpec): Guard | null {
  const prefix = prefixOf(match);
  if (prefix !== null) {
    // What must lie below "/" need not lie anywhere.
    return prefix === '/' ? null : guard('path-prefix', '', [prefix]);
  }
  const part = partOf(match);
  return part === null ? exactGuard('path', '', match) : guard('path-part', '', [part]);
}

/** What every path that matches has in it somewhere; null: that cannot be told. */
function partOf(match: TextMatchSpec): string | null {
  switch (match.kind) {
    case 'path-glob':
      return requiredLiteral(parseGlob(match.text, true));
    case 'regex':
      return requiredLiteral(parseRegex(match.text));
    default:
      return null;
  }
}

/** What every path that matches is or lies below; null: that cannot be told. */
function prefixOf(match: TextMatchSpec): string | null {
  switch (match.kind) {
    case 'path-prefix':
      return match.text;
    case 'path-glob':
      return wholeSegments(/^[^*?]*/.exec(match.text)?.[0] ?? '', match.text);
    case 'regex':
      return match.text.includes('|') ? null : wholeSegments(literalStart(match.text), '');
    default:
      return null;
  }
}

/** The characters that a regular expression anchored at the start asks for before anything else. */
function literalStart(source: string): string {
  const found = /^\^([\w/-]+)([*+?{]?)/.exec(source);
  const literal = found?.[1] ?? '';
  return found?.[2] === '' ? literal : literal.slice(0, -1);
}

/** `literal` up to its last "/", which is followed by something of the same or a deeper segment. */
function wholeSegments(literal: string, whole: string): string | null {
  if (literal === whole && literal !== '') {
    return null;
  }
  const end = literal.lastIndexOf('/');
  return end > 0 ? literal.substring(0, end) : null;
}
