/** SECURITY.md promises nothing that no test holds. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.join(import.meta.dirname, '../../..');
const PAGE = readFileSync(path.join(ROOT, 'SECURITY.md'), 'utf8');

test('every promise in SECURITY.md names tests, and every test that it names is there', () => {
  const promises = PAGE.split('\n').filter((line) => /^\| (?!promise |---)/.test(line) && line.includes('`test/'));
  expect(promises.length).toBeGreaterThan(15);
  const named = [...PAGE.matchAll(/`(test\/[^`]+)`: ((?:"[^"]+"(?:, )?)+)/g)];
  expect(named.length).toBeGreaterThan(promises.length);
  for (const [, file = '', titles = ''] of named) {
    expect(existsSync(path.join(ROOT, file)), file).toBe(true);
    const text = readFileSync(path.join(ROOT, file), 'utf8');
    for (const [, title = ''] of titles.matchAll(/"([^"]+)"/g)) expect(text, file).toContain(title);
  }
});

test('every row of the tables of promises has its tests', () => {
  const tables = PAGE.split('\n\n').filter((part) => part.includes('| promise | held by |'));
  expect(tables).toHaveLength(3);
  const rows = tables.flatMap((table) => table.split('\n').slice(2)).filter((line) => line.startsWith('|'));
  expect(rows.filter((row) => !row.includes('`test/'))).toEqual([]);
});

test('the links of SECURITY.md lead to files', () => {
  for (const [, link = ''] of PAGE.matchAll(/\]\(([^)#]+)\)/g))
    expect(existsSync(path.join(ROOT, link)), link).toBe(true);
});
