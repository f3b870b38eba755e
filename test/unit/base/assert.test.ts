import { expect, it } from 'vitest';

import { AssertionFailure, assert } from '../../../src/base/assert.ts';

it('passes what holds and throws, with the message, what does not', () => {
  expect(() => assert(true, 'x')).not.toThrow();
  expect(() => assert(0, 'shares sum up')).toThrow(AssertionFailure);
  expect(() => assert(0, 'shares sum up')).toThrow('shares sum up');
});
