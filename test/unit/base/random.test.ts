import { expect, it } from 'vitest';

import { seededRandom, systemRandom } from '../../../src/base/random.ts';

it.each([
  ['seeded', seededRandom(42)],
  ['system', systemRandom],
])('the %s random is even over [0, 1)', (_, random) => {
  const draws = 100_000;
  let sum = 0;
  for (let i = 0; i < draws; i += 1) {
    const value = random.next();
    if (!(value >= 0 && value < 1)) expect.fail(`${value} is outside [0, 1)`);
    sum += value;
  }
  // The mean of an even draw deviates by sqrt(1/12 / draws).
  expect(Math.abs(sum / draws - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / draws));
});

it('the same seed gives the same numbers, another seed others', () => {
  const numbers = (seed: number) => {
    const random = seededRandom(seed);
    return Array.from({ length: 5 }, () => random.next());
  };
  expect(numbers(7)).toEqual(numbers(7));
  expect(numbers(7)).not.toEqual(numbers(8));
});
