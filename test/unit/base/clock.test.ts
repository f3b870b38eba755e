import { describe, expect, it } from 'vitest';

import { systemClock } from '../../../src/base/clock.ts';
import { manualClock } from '../../helpers/manual-clock.ts';

describe('the system clock', () => {
  it('calls once, after the time is over', async () => {
    const startedAt = systemClock.monotonicMs();
    const firedAt = await new Promise<number>((resolve) => {
      systemClock.setTimer(20, () => resolve(systemClock.monotonicMs()));
      // The timer keeps no process alive, and the test has nothing else that would.
      setTimeout(() => {}, 1_000);
    });
    // Node may fire up to a millisecond early.
    expect(firedAt - startedAt).toBeGreaterThanOrEqual(19);
  });

  it('does not call a cancelled timer', async () => {
    let calls = 0;
    systemClock.setTimer(1, () => (calls += 1)).cancel();
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
    expect(calls).toBe(0);
  });
});

describe('the manual clock', () => {
  it('fires what is due in the order of time, also what a firing timer sets', () => {
    const clock = manualClock();
    const fired: string[] = [];
    const log = (what: string) => () => void fired.push(`${what}@${clock.monotonicMs()}`);
    clock.setTimer(20, log('b'));
    clock.setTimer(10, () => {
      log('a')();
      clock.setTimer(5, log('a2'));
    });
    clock.setTimer(20, log('c'));
    clock.setTimer(12, log('never')).cancel();
    clock.setTimer(31, log('late'));
    clock.advance(30);
    expect(fired).toEqual(['a@10', 'a2@15', 'b@20', 'c@20']);
    expect(clock.pendingTimers()).toBe(1);
    expect(clock.monotonicMs()).toBe(30);
  });

  it('moves wall time along', () => {
    const clock = manualClock(1_000);
    clock.advance(500);
    expect(clock.wallMs()).toBe(1_500);
  });
});
