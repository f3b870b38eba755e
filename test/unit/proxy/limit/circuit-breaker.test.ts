import { describe, expect, it } from 'vitest';

import { seededRandom } from '../../../../src/base/random.ts';
import { Deadlines } from '../../../../src/proxy/deadlines.ts';
import { CircuitBreaker } from '../../../../src/proxy/limit/circuit-breaker.ts';
import type { BreakerSpec } from '../../../../src/snapshot/protection-spec.ts';
import { manualClock } from '../../../helpers/manual-clock.ts';

const SPEC: BreakerSpec = {
  ofPool: true,
  ofTarget: true,
  failurePercent: 50,
  minimum: 10,
  windowMs: 10_000,
  openMs: 5_000,
  recoverMs: 10_000,
};

function world(over: Partial<BreakerSpec> = {}) {
  const clock = manualClock();
  const deadlines = new Deadlines(clock);
  deadlines.start();
  const states: string[] = [];
  const breaker: CircuitBreaker = new CircuitBreaker({ ...SPEC, ...over }, deadlines, seededRandom(7), () =>
    states.push(breaker.state),
  );
  const record = (good: number, bad: number): void => {
    for (let i = 0; i < good; i++) breaker.record(false);
    for (let i = 0; i < bad; i++) breaker.record(true);
  };
  const admitted = (count: number): number =>
    Array.from({ length: count }, () => breaker.admits()).filter(Boolean).length;
  return { clock, breaker, states, record, admitted };
}

describe('a circuit breaker', () => {
  it('opens once the share and the least number are reached, and not before', () => {
    const { breaker, record } = world();
    record(0, 9);
    expect(breaker.state).toBe('closed');
    record(0, 1);
    expect(breaker.state).toBe('open');
    expect(breaker.admits()).toBe(false);
    expect(breaker.opened).toBe(1);
  });

  it('stays closed below the share', () => {
    const { breaker, record } = world();
    record(60, 50);
    expect(breaker.state).toBe('closed');
    record(0, 10);
    expect(breaker.state).toBe('open');
  });

  it('forgets what is older than the window', () => {
    const { breaker, record, clock } = world();
    record(0, 9);
    clock.advance(11_500);
    record(0, 9);
    expect(breaker.state).toBe('closed');
    clock.advance(5_000);
    record(0, 1);
    expect(breaker.state).toBe('open');
  });

  it('says how long it will be open', () => {
    const { breaker, record, clock } = world();
    expect(breaker.waitMs).toBe(0);
    record(0, 10);
    expect(breaker.waitMs).toBe(5_000);
    clock.advance(3_000);
    expect(breaker.waitMs).toBe(2_000);
  });

  it('recovers evenly, and closes', () => {
    const { breaker, record, clock, states, admitted } = world();
    record(0, 10);
    clock.advance(5_300);
    expect(breaker.state).toBe('recovering');
    expect(admitted(1_000)).toBeLessThan(60);
    clock.advance(5_000);
    expect(admitted(1_000)).toBeGreaterThan(420);
    expect(admitted(1_000)).toBeLessThan(580);
    clock.advance(5_300);
    expect(admitted(1_000)).toBe(1_000);
    expect(states).toEqual(['open', 'recovering', 'closed']);
  });

  it('opens again while it recovers if what it let through fails', () => {
    const { breaker, record, clock, states } = world();
    record(0, 10);
    clock.advance(8_000);
    record(2, 7);
    expect(breaker.state).toBe('recovering');
    record(0, 1);
    expect(states).toEqual(['open', 'recovering', 'open']);
    expect(breaker.opened).toBe(2);
  });

  it('does not count what was under way when it opened', () => {
    const { breaker, record, clock } = world();
    record(0, 10);
    record(0, 100);
    clock.advance(5_300);
    record(0, 9);
    expect(breaker.state).toBe('recovering');
  });

  it('leaves no deadline behind when it is no longer wanted', () => {
    const { breaker, record, clock, states } = world();
    record(0, 10);
    breaker.close();
    clock.advance(60_000);
    expect(states).toEqual(['open']);
  });
});
