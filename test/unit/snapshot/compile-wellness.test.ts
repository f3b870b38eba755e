import { expect, it } from 'vitest';
import { serviceWithDefaults } from '../../../src/schema/with-defaults.ts';
import { compileSlowStart } from '../../../src/snapshot/compile-wellness.ts';

const of = (more: object) => serviceWithDefaults({ pools: { main: {} }, ...more });

it('no target starts slowly unless that is asked for', () => {
  expect(compileSlowStart(of({}))).toBeNull();
});

it('a slow start has its shares as parts of one', () => {
  const slowStart = { duration: '1m', aggression: 2, minWeightPercent: 5 };
  expect(compileSlowStart(of({ slowStart }))).toEqual({ durationMs: 60_000, aggression: 2, minShare: 0.05 });
});
