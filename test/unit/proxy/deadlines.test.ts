import { describe, expect, it } from 'vitest';
import { Deadlines, type Expiring } from '../../../src/proxy/deadlines.ts';
import { LateClock } from './late-clock.ts';

describe('a deadline', () => {
  it('strikes no earlier than it says, and at most two ticks later', () => {
    const { clock, watch } = start();
    const short = watch(250);
    for (const late of [0, 0, 0]) clock.fire(late);
    expect(short.struckAfterMs).toBe(null);
    clock.fire(0);
    expect(short.struckAfterMs).toBe(400);
  });

  it('is put off by a pause in which nobody could look, whether it was set before it or behind it', () => {
    const { clock, watch } = start();
    const before = watch(300);
    clock.fire(0);
    // The clock has moved on and the tick has not come: what is set now has the time of before the pause.
    const behind = watch(300);
    clock.fire(10_000);
    clock.fire(0);
    expect([before.struckAfterMs, behind.struckAfterMs]).toEqual([null, null]);
    clock.fire(0);
    expect([before.struckAfterMs, behind.struckAfterMs]).toEqual([10_400, null]);
    clock.fire(0);
    expect(behind.struckAfterMs).toBe(10_400);
  });

  it('holds where every tick is late', () => {
    const { clock, watch } = start();
    const first = watch(1_000);
    for (let tick = 0; tick < 4; tick += 1) clock.fire(400);
    expect(first.struckAfterMs).toBe(1_500);
  });

  it('is put off by each of two pauses that have a time between them', () => {
    const { clock, watch } = start();
    const patient = watch(500);
    for (const late of [5_000, 0, 5_000, 0]) clock.fire(late);
    expect(patient.struckAfterMs).toBe(null);
    for (const late of [0, 0]) clock.fire(late);
    expect(patient.struckAfterMs).toBe(10_600);
  });

  it('that is never stays so', () => {
    const { clock, watch } = start();
    const never = watch(Number.POSITIVE_INFINITY);
    for (const late of [0, 1e9, 0, 0, 0]) clock.fire(late);
    expect(never.struckAfterMs).toBe(null);
  });
});

/** What `watch` makes strikes so many milliseconds after it was made. */
function start() {
  const clock = new LateClock();
  const deadlines = new Deadlines(clock);
  deadlines.start();
  const watch = (ms: number): { readonly struckAfterMs: number | null } => {
    const setAtMs = clock.monotonicMs();
    const watched: Expiring & { struckAfterMs: number | null } = {
      deadlineAt: deadlines.nowMs + ms,
      deadlineSlot: -1,
      struckAfterMs: null,
      expire() {
        watched.struckAfterMs ??= clock.monotonicMs() - setAtMs;
      },
    };
    deadlines.add(watched);
    return watched;
  };
  return { clock, watch };
}
