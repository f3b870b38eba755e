import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { BUILT_IN, createBalancer } from '../../../../src/proxy/balance/algorithms.ts';
import { AlgorithmObjectSchema } from '../../../../src/schema/algorithm.ts';
import { contextOf, equals, specOf } from './candidates.ts';

test('every name that a configuration may give has an algorithm', () => {
  expect(new Set(Object.keys(BUILT_IN))).toEqual(new Set(AlgorithmObjectSchema.properties.name.enum));
});

test('every algorithm passes the suite', () => {
  const tests = readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => readFileSync(path.join(import.meta.dirname, file), 'utf8'));
  for (const name of Object.keys(BUILT_IN)) {
    expect(
      tests.some((text) => text.includes(`conformance('${name}', `)),
      name,
    ).toBe(true);
  }
});

test('an algorithm that came from elsewhere is made like any other', () => {
  const algorithms = {
    ...BUILT_IN,
    'the-last': <C>(candidates: readonly C[]) => ({
      pick: () => candidates.at(-1) ?? null,
      peek: () => candidates.at(-1) ?? null,
      explain: () => ({ meaning: 'the last', scores: [] }),
    }),
  };
  const candidates = equals(3);
  expect(createBalancer(algorithms, candidates, specOf('the-last'), contextOf()).pick(null, '')).toBe(candidates[2]);
});

test('a name that is none is a mistake of ours, and said at once', () => {
  expect(() => createBalancer(BUILT_IN, equals(1), specOf('ring-hash'), contextOf())).toThrow('ring-hash');
});
