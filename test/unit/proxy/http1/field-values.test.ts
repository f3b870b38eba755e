import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isChunked, listElements, listHas, parseContentLength } from '../../../../src/proxy/http1/field-values.ts';

const anything = fc.oneof(
  fc.string(),
  fc.string({ unit: fc.constantFrom('0', '1', '9', ' ', '+', '-', '.', 'e', ',', '_', 'x', '\t', '\xa0', '٣') }),
);

describe('parseContentLength', () => {
  it.each([
    ['0', 0],
    ['5', 5],
    ['00005', 5],
    ['999999999999999', 999_999_999_999_999],
  ])('%j is %i', (value, length) => {
    expect(parseContentLength(value)).toBe(length);
  });

  it('is every number of up to fifteen digits, with or without zeros in front', () => {
    fc.assert(
      fc.property(fc.nat({ max: 999_999_999_999 }), fc.nat(3), (length, zeros) => {
        expect(parseContentLength('0'.repeat(zeros) + String(length))).toBe(length);
      }),
    );
  });

  it('is nothing else', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const length = parseContentLength(value);
        expect(length >= 0).toBe(/^[0-9]{1,15}$/.test(value));
        if (length >= 0) expect(length).toBe(Number.parseInt(value, 10));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('isChunked', () => {
  it.each(['chunked', 'Chunked', 'CHUNKED', 'cHuNkEd'])('%s', (value) => {
    expect(isChunked(value)).toBe(true);
  });

  it.each(['', 'chunke', 'chunked,', ',chunked', 'chunked chunked', 'identity', '"chunked"'])('not %j', (value) => {
    expect(isChunked(value)).toBe(false);
  });
});

describe('listHas and listElements', () => {
  it.each([
    ['close', 'close', true],
    ['keep-alive, close', 'close', true],
    ['close,keep-alive', 'close', true],
    ['a ,\tclose\t, b', 'close', true],
    [' close ', 'close', true],
    [',,close,,', 'close', true],
    ['', 'close', false],
    ['closed', 'close', false],
    ['not-close', 'close', false],
    ['close-not', 'close', false],
    ['not close', 'close', false],
    ['close;q=1', 'close', false],
    ['"close"', 'close', false],
    ['closeclose', 'close', false],
    ['closed, close', 'close', true],
    ['xclose, yclose, close', 'close', true],
  ])('%j has %j: %s', (list, token, has) => {
    expect(listHas(list, token)).toBe(has);
    expect(listElements(list).has(token)).toBe(has);
  });

  it('is what splitting at commas finds', () => {
    const element = fc.string({ unit: fc.constantFrom('te', 'e', 't', '-', ' ', '\t', ';', '"'), maxLength: 4 });
    const list = fc.array(element, { maxLength: 6 }).map((elements) => elements.join(','));
    fc.assert(
      fc.property(list, fc.constantFrom('te', 'e', 't', 'te-e', 'tete'), (text, token) => {
        const elements = text.split(',').map((each) => each.replaceAll(/^[ \t]+|[ \t]+$/g, ''));
        expect(listHas(text, token)).toBe(elements.includes(token));
        expect(listElements(text).has(token)).toBe(elements.includes(token));
      }),
      { numRuns: 2000 },
    );
  });
});
