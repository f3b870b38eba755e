import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseGlob } from '../../../src/base/pattern/parse-glob.ts';
import { parseRegex } from '../../../src/base/pattern/parse-regex.ts';
import { Pattern } from '../../../src/base/pattern/pattern.ts';
import { PatternError } from '../../../src/base/pattern/pattern-node.ts';
import { STEPS_MAX } from '../../../src/base/pattern/program.ts';

const regex = (source: string): Pattern => new Pattern(parseRegex(source));

/** Null where it is too long to be used. */
function regexOrNull(source: string): Pattern | null {
  try {
    return regex(source);
  } catch (error) {
    if (error instanceof PatternError && error.message.startsWith('is too long')) return null;
    throw error;
  }
}

describe('a regular expression', () => {
  it.each([
    ['abc', 'xabcx', true],
    ['^abc$', 'abc', true],
    ['^abc$', 'abcd', false],
    ['a|b|', '', true],
    ['^(?:a|bc)+$', 'abcbca', true],
    ['^[^/]+/\\d{2,3}$', 'shop/12', true],
    ['^[^/]+/\\d{2,3}$', 'shop/1', false],
    ['^\\w+\\.js$', 'app_1.js', true],
    ['(?i)^ShOp', 'sHoP/x', true],
    ['(?i)[a-c]$', 'B', true],
    ['^$', '', true],
    ['^$', 'a', false],
    ['$a', 'a', false],
    ['a{0}b', 'b', true],
    ['^(?<name>x){2,}$', 'xxx', true],
    ['\\u00e9', 'caf\u00e9', true],
    ['^\u20ac+$', '\u20ac\u20ac', true],
    ['^[\\x41-\\x43]$', 'C', true],
    ['^[]$', '', false],
    ['[^]', '\n', true],
    ['.', '\n', false],
  ])('%s on %j is %s', (source, text, expected) => {
    expect(regex(source).test(text)).toBe(expected);
    // Again, with what was remembered the first time.
    expect(regex(source).test(text)).toBe(expected);
  });

  it.each([
    ['(a)\\1', 'back-references are not possible (at character 4)'],
    ['\\k<x>', 'back-references'],
    ['a(?=b)', 'look-ahead and look-behind are not possible (at character 2)'],
    ['(?<!a)b', 'look-ahead and look-behind'],
    ['(?>a)', 'this kind of group'],
    ['a\\b', 'word borders'],
    ['(a', 'a group has no ")"'],
    ['a)', 'a ")" without its "("'],
    ['[a', 'a class has no "]"'],
    ['*a', 'nothing to repeat (at character 1)'],
    ['a**', 'nothing to repeat'],
    ['a{2}{3}', 'nothing to repeat'],
    ['a{3,2}', 'in the wrong order'],
    ['[z-a]', 'in the wrong order'],
    ['a{999}', 'repeats more than 256 times'],
    ['(?:(?:a{100}){100})', `more than ${STEPS_MAX} steps`],
    ['a{x', '"{" stands for itself only as "\\{"'],
    ['\\p{L}', '"\\p" is not possible'],
    ['a\\', 'a backslash stands at the end'],
    [`${'('.repeat(40)}a${')'.repeat(40)}`, 'nested more than 32 deep'],
  ])('%s is refused', (source, reason) => {
    expect(() => regex(source)).toThrow(reason);
  });

  // Each of these takes RegExp longer than the age of the universe on a text of some thousand characters.
  it.each([
    ['(a+)+$', 'a', '!'],
    ['(a|a)*$', 'a', '!'],
    ['(a|aa)+$', 'a', '!'],
    ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a', ''],
    ['(.*a){20}', 'a', '!'],
    ['^(a?){100}a{100}$', 'a', 'b'],
    ['([a-zA-Z0-9]+\\s?)*$', 'a', '!'],
    ['(x+x+)+y', 'x', ''],
    ['(?:a|b)*a(?:a|b){14}$', 'ab', 'c'],
  ])('%s does work that grows with the length of the text only', (source, repeated, last) => {
    const workOf = (length: number): number => {
      const pattern = regex(source);
      pattern.test(repeated.repeat(length) + last);
      return pattern.work;
    };
    expect(workOf(8_000)).toBeLessThanOrEqual(2 * workOf(4_000) + STEPS_MAX);
    expect(workOf(8_000)).toBeLessThanOrEqual(2 * STEPS_MAX * 16_001);
  });

  it('forgets states that it cannot hold and still says what is right', () => {
    const source = '(?:a|b)*a(?:a|b){9}$';
    const pattern = regex(source);
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b'), { maxLength: 400 }), (letters) => {
        const text = letters.join('');
        return pattern.test(text) === (text.length > 9 && text.at(-10) === 'a');
      }),
    );
  });

  it('means what it means to RegExp', () => {
    const atom = fc.constantFrom(
      'a',
      'b',
      '1',
      '.',
      '\\d',
      '\\w',
      '\\s',
      '[ab]',
      '[^a]',
      '[0-9b]',
      '\\.',
      '^',
      '$',
      'é',
    );
    const count = fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,3}', '{0,}', '*?');
    const { source } = fc.letrec<{ source: string; term: string }>((tie) => ({
      source: fc.array(tie('term'), { maxLength: 4 }).map((terms) => terms.join('')),
      term: fc.oneof(
        { depthSize: 'small', maxDepth: 1 },
        fc.tuple(atom, count).map(([a, c]) => (a === '^' || a === '$' ? a : a + c)),
        fc.tuple(tie('source'), tie('source'), count).map(([a, b, c]) => `(?:${a}|${b})${c}`),
      ),
    }));
    const text = fc
      .array(fc.constantFrom('a', 'b', '1', ' ', '.', '\n', 'é', 'B'), { maxLength: 8 })
      .map((t) => t.join(''));
    fc.assert(
      fc.property(source, fc.array(text, { minLength: 1, maxLength: 6 }), fc.boolean(), (body, texts, ignoresCase) => {
        const pattern = regexOrNull(ignoresCase ? `(?i)${body}` : body);
        fc.pre(pattern !== null);
        const truth = new RegExp(body, ignoresCase ? 'i' : '');
        const walked = new Pattern(parseRegex(ignoresCase ? `(?i)${body}` : body), 0);
        return texts.every((one) => [pattern, walked].every((each) => each.test(one) === truth.test(one)));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a glob', () => {
  it.each([
    ['/api/*/users', '/api/v1/users', true],
    ['/api/*/users', '/api/v1/x/users', false],
    ['/api/**/users', '/api/v1/x/users', true],
    ['/a?c', '/abc', true],
    ['/a?c', '/a/c', false],
    ['/*.js', '/app.js', true],
    ['/*.js', '/app.jsx', false],
    ['/a+(b)', '/a+(b)', true],
    ['**', '', true],
  ])('%s on %s is %s', (glob, text, expected) => {
    expect(new Pattern(parseGlob(glob, true)).test(text)).toBe(expected);
  });

  it('knows no segments where there are none', () => {
    expect(new Pattern(parseGlob('Mozilla*', false)).test('Mozilla/5.0')).toBe(true);
  });
});
