import { describe, expect, it } from 'vitest';
import { Deadlines } from '../../../src/proxy/deadlines.ts';
import { LoopLag } from '../../../src/proxy/loop-lag.ts';
import { LateClock } from './late-clock.ts';

function lagAfter(...lateMs: readonly number[]): number {
  const lag = new LoopLag();
  for (const late of lateMs) lag.observe(late);
  return lag.ms;
}

describe('the lag of the event loop', () => {
  it('is none before the first tick, and none where ticks are in time', () => {
    expect(lagAfter()).toBe(0);
    expect(lagAfter(0.4, 0.1, 1.2)).toBeLessThan(1);
  });

  it('is not one pause, however long', () => {
    expect(lagAfter(0, 10_000, 0)).toBe(0);
    expect(lagAfter(10_000)).toBe(0);
    expect(lagAfter(10_000, 0, 10_000)).toBe(0);
  });

  it('is what is late twice in a row, by the less late of the two', () => {
    expect(lagAfter(0, 700, 600)).toBe(600);
    expect(lagAfter(0, 600, 700)).toBe(600);
    expect(lagAfter(0, 600, 700, 900)).toBe(700);
  });

  it('is remembered until nothing was late for ten ticks', () => {
    const inTime = Array.from({ length: 9 }, () => 0);
    expect(lagAfter(600, 600, ...inTime)).toBe(600);
    expect(lagAfter(600, 600, ...inTime, 0)).toBe(0);
    expect(lagAfter(600, 600, ...inTime, 700, 650)).toBe(650);
  });

  it('is never negative', () => {
    expect(lagAfter(-3, -2)).toBe(0);
  });

  it('is told by the timer that watches deadlines', () => {
    const clock = new LateClock();
    const deadlines = new Deadlines(clock);
    deadlines.start();
    for (const late of [0, 0, 350, 300, 0]) clock.fire(late);
    expect(deadlines.loopLag.ms).toBeCloseTo(300);
    for (let tick = 0; tick < 10; tick += 1) clock.fire(0);
    expect(deadlines.loopLag.ms).toBe(0);
  });
});
