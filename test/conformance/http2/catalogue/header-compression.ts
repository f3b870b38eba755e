import { expect } from 'vitest';
import { FLAG, headerBlock, indexed, remembered } from '../../../helpers/frame-client.ts';
import { valuesOf } from '../../../helpers/wire-reader.ts';
import {
  answered,
  connectionError,
  continuation,
  data,
  type FrameCase,
  frameCase,
  head,
  headers,
  join,
  OK,
  reset,
  type Saying,
} from '../frame-case.ts';
import type { TargetRecord } from '../marked-target.ts';

const BROKEN = connectionError('COMPRESSION_ERROR');
/** Nothing of the list of fields that all know, and nothing remembered: RFC 7541 section 2.3.3. */
export const FIRST_REMEMBERED = 62;

/** "www.example.com", by the codes of RFC 7541 appendix B: its section C.4.1. */
const HUFFMAN = Buffer.from('f1e3c2e5f23a6ba0ab90f4ff', 'hex');
const END_OF_STRING = Buffer.from('ffffffff', 'hex');
/** Where it is longest, 30 bits of ones: one byte of letters and then ones. */
const LETTER_A_AND_ONES = Buffer.from('1fff', 'hex');
const LETTER_A_AND_ZEROES = Buffer.from('18', 'hex');

/** A field "x-a" whose value is said by codes. */
function coded(value: Buffer): Buffer {
  return join(Buffer.of(0, 3), Buffer.from('x-a'), Buffer.of(0x80 | value.length), value);
}

/** What the target gets of the field "x-a", request by request. */
export function valuesAre(...values: readonly string[]) {
  return (_: unknown, { requests }: TargetRecord) => {
    const own = requests.filter(({ startLine }) => !/\/(?:after|beside) /.test(startLine));
    expect(own.flatMap(({ fields }) => valuesOf(fields, 'x-a'))).toEqual(values);
  };
}

/** A request with these bytes behind its block. */
export function withBlock(say: Saying, stream: number, ...more: readonly Buffer[]): Buffer {
  return headers(stream, join(say.block(), ...more));
}

const GOOD: readonly FrameCase[] = [
  frameCase('fields that all know', 'RFC 7541 6.1', 'They need no text.', OK, (say) => [
    headers(1, join(indexed(2), indexed(6), indexed(4), headerBlock([[':authority', say.host]]))),
  ]),
  frameCase('names that all know', 'RFC 7541 6.2', 'They need no text.', OK, (say) => [
    headers(1, join(Buffer.of(0x41, say.host.length), Buffer.from(say.host), indexed(2), indexed(6), indexed(4))),
  ]),
  frameCase(
    'a value by codes',
    'RFC 7541 5.2',
    'It is what they stand for.',
    OK,
    (say) => [withBlock(say, 1, coded(HUFFMAN))],
    {
      also: valuesAre('www.example.com'),
    },
  ),
  frameCase(
    'a value by codes, of nothing',
    'RFC 7541 5.2',
    'It is empty.',
    OK,
    (say) => [withBlock(say, 1, coded(Buffer.alloc(0)))],
    { also: valuesAre('') },
  ),
  frameCase(
    'a field that is remembered',
    'RFC 7541 6.2.1',
    'Its index stands for it.',
    answered(200),
    (say) => [withBlock(say, 1, remembered('x-a', 'one')), withBlock(say, 3, indexed(FIRST_REMEMBERED))],
    { stream: 3, requestsMax: 2, also: valuesAre('one', 'one') },
  ),
  frameCase(
    'fields that are remembered, the last first',
    'RFC 7541 2.3.2',
    'Their indices stand for them.',
    answered(200),
    (say) => [
      withBlock(say, 1, remembered('x-a', 'one'), remembered('x-a', 'two')),
      (client) => client.until(() => client.isSettled(1)),
      withBlock(say, 3, indexed(FIRST_REMEMBERED), indexed(FIRST_REMEMBERED + 1)),
    ],
    { stream: 3, requestsMax: 2, also: valuesAre('one', 'two', 'two', 'one') },
  ),
  frameCase(
    'a table that is emptied, and used again',
    'RFC 7541 4.3',
    'It holds what came later.',
    answered(200),
    (say) => [
      withBlock(say, 1, remembered('x-a', 'one')),
      headers(3, join(Buffer.of(0x20, 0x3f, 0xe1, 0x1f), say.block(), remembered('x-b', 'two'))),
      headers(5, join(say.block(), indexed(FIRST_REMEMBERED))),
    ],
    { stream: 5, requestsMax: 3 },
  ),
  frameCase('a size of the table that was offered', 'RFC 7541 6.3', 'It may be.', OK, (say) => [
    headers(1, join(Buffer.of(0x3f, 0xe1, 0x1f), say.block())),
  ]),
  frameCase(
    'a head in frames that are cut anywhere',
    'RFC 7541 6',
    'Frames mean nothing to it.',
    OK,
    (say) => {
      const block = join(say.block(), coded(HUFFMAN));
      return [
        headers(1, block.subarray(0, 1), FLAG.endStream),
        continuation(1, block.subarray(1, 8), 0),
        continuation(1, block.subarray(8, block.length - 5), 0),
        continuation(1, block.subarray(block.length - 5)),
      ];
    },
    { also: valuesAre('www.example.com') },
  ),
];

