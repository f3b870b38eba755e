import { describe, expect, it } from 'vitest';

import {
  AuthThrottle,
  FAILURES_BURST,
  FREE_FAILURES,
  WAIT_MS_MAX,
  WAIT_MS_MIN,
} from '../../../../src/control/admin/auth-throttle.ts';
import { manualClock } from '../../../helpers/manual-clock.ts';

function start() {
  const clock = manualClock();
  const throttle = new AuthThrottle(clock);
  const failTimes = (address: string, times: number): void => {
    for (let n = 0; n < times; n++) throttle.failed(address);
  };
  return { clock, throttle, failTimes };
}

const GUESSER = '192.0.2.1';

describe('whoever guesses', () => {
  it('has some guesses free, then waits, twice as long each time, up to a minute', () => {
    const { clock, throttle, failTimes } = start();
    failTimes(GUESSER, FREE_FAILURES - 1);
    expect(throttle.waitMs(GUESSER, null)).toBe(0);
    const waits: number[] = [];
    for (let n = 0; n < 8; n++) {
      throttle.failed(GUESSER);
      waits.push(throttle.waitMs(GUESSER, null));
      clock.advance(waits.at(-1) ?? 0);
      expect(throttle.waitMs(GUESSER, null)).toBe(0);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1_000));
    expect([WAIT_MS_MIN, WAIT_MS_MAX]).toEqual([waits[0], waits.at(-1)]);
  });

  it('waits with a right guess too: else waiting would cost nothing', () => {
    const { throttle, failTimes } = start();
    failTimes(GUESSER, FREE_FAILURES);
    expect(throttle.waitMs(GUESSER, 'token ci')).toBe(WAIT_MS_MIN);
  });

  it('starts afresh after five minutes of peace', () => {
    const { clock, throttle, failTimes } = start();
    failTimes(GUESSER, FREE_FAILURES);
    clock.advance(300_001);
    failTimes(GUESSER, FREE_FAILURES - 1);
    expect(throttle.waitMs(GUESSER, null)).toBe(0);
  });

  it('is known by the network of its IPv6 address, and by its IPv4 one in any form', () => {
    const { throttle, failTimes } = start();
    failTimes('2001:db8:1:2::1', 5);
    failTimes('2001:db8:1:2:ffff::9', 5);
    expect(throttle.waitMs('2001:db8:1:2:3:4:5:6', null)).toBe(WAIT_MS_MIN);
    expect(throttle.waitMs('2001:db8:1:3::1', null)).toBe(0);
    failTimes('192.0.2.7', FREE_FAILURES);
    expect(throttle.waitMs('::ffff:192.0.2.7', null)).toBe(WAIT_MS_MIN);
  });

  it('from many addresses makes all strangers wait, for as long as it goes on', () => {
    const { clock, throttle } = start();
    for (let n = 0; n < FAILURES_BURST; n++) throttle.failed(`10.0.${n >> 8}.${n & 255}`);
    expect(throttle.waitMs('192.0.2.9', 'token ci')).toBe(WAIT_MS_MIN);
    clock.advance(1_000);
    expect(throttle.waitMs('192.0.2.9', 'token ci')).toBe(0);
  });
});

describe('whoever has come in before', () => {
  it('does not wait there, whatever others guess', () => {
    const { throttle, failTimes } = start();
    throttle.succeeded(GUESSER, 'token ops');
    failTimes(GUESSER, FAILURES_BURST + FREE_FAILURES);
    expect(throttle.waitMs(GUESSER, 'token ops')).toBe(0);
    expect(throttle.waitMs(GUESSER, 'token ci')).toBeGreaterThan(0);
    expect(throttle.waitMs('192.0.2.2', 'token ops')).toBeGreaterThan(0);
  });

  it('is a stranger again once the rules are others', () => {
    const { throttle, failTimes } = start();
    throttle.succeeded(GUESSER, 'token ops');
    failTimes(GUESSER, FREE_FAILURES);
    throttle.forgetKnown();
    expect(throttle.waitMs(GUESSER, 'token ops')).toBe(WAIT_MS_MIN);
  });
});
