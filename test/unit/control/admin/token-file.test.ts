import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

import { readTokenFile } from '../../../../src/control/admin/token-file.ts';

const DIGEST = 'a'.repeat(64);

function tokenFile(text: string, mode = 0o600): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'cutover-tokens-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'tokens.yaml');
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

it('is a list of tokens in YAML or JSON', async () => {
  const token = { name: 'ci', sha256: DIGEST, role: 'deploy', scopes: ['shop'], expires: '2031-01-31T00:00:00Z' };
  const yaml = `# tokens\n- name: ci\n  sha256: ${DIGEST}\n  role: deploy\n  scopes: [shop]\n  expires: "2031-01-31T00:00:00Z"\n`;
  expect(await readTokenFile(tokenFile(yaml))).toEqual([token]);
  expect(await readTokenFile(tokenFile(JSON.stringify([token]), 0o400))).toEqual([token]);
});

it.each(['', '[]', '# none yet\n'])('that holds %j has no tokens', async (text) => {
  expect(await readTokenFile(tokenFile(text))).toEqual([]);
});

it.each([0o644, 0o640, 0o660, 0o606, 0o601])('of mode %o is refused', async (mode) => {
  await expect(readTokenFile(tokenFile('[]', mode))).rejects.toThrow(/others can get at it; make it 0600/);
});

it('that is not there is refused', async () => {
  await expect(readTokenFile('/nowhere/tokens.yaml')).rejects.toThrow(
    'admin.tokensFile: /nowhere/tokens.yaml cannot be read',
  );
});

it('that is wrong is refused with every problem and its line, and without the secrets in it', async () => {
  const file = tokenFile(
    `- { name: CI, sha256: ctv_secret, role: read }\n- { name: b, sha256: ${DIGEST}, role: root }\n`,
  );
  const error: Error = await readTokenFile(file).then(
    () => new Error('was taken'),
    (thrown: Error) => thrown,
  );
  const lines = error.message.split('\n').map((line) => line.slice(file.length));
  expect(lines).toEqual([
    expect.stringMatching(/^:1:\d+: \/0\/name: must be 1 to 63 characters/),
    expect.stringMatching(/^:1:\d+: \/0\/sha256: must be the SHA-256 of a token/),
    expect.stringMatching(/^:2:\d+: \/1\/role: must be "read", "deploy", "configure" or "admin"/),
  ]);
  expect(error.message).not.toContain('secret');
  await expect(readTokenFile(tokenFile('{'))).rejects.toThrow(/:1:\d+: is not valid YAML/);
  await expect(readTokenFile(tokenFile('tokens: []'))).rejects.toThrow('must be a list');
});
