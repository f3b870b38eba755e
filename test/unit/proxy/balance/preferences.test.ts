import { describe, expect, it } from 'vitest';
import { BUILT_IN } from '../../../../src/proxy/balance/algorithms.ts';
import { preferring, type PreferableCandidate } from '../../../../src/proxy/balance/preferences.ts';
import type { BalancerFactory } from '../../../../src/proxy/balance/balancer.ts';
import { candidate, contextOf, specOf } from './candidates.ts';

interface Target extends PreferableCandidate {
  isEligible: boolean;
}

function target(id: string, { zone = '', isBackup = false, weight = 1, isEligible = true } = {}): Target {
  return { ...candidate(id, weight), zone, isBackup, isEligible, fullWeight: weight };
}

/** The picks of `count` requests of that many users, by a choice made anew. */
function picks(name: string, targets: readonly Target[], zone: { own: string; enough: number } | null, count = 1_000) {
  for (const { load } of targets) load.release();
  const factory = BUILT_IN[name as keyof typeof BUILT_IN];
  const context = contextOf();
  const balancer = preferring(targets, zone, context, (part) => factory(part, specOf(name), context));
  return Array.from({ length: count }, (_, index) => {
    const key = name === 'rendezvous' ? `user-${index}` : '';
    const told = balancer.peek(null, key);
    const scored = balancer.explain(key).scores.map((score) => score.candidate);
    const chosen = balancer.pick(null, key);
    expect(chosen).toBe(told);
    if (chosen !== null) expect(scored).toContain(chosen);
    return chosen;
  });
}

function shareOf(chosen: readonly (Target | null)[], which: (target: Target) => boolean): number {
  return chosen.filter((one) => one !== null && which(one)).length / chosen.length;
}

const ALGORITHMS = Object.entries<BalancerFactory>(BUILT_IN).map(([name]) => name);

describe.each(ALGORITHMS)('with %s, a target in reserve', (name) => {
  const primaries = [target('a'), target('b')];
  const reserve = [target('r', { isBackup: true }), target('s', { isBackup: true })];
  const all = [...primaries, ...reserve];

  it('gets nothing while one that is not may serve', () => {
    expect(shareOf(picks(name, all, null), ({ isBackup }) => isBackup)).toBe(0);
    const one = [target('a'), target('b', { isEligible: false }), ...reserve];
    expect(shareOf(picks(name, one, null), ({ id }) => id === 'a')).toBe(1);
  });

  it('takes over with the others in reserve when none may', () => {
    const down = primaries.map((one) => ({ ...one, isEligible: false }));
    const chosen = picks(name, [...down, ...reserve], null);
    for (const { id } of reserve) expect(shareOf(chosen, (one) => one.id === id)).toBeGreaterThan(0.3);
  });

  it('serves a request that should avoid the only other one', () => {
    const [only, spare] = [target('a'), target('r', { isBackup: true })];
    const context = contextOf();
    const factory = BUILT_IN[name as keyof typeof BUILT_IN];
    const balancer = preferring([only, spare], null, context, (part) => factory(part, specOf(name), context));
    expect(balancer.pick(null, 'k')).toBe(only);
    expect(balancer.peek(only, 'k')).toBe(spare);
    expect(balancer.pick(only, 'k')).toBe(spare);
  });

  it('leaves nobody where nobody may serve', () => {
    const nobody = all.map((one) => ({ ...one, isEligible: false }));
    expect(picks(name, nobody, null, 3)).toEqual([null, null, null]);
    expect(picks(name, [], null, 1)).toEqual([null]);
  });
});

describe.each(ALGORITHMS)('with %s, the own zone', (name) => {
  const zone = { own: 'near', enough: 0.7 };
  const far = Array.from({ length: 10 }, (_, index) => target(`far-${index}`, { zone: 'far' }));
  const near = (down: number): Target[] =>
    Array.from({ length: 10 }, (_, index) => target(`near-${index}`, { zone: 'near', isEligible: index >= down }));
  const isNear = (one: Target): boolean => one.zone === 'near';
  // What is drawn, or goes by a user's hash, is within five standard deviations of 1,000 requests.
  const slack = name === 'rendezvous' ? 0.08 : 0.001;

  it.each([
    [0, 1],
    [3, 1],
    [4, 0.6 / 0.7],
    [8, 0.2 / 0.7],
    [10, 0],
  ])('with %i of 10 targets down keeps its share', (down, share) => {
    const chosen = picks(name, [...near(down), ...far], zone);
    expect(Math.abs(shareOf(chosen, isNear) - share)).toBeLessThanOrEqual(slack);
    // And what leaves is spread over the others.
    if (share < 0.5) expect(new Set(chosen.filter((one) => one?.zone === 'far')).size).toBe(10);
  });

  it('counts weight, and not heads', () => {
    const heavy = [
      target('big', { zone: 'near', weight: 8 }),
      target('small', { zone: 'near', weight: 2, isEligible: false }),
    ];
    expect(shareOf(picks(name, [...heavy, ...far], zone), isNear)).toBe(1);
    const light = [
      target('big', { zone: 'near', weight: 8, isEligible: false }),
      target('small', { zone: 'near', weight: 2 }),
    ];
    expect(Math.abs(shareOf(picks(name, [...light, ...far], zone), isNear) - 0.2 / 0.7)).toBeLessThanOrEqual(slack);
  });

  it('keeps everything while no other can serve, or nothing is enough', () => {
    expect(shareOf(picks(name, near(9), zone), isNear)).toBe(1);
    expect(shareOf(picks(name, [...near(9), ...far], { own: 'near', enough: 0 }), isNear)).toBe(1);
  });

  it('sends a request elsewhere that should avoid its last target', () => {
    const [own, other] = [target('n', { zone: 'near' }), target('f', { zone: 'far' })];
    const context = contextOf();
    const factory = BUILT_IN[name as keyof typeof BUILT_IN];
    const balancer = preferring([own, other], zone, context, (part) => factory(part, specOf(name), context));
    expect(balancer.pick(null, 'k')).toBe(own);
    expect(balancer.pick(own, 'k')).toBe(other);
  });
});

it('moves a user out of the zone at most once while the zone shrinks', () => {
  const far = [target('far', { zone: 'far' })];
  const outside = [0, 4, 6, 8].map((down) => {
    const near = Array.from({ length: 10 }, (_, index) =>
      target(`n${index}`, { zone: 'near', isEligible: index >= down }),
    );
    const chosen = picks('rendezvous', [...near, ...far], { own: 'near', enough: 0.7 });
    return new Set(chosen.flatMap((one, index) => (one?.zone === 'far' ? [index] : [])));
  });
  for (const [index, users] of outside.slice(1).entries()) {
    for (const user of outside[index] ?? []) expect(users.has(user)).toBe(true);
    expect(users.size).toBeGreaterThan(outside[index]?.size ?? 0);
  }
});
