import fc from 'fast-check';
import { expect, test } from 'vitest';

import { cookieOf } from '../../../../src/proxy/split/request-facts.ts';

test.each<[field: string | null, value: string | null]>([
  [null, null],
  ['', null],
  ['uid=1', '1'],
  ['a=b; uid=1; c=d', '1'],
  ['a=b;uid=1', '1'],
  ['uid=1, uid=2', '1'],
  ['uid=1; uid=2', '1'],
  [' \tuid = 1 ; b=2', '1'],
  ['uid=', ''],
  ['uid', null],
  ['uid; uid=2', '2'],
  ['uidx=1; xuid=2', null],
  ['UID=1', null],
  ['a=uid=1', null],
  ['uid=a=b', 'a=b'],
  [';;uid=1;;', '1'],
  ['uid ; =1', null],
])('the cookie uid of %j is %j', (field, value) => {
  expect(cookieOf(field, 'uid')).toBe(value);
});

test('a cookie is found among any others, and not where it is not', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', '-'), minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(fc.tuple(letters, letters), { maxLength: 8 }), letters, (cookies, name) => {
      const field = cookies.map(([own, value]) => `${own}=${value}`).join('; ');
      expect(cookieOf(field, name)).toBe(cookies.find(([own]) => own === name)?.[1] ?? null);
    }),
  );
});
