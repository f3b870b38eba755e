import { expect, test } from 'vitest';
import { type HealthState, afterCheck } from '../../../../src/control/health/health-state.ts';

const RISE_2_FALL_3 = { rise: 2, fall: 3 };

function sides(from: HealthState, checks: readonly boolean[]): boolean[] {
  let state = from;
  return checks.map((passed) => {
    state = afterCheck(state, passed, RISE_2_FALL_3);
    return state.up;
  });
}

const UP: HealthState = { up: true, against: 0 };
const DOWN: HealthState = { up: false, against: 0 };

test('a target goes down with the third failed check in a row', () => {
  expect(sides(UP, [false, false, false, false])).toEqual([true, true, false, false]);
});

test('a target comes up with the second passed check in a row', () => {
  expect(sides(DOWN, [true, true, true])).toEqual([false, true, true]);
});

test('one passed check starts the count of failed ones again', () => {
  expect(sides(UP, [false, false, true, false, false, true])).toEqual([true, true, true, true, true, true]);
});

test('a target that flaps with every check stays on the side it was on', () => {
  const flapping = Array.from({ length: 20 }, (_, i) => i % 2 === 0);
  expect(new Set(sides(UP, flapping))).toEqual(new Set([true]));
  expect(new Set(sides(DOWN, flapping))).toEqual(new Set([false]));
});
