import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

import { checkCommand } from '../../../src/cli/check.ts';

async function check(text: string): Promise<{ code: number; out: string[]; err: string[]; file: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cutover-check-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'cutover.yaml');
  await writeFile(file, text);
  const out: string[] = [];
  const err: string[] = [];
  const code = await checkCommand(file, { out: (line) => out.push(line), err: (line) => err.push(line) });
  return { code, out, err, file };
}

it('a valid file is said to be so, in one line', async () => {
  const { code, out, err, file } = await check(
    'listeners: { web: { listen: "127.0.0.1:0" } }\nservices: { a: { pools: { p: {} } } }',
  );
  expect({ code, out, err }).toEqual({ code: 0, out: [`${file}: valid, 1 listener, 1 service`], err: [] });
});

it('a broken file has every problem listed, each with its line and path', async () => {
  const { code, out, err, file } = await check('listeners: { web: { listen: "127.0.0.1:0", lmits: {} } }\nworkers: -1');
  expect(code).toBe(1);
  expect(out).toEqual([]);
  expect(err).toEqual([
    `${file}:1:44: /listeners/web/lmits: unknown field "lmits"; did you mean "limits"?`,
    `${file}:2:10: /workers: must be from 0 to 1024; it is -1`,
  ]);
});

it('a file that is not there is said to be so', async () => {
  const err: string[] = [];
  expect(await checkCommand('/nonexistent/cutover.yaml', { out: () => {}, err: (line) => err.push(line) })).toBe(1);
  expect(err).toEqual(['/nonexistent/cutover.yaml:1:1: cannot be read: there is no such file']);
});
