/** Comparisons of a text of the request; null stands for one that is not there. */
import { parseGlob } from '../../base/pattern/parse-glob.ts';
import { parseRegex } from '../../base/pattern/parse-regex.ts';
import { Pattern } from '../../base/pattern/pattern.ts';
import type { TextMatchSpec } from '../../snapshot/rule-spec.ts';

export type TextTest = (text: string | null) => boolean;

export function textTest(match: TextMatchSpec): TextTest {
  switch (match.kind) {
    case 'exact':
      return (text) => text === match.text;
    case 'in': {
      const texts = new Set<string | null>(match.texts);
      return (text) => texts.has(text);
    }
    case 'present':
      return (text) => (text !== null) === match.present;
    case 'prefix':
      return (text) => text !== null && text.startsWith(match.text);
    case 'suffix':
      return (text) => text !== null && text.endsWith(match.text);
    case 'contains':
      return (text) => text !== null && text.includes(match.text);
    case 'path-prefix':
      return (text) => text !== null && isBelow(text, match.text);
    case 'regex':
      return patternTest(new Pattern(parseRegex(match.text)));
    case 'glob':
      return patternTest(new Pattern(parseGlob(match.text, false)));
    case 'path-glob':
      return patternTest(new Pattern(parseGlob(match.text, true)));
  }
}

/** Whether `path` is `prefix` or lies below it, by whole segments. */
export function isBelow(path: string, prefix: string): boolean {
  return (
    prefix === '/' ||
    (path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === SLASH))
  );
}

const SLASH = 0x2f;

function patternTest(pattern: Pattern): TextTest {
  return (text) => text !== null && pattern.test(text);
}

/** What is wanted, in words. */
export function wordsFor(match: TextMatchSpec): string {
  switch (match.kind) {
    case 'exact':
      return JSON.stringify(match.text);
    case 'in':
      return `one of ${match.texts.map((text) => JSON.stringify(text)).join(', ')}`;
    case 'present':
      return match.present ? 'to be there' : 'not to be there';
    case 'path-prefix':
      return `the path ${match.text} or one below it`;
    case 'path-glob':
      return `glob ${JSON.stringify(match.text)}`;
    default:
      return `${match.kind} ${JSON.stringify(match.text)}`;
  }
}
