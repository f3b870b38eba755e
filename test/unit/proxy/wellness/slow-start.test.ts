import { describe, expect, it } from 'vitest';
import { SlowStart, type Starting } from '../../../../src/proxy/wellness/slow-start.ts';
import type { SlowStartSpec } from '../../../../src/snapshot/wellness-spec.ts';
import { type FakeDeadlines, fakeDeadlines } from './fake-deadlines.ts';

const SPEC: SlowStartSpec = { durationMs: 10_000, aggression: 1, minShare: 0.1 };

interface Target extends Starting {
  isWell: boolean;
}

function target(isWell = true): Target {
  return { isWell, weightShare: 1 };
}

interface World {
  readonly deadlines: FakeDeadlines;
  readonly slowStart: SlowStart<Target>;
  changes: number;
}

/** `warm` have been in service all the time. */
function start(warm: readonly Target[], spec = SPEC): World {
  const deadlines = fakeDeadlines();
  const slowStart = new SlowStart(spec, warm, deadlines, () => {
    world.changes += 1;
  });
  const world: World = { deadlines, slowStart, changes: 0 };
  return world;
}

describe('a target that comes into service', () => {
  it('gets its weight in ten steps over the whole time, and a tenth of it at least', () => {
    const [old, young] = [target(), target()];
    const { slowStart, deadlines } = start([old]);
    slowStart.update(SPEC, [old, young]);
    const shares = [young.weightShare];
    for (let second = 0; second < 10; second += 1) {
      deadlines.advance(1_000);
      shares.push(young.weightShare);
    }
    expect(shares).toEqual([0.1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
    expect(old.weightShare).toBe(1);
  });

  it('makes no more work once it has its whole weight', () => {
    const [old, young] = [target(), target()];
    const world = start([old]);
    world.slowStart.update(SPEC, [old, young]);
    world.deadlines.advance(10_000);
    expect(world.deadlines.items).toBe(0);
    const { changes } = world;
    world.slowStart.update(SPEC, [old, young]);
    expect(world.changes).toBe(changes);
  });

  it('gets most of it at first where that is asked for', () => {
    const [old, young] = [target(), target()];
    const spec = { ...SPEC, aggression: 2 };
    const { slowStart, deadlines } = start([old], spec);
    slowStart.update(spec, [old, young]);
    deadlines.advance(5_000);
    expect(young.weightShare).toBeCloseTo(Math.sqrt(0.5), 10);
  });

  it('starts anew after each time that it was out of service', () => {
    const [old, young] = [target(), target()];
    const { slowStart, deadlines } = start([old, young]);
    young.isWell = false;
    slowStart.update(SPEC, [old, young]);
    deadlines.advance(60_000);
    young.isWell = true;
    slowStart.update(SPEC, [old, young]);
    expect(young.weightShare).toBe(0.1);
    deadlines.advance(4_000);
    expect(young.weightShare).toBeCloseTo(0.4, 10);
  });

  it('has its whole weight where all have come together', () => {
    const targets = [target(), target()];
    const { slowStart, deadlines } = start([]);
    slowStart.update(SPEC, targets);
    expect(targets.map(({ weightShare }) => weightShare)).toEqual([1, 1]);
    deadlines.advance(5_000);
    expect(targets.map(({ weightShare }) => weightShare)).toEqual([1, 1]);
  });

  it('is measured by the one that has come before it, where none is warm', () => {
    const [first, second] = [target(), target()];
    const { slowStart, deadlines } = start([]);
    slowStart.update(SPEC, [first]);
    deadlines.advance(4_000);
    slowStart.update(SPEC, [first, second]);
    expect([first.weightShare, second.weightShare]).toEqual([1, 0.25]);
  });

  it('has its whole weight as soon as the others are gone', () => {
    const [old, young] = [target(), target()];
    const { slowStart } = start([old]);
    slowStart.update(SPEC, [old, young]);
    old.isWell = false;
    slowStart.update(SPEC, [old, young]);
    expect(young.weightShare).toBe(1);
  });
});

it('a longer time that is set on the way counts from when the target came', () => {
  const [old, young] = [target(), target()];
  const { slowStart, deadlines } = start([old]);
  slowStart.update(SPEC, [old, young]);
  deadlines.advance(5_000);
  slowStart.update({ ...SPEC, durationMs: 50_000 }, [old, young]);
  expect(young.weightShare).toBe(0.1);
  deadlines.advance(20_000);
  expect(young.weightShare).toBe(0.5);
});

it('where it is no longer asked for everybody has its whole weight, and nothing is waited for', () => {
  const [old, young] = [target(), target()];
  const { slowStart, deadlines } = start([old]);
  slowStart.update(SPEC, [old, young]);
  slowStart.close();
  expect(young.weightShare).toBe(1);
  expect(deadlines.items).toBe(0);
});
