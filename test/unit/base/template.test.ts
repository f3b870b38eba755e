import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillTemplate, parseTemplate, type Template } from '../../../src/base/template.ts';

const KNOWN = ['host', 'clientAddress'];

function filled(text: string): string {
  return fillTemplate(parseTemplate(text, KNOWN) as Template, (variable) => `<${variable}>`);
}

describe('a template', () => {
  it.each([
    ['', ''],
    ['plain', 'plain'],
    ['{host}', '<host>'],
    ['a{host}b{clientAddress}', 'a<host>b<clientAddress>'],
    ['{{host}', '{host}'],
    ['{{{host}', '{<host>'],
    ['{"group":"x","age":{"max":1}}', '{"group":"x","age":{"max":1}}'],
    ['a { b } {} {1}', 'a { b } {} {1}'],
    ['{host', '{host'],
  ])('%j becomes %j', (text, result) => {
    expect(filled(text)).toBe(result);
  });

  it.each([
    ['{hots}', 'did you mean "{host}"?'],
    ['a{clientAdress}', 'did you mean "{clientAddress}"?'],
    ['{somethingElse}', 'known are {host}, {clientAddress}'],
  ])('%j names no variable: %s', (text, words) => {
    expect(parseTemplate(text, KNOWN)).toEqual({ problem: expect.stringContaining(words) });
  });

  it('says any text that is written with doubled braces', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('{', '}', 'host', 'x', ' ') }), (text) => {
        expect(filled(text.replaceAll('{', '{{'))).toBe(text);
      }),
    );
  });
});
