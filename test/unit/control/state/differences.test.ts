import { describe, expect, it } from 'vitest';

import { differences } from '../../../../src/control/state/differences.ts';

describe('the differences between two documents', () => {
  it.each<[name: string, before: unknown, after: unknown, expected: unknown]>([
    ['of equal ones are none, whatever the order of their fields', { a: 1, b: [1] }, { b: [1], a: 1 }, []],
    [
      'are single values where both have the same shape',
      { a: { b: 1, c: 2 } },
      { a: { b: 1, c: 3 } },
      [['/a/c', 2, 3]],
    ],
    ['name what came', { a: 1 }, { a: 1, b: { c: 2 } }, [['/b', null, { c: 2 }]]],
    ['name what went', { a: 1, b: 2 }, { a: 1 }, [['/b', 2, null]]],
    ['go into lists of one length', { a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }, [['/a/1/b', 2, 3]]],
    ['take lists of other lengths whole', { a: [1] }, { a: [1, 2] }, [['/a', [1], [1, 2]]]],
    ['take values of other kinds whole', { a: [1] }, { a: { 0: 1 } }, [['/a', [1], { 0: 1 }]]],
    ['may be the whole document', null, { a: 1 }, [['', null, { a: 1 }]]],
    ['escape names in pointers', { 'a/b~': 1 }, { 'a/b~': 2 }, [['/a~1b~0', 1, 2]]],
  ])('%s', (_name, before, after, expected) => {
    const found = differences(before, after);
    expect(found.map((one) => [one.pointer, one.before, one.after])).toEqual(expected);
  });
});
