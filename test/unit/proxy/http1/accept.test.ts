import { describe, expect, it } from 'vitest';
import { preferredType } from '../../../../src/proxy/http1/accept.ts';

const TYPES = ['text/plain', 'application/json', 'text/html'];

describe('preferredType', () => {
  it.each([
    ['', 'text/plain'],
    ['*/*', 'text/plain'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/html'],
    ['application/json, text/plain, */*', 'text/plain'],
    ['application/json, */*', 'application/json'],
    ['Application/JSON', 'application/json'],
    ['text/*', 'text/plain'],
    ['text/*;q=0.5, text/html;q=0.6', 'text/html'],
    ['text/html;q=0.1, application/json;q=0.2', 'application/json'],
    ['text/html;level=1;q=0.7, application/json;q=0.6', 'text/html'],
    ['text/plain;q=0, */*', 'application/json'],
    ['text/html;q=0.0001, application/json;q=0.1', 'application/json'],
    ['text/html;q=2, application/json;q=0.1', 'application/json'],
    ['image/png', undefined],
    ['*/*;q=0', undefined],
    [';;,,q=', undefined],
    [`image/png${','.repeat(5000)}`, 'text/plain'],
  ])('%s: %s', (accept, type) => {
    expect(TYPES[preferredType(accept, TYPES)]).toBe(type);
  });

  it('takes nothing where nothing is offered', () => {
    expect(preferredType('', [])).toBe(-1);
  });
});
