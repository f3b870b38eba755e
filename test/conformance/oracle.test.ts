/**
 * llhttp is the oracle: a short run of what `npm run fuzz` does for as long as one likes, the same on every machine. Our
 * parser may accept nothing that llhttp refuses, nor read anything differently.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareReadings } from '../fuzz/compare-readings.ts';
import { confirmSample } from '../fuzz/confirm-sample.ts';
import { FOUND } from '../fuzz/found.ts';
import { LiveFuzzer } from '../fuzz/live-fuzzer.ts';
import { minimiseFinding } from '../fuzz/minimise.ts';
import { ReaderProcess } from '../fuzz/reader-process.ts';
import { compareCases, type Finding, ScanFuzzer } from '../fuzz/scan-fuzzer.ts';
import { strictnessPage } from '../fuzz/strictness-page.ts';
import type { ReadMessage, WireReading } from '../fuzz/wire-reading.ts';

const SEED = 20_261_120;
const SCANS_MIN = 30_000;
const CONFIRMED_CASES = 150;
const LIVE_CASES = 300;
/** So many are shown, as small as they go. */
const SHOWN_MAX = 3;

let llhttp: ReaderProcess;
let fuzzer: ScanFuzzer;

beforeAll(() => {
  llhttp = ReaderProcess.llhttp();
  fuzzer = new ScanFuzzer(llhttp, SEED);
});

afterAll(() => llhttp.close());

function show(findings: readonly Finding[]): string[] {
  return findings.map(
    ({ fuzzCase, difference }) =>
      `seed ${SEED}: ${difference.kind} (${difference.detail}) in ${JSON.stringify(fuzzCase)}`,
  );
}

test('what was found before stays as it was mended', async () => {
  const compared = await compareCases(llhttp, FOUND);
  const findings = compared.flatMap(({ fuzzCase, comparison }) =>
    comparison.differences.map((difference) => ({ fuzzCase, difference })),
  );
  expect(show(findings)).toEqual([]);
});

test('scanners and decoder accept nothing that llhttp refuses, and read nothing differently', async () => {
  const findings: Finding[] = [];
  while (fuzzer.executions < SCANS_MIN) findings.push(...(await fuzzer.turn()));
  const smaller = await Promise.all(findings.slice(0, SHOWN_MAX).map((finding) => minimiseFinding(finding, llhttp)));
  expect(show(smaller)).toEqual([]);
});

test('node:http reads what llhttp reads', async () => {
  const nodeHttp = ReaderProcess.nodeHttp();
  try {
    expect(await confirmSample(llhttp, nodeHttp, fuzzer.draw(CONFIRMED_CASES))).toEqual([]);
  } finally {
    await nodeHttp.close();
  }
});

test('between hostile peers the proxy lives on, sends nothing twice, and mixes nothing up', async () => {
  const live = await LiveFuzzer.start(llhttp);
  try {
    expect(show(await live.turn([...FOUND, ...fuzzer.draw(LIVE_CASES)]))).toEqual([]);
  } finally {
    await live.close();
  }
});

test('docs/reference/strictness.md says where we are stricter', () => {
  const page = readFileSync(new URL('../../docs/reference/strictness.md', import.meta.url), 'utf8');
  expect(page, 'write it again: node test/fuzz/write-strictness.ts').toBe(strictnessPage());
});

describe('a difference is seen', () => {
  const REQUEST = { kind: 'request', text: '', pieces: 'whole', answers: 'at once' } as const;
  const MESSAGE: ReadMessage = {
    method: 'POST',
    target: '/',
    authority: 'a',
    status: 0,
    reason: '',
    version: '1.1',
    fields: ['Host', 'a', 'X', 'y'],
    keepAlive: true,
    upgrade: false,
    body: 'hello',
    trailers: ['T', '1'],
    state: 'complete',
    end: 100,
  };
  const REFUSED = { code: 'malformed_body', reason: '' };

  function compare(ours: Partial<WireReading>, theirs: Partial<WireReading>): string[] {
    const whole = { messages: [MESSAGE], refused: null };
    return compareReadings(REQUEST, { ...whole, ...ours }, { ...whole, ...theirs }).differences.map(({ kind }) => kind);
  }

  test.each<[Partial<ReadMessage>, string]>([
    [{ method: 'PUT' }, 'method differs'],
    [{ target: '/x' }, 'target differs'],
    [{ authority: 'b' }, 'authority differs'],
    [{ version: '1.0' }, 'version differs'],
    [{ reason: 'x' }, 'reason differs'],
    [{ status: 200 }, 'status differs'],
    [{ fields: ['X', 'y', 'Host', 'a'] }, 'fields differs'],
    [{ fields: ['Host', 'a'] }, 'fields differs'],
    [{ upgrade: true }, 'upgrades alone'],
    [{ body: 'hell' }, 'body differs'],
    [{ body: 'hello!' }, 'body differs'],
    [{ trailers: [] }, 'trailers differ'],
    [{ end: 101 }, 'ends elsewhere'],
    [{ keepAlive: false }, 'closes alone'],
    [{ state: 'begun' }, 'waits for more of a body'],
  ])('%j: %s', (change, kind) => {
    expect(compare({ messages: [{ ...MESSAGE, ...change }] }, {})).toEqual([kind]);
  });

  test.each<[string, Partial<ReadMessage>]>([
    ['host', { fields: [], authority: '' }],
    ['host', { fields: ['Host', ''], authority: '' }],
    ['host', { fields: ['Host', 'a', 'Host', 'a'] }],
    ['method', { method: 'TRACE' }],
    ['version', { version: '2.0' }],
    ['target-bytes', { target: '/a#b' }],
    ['target-form', { target: 'a:80' }],
    ['expect', { fields: ['Host', 'a', 'Expect', 'x'] }],
    ['request-coding', { fields: ['Host', 'a', 'Transfer-Encoding', 'gzip, chunked'] }],
    ['request-length-digits', { fields: ['Host', 'a', 'Content-Length', '1234567890123456'] }],
  ])('accepted by both, against %s', (row, change) => {
    const messages = [{ ...MESSAGE, ...change }];
    expect(compare({ messages }, { messages })).toEqual([`accepts what it should refuse: ${row}`]);
  });

  test.each<[string, Partial<WireReading>, Partial<WireReading>, string]>([
    ['nothing', {}, {}, ''],
    ['a message too many', { messages: [MESSAGE, MESSAGE] }, {}, 'accepts what llhttp refuses'],
    ['a message too few', {}, { messages: [MESSAGE, MESSAGE] }, 'waits where llhttp reads on'],
    ['kept alone', {}, { messages: [{ ...MESSAGE, keepAlive: false }] }, 'keeps alive alone'],
    ['a body too many', {}, { messages: [{ ...MESSAGE, state: 'begun' }] }, 'accepts a body that llhttp refuses'],
    ['refused alone', { messages: [], refused: REFUSED }, {}, 'refuses alone: malformed_body'],
    ['refused by both', { messages: [], refused: REFUSED }, { messages: [], refused: REFUSED }, ''],
    [
      'a body refused alone',
      { messages: [{ ...MESSAGE, state: 'begun' }], refused: REFUSED },
      {},
      'refuses alone: malformed_body',
    ],
  ])('%s', (_, ours, theirs, kind) => {
    expect(compare(ours, theirs)).toEqual(kind === '' ? [] : [kind]);
  });
});
