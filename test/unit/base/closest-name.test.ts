import { expect, it } from 'vitest';

import { closestName } from '../../../src/base/closest-name.ts';

const KNOWN = ['listen', 'protocol', 'timeouts', 'limits', 'pool', 'pools'];

it.each([
  ['lissten', 'listen'],
  ['protocl', 'protocol'],
  ['Timeouts', 'timeouts'],
  ['timeuots', 'timeouts'],
  ['pol', 'pool'],
  ['poolss', 'pools'],
])('%s was meant to be %s', (name, meant) => {
  expect(closestName(name, KNOWN)).toBe(meant);
});

it.each(['', 'x', 'weight', 'listener-timeouts'])('%j is near none', (name) => {
  expect(closestName(name, KNOWN)).toBeNull();
});
