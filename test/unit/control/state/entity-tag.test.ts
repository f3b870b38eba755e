import { describe, expect, it } from 'vitest';

import { entityTag, requirePreconditions } from '../../../../src/control/state/entity-tag.ts';

describe('entity tag', () => {
  it('is strong, in quotes, and made of characters that a tag may have', () => {
    expect(entityTag({ a: 1 })).toMatch(/^"[A-Za-z0-9_-]{22}"$/);
  });

  it('does not depend on the order of keys, nor on fields that are left out', () => {
    expect(entityTag({ a: 1, b: { c: 2, d: 3 } })).toBe(entityTag({ b: { d: 3, c: 2, e: undefined }, a: 1 }));
  });

  it.each([
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { a: '1' }],
    [
      [1, 2],
      [2, 1],
    ],
    [{ a: null }, {}],
  ])('tells %j from %j', (a, b) => {
    expect(entityTag(a)).not.toBe(entityTag(b));
  });
});

describe('preconditions', () => {
  const tag = '"t1"';
  const held: readonly [name: string, conditions: object, tags: string[]][] = [
    ['none, of nothing', {}, []],
    ['If-Match of the tag', { ifMatch: ['"t0"', tag] }, [tag]],
    ['If-Match: * of something', { ifMatch: '*' }, [tag]],
    ['If-None-Match of another tag', { ifNoneMatch: ['"t0"'] }, [tag]],
    ['If-None-Match: * of nothing', { ifNoneMatch: '*' }, []],
  ];
  const failed: readonly [name: string, conditions: object, tags: string[]][] = [
    ['If-Match of another tag', { ifMatch: ['"t0"'] }, [tag]],
    ['If-Match of a weak tag', { ifMatch: ['W/"t1"'] }, [tag]],
    ['If-Match of nothing', { ifMatch: [tag] }, []],
    ['If-Match: * of nothing', { ifMatch: '*' }, []],
    ['If-None-Match of the tag', { ifNoneMatch: [tag] }, [tag]],
    ['If-None-Match: * of something', { ifNoneMatch: '*' }, [tag]],
  ];
  const none = { ifMatch: null, ifNoneMatch: null };

  it.each(held)('hold: %s', (_name, conditions, tags) => {
    requirePreconditions({ ...none, ...conditions }, () => tags);
  });

  it.each(failed)('fail: %s', (_name, conditions, tags) => {
    expect(() => requirePreconditions({ ...none, ...conditions }, () => tags)).toThrow(
      expect.objectContaining({ code: 'precondition-failed' }),
    );
  });

  it('cost nothing where there are none', () => {
    requirePreconditions(none, () => expect.fail('the tag was computed'));
  });
});
