/**
 * What every algorithm must do, whatever it goes by. A new one is a file in src/proxy/balance, a line in algorithms.ts
 * and a call of this in a test of its own.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BalancerFactory } from '../../../../src/proxy/balance/balancer.ts';
import { balancerOf, candidate, candidatesOf, contextOf, equals, sharesOf, type TestCandidate } from './candidates.ts';

export interface Promises {
  /**
   * How `weight` shows: `exact`: over a period, each is chosen exactly `weight` times; `drawn`: within five standard
   * deviations of it; `in flight`: the requests that are under way are shared by it; `keys`: keys are.
   */
  readonly weights: 'exact' | 'drawn' | 'in flight' | 'keys';
}

export function conformance(name: string, factory: BalancerFactory, promises: Promises): void {
  describe(`${name}, as every algorithm`, () => {
    const keyOf = (index: number): string => (promises.weights === 'keys' ? `user-${index}` : '');

    it('chooses the only one, even if that is to be avoided', () => {
      const [only] = candidatesOf(3);
      const balancer = balancerOf(factory, [only as TestCandidate]);
      for (let index = 0; index < 10; index += 1) {
        expect(balancer.pick(null, keyOf(index))).toBe(only);
        expect(balancer.pick(only as TestCandidate, keyOf(index))).toBe(only);
      }
    });

    it('never chooses whom it should avoid while there is another', () => {
      fc.assert(
        fc.property(weightLists(2), fc.nat(), fc.nat(), (weights, avoidAt, seed) => {
          const candidates = candidatesOf(...weights);
          const balancer = balancerOf(factory, candidates, contextOf(seed));
          const avoid = candidates[avoidAt % candidates.length] as TestCandidate;
          for (let index = 0; index < 30; index += 1) {
            const chosen = balancer.pick(avoid, keyOf(index));
            expect(candidates).toContain(chosen);
            expect(chosen).not.toBe(avoid);
          }
        }),
        { numRuns: 100 },
      );
    });

    it('does not mind being told to avoid one that has left', () => {
      const candidates = equals(3);
      const gone = candidate('10.9.9.9:80');
      const balancer = balancerOf(factory, candidates);
      // It had a place in another balancer's list.
      gone.load.place = 1;
      for (let index = 0; index < 30; index += 1) expect(candidates).toContain(balancer.pick(gone, keyOf(index)));
    });

    it('tells what it would choose, and changes nothing by that', () => {
      fc.assert(
        fc.property(
          weightLists(1),
          fc.nat(),
          fc.array(fc.nat({ max: 5 }), { maxLength: 40 }),
          (weights, seed, acts) => {
            const [asked, unasked] = [candidatesOf(...weights), candidatesOf(...weights)];
            const telling = balancerOf(factory, asked, contextOf(seed));
            const silent = balancerOf(factory, unasked, contextOf(seed));
            for (const [index, act] of acts.entries()) {
              const avoid = act === 0 ? 0 : -1;
              const told = telling.peek(asked[avoid] ?? null, keyOf(index));
              telling.explain(keyOf(index));
              expect(telling.peek(asked[avoid] ?? null, keyOf(index))).toBe(told);
              const chosen = telling.pick(asked[avoid] ?? null, keyOf(index));
              expect(chosen).toBe(told);
              // The one that was never asked goes the same way.
              const other = silent.pick(unasked[avoid] ?? null, keyOf(index));
              expect(other?.id).toBe(chosen?.id);
              if (act > 2) for (const one of [chosen, other]) one?.load.enter();
            }
          },
        ),
        { numRuns: 100 },
      );
    });

    it('scores everyone that it could choose', () => {
      const candidates = candidatesOf(1, 2, 3, 4);
      const { meaning, scores } = balancerOf(factory, candidates).explain(keyOf(1));
      expect(meaning).not.toBe('');
      expect(new Set(scores.map((score) => score.candidate))).toEqual(new Set(candidates));
      for (const { score } of scores) expect(score).toBeGreaterThanOrEqual(0);
    });

    it('chooses the same for the same chance', () => {
      const run = (): (string | undefined)[] => {
        const candidates = candidatesOf(2, 1, 5, 1);
        const balancer = balancerOf(factory, candidates, contextOf(7));
        return Array.from({ length: 50 }, (_, index) => balancer.pick(null, keyOf(index))?.id);
      };
      expect(run()).toEqual(run());
    });

    it('reaches everyone, of equal weight about equally often', () => {
      const candidates = equals(10);
      const shares = sharesOf(balancerOf(factory, candidates), candidates, 10_000, keyOf);
      // Five standard deviations of 10,000 draws with probability 1/10, and of 65,536 slots among 10 (1.2 %).
      for (const share of shares) expect(Math.abs(share - 1_000)).toBeLessThan(210);
    });

    it('respects weights', () => {
      const weights = [1, 2, 3, 4];
      const candidates = candidatesOf(...weights);
      const balancer = balancerOf(factory, candidates);
      expectByWeight(promises.weights, weights, () =>
        promises.weights === 'in flight'
          ? underWay(balancer, candidates, 1_000)
          : sharesOf(balancer, candidates, 10_000, keyOf),
      );
    });

    it('respects weights that are parts of one, as of targets that start slowly', () => {
      const weights = [0.1, 1, 0.5, 0.4];
      const candidates = candidatesOf(...weights);
      const balancer = balancerOf(factory, candidates);
      expectByWeight(promises.weights === 'exact' ? 'drawn' : promises.weights, weights, () =>
        promises.weights === 'in flight'
          ? underWay(balancer, candidates, 2_000)
          : sharesOf(balancer, candidates, 20_000, keyOf),
      );
    });

    it('goes by the new weights once it was made anew', () => {
      const before = candidatesOf(1, 1, 1);
      sharesOf(balancerOf(factory, before), before, 100, keyOf);
      const weights = [4, 1, 1];
      const after = before.map(({ id, load }, index) => ({ id, load, weight: weights[index] ?? 1 }));
      const balancer = balancerOf(factory, after);
      expectByWeight(promises.weights, weights, () =>
        promises.weights === 'in flight' ? underWay(balancer, after, 600) : sharesOf(balancer, after, 9_000, keyOf),
      );
    });

    it('lets candidates come and go, with requests under way', () => {
      fc.assert(
        fc.property(fc.array(churn(), { minLength: 1, maxLength: 60 }), fc.nat(), (acts, seed) => {
          const all = candidatesOf(1, 2, 3, 1, 1, 7);
          let present = all;
          const context = contextOf(seed);
          let balancer = balancerOf(factory, present, context);
          const busy: TestCandidate[] = [];
          for (const [index, act] of acts.entries()) {
            if (act.kind === 'change') {
              present = all.filter((_, at) => (act.mask & (1 << at)) !== 0);
              for (const { load } of all) load.release();
              balancer = balancerOf(factory, present, context);
            } else if (act.kind === 'finish') {
              busy.shift()?.load.leave();
            } else {
              const chosen = balancer.pick(null, keyOf(index));
              expect(present).toContain(chosen);
              chosen?.load.enter();
              if (chosen !== null) busy.push(chosen);
            }
          }
          for (const one of busy) one.load.leave();
          expect(all.map(({ load }) => load.inFlight)).toEqual([0, 0, 0, 0, 0, 0]);
        }),
        { numRuns: 100 },
      );
    });

    it('does not mind how many candidates there are, nor how unequal', () => {
      const candidates = [
        ...candidatesOf(65_535, 1),
        ...equals(998).map((_, i) => candidate(`10.1.0.${i}:80`, 1 + (i % 9))),
      ];
      const balancer = balancerOf(factory, candidates);
      for (let index = 0; index < 3_000; index += 1) {
        const chosen = balancer.pick(index % 5 === 0 ? (candidates[0] ?? null) : null, keyOf(index));
        expect(chosen).not.toBeNull();
        chosen?.load.enter();
        if (index % 2 === 0) chosen?.load.leave();
      }
    });
  });
}

