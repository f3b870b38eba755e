import { describe, expect, it } from 'vitest';
import { type Ejectable, type Ejection, Ejector } from '../../../../src/proxy/wellness/ejector.ts';
import type { EjectionSpec } from '../../../../src/snapshot/wellness-spec.ts';
import { fakeDeadlines } from './fake-deadlines.ts';

const SPEC: EjectionSpec = {
  unreachableMax: 3,
  failuresMax: 5,
  failurePercent: 0,
  minimum: 20,
  windowMs: 10_000,
  durationMs: 30_000,
  durationMsMax: 100_000,
  maxPercent: 50,
};

interface Target extends Ejectable {
  isReady: boolean;
  up: boolean;
}

function start(count: number, more: Partial<EjectionSpec> = {}) {
  const spec = { ...SPEC, ...more };
  const deadlines = fakeDeadlines();
  const told: Ejection[] = [];
  let changes = 0;
  const ejector = new Ejector<Target>(spec, {
    deadlines,
    onEjection: (ejection) => told.push(ejection),
    onChange: () => (changes += 1),
  });
  const targets = Array.from({ length: count }, (_, index): Target => ({
    id: `t${index}:80`,
    isReady: true,
    up: true,
    isEjected: false,
  }));
  ejector.update(spec, targets);
  return {
    spec,
    ejector,
    deadlines,
    targets,
    told,
    changes: () => changes,
    /** So many requests to the target fail. */
    fail(index: number, times = 3) {
      for (let i = 0; i < times; i += 1) ejector.record(targets[index] as Target, 'unreachable');
    },
    out: () => targets.filter(({ isEjected }) => isEjected).map(({ id }) => id),
  };
}

describe('a target that fails', () => {
  it('is out for the time that is set, and what it is out for is told', () => {
    const world = start(3);
    world.fail(1);
    expect(world.out()).toEqual(['t1:80']);
    expect(world.told).toEqual([{ target: 't1:80', reason: 'unreachable', forMs: 30_000, times: 1 }]);
    expect(world.ejector.counts(world.targets[1] as Target)).toEqual({ unreachable: 1 });
    world.deadlines.advance(29_999);
    expect(world.out()).toEqual(['t1:80']);
    world.deadlines.advance(1);
    expect(world.out()).toEqual([]);
    expect(world.changes()).toBe(2);
    expect(world.deadlines.items).toBe(0);
  });

  it('is out for longer each time, and never for longer than is set', () => {
    const world = start(3);
    for (let time = 0; time < 5; time += 1) {
      world.fail(1);
      world.deadlines.advance(100_000);
    }
    // Each time it gets through more than twice as long as it was out.
    expect(world.told.map(({ forMs }) => forMs)).toEqual([30_000, 30_000, 30_000, 30_000, 30_000]);
    const hasty = start(3);
    for (let time = 0; time < 5; time += 1) {
      hasty.fail(1);
      hasty.deadlines.advance(hasty.told.at(-1)?.forMs ?? 0);
    }
    expect(hasty.told.map(({ forMs }) => forMs)).toEqual([30_000, 60_000, 90_000, 100_000, 100_000]);
  });

  it('has one ejection less to its account for each time span that it gets through', () => {
    const world = start(3);
    for (let time = 0; time < 3; time += 1) {
      world.fail(1);
      world.deadlines.advance(world.told.at(-1)?.forMs ?? 0);
    }
    world.deadlines.advance(60_000);
    world.fail(1);
    expect(world.told.map(({ times }) => times)).toEqual([1, 2, 3, 2]);
  });

  it('is not judged by what was under way when it was taken out', () => {
    const world = start(3);
    world.fail(1, 30);
    expect(world.told).toHaveLength(1);
    world.deadlines.advance(30_000);
    world.fail(1, 2);
    expect(world.told).toHaveLength(1);
  });

  it('is forgiven when its operator has put it aside', () => {
    const world = start(3);
    const target = world.targets[1] as Target;
    world.fail(1);
    target.isReady = false;
    world.ejector.update(world.spec, world.targets);
    target.isReady = true;
    world.ejector.update(world.spec, world.targets);
    expect(world.out()).toEqual([]);
    world.fail(1);
    expect(world.told.at(-1)?.times).toBe(1);
  });

  it('stays out through a change of the configuration', () => {
    const world = start(3);
    world.fail(1);
    world.ejector.update({ ...world.spec, failuresMax: 9 }, [...world.targets]);
    expect(world.out()).toEqual(['t1:80']);
  });
});

describe('of a pool', () => {
  it('no more than the share that is set is out at once', () => {
    const world = start(5, { maxPercent: 40 });
    for (let index = 0; index < 5; index += 1) world.fail(index, 10);
    expect(world.out()).toEqual(['t0:80', 't1:80']);
    world.deadlines.advance(30_000);
    world.fail(4);
    expect(world.out()).toEqual(['t4:80']);
  });

  it('one may be out however small the share, as long as another is well', () => {
    const world = start(3, { maxPercent: 1 });
    world.fail(0);
    world.fail(1);
    expect(world.out()).toEqual(['t0:80']);
  });

  it('the last is never out', () => {
    const alone = start(1, { maxPercent: 100 });
    alone.fail(0, 50);
    expect(alone.told).toEqual([]);
    const world = start(3, { maxPercent: 100 });
    for (let index = 0; index < 3; index += 1) world.fail(index, 50);
    expect(world.out()).toEqual(['t0:80', 't1:80']);
  });

  it('those that are down, or put aside, are none that the last could be left to', () => {
    const world = start(3, { maxPercent: 100 });
    (world.targets[0] as Target).up = false;
    (world.targets[1] as Target).isReady = false;
    world.ejector.update(world.spec, world.targets);
    world.fail(2, 50);
    expect(world.told).toEqual([]);
  });

  it('who is out serves again while all others are down', () => {
    const world = start(2);
    world.fail(0);
    const other = world.targets[1] as Target;
    other.up = false;
    world.ejector.reconsider();
    expect(world.out()).toEqual([]);
    other.up = true;
    world.ejector.reconsider();
    expect(world.out()).toEqual(['t0:80']);
  });
});

describe('what another worker has found', () => {
  const FOUND: Ejection = { target: 't1:80', reason: 'failures', forMs: 60_000, times: 2 };

  it('is believed, and neither told on nor counted here', () => {
    const world = start(3);
    world.ejector.believe(FOUND);
    expect(world.out()).toEqual(['t1:80']);
    expect(world.told).toEqual([]);
    expect(world.ejector.counts(world.targets[1] as Target)).toEqual({});
    world.deadlines.advance(60_000);
    expect(world.out()).toEqual([]);
    world.fail(1);
    expect(world.told[0]?.times).toBe(3);
  });

  it('is not where too much would be out', () => {
    const world = start(2);
    world.fail(0);
    world.ejector.believe(FOUND);
    expect(world.out()).toEqual(['t0:80']);
  });
});

it('where it is no longer asked for everybody is back, and nothing is waited for', () => {
  const world = start(3);
  world.fail(1);
  world.ejector.close();
  expect(world.out()).toEqual([]);
  expect(world.deadlines.items).toBe(0);
});