/** What the table of a connection holds must be the same on both sides, whatever becomes of the requests that changed it. */
const KEPT_IN_STEP: readonly FrameCase[] = [
  frameCase(
    'a field remembered by a head that is too large',
    'RFC 9113 4.3',
    'The table is the connection’s.',
    answered(200),
    (say) => [
      (client) => client.acknowledge(),
      withBlock(say, 1, remembered('x-a', 'one'), headerBlock([['x-b', 'b'.repeat(5000)]])),
      withBlock(say, 3, indexed(FIRST_REMEMBERED)),
    ],
    { stream: 3, listener: 'narrow', also: valuesAre('one') },
  ),
  frameCase(
    'a field remembered by a head that is much too large',
    'RFC 9113 4.3',
    'The table is the connection’s.',
    answered(200),
    (say) => [
      (client) => client.acknowledge(),
      withBlock(
        say,
        1,
        headerBlock([
          ['x-b', 'b'.repeat(12_000)],
          ['x-c', 'c'.repeat(4000)],
        ]),
        remembered('x-a', 'one'),
      ),
      withBlock(say, 3, indexed(FIRST_REMEMBERED)),
    ],
    { stream: 3, listener: 'narrow', isOnce: true, also: valuesAre('one') },
  ),
  frameCase(
    'a field remembered by a head that is malformed',
    'RFC 9113 4.3',
    'The table is the connection’s.',
    answered(200),
    (say) => [
      headers(1, join(headerBlock(say.without(':path')), remembered('x-a', 'one'))),
      withBlock(say, 3, indexed(FIRST_REMEMBERED)),
    ],
    { stream: 3, also: valuesAre('one') },
  ),
  frameCase(
    'a field remembered by trailers behind a reset',
    'RFC 9113 4.3',
    'The table is the connection’s.',
    answered(200),
    (say) => [
      say.post(1, '/', [['content-length', '1']]),
      data(1, '', 0),
      reset(1),
      say.post(3),
      headers(3, remembered('x-a', 'one')),
      withBlock(say, 5, indexed(FIRST_REMEMBERED)),
    ],
    { stream: 5, requestsMax: 2, also: (_, { requests }) => expect(requests.length).toBeGreaterThan(1) },
  ),
];

