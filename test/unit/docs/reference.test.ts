import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { accessReference } from '../../../docs/access-reference.ts';
import { cliReference, commandsOf } from '../../../docs/cli-reference.ts';
import { configReference } from '../../../docs/config-reference.ts';

const page = (name: string): string =>
  readFileSync(new URL(`../../../docs/reference/${name}`, import.meta.url), 'utf8');

test('docs/reference/config.md says what the schema says; "npm run docs" writes it again', () => {
  expect(page('config.md')).toBe(configReference());
});

test(
  'docs/reference/cli.md says what the program says; "npm run docs" writes it again',
  { timeout: 60_000 },
  async () => {
    expect(page('cli.md')).toBe(await cliReference());
  },
);

test('docs/reference/access.md says what the table says; "npm run docs" writes it again', () => {
  expect(page('access.md')).toBe(accessReference());
});

test('every link inside of the configuration page leads to a heading of it', () => {
  const text = page('config.md');
  const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );
  const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter((anchor) => !anchors.includes(anchor ?? ''))).toEqual([]);
});

test('the names of commands are read from a help whose descriptions go over several lines', () => {
  const help =
    'Usage: cutover\n\nCommands:\n  run [options]   serve\n                  until a signal\n  check  say\n  help [command]  help\n';
  expect(commandsOf(help)).toEqual(['run', 'check']);
});