type Act = { readonly kind: 'pick' | 'finish' } | { readonly kind: 'change'; readonly mask: number };

function churn(): fc.Arbitrary<Act> {
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant<Act>({ kind: 'pick' }) },
    { weight: 3, arbitrary: fc.constant<Act>({ kind: 'finish' }) },
    // One of the six at least.
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 63 }).map((mask): Act => ({ kind: 'change', mask })) },
  );
}

function weightLists(minLength: number): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min: 1, max: 9 }), { minLength, maxLength: 9 });
}

/** So many requests that do not end: how many each has. */
function underWay(
  balancer: ReturnType<typeof balancerOf<TestCandidate>>,
  candidates: readonly TestCandidate[],
  requests: number,
): number[] {
  for (let index = 0; index < requests; index += 1) balancer.pick(null, '')?.load.enter();
  return candidates.map(({ load }) => load.inFlight);
}

function expectByWeight(how: Promises['weights'], weights: readonly number[], run: () => number[]): void {
  const counts = run();
  const all = counts.reduce((sum, count) => sum + count, 0);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  for (const [index, weight] of weights.entries()) {
    const share = weight / sum;
    const deviation = Math.sqrt(all * share * (1 - share));
    const bound = how === 'exact' ? 0 : how === 'in flight' ? all * 0.06 : 5 * deviation;
    expect(Math.abs((counts[index] ?? 0) - all * share), `target ${index} of weight ${weight}`).toBeLessThanOrEqual(
      bound,
    );
  }
}