const BAD: readonly FrameCase[] = (
  [
    ['the index of nothing', () => Buffer.of(0x80)],
    ['an index of what was not remembered', () => indexed(FIRST_REMEMBERED)],
    ['the name of what was not remembered', () => Buffer.of(0x0f, FIRST_REMEMBERED - 15, 1, 0x62)],
    ['an index without end', () => Buffer.of(0xff, ...new Array<number>(12).fill(0x80), 1)],
    [
      'an index as large as numbers can be',
      () => Buffer.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
    ],
    ['an index that is cut off', () => Buffer.of(0xff, 0x80)],
    ['a name that is cut off', () => Buffer.of(0, 5, 0x78)],
    ['a value that is cut off', () => Buffer.of(0, 1, 0x78, 9, 0x78)],
    ['a field without its value', () => Buffer.of(0, 1, 0x78)],
    ['a length as large as numbers can be', () => Buffer.of(0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)],
    ['a length of more than there is', () => Buffer.of(0, 0x7f, 0xff, 0xff, 0x7f, 0x78)],
    ['codes with the end in them', () => coded(END_OF_STRING)],
    ['codes with a byte too much', () => coded(LETTER_A_AND_ONES)],
    ['codes that do not end in ones', () => coded(LETTER_A_AND_ZEROES)],
    ['a size of the table behind a field', () => Buffer.of(0x20)],
    ['a size of the table that was not offered', null],
    ['a size of the table as large as numbers can be', null],
  ] as const
).map(([what, bytes]) => {
  const size = what.endsWith('offered') ? [0x3f, 0xe2, 0x1f] : [0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
  return frameCase(what, 'RFC 7541 3.3', 'What comes later could not be read.', BROKEN, (say) => [
    bytes === null ? headers(1, join(Buffer.from(size), say.block())) : withBlock(say, 1, bytes()),
  ]);
});

const FORGOTTEN: readonly FrameCase[] = [
  frameCase(
    'a field that had to make room',
    'RFC 7541 4.4',
    'It is no longer remembered.',
    BROKEN,
    (say) => [
      withBlock(say, 1, remembered('x-a', 'one')),
      withBlock(say, 3, remembered('x-b', 'b'.repeat(2000)), remembered('x-c', 'c'.repeat(2000))),
      (client) => client.until(() => client.isSettled(3)),
      withBlock(say, 5, indexed(FIRST_REMEMBERED + 2)),
    ],
    { stream: 5, isOnce: true, requestsMax: 2 },
  ),
  frameCase(
    'a field larger than the table',
    'RFC 7541 4.4',
    'Nothing is remembered any more.',
    BROKEN,
    (say) => [
      withBlock(say, 1, remembered('x-a', 'one'), remembered('x-b', 'b'.repeat(5000))),
      (client) => client.until(() => client.isSettled(1)),
      withBlock(say, 3, indexed(FIRST_REMEMBERED)),
    ],
    { stream: 3, isOnce: true, requestsMax: 1 },
  ),
  frameCase(
    'a field of a table that was emptied',
    'RFC 7541 4.3',
    'It is no longer remembered.',
    BROKEN,
    (say) => [
      withBlock(say, 1, remembered('x-a', 'one')),
      (client) => client.until(() => client.isSettled(1)),
      headers(3, join(Buffer.of(0x20), say.block(), indexed(FIRST_REMEMBERED))),
    ],
    { stream: 3, requestsMax: 1 },
  ),
  ...([0x00, 0x10] as const).map((how) =>
    frameCase(
      `a field that is not to be remembered (${how})`,
      'RFC 7541 6.2',
      'It was not.',
      BROKEN,
      (say) => [
        withBlock(say, 1, Buffer.of(how, 1, 0x78, 1, 0x79)),
        (client) => client.until(() => client.isSettled(1)),
        withBlock(say, 3, indexed(FIRST_REMEMBERED)),
      ],
      { stream: 3, requestsMax: 1 },
    ),
  ),
  frameCase('trailers that cannot be read', 'RFC 9113 4.3', 'What comes later could not be read.', BROKEN, (say) => [
    say.post(1),
    data(1, 'x', 0),
    headers(1, Buffer.of(0x80)),
  ]),
  frameCase(
    'trailers that cannot be read, behind an answer',
    'RFC 9113 4.3',
    'What comes later could not be read.',
    BROKEN,
    (say) => [
      say.post(1, '/?early'),
      data(1, 'x', 0),
      (client) => client.until(() => client.client.isWhole(1)),
      headers(1, Buffer.of(0x80)),
    ],
  ),
  frameCase(
    'a head of nothing but a size of the table',
    'RFC 9113 8.3.1',
    'It asks for nothing.',
    ['stream error PROTOCOL_ERROR', 'answered 400', ...connectionError('PROTOCOL_ERROR')],
    () => [headers(1, Buffer.of(0x20))],
  ),
  frameCase(
    'a head behind one that was empty',
    'RFC 9113 4.3',
    'The table is as it was.',
    answered(200),
    (say) => [head(1, []), say.get(3)],
    { stream: 3 },
  ),
];

/** RFC 7541, and RFC 9113 section 4.3. */
export const HEADER_COMPRESSION: readonly FrameCase[] = [...GOOD, ...KEPT_IN_STEP, ...BAD, ...FORGOTTEN];
