import fc from 'fast-check';
import { expect, it } from 'vitest';

import { pointerOf, pointerParts, problemsUnder } from '../../../src/schema/problem.ts';

it('a pointer is taken apart into what it was made of', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (parts) => {
      expect(pointerParts(pointerOf(...parts))).toEqual(parts);
    }),
  );
  expect(pointerOf('a/b', 'c~d', 0)).toBe('/a~1b/c~0d/0');
});

it('problems of a part are problems of the whole, further down', () => {
  expect(
    problemsUnder('/services/shop', [
      { path: '/split', message: 'm', atKey: true },
      { path: '', message: 'n' },
    ]),
  ).toEqual([
    { path: '/services/shop/split', message: 'm', atKey: true },
    { path: '/services/shop', message: 'n' },
  ]);
});
