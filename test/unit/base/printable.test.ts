import fc from 'fast-check';
import { expect, test } from 'vitest';

import { printable, printableJson } from '../../../src/base/printable.ts';

const ATTACK = '\u001b[31m\r\n{"level":"error"}';

test('what would start a line or colour a terminal is shown instead of done', () => {
  expect(printable(ATTACK, 100)).toBe('\\u001b[31m\\u000d\\u000a{"level":"error"}');
});

test.each([
  ['NUL', '\0'],
  ['tab', '\t'],
  ['DEL', '\x7f'],
  ['CSI of C1', '\x9b'],
  ['next line', '\x85'],
  ['line separator', '\u2028'],
  ['paragraph separator', '\u2029'],
  ['right-to-left override', '\u202e'],
  ['left-to-right isolate', '\u2066'],
  ['Arabic letter mark', '\u061c'],
  ['right-to-left mark', '\u200f'],
  ['zero width space', '\u200b'],
  ['byte order mark', '\ufeff'],
  ['soft hyphen', '\u00ad'],
  ['half a character', '\ud800'],
])('%s is escaped', (_name, character) => {
  const code = character.charCodeAt(0).toString(16).padStart(4, '0');
  expect(printable(`a${character}b`, 100)).toBe(`a\\u${code}b`);
});

test('letters of every language, and whole characters of two halves, stay', () => {
  for (const text of ['Grüße', '日本語', 'שלום', '😀', 'a\\b "c"']) expect(printable(text, 100)).toBe(text);
});

test('what is too long is cut, and says so', () => {
  expect(printable('abcdef', 6)).toBe('abcdef');
  expect(printable('abcdefg', 6)).toBe('abcde…');
  expect(printable('\n'.repeat(1_000_000), 10)).toHaveLength(10);
});

test('a document in JSON stays the same document, on one line of nothing but harmless characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const line = printableJson(`${JSON.stringify({ text: text + ATTACK + '\u2028\u202e' })}\n`);
      expect(line.slice(0, -1)).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
      expect(JSON.parse(line)).toEqual({ text: text + ATTACK + '\u2028\u202e' });
    }),
  );
});
