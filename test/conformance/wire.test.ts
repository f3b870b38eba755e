/**
 * The whole catalogue, once, in the segments that a client would send. Every case is a test of its own; they are
 * played side by side beforehand, because most of the time of each is waiting for what must not happen.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { openPlainProxy } from '../helpers/open-proxy.ts';
import { ALL_CASES, CATALOGUE } from './catalogue.ts';
import { describeVerdict, type Verdict } from './judge.ts';
import { playCatalogue } from './play-catalogue.ts';
import { referencePage } from './reference-page.ts';

const LANES = 16;
const verdicts = new Map<string, Verdict>();

beforeAll(async () => {
  const plays = ALL_CASES.map((wireCase) => ({ wireCase, pieces: 'whole' as const }));
  const played = await playCatalogue(plays, { lanes: LANES, openProxy: openPlainProxy });
  played.forEach((verdict, index) => verdicts.set(ALL_CASES[index]?.id ?? '', verdict));
});

describe.each([...CATALOGUE])('%s', (_, cases) => {
  test.each([...cases])('$id: $why', ({ id }) => {
    const verdict = verdicts.get(id);
    expect(verdict, 'was not played').toBeDefined();
    if (verdict !== undefined) expect(verdict.violations, describeVerdict(verdict)).toEqual([]);
  });
});

test('every case has a name of its own', () => {
  expect(new Set(ALL_CASES.map(({ id }) => id)).size).toBe(ALL_CASES.length);
});

test('docs/reference/wire.md says what the proxy decides', () => {
  const page = readFileSync(new URL('../../docs/reference/wire.md', import.meta.url), 'utf8');
  expect(page, 'write it again: node test/conformance/write-reference.ts').toBe(referencePage(verdicts));
});
