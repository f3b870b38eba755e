import { describe, expect, it, test } from 'vitest';
import { rendezvous } from '../../../../src/proxy/balance/rendezvous.ts';
import { balancerOf, candidate, candidatesOf, equals, sharesOf, type TestCandidate } from './candidates.ts';
import { conformance } from './conformance.ts';

conformance('rendezvous', rendezvous, { weights: 'keys' });

const KEYS = Array.from({ length: 5_000 }, (_, index) => `user-${index}`);

function owners(candidates: readonly TestCandidate[]): string[] {
  const balancer = balancerOf(rendezvous, candidates);
  return KEYS.map((key) => balancer.pick(null, key)?.id ?? '');
}

describe.each([8, 100])('of %i targets, a key', (count) => {
  const all = equals(count);
  const before = owners(all);

  it('has the same target whatever order they come in, and on every worker', () => {
    const shuffled = all.toReversed().map(({ id }) => candidate(id));
    expect(owners(shuffled)).toEqual(before);
  });

  it('moves only if its own target goes', () => {
    const gone = all[3]?.id;
    const after = owners(all.filter(({ id }) => id !== gone));
    const moved = KEYS.filter((_, index) => before[index] !== after[index]);
    expect(moved).toEqual(KEYS.filter((_, index) => before[index] === gone));
    expect(moved.length).toBeGreaterThan(0);
  });

  it('moves only to a target that comes, or has grown', () => {
    const more = owners([...all, candidate('10.7.7.7:80')]);
    for (const [index, owner] of more.entries()) if (owner !== before[index]) expect(owner).toBe('10.7.7.7:80');
    expect(more).toContain('10.7.7.7:80');
    const grown = all.map(({ id }, index) => candidate(id, index === 0 ? 3 : 1));
    for (const [index, owner] of owners(grown).entries()) if (owner !== before[index]) expect(owner).toBe(all[0]?.id);
  });

  it('goes to the same second one while its own is to be avoided', () => {
    const balancer = balancerOf(rendezvous, all);
    for (const [index, key] of KEYS.slice(0, 300).entries()) {
      const own = all.find(({ id }) => id === before[index]) as TestCandidate;
      const others = balancerOf(
        rendezvous,
        all.filter((one) => one !== own).map(({ id }) => candidate(id)),
      );
      expect(balancer.pick(own, key)?.id).toBe(others.pick(null, key)?.id);
    }
  });
});

test('requests without a key go round', () => {
  const candidates = equals(4);
  expect(sharesOf(balancerOf(rendezvous, candidates), candidates, 400)).toEqual([100, 100, 100, 100]);
});

test('the lowest score is the winner', () => {
  const candidates = candidatesOf(1, 5, 2, 9);
  const balancer = balancerOf(rendezvous, candidates);
  for (const key of KEYS.slice(0, 100)) {
    const [best] = balancer.explain(key).scores.toSorted((a, b) => Number(a.score) - Number(b.score));
    expect(best?.candidate).toBe(balancer.pick(null, key));
  }
});
