import crypto, { createHash } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { BearerTokens, bearerTokenOf } from '../../../../src/control/admin/bearer-tokens.ts';
import type { TokenConfig } from '../../../../src/schema/admin.ts';

const sha256 = (token: string): string => createHash('sha256').update(token).digest('hex');
const entry = (name: string, token: string): TokenConfig => ({ name, role: 'read', sha256: sha256(token) });

describe('an Authorization field', () => {
  it.each([
    ['Bearer ctv_abc-DEF.123~+/=', 'ctv_abc-DEF.123~+/='],
    ['bearer x', 'x'],
    ['BEARER   x', 'x'],
  ])('%s has the token %s', (field, token) => {
    expect(bearerTokenOf(field)).toBe(token);
  });

  it.each([
    '',
    'Bearer',
    'Bearer ',
    'Basic dTpw',
    'x',
    'Bearer a b',
    'Bearer a,b',
    'Bearer "a"',
    'Bearer é',
    'xBearer a',
  ])('%j has none', (field) => {
    expect(bearerTokenOf(field)).toBeNull();
  });

  it('that is too long has none', () => {
    expect(bearerTokenOf(`Bearer ${'x'.repeat(1_017)}`)).not.toBeNull();
    expect(bearerTokenOf(`Bearer ${'x'.repeat(1_018)}`)).toBeNull();
  });
});

describe('tokens', () => {
  const tokens = new BearerTokens([entry('first', 'a'), entry('second', 'b'), entry('third', 'c')]);

  it('are found by themselves alone, wherever they stand', () => {
    expect(['a', 'b', 'c'].map((token) => tokens.find(token)?.name)).toEqual(['first', 'second', 'third']);
    for (const wrong of ['', 'A', 'ab', 'd', sha256('a')]) expect(tokens.find(wrong)).toBeNull();
  });

  it('are compared in constant time, all of them, whether one is found or not', () => {
    const compare = vi.spyOn(crypto, 'timingSafeEqual');
    syncBuiltinESMExports();
    onTestFinished(() => {
      compare.mockRestore();
      syncBuiltinESMExports();
    });
    for (const token of ['a', 'c', 'nobody']) {
      compare.mockClear();
      tokens.find(token);
      expect(compare).toHaveBeenCalledTimes(3);
      for (const [left, right] of compare.mock.calls) expect([left.byteLength, right.byteLength]).toEqual([32, 32]);
    }
  });
});
