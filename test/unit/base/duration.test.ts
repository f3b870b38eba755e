import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { DURATION_MS_MAX, durationMsOrNull, formatDuration, parseDuration } from '../../../src/base/duration.ts';

describe('a duration', () => {
  it.each([
    ['0ms', 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5s', 1_500],
    ['0.001s', 1],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['0.1h', 360_000],
    ['2147483647ms', DURATION_MS_MAX],
  ])('reads %s as %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    '',
    '5',
    's',
    '5 s',
    '-5s',
    '5S',
    '5sec',
    '1h30m',
    '1e3ms',
    '.5s',
    '5.s',
    '0.5ms',
    '0x5s',
    '5s\n',
    '2147483648ms',
    '597h',
    '1d',
  ])('refuses %j', (text) => {
    expect(durationMsOrNull(text)).toBeNull();
    expect(() => parseDuration(text)).toThrow('write "250ms"');
  });

  it('is read back from its own text as the same number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: DURATION_MS_MAX }), (ms) => parseDuration(formatDuration(ms)) === ms),
    );
  });

  it.each([
    [0, '0ms'],
    [1_500, '1500ms'],
    [90_000, '90s'],
    [7_200_000, '2h'],
  ])('writes %i ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
