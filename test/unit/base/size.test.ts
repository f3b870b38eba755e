import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { formatSize, parseSize, sizeBytesOrNull } from '../../../src/base/size.ts';

describe('a size', () => {
  it.each([
    ['0B', 0],
    ['512B', 512],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['2GiB', 2_147_483_648],
  ])('reads %s as %i bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', '5', 'KiB', '64KB', '64kib', '64 KiB', '-1B', '1.5MiB', '1e3B', '999999999999GiB'])(
    'refuses %j',
    (text) => {
      expect(sizeBytesOrNull(text)).toBeNull();
      expect(() => parseSize(text)).toThrow('write "512B"');
    },
  );

  it('is read back from its own text as the same number', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 39 }), (bytes) => parseSize(formatSize(bytes)) === bytes));
  });
});
