import { LineCounter, isAlias, isMap, isPair, isScalar, isSeq, parseDocument, visit } from 'yaml';
import type { Document, Node, Pair, YAMLError, YAMLMap, YAMLWarning } from 'yaml';

import { pointerOf, pointerParts } from '../../schema/problem.ts';
import type { Problem } from '../../schema/problem.ts';

/** A problem, and where in the file it is. */
export interface LocatedProblem {
  /** JSON pointer. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  readonly message: string;
}

export type ReadDocument =
  | { readonly isReadable: false; readonly problems: readonly LocatedProblem[] }
  | {
      readonly isReadable: true;
      readonly value: unknown;
      /** What is wrong although the document can be read. */
      readonly problems: readonly LocatedProblem[];
      /** Where a problem with `value` is in the text. */
      locate(problem: Problem): LocatedProblem;
    };

/** Copies that aliases may make of one anchor: a few lines of YAML could else stand for gigabytes. */
const ALIASES_MAX = 1_000;

/** One slip makes the reader stumble over all that follows: what comes after the first few is noise. */
const SYNTAX_PROBLEMS_MAX = 5;

/** A YAML or JSON text as a value that remembers its lines. */
export function readDocument(text: string): ReadDocument {
  const lines = new LineCounter();
  let document: Document.Parsed;
  try {
    // Duplicate keys are looked for below, where the path to them is known.
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  } catch (error) {
    if (error instanceof RangeError)
      return unreadable([{ path: '', line: 1, column: 1, message: 'is nested too deeply' }]);
    throw error;
  }
  const at = (offset: number) => positionAt(lines, offset);
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) {
    return unreadable(syntaxProblems(broken, at));
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (error) {
    // An alias without its anchor, or too many of them.
    const message = `is not valid YAML: ${error instanceof Error ? error.message : String(error)}`;
    return unreadable([{ path: '', ...at(brokenAliasOffset(document)), message }]);
  }
  return {
    isReadable: true,
    value,
    problems: duplicateKeys(document).map(({ offset, ...problem }) => ({ ...problem, ...at(offset) })),
    locate: ({ path, message, atKey = false }) => ({ path, ...at(offsetOf(document, path, atKey)), message }),
  };
}

function syntaxProblems(
  errors: readonly (YAMLError | YAMLWarning)[],
  at: (offset: number) => { line: number; column: number },
): LocatedProblem[] {
  const found = new Map<number, LocatedProblem>();
  for (const error of errors) {
    const position = at(error.pos[0]);
    if (!found.has(position.line)) found.set(position.line, { path: '', ...position, message: syntaxMessage(error) });
    if (found.size === SYNTAX_PROBLEMS_MAX) break;
  }
  return [...found.values()];
}

function syntaxMessage({ code, message }: YAMLError | YAMLWarning): string {
  if (code === 'MULTIPLE_DOCS') return 'holds a second document; a configuration is one';
  if (message.includes('call stack')) return 'is nested too deeply';
  return `is not valid YAML or JSON: ${message}`;
}

function unreadable(problems: readonly LocatedProblem[]): ReadDocument {
  return { isReadable: false, problems };
}

function positionAt(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** Offset of the first alias whose anchor is nowhere before it; 0 if there is none. */
function brokenAliasOffset(document: Document.Parsed): number {
  let offset = 0;
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return undefined;
      offset = startOf(alias) ?? 0;
      return visit.BREAK;
    },
  });
  return offset;
}

/** Offset of what a pointer names, or of the innermost thing around it that is there. */
function offsetOf(document: Document.Parsed, path: string, atKey: boolean): number {
  const parts = pointerParts(path);
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, part] of parts.entries()) {
    const container = isAlias(node) ? node.resolve(document) : node;
    if (isMap(container)) {
      const pair = lastPair(container, part);
      if (pair === undefined) return offset;
      // A block of lines is found by its name; only a single value is worth pointing at itself.
      const isKeyMeant = (atKey && depth === parts.length - 1) || !isScalar(pair.value) || pair.value.value === null;
      offset = (isKeyMeant ? startOf(pair.key) : startOf(pair.value)) ?? offset;
      node = pair.value;
    } else if (isSeq(container)) {
      node = container.items[Number(part)];
      offset = startOf(node) ?? offset;
    }
  }
  return offset;
}

/** Of several pairs with the same key the last is the one whose value counts. */
function lastPair(map: YAMLMap, key: string): Pair | undefined {
  return map.items.findLast((pair) => keyOf(pair) === key);
}

/** As it will be a key of the object; `null` for a key that is a list or a map. */
function keyOf(pair: Pair): string | null {
  return isScalar(pair.key) ? String(pair.key.value) : null;
}

function startOf(node: unknown): number | null {
  return (node as Partial<Node> | null | undefined)?.range?.[0] ?? null;
}

interface DuplicateKey {
  readonly path: string;
  readonly offset: number;
  readonly message: string;
}

function duplicateKeys(document: Document.Parsed): DuplicateKey[] {
  const found: DuplicateKey[] = [];
  visit(document, {
    Map(_, map, ancestors) {
      const seen = new Set<string | null>();
      for (const pair of map.items) {
        const key = keyOf(pair);
        if (seen.has(key) && key !== null) {
          const path = pathTo([...ancestors, map]) + pointerOf(key);
          found.push({
            path,
            offset: startOf(pair.key) ?? 0,
            message: `the field "${key}" is given twice; only one of them can count`,
          });
        }
        seen.add(key);
      }
    },
  });
  return found;
}

/** Pointer to the last of a chain of nodes, each of which holds the next. */
function pathTo(chain: readonly unknown[]): string {
  return chain
    .map((node, i) => {
      if (isPair(node)) return pointerOf(keyOf(node) ?? '');
      if (isSeq(node) && i + 1 < chain.length) return pointerOf(node.items.indexOf(chain[i + 1]));
      return '';
    })
    .join('');
}
