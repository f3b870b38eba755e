import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = path.join(import.meta.dirname, '../../..');
const PAGES = [...globSync('*.md', { cwd: ROOT }), ...globSync('docs/**/*.md', { cwd: ROOT })];

/** Long pages are not read, and what is not read does not stay true. */
const ARCHITECTURE_LINES_MAX = 150;

const read = (page: string): string => readFileSync(path.join(ROOT, page), 'utf8');

describe.each(PAGES)('%s', (page) => {
  test('links to what is there', () => {
    const links = [...withoutFences(read(page)).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link);
    const local = links.filter((link) => !/^[a-z]+:/.test(link));
    expect(local.filter((link) => !existsSync(path.join(ROOT, path.dirname(page), link)))).toEqual([]);
  });

  test('names files and folders of the repository that are there', () => {
    const names = [...read(page).matchAll(/`((?:src|test|docs|bench|config|deploy|examples)\/[^`\s*]*)`/g)];
    expect(names.flatMap(([, name = '']) => (existsSync(path.join(ROOT, name)) ? [] : [name]))).toEqual([]);
  });
});

test('ARCHITECTURE.md is short enough to stay true', () => {
  expect(read('ARCHITECTURE.md').split('\n').length).toBeLessThanOrEqual(ARCHITECTURE_LINES_MAX);
});

test('ARCHITECTURE.md has every folder of src/ on its map', () => {
  const folders = globSync('src/{*,proxy/*,control/*}/', { cwd: ROOT }).map((folder) => folder.replace(/\/?$/, '/'));
  expect(folders.length).toBeGreaterThan(10);
  const map = read('ARCHITECTURE.md');
  expect(folders.filter((folder) => !map.includes(`\`${folder}\``))).toEqual([]);
});

test('the documentation has a page for every decision, numbered without a gap', () => {
  const numbers = globSync('docs/decisions/*.md', { cwd: ROOT })
    .map((file) => Number(path.basename(file).slice(0, 4)))
    .toSorted((a, b) => a - b);
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
});

function withoutFences(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, '');
}
