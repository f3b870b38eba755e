import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { LiteralFinder } from '../../../src/base/pattern/literal-finder.ts';
import { parseGlob } from '../../../src/base/pattern/parse-glob.ts';
import { parseRegex } from '../../../src/base/pattern/parse-regex.ts';
import { requiredLiteral } from '../../../src/base/pattern/required-literal.ts';

function found(literals: readonly string[], text: string): string[] {
  const numbers: number[] = [];
  new LiteralFinder(literals).find(text, numbers);
  return [...new Set(numbers)].map((number) => literals[number] as string).toSorted();
}

describe('a finder of texts', () => {
  it('finds those inside of others, and over each other', () => {
    expect(found(['she', 'he', 'hers', 'his'], 'ushers')).toEqual(['he', 'hers', 'she']);
  });

  it('finds what a search for each of them finds', () => {
    const word = fc
      .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 })
      .map((chars) => chars.join(''));
    const text = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 30 }).map((chars) => chars.join(''));
    fc.assert(
      fc.property(fc.uniqueArray(word, { maxLength: 12 }), text, (literals, one) => {
        expect(found(literals, one)).toEqual(literals.filter((literal) => one.includes(literal)).toSorted());
      }),
    );
  });
});

describe('the text that a pattern must find', () => {
  it.each([
    ['/item-1$', '/item-1'],
    ['^/a.*/edit-all$', '/edit-all'],
    ['/abc?d', '/ab'],
    ['/abcd*', '/abc'],
    ['/abc{2}', '/ab'],
    ['(?:/abc)d', '/abc'],
    ['(/long-one|/other)', null],
    ['(/long-one)*', null],
    ['(?i)/abc', null],
    ['(?i)/123', '/123'],
    ['[a]bcd', 'abcd'],
    ['[ab]cd', null],
    ['a\\.b', 'a.b'],
    ['a.b', null],
    ['abc^def', 'abc'],
    ['', null],
  ])('of %s is %s', (source, literal) => {
    expect(requiredLiteral(parseRegex(source))).toBe(literal);
  });

  it('is the longest of a glob', () => {
    expect(requiredLiteral(parseGlob('**/edit/*/all', true))).toBe('/edit/');
    expect(requiredLiteral(parseGlob('*', true))).toBeNull();
  });
});
