/** README.md is what a newcomer does first: whatever it shows is done here as well. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';

import { loadConfig, parseConfig } from '../../../src/control/config/load.ts';

const run = promisify(execFile);
const ROOT = path.join(import.meta.dirname, '../../..');
const README = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
/** Held against the program's own help by reference.test.ts. */
const CLI_REFERENCE = readFileSync(path.join(ROOT, 'docs/reference/cli.md'), 'utf8');
const MAIN = path.join(ROOT, 'src/main.ts');

const scripts = (
  JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
).scripts;
const shell = blocksOf('sh').join('\n').replaceAll('\\\n', ' ').split('\n');
const [session = ''] = blocksOf('console');

describe('the commands of README.md', () => {
  test('are the two that everybody needs first', () => {
    expect(shell.slice(0, 2).map((line) => line.replace(/\s*#.*/, ''))).toEqual([
      'npm ci && npm start',
      'npm ci && npm test',
    ]);
  });

  test('are scripts of package.json', () => {
    const names = [...README.matchAll(/\bnpm (?:run (?:-s )?([a-z:]+)|(start|test)\b)/g)].map(
      ([, name, own]) => name ?? own,
    );
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !Object.hasOwn(scripts, name ?? ''))).toEqual([]);
  });

  test('are subcommands of the program, with options that they have', () => {
    const calls = [...shell.join('\n').matchAll(/cutover -- ([a-z]+)([^\n#]*)/g)];
    expect(calls.length).toBeGreaterThan(3);
    for (const [, command = '', rest = ''] of calls) {
      const [, help = ''] = CLI_REFERENCE.split(`## \`cutover ${command}\`\n`);
      const [section = ''] = help.split('\n## ');
      expect(section, command).not.toBe('');
      for (const [option] of rest.matchAll(/--[a-z-]+/g)) expect(section, command).toContain(option);
    }
  });

  test('name configuration files that are there and valid', async () => {
    const files = new Set([...README.matchAll(/--config (\S+)/g)].map(([, file = '']) => file));
    expect(files.size).toBeGreaterThan(0);
    for (const file of files) expect((await loadConfig(path.join(ROOT, file))).problems, file).toEqual([]);
  });
});

test('every configuration in README.md is valid', () => {
  const files = blocksOf('yaml');
  expect(files.length).toBeGreaterThan(0);
  for (const text of files) expect(parseConfig(text).problems).toEqual([]);
});

test('every promise in README.md names a test that is there', () => {
  const rows = README.split('\n').filter((line) => /^\|.*`test\//.test(line));
  expect(rows.length).toBeGreaterThan(5);
  for (const row of rows) {
    for (const [, file = '', titles = ''] of row.matchAll(/`(test\/[^`]+)`: ((?:"[^"]+"(?:, )?)+)/g)) {
      expect(existsSync(path.join(ROOT, file)), file).toBe(true);
      const text = readFileSync(path.join(ROOT, file), 'utf8');
      for (const [, title = ''] of titles.matchAll(/"([^"]+)"/g)) expect(text, file).toContain(title);
    }
  }
});

test('with `npm start` running, the curl lines of README.md print what it says', async () => {
  const ports = await startDemo();
  const steps = session.split(/^\$ /m).filter((step) => step !== '');
  expect(steps).toHaveLength(3);
  for (const step of steps) {
    const [command = '', ...printed] = step.split('\n');
    const { stdout } = await run('sh', ['-c', moved(command, ports)]);
    expect(stable(stdout)).toEqual(stable(printed.join('\n')));
  }
  // Whoever goes on reading goes on from there.
  const others = shell.filter((line) => line.startsWith('curl '));
  expect(others.length).toBeGreaterThan(2);
  for (const command of others) {
    const { stdout } = await run('sh', ['-c', moved(command.replace('curl ', 'curl -w "%{http_code}" '), ports)]);
    expect(stdout.slice(-3), command).toMatch(/^2\d\d$/);
  }
});

/** What the demo listens on: proxy, admin API, blue, green. */
const DEMO_PORTS = [8080, 9900, 3001, 3002];

/** Starts the demo on four ports that are free, and resolves with the first of them once it says what to try. */
async function startDemo(): Promise<number> {
  const base = await freePorts(DEMO_PORTS.length);
  const demo = spawn(process.execPath, [MAIN, 'demo'], {
    env: { ...process.env, CUTOVER_DEMO_PORT_BASE: String(base) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<void>((resolve) => demo.once('exit', () => resolve()));
  onTestFinished(async () => {
    demo.kill('SIGINT');
    await exited;
  });
  await new Promise<void>((resolve, reject) => {
    let said = '';
    demo.stdout.on('data', (text: Buffer) => {
      said += text.toString();
      if (said.includes('Ctrl-C')) resolve();
    });
    void exited.then(() => reject(new Error(`the demo ended: ${said}`)));
  });
  return base;
}

function moved(command: string, base: number): string {
  const all = command.replaceAll(/(?<=127\.0\.0\.1:)\d+/g, (port) => String(base + DEMO_PORTS.indexOf(Number(port))));
  return all.replace('curl ', 'curl -s ');
}

/** Without what is another every time: ids, times, how many cores there are. */
function stable(printed: string): unknown {
  if (!printed.startsWith('{')) return printed.trim();
  const receipt = JSON.parse(printed) as Record<string, unknown>;
  const { total, applied, fenced } = receipt['workers'] as Record<string, number>;
  return {
    ...receipt,
    workers: { missing: (total ?? 0) - (applied ?? 0), fenced },
    id: typeof receipt['id'],
    requestedAt: typeof receipt['requestedAt'],
    appliedAt: typeof receipt['appliedAt'],
    barrierMs: typeof receipt['barrierMs'],
  };
}

/**
 * The first of `count` ports in a row that are free at this moment, below those that the kernel gives to connections:
 * there neighbours are rarely free while other tests run.
 */
async function freePorts(count: number): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const base = 10_000 + Math.floor(Math.random() * 20_000);
    const servers = Array.from({ length: count }, () => createServer());
    const bound = await Promise.allSettled(servers.map((server, i) => listen(server, base + i)));
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    if (bound.every(({ status }) => status === 'fulfilled')) return base;
  }
  throw new Error(`no ${count} neighbouring ports are free`);
}

function listen(server: ReturnType<typeof createServer>, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

function blocksOf(language: string): string[] {
  return [...README.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, text = '']) => text,
  );
}
