import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

import { tokenCommand } from '../../../src/cli/token.ts';
import { createAjv } from '../../../src/schema/ajv.ts';
import { type TokenConfig, TokenSchema } from '../../../src/schema/admin.ts';

const NOW_MS = Date.UTC(2030, 0, 1);

function run(options: Partial<Parameters<typeof tokenCommand>[0]> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const code = tokenCommand(
    { name: 'ci', role: 'deploy', scope: [], ...options },
    { out: (line) => out.push(line), err: (line) => err.push(line), nowMs: NOW_MS },
  );
  const token = /^ {2}(ctv_\S+)$/m.exec(out.join('\n'))?.[1] ?? '';
  const entries = parse(out.find((line) => line.startsWith('  - ')) ?? '[]') as TokenConfig[];
  return { code, err, token, entries };
}

it('prints a token of 256 bits and the entry that knows it, which a configuration takes', () => {
  const { code, token, entries } = run({ scope: ['shop', 'blog'] });
  expect(code).toBe(0);
  expect(Buffer.from(token.slice('ctv_'.length), 'base64url')).toHaveLength(32);
  const sha256 = createHash('sha256').update(token).digest('hex');
  expect(entries).toEqual([{ name: 'ci', role: 'deploy', scopes: ['shop', 'blog'], sha256 }]);
  expect(createAjv({ fillDefaults: false, allErrors: true }).validate(TokenSchema, entries[0])).toBe(true);
});

it('makes another token each time', () => {
  expect(new Set(Array.from({ length: 100 }, () => run().token)).size).toBe(100);
});

it.each([
  ['90d', '2030-04-01T00:00:00Z'],
  ['12h', '2030-01-01T12:00:00Z'],
  ['2031-06-01T00:00:00+02:00', '2031-06-01T00:00:00+02:00'],
])('takes %s for when it expires', (expires, expected) => {
  expect(run({ expires }).entries[0]?.expires).toBe(expected);
});

it('says everything that is wrong, and prints no token', () => {
  const { code, err, token } = run({ name: 'C I', role: 'root', scope: ['Shop'], expires: 'never' });
  expect([code, token]).toEqual([1, '']);
  expect(err).toEqual([
    expect.stringMatching(/^--name must be/),
    expect.stringMatching(/^--role must be one of read, deploy, configure, admin/),
    expect.stringMatching(/^--scope must be/),
    expect.stringMatching(/^--expires must be/),
  ]);
});
