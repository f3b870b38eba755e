import { expect, it } from 'vitest';
import { serviceWithDefaults } from '../../../src/schema/with-defaults.ts';
import { compileEjection, compileSlowStart, compileWarmUp } from '../../../src/snapshot/compile-wellness.ts';

const of = (more: object) => serviceWithDefaults({ pools: { main: {} }, ...more });

it('no target is ejected and none starts slowly unless that is asked for', () => {
  expect(compileEjection(of({}))).toBeNull();
  expect(compileSlowStart(of({}))).toBeNull();
});

it('an ejection has its defaults in milliseconds', () => {
  expect(compileEjection(of({ ejection: {} }))).toEqual({
    unreachableMax: 3,
    failuresMax: 5,
    failurePercent: 0,
    minimum: 20,
    windowMs: 10_000,
    durationMs: 30_000,
    durationMsMax: 300_000,
    maxPercent: 50,
  });
});

it('a slow start has its shares as parts of one', () => {
  const slowStart = { duration: '1m', aggression: 2, minWeightPercent: 5 };
  expect(compileSlowStart(of({ slowStart }))).toEqual({ durationMs: 60_000, aggression: 2, minShare: 0.05 });
});

it('a warm-up has its requests with what passes', () => {
  const { warmUp } = of({
    warmUp: {
      requests: [
        { path: '/a', headers: { x: 'y' } },
        { path: '/b', status: [204] },
      ],
    },
  });
  expect(warmUp === undefined ? null : compileWarmUp(warmUp)).toEqual({
    requests: [
      { path: '/a', headers: [['x', 'y']], statuses: [{ from: 200, to: 399 }] },
      { path: '/b', headers: [], statuses: [{ from: 204, to: 204 }] },
    ],
    perTarget: 10,
    connections: 2,
    timeoutMs: 10_000,
  });
});
