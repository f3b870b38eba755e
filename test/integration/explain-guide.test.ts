/** The guide on explaining shows what the program prints, and what the admin API takes. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';

import { explainCommand } from '../../src/cli/explain.ts';
import { type Configuration, createProxy } from '../../src/index.ts';
import { AdminClient } from '../helpers/admin-client.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const GUIDE = readFileSync(path.join(ROOT, 'docs/guides/explain.md'), 'utf8');
const MAIN = path.join(ROOT, 'src/main.ts');
const YAML = blocks('yaml')[0] ?? '';

/** The blocks of code in this language, without their fences. */
function blocks(language: string): string[] {
  return [...GUIDE.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(([, code = '']) => code);
}

interface Example {
  /** As a shell takes it apart, without the program's name. */
  readonly words: readonly string[];
  readonly printed: string;
}

const EXAMPLES = blocks('console').map((example): Example => {
  const [, command = '', printed = ''] = /^\$ cutover (.*)\n([^]*)$/.exec(example) ?? [];
  const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  return { words, printed };
});

test('the first command prints what stands below it', async () => {
  const folder = temporaryFolder({ 'shop.yaml': YAML });
  const [{ words, printed } = { words: [], printed: '' }] = EXAMPLES;
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...words], { cwd: folder });
  expect(stdout).toBe(printed);
}, 30_000);

// Starting the program is most of the work; what it does then can be had without.
test.each(EXAMPLES)('$words prints what stands below it', async ({ words, printed }) => {
  const config = path.join(temporaryFolder({ 'shop.yaml': YAML }), 'shop.yaml');
  const after = (option: string) => words.flatMap((word, i) => (words[i - 1] === option ? [word] : []));
  const options = { url: words.at(-1) ?? '', header: after('-H'), cookie: after('--cookie'), config };
  const lines: string[] = [];
  const code = await explainCommand(options, { out: (line) => lines.push(line), err: () => undefined, env: {} });
  expect([code, `${lines.join('\n')}\n`]).toEqual([0, printed]);
});

test('what it proposes to a running proxy is understood', async () => {
  const config = {
    ...parse(YAML),
    listeners: { web: { listen: '127.0.0.1:0' } },
    admin: { listen: '127.0.0.1:0' },
    state: { path: 'memory' },
    workers: 0,
  } as Configuration;
  const proxy = await createProxy({ config });
  onTestFinished(async () => void (await proxy.close()));
  const admin = new AdminClient(proxy.admin.url);
  const [, set = ''] = /^\$ cat move.json\n(.*)$/m.exec(GUIDE) ?? [];
  const request = { url: 'http://shop.example.com/cart' };
  const moved = await admin.must('POST', '/v1/explain', { request, proposed: JSON.parse(set) });
  expect(moved.json).toMatchObject({ isProposed: true, pool: { name: 'green', by: 'only' } });
  const [, body = ''] = / -d '(\{.*?\n\})'/s.exec(GUIDE) ?? [];
  const halved = await admin.must('POST', '/v1/explain', JSON.parse(body));
  expect(halved.json.split).toMatchObject({ shares: { blue: 50, green: 50 } });
});
