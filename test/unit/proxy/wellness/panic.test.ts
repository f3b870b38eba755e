import { expect, it } from 'vitest';
import { isPanic, type Panicking } from '../../../../src/proxy/wellness/panic.ts';

/** A letter for each target: `w` well, `d` down, `m` put aside; upper case: in reserve. */
function targets(letters: string): Panicking[] {
  return Array.from(letters, (letter) => ({
    isReady: letter.toLowerCase() !== 'm',
    isWell: letter.toLowerCase() === 'w',
    isBackup: letter !== letter.toLowerCase(),
  }));
}

it.each([
  ['wwdd', 50, false],
  ['wddd', 50, true],
  ['dddd', 50, true],
  ['dddd', 1, true],
  ['wddd', 25, false],
  ['wddd', 26, true],
  ['wwww', 100, false],
  ['wwwd', 100, true],
  // Never where it is not asked for.
  ['dddd', 0, false],
  // Those that were put aside are not counted.
  ['wdmmmm', 50, false],
  ['mmmm', 50, false],
  ['', 50, false],
  // What is in reserve comes first, as long as there is any of it.
  ['ddddW', 50, false],
  ['ddddD', 50, true],
  ['wdDD', 50, false],
  // A pool of nothing else.
  ['WDDD', 50, false],
  ['DDDD', 50, true],
])('with the targets %s and %d % wanted: %s', (letters, percent, expected) => {
  expect(isPanic(targets(letters), percent)).toBe(expected);
});
