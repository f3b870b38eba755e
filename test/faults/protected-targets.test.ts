/**
 * The faults of broken-targets.test.ts where the operator has asked for more than the defaults: further tries, and that
 * what fails is left alone. What may not be sent twice still is not.
 */
import { describe, expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { type BrokenWorld, expectAccount, failuresFor, outcomesOf, send, startBroken } from './broken-world.ts';
import type { Manner } from './fault-proxy.ts';

/** Each on a connection of its own to the targets, so that nothing is taken for the end of a kept connection. */
const FRESH = { upstream: { idleConnections: 0 } };
/** So many at once that none is refused for having too many of them. */
const BUDGET = { percent: 100, min: 50 };
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const ROUNDS = 6;

describe('where resets are tried again', () => {
  const retries = { on: ['connect', 'reused-connection', 'reset'] as const, budget: BUDGET };

  test('what may be sent twice has the answer of another target, and what may not is a 502', async () => {
    const world = await startBroken({
      targets: 3,
      service: { ...FRESH, retries: { ...retries, on: [...retries.on] } },
    });
    break1of(world, { response: { passes: 0, ending: 'reset' } });
    await sendAll(world);
    expect(outcomesBySafety(world)).toEqual({ repeatable: ['old'], others: ['old', 'status 502'] });
    expect(await triedAgain(world, 'reset')).toBeGreaterThan(0);
    await expectAccount(world);
  });

  test('nothing is where the head of an answer has begun', async () => {
    const world = await startBroken({
      targets: 2,
      service: { ...FRESH, retries: { ...retries, on: [...retries.on] } },
    });
    break1of(world, { response: { passes: 40, ending: 'reset' } });
    await sendAll(world);
    expect(Object.keys(outcomesOf(world)).toSorted()).toEqual(['old', 'status 502']);
    expect(await triedAgain(world, 'reset')).toBe(0);
    await expectAccount(world);
  });
});

describe('where a try has a time of its own', () => {
  test('a target that says nothing costs what may be sent twice that time, and the rest is a 504', async () => {
    const service = {
      ...FRESH,
      retries: { on: ['connect' as const, 504 as const], perTryTimeout: '1s', budget: BUDGET },
    };
    const world = await startBroken({ targets: 3, service });
    break1of(world, { response: { passes: 0, ending: 'silence' } });
    const rounds = Array.from({ length: ROUNDS }, () => METHODS).flat();
    await Promise.all(rounds.map((method) => send(world, { method })));
    expect(outcomesBySafety(world)).toEqual({ repeatable: ['old'], others: ['old', 'status 504'] });
    expect(await triedAgain(world, 'per-try-timeout')).toBeGreaterThan(0);
    await expectAccount(world);
  });
});

describe('where targets are ejected for what became of their requests', () => {
  test('one that refuses connections is, after three, and no request needs a further try from then on', async () => {
    const world = await startBroken({ targets: 3, service: { ...FRESH, ejection: { duration: '60s' } } });
    await world.faults[0]?.refuse();
    await sendAll(world);
    expect(outcomesOf(world)).toEqual({ old: world.ledger.entries.size });
    expect(await triedAgain(world, 'connect')).toBe(3);
    expect(await ejected(world)).toBe(1);
    await expectAccount(world);
  });

  test('not all are where all fail: one is asked on, and answers as soon as it can', async () => {
    const ejection = { duration: '60s', maxPercent: 100 };
    const world = await startBroken({ targets: 3, service: { ...FRESH, ejection } });
    for (const fault of world.faults) fault.manner = { response: { passes: 0, ending: 'reset' } };
    await sendAll(world);
    expect(outcomesOf(world)).toEqual({ 'status 502': METHODS.length * ROUNDS });
    expect(await ejected(world)).toBe(2);
    for (const fault of world.faults) fault.manner = {};
    await sendAll(world);
    expect(outcomesOf(world)).toEqual({ 'status 502': METHODS.length * ROUNDS, old: METHODS.length * ROUNDS });
    await expectAccount(world);
  });

  function ejected({ proxy }: BrokenWorld): Promise<number> {
    return proxy.admin.metric('cutover_target_ejected', { pool: 'old' });
  }
});

describe('where a breaker stands before each target', () => {
  test('one that resets is left alone after a few, and costs nobody anything from then on', async () => {
    const breaker = { per: ['target' as const], minimum: 5, open: '60s' };
    const world = await startBroken({ targets: 3, service: { ...FRESH, breaker } });
    break1of(world, { response: { passes: 0, ending: 'reset' } });
    const seen = () => world.backends[0]?.requests.length ?? 0;
    for (let count = 0; count < 30 && seen() < 5; count += 1) await send(world, { method: 'POST' });
    await eventually(async () => expect(await world.proxy.admin.metric('cutover_breaker_opened_total')).toBe(1));
    expect(outcomesOf(world)['status 502']).toBe(5);
    const before = world.ledger.entries.size;
    await sendAll(world);
    expect(outcomesOf(world)).toEqual({ old: before - 5 + METHODS.length * ROUNDS, 'status 502': 5 });
    expect(seen()).toBe(5);
    await expectAccount(world);
  });

  test('all of them are asked all the same where all fail, and the one before the pool answers in their stead', async () => {
    const world = await startBroken({ targets: 2, service: { ...FRESH, breaker: { minimum: 5, open: '60s' } } });
    for (const fault of world.faults) fault.manner = { response: { passes: 0, ending: 'reset' } };
    await sendAll(world);
    expect(outcomesOf(world)).toEqual({ 'status 502': 5, 'status 503': METHODS.length * ROUNDS - 5 });
    expect(await failuresFor(world, 'breaker_open')).toBe(METHODS.length * ROUNDS - 5);
    await expectAccount(world);
  });
});

function break1of({ faults }: BrokenWorld, manner: Manner): void {
  const [fault] = faults;
  if (fault === undefined) throw new Error('a world without a target has no fault proxy');
  fault.manner = manner;
}

/** So often that each method comes to each target. */
async function sendAll(world: BrokenWorld): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const method of METHODS) await send(world, { method });
  }
}

/** What there was of those that may be sent twice, and of the others. */
function outcomesBySafety({ ledger }: BrokenWorld): { repeatable: string[]; others: string[] } {
  const outcomes = { repeatable: new Set<string>(), others: new Set<string>() };
  for (const { kind, version, failure } of ledger.entries.values()) {
    const seen = kind === 'POST' || kind === 'PATCH' ? outcomes.others : outcomes.repeatable;
    seen.add(version ?? failure ?? 'nothing yet');
  }
  return { repeatable: [...outcomes.repeatable].toSorted(), others: [...outcomes.others].toSorted() };
}

function triedAgain({ proxy }: BrokenWorld, reason: string): Promise<number> {
  return proxy.admin.metric('cutover_retries_total', { reason });
}
