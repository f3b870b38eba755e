import { pointerOf } from '../../schema/problem.ts';
import { RequestError } from './request-error.ts';

/** Deepest nesting of objects and lists; the deepest document of the API has 7. */
export const JSON_DEPTH_MAX = 16;

/** Keys that turn into something else when objects are merged. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor']);

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * One JSON document (RFC 8259) from bytes; throws a `RequestError` that says where it is not one.
 *
 * `JSON.parse` alone would let the last of two equal keys win: then what a person or a gateway has checked need not be what
 * takes effect. So the text, once known to be JSON, is walked over once more for its keys and its depth.
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  const text = decode(bytes);
  if (text.trim() === '') throw new RequestError('malformed-body', 'The body is empty; a JSON document is needed.');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RequestError('malformed-body', `The body is not JSON: ${reasonOf(error)}.`);
  }
  checkKeysAndDepth(text);
  return value;
}

/** Without the piece of the text that V8 quotes: a secret may stand there, and refusals are put on record. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it cannot be read';
  return error.message.replace(/, (?:\.{3})?"[\s\S]*"(?:\.{3})? is not valid JSON$/, '');
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new RequestError('malformed-body', 'The body is not text in UTF-8.');
  }
}

interface Container {
  /** The keys seen so far; `null`: a list. */
  readonly keys: Set<string> | null;
  /** The key or index of the value that is being read. */
  at: string | number;
  /** Whether the next string of an object is a key. */
  isKeyNext: boolean;
}

/** `text` is valid JSON. */
function checkKeysAndDepth(text: string): void {
  const open: Container[] = [];
  for (let i = 0; i < text.length; i++) {
    const top = open.at(-1);
    switch (text[i]) {
      case '{':
        open.push({ keys: new Set(), at: '', isKeyNext: true });
        checkDepth(open);
        break;
      case '[':
        open.push({ keys: null, at: 0, isKeyNext: false });
        checkDepth(open);
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case ',':
        if (top?.keys === null) top.at = Number(top.at) + 1;
        else if (top !== undefined) top.isKeyNext = true;
        break;
      case '"': {
        const end = endOfString(text, i);
        if (top?.isKeyNext === true) takeKey(open, top, JSON.parse(text.slice(i, end)) as string);
        i = end - 1;
        break;
      }
      default:
    }
  }
}

/** The index after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i + 1;
}

function takeKey(open: readonly Container[], top: Container, key: string): void {
  top.at = key;
  top.isKeyNext = false;
  const path = pointerOf(...open.map((container) => container.at));
  if (FORBIDDEN_KEYS.has(key)) {
    throw refusal({ path, message: `the key "${key}" is not allowed anywhere` });
  }
  if (top.keys?.has(key) === true) throw refusal({ path, message: `the key "${key}" stands here twice` });
  top.keys?.add(key);
}

function checkDepth(open: readonly Container[]): void {
  if (open.length <= JSON_DEPTH_MAX) return;
  const path = pointerOf(...open.slice(0, -1).map((container) => container.at));
  throw refusal({ path, message: `is nested deeper than ${JSON_DEPTH_MAX} levels` });
}

function refusal(problem: { path: string; message: string }): RequestError {
  return new RequestError('malformed-body', 'The body is JSON that is not accepted.', [problem]);
}
