import { FLAG, FRAME, frame, headerBlock, settingsPayload } from '../../../helpers/frame-client.ts';
import {
  answered,
  connectionError,
  continuation,
  data,
  type FrameCase,
  frameCase,
  GOES_ON,
  head,
  headers,
  MALFORMED,
  OK,
  ping,
  reset,
  type Saying,
  streamError,
  windowUpdate,
} from '../frame-case.ts';

const STREAM_MAX = 2 ** 31 - 1;
/** A head whose stream ends with it, and that goes on. */
const OPEN_HEAD = FLAG.endStream;

/** The block of a plain request in so many pieces. */
function pieces(say: Saying, count: number): Buffer[] {
  const block = say.block();
  const step = Math.ceil(block.length / count);
  return Array.from({ length: count }, (_, nth) => block.subarray(nth * step, (nth + 1) * step));
}

function inPieces(say: Saying, count: number): Buffer[] {
  const [first = Buffer.alloc(0), ...rest] = pieces(say, count);
  const last = rest.length - 1;
  return [
    headers(1, first, OPEN_HEAD),
    ...rest.map((piece, nth) => continuation(1, piece, nth === last ? FLAG.endHeaders : 0)),
  ];
}

const CONTINUED: readonly FrameCase[] = [
  ...[2, 3, 6].map((count) =>
    frameCase(`a head in ${count} frames`, 'RFC 9113 6.10', 'It is one head.', OK, (say) => inPieces(say, count)),
  ),
  frameCase('a head whose first frame is of nothing', 'RFC 9113 6.10', 'The rest of it is the whole.', OK, (say) => [
    headers(1, Buffer.alloc(0), OPEN_HEAD),
    continuation(1, say.block()),
  ]),
  frameCase('a head whose last frame is of nothing', 'RFC 9113 6.10', 'It is whole.', OK, (say) => [
    headers(1, say.block(), OPEN_HEAD),
    continuation(1, Buffer.alloc(0)),
  ]),
  frameCase('a head in two frames with a body behind it', 'RFC 9113 6.10', 'It is one head.', OK, (say) => [
    headers(1, say.block('POST').subarray(0, 9), 0),
    continuation(1, say.block('POST').subarray(9)),
    data(1, 'x'),
  ]),
  frameCase('trailers in two frames', 'RFC 9113 6.10', 'They are one section.', OK, (say) => {
    const block = headerBlock([['x-sum', '1']]);
    return [
      say.post(1),
      data(1, 'x', 0),
      headers(1, block.subarray(0, 3), OPEN_HEAD),
      continuation(1, block.subarray(3)),
    ];
  }),
  frameCase(
    'a continuation of nothing',
    'RFC 9113 6.10',
    'No head was begun.',
    connectionError('PROTOCOL_ERROR'),
    (say) => [continuation(1, say.block())],
  ),
  frameCase(
    'a continuation of a whole head',
    'RFC 9113 6.10',
    'It has ended.',
    connectionError('PROTOCOL_ERROR'),
    (say) => [say.post(1), continuation(1, headerBlock([['x-a', 'b']]))],
  ),
  frameCase(
    'a continuation of a continued head that is whole',
    'RFC 9113 6.10',
    'It has ended.',
    connectionError('PROTOCOL_ERROR'),
    (say) => [...inPieces(say, 2), continuation(1, headerBlock([['x-a', 'b']]))],
    { requestsMax: 1 },
  ),
  frameCase(
    'a continuation of a body',
    'RFC 9113 6.10',
    'No head was begun.',
    connectionError('PROTOCOL_ERROR'),
    (say) => [say.post(1), data(1, 'x', 0), continuation(1, headerBlock([['x-a', 'b']]))],
  ),
  frameCase(
    'a continuation of the connection',
    'RFC 9113 6.10',
    'It is a stream’s.',
    connectionError('PROTOCOL_ERROR'),
    (say) => [headers(1, say.block(), OPEN_HEAD), continuation(0, Buffer.alloc(0))],
    { asksAfter: false },
  ),
  ...(
    [
      ['a continuation of another stream', () => continuation(3, Buffer.alloc(0))],
      ['a body', () => data(1, 'x')],
      ['a body of another stream', () => data(3, 'x')],
      ['another head', (say: Saying) => say.get(3)],
      ['the same head', (say: Saying) => say.get(1)],
      ['a ping', () => ping()],
      ['settings', () => frame(FRAME.settings, 0, 0, settingsPayload([]))],
      ['a window', () => windowUpdate(0, 1)],
      ['a reset', () => reset(1)],
      ['an end', () => frame(FRAME.goaway, 0, 0, Buffer.alloc(8))],
    ] as const
  ).map(([what, between]) =>
    frameCase(
      `${what} inside of a head`,
      'RFC 9113 6.10',
      'A head is one piece.',
      connectionError('PROTOCOL_ERROR'),
      (say) => [headers(1, say.block(), OPEN_HEAD), between(say), continuation(1, Buffer.alloc(0))],
      { asksAfter: false },
    ),
  ),
  frameCase(
    'a head that the connection ends in',
    'RFC 9113 6.10',
    'It asks for nothing.',
    ['closed'],
    (say) => [headers(1, say.block(), OPEN_HEAD), async (client) => client.end()],
    { asksAfter: false },
  ),
  frameCase(
    'a head that stops',
    'RFC 9113 10.5',
    'It has its time, and no more.',
    ['closed'],
    (say) => [headers(1, say.block(), OPEN_HEAD)],
    { asksAfter: false, listener: 'impatient' },
  ),
];

