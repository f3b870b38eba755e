import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { FAILURES, type FailureCode } from '../../../src/proxy/errors.ts';
import { GenerationLedger } from '../../../src/proxy/ledger.ts';
import { outcomeOf } from '../../../src/proxy/outcome.ts';

const page = readFileSync(new URL('../../../docs/reference/failures.md', import.meta.url), 'utf8');
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split('|').map((cell) => cell.trim()));

test('docs/reference/failures.md has a row for each failure, with its status, source and bucket, and no other', () => {
  const onPage = rows
    .filter((cells) => cells.length > 4)
    .map(([, code, status, source, bucket]) => [code, status, source, bucket]);
  const inTable = (Object.keys(FAILURES) as FailureCode[]).map((code) => {
    const { status, source } = FAILURES[code];
    return [`\`${code}\``, String(status), source, outcomeOf(code)];
  });
  expect(onPage).toEqual(inTable);
});

test('each row says what happened', () => {
  for (const [, code, , , , what] of rows.filter((cells) => cells.length > 4)) expect(what, code).toMatch(/\.$/);
});

test('the ledger on the page has the buckets of the ledger', () => {
  const { generation: _, accepted: __, ...buckets } = new GenerationLedger(1).report();
  const onPage = rows.filter((cells) => cells.length === 4).map(([, bucket]) => bucket);
  expect(onPage).toEqual(Object.keys(buckets).map((bucket) => `\`${bucket}\``));
  expect(page).toContain(`accepted = ${Object.keys(buckets).join(' + ')}\n`);
});

test('docs/life-of-a-request.md shows where every failure happens, and knows no other', () => {
  const life = readFileSync(new URL('../../../docs/life-of-a-request.md', import.meta.url), 'utf8');
  const drawing = life.split('```')[1] ?? '';
  const drawn = new Set(drawing.match(/\b[a-z]+_[a-z_]+\b|\bcut\b|\boverloaded\b/g));
  // A mistake of ours has no place of its own.
  const expected = Object.keys(FAILURES).filter((code) => code !== 'internal');
  expect([...drawn].toSorted()).toEqual(expected.toSorted());
});
