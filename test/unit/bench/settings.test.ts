import { expect, test } from 'vitest';
import { type Feature, featuresOf, lackOf } from '../../../bench/contender.ts';
import { CONTENDERS } from '../../../bench/contenders/all.ts';
import { SCENARIOS } from '../../../bench/scenarios.ts';
import { type Settings, readSettings } from '../../../bench/settings.ts';

const read = (...args: readonly string[]): Settings => readSettings(args, SCENARIOS, CONTENDERS);
const names = (all: readonly { readonly name: string }[]): string[] => all.map(({ name }) => name);

test('a run is of the usual scenarios, of those that are named, or of all', () => {
  expect(names(read().scenarios)).toEqual(names(SCENARIOS.filter(({ isUsual }) => isUsual)));
  expect(names(read('--only', 'h2,small-64').scenarios)).toEqual(['h2', 'small-64']);
  expect(read('--all').scenarios).toEqual(SCENARIOS);
  expect(() => read('--all', '--only', 'h2')).toThrow('exclude each other');
});

test('names that there are not, and numbers that are none, are refused with what would be right', () => {
  expect(() => read('--only', 'small-65')).toThrow(/--only: there is no small-65, but .*small-64/);
  expect(() => read('--contenders', 'cutover,apache')).toThrow(/--contenders: there is no apache, but cutover, nginx/);
  expect(() => read('--seconds', '0.5')).toThrow('--seconds: 0.5 is not a whole number above 0');
});

test('every scenario and every contender has a name of its own', () => {
  for (const all of [names(SCENARIOS), names(CONTENDERS)]) expect(new Set(all).size).toBe(all.length);
});

test('a contender lacks the first thing that a setting asks for and it cannot do', () => {
  const probed = (...features: Feature[]) => ({ version: '1', features });
  const setting = { entry: 'https', http2: true, services: 10 } as const;
  expect(featuresOf(setting)).toEqual(['https', 'http2', 'services']);
  expect(lackOf(probed('https', 'http2'), setting)).toBe('services');
  expect(lackOf(probed('https', 'http2', 'services', 'tcp'), setting)).toBeNull();
  expect(lackOf(probed('http'), { entry: 'http', services: 1, rules: 0 })).toBeNull();
});