const STREAM_IDS: readonly FrameCase[] = [
  frameCase(
    'a head of the connection',
    'RFC 9113 6.2',
    'It is a stream’s.',
    connectionError('PROTOCOL_ERROR'),
    (say) => [say.get(0)],
  ),
  frameCase(
    'a stream of the other side',
    'RFC 9113 5.1.1',
    'Those of clients are odd.',
    connectionError('PROTOCOL_ERROR'),
    (say) => [say.get(2)],
  ),
  frameCase(
    'the same stream again behind a reset',
    'RFC 9113 5.1',
    'It is over.',
    [...GOES_ON, ...streamError('STREAM_CLOSED', 'PROTOCOL_ERROR')],
    (say) => [say.post(1), reset(1), say.get(1)],
  ),
  frameCase(
    'streams with others left out',
    'RFC 9113 5.1.1',
    'Clients need not use all.',
    answered(200),
    (say) => [say.get(3), say.get(9), say.get(101)],
    { stream: 101, requestsMax: 3 },
  ),
  frameCase(
    'the last stream that there can be',
    'RFC 9113 5.1.1',
    'It is one.',
    answered(200),
    (say) => [say.get(STREAM_MAX)],
    {
      stream: STREAM_MAX,
      asksAfter: false,
    },
  ),
  frameCase(
    'a head behind a whole request',
    'RFC 9113 5.1',
    'There was no more to come.',
    streamError('STREAM_CLOSED'),
    (say) => [say.get(1, '/?hold'), say.get(1)],
    { requestsMax: 1 },
  ),
  frameCase('a second head', 'RFC 9113 8.1', 'A request has one; trailers end it.', MALFORMED, (say) => [
    say.post(1),
    head(1, [...say.fields('POST'), ['x-a', 'b']], 0),
    data(1, 'x'),
  ]),
];

const ROOM: readonly FrameCase[] = [
  frameCase(
    'a stream beyond those that there may be',
    'RFC 9113 5.1.2',
    'It is refused, as not processed.',
    ['stream error REFUSED_STREAM', ...streamError('PROTOCOL_ERROR')],
    (say) => [
      ...[1, 3, 5, 7].map((id) => say.get(id, '/?hold')),
      say.get(9),
      (client) => client.until(() => client.isSettled(9)),
      ...[1, 3, 5, 7].map((id) => reset(id)),
    ],
    { stream: 9, listener: 'narrow', requestsMax: 4 },
  ),
  frameCase(
    'a stream where one that was given up has made room',
    'RFC 9113 5.1.2',
    'What is over does not count.',
    answered(200),
    (say) => [...[1, 3, 5, 7].map((id) => say.get(id, '/?hold')), reset(5), say.get(9), reset(1)],
    { stream: 9, listener: 'narrow', requestsMax: 5 },
  ),
  frameCase(
    'as many streams as there may be, again and again',
    'RFC 9113 5.1.2',
    'What is answered makes room.',
    answered(200),
    (say) =>
      Array.from({ length: 5 }, (_, round) => [1, 3, 5, 7].map((id) => id + round * 8)).flatMap((ids) => [
        Buffer.concat(ids.map((id) => say.get(id))),
        (client) => client.until(() => ids.every((id) => client.isSettled(id))),
      ]),
    { stream: 39, listener: 'narrow', requestsMax: 20 },
  ),
];

/** RFC 9113 sections 5.1, 6.2 and 6.10. */
export const HEADS: readonly FrameCase[] = [...CONTINUED, ...STREAM_IDS, ...ROOM];
