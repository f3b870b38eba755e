import { FLAG, FRAME, frame, headerBlock, indexed, remembered } from '../../../helpers/frame-client.ts';
import { turn } from '../../../helpers/write-pieces.ts';
import type { CaseClient } from '../case-client.ts';
import {
  answered,
  connectionError,
  continuation,
  data,
  type FrameCase,
  frameCase,
  type FrameOutcome,
  head,
  headers,
  join,
  ping,
  priorityOn,
  reset,
  type Saying,
  SETTING,
  settings,
  type Step,
  streamError,
  windowUpdate,
} from '../frame-case.ts';

/** Whatever is said, if anything: who sends without end may not hear it. */
const BROKEN_OFF: readonly FrameOutcome[] = [
  'closed',
  ...connectionError('ENHANCE_YOUR_CALM', 'INTERNAL_ERROR', 'PROTOCOL_ERROR'),
];
/** What is not answered and leaves nothing behind may go on for as long as its sender likes. */
const HARMLESS: readonly FrameOutcome[] = [...BROKEN_OFF, 'goes on'];

const ROUNDS_MAX = 60;
const FRAMES_PER_ROUND = 100;
/** How long a drop of a head is waited with, and how many times: longer than the time that a head has. */
const DRIP_MS = 20;

/** The same frames again and again, until the connection is over or enough was sent. `nth`: of all frames. */
function flood(send: (nth: number) => Buffer): Step {
  return async (client: CaseClient) => {
    for (let round = 0; round < ROUNDS_MAX && !client.isOver; round++) {
      const first = round * FRAMES_PER_ROUND;
      client.sendWhole(join(...Array.from({ length: FRAMES_PER_ROUND }, (_, nth) => send(first + nth))));
      await turn();
      await turn();
    }
  };
}

const ONCE = { isOnce: true } as const;
/** What reaches the target before the connection is broken off is some of it. */
const SOME_ARRIVE = { isOnce: true, requestsMax: 2000 } as const;

/** RFC 9113 section 10.5, and what was learned since. */
export const FLOODS: readonly FrameCase[] = [
  frameCase(
    'requests that are reset at once',
    'CVE-2023-44487',
    'They cost more than they ask for.',
    BROKEN_OFF,
    (say) => [flood((nth) => join(say.get(1 + 2 * nth, '/?hold'), reset(1 + 2 * nth)))],
    SOME_ARRIVE,
  ),
  ...(
    [
      ['by a window of nothing', (say: Saying, id: number) => join(say.post(id, '/?hold'), windowUpdate(id, 0))],
      [
        'by a window of too much',
        (say: Saying, id: number) => join(say.post(id, '/?hold'), windowUpdate(id, 2 ** 31 - 1)),
      ],
      ['by a body behind the end', (say: Saying, id: number) => join(say.get(id, '/?hold'), data(id, 'x'))],
      [
        'by a length that is not true',
        (say: Saying, id: number) => join(say.post(id, '/?hold', [['content-length', '1']]), data(id, '')),
      ],
      [
        'by a priority that is too short',
        (say: Saying, id: number) => join(say.post(id, '/?hold'), frame(FRAME.priority, 0, id, Buffer.alloc(4))),
      ],
    ] as const
  ).map(([how, send]) =>
    frameCase(
      `requests that make us reset them, ${how}`,
      'CVE-2025-8671',
      'They cost more than they ask for.',
      [
        ...BROKEN_OFF,
        // Where that is an error of the connection, it never comes to a flood.
        ...connectionError('FLOW_CONTROL_ERROR', 'STREAM_CLOSED', 'FRAME_SIZE_ERROR'),
      ],
      (say) => [flood((nth) => send(say, 1 + 2 * nth))],
      SOME_ARRIVE,
    ),
  ),
  frameCase(
    'heads that are malformed, without end',
    'RFC 9113 10.5',
    'They cost more than they ask for.',
    HARMLESS,
    (say) => [flood((nth) => head(1 + 2 * nth, say.without(':path')))],
    ONCE,
  ),
  frameCase(
    'a head without end',
    'CVE-2024-27316',
    'It would be held for ever.',
    BROKEN_OFF,
    (say) => [
      headers(1, say.block(), FLAG.endStream),
      flood(() => continuation(1, headerBlock([['x-a', 'a'.repeat(500)]]), 0)),
    ],
    { isOnce: true, asksAfter: false },
  ),
  frameCase(
    'a head without end, of nothing',
    'CVE-2024-27316',
    'It never comes to its end.',
    BROKEN_OFF,
    (say) => [headers(1, say.block(), FLAG.endStream), flood(() => continuation(1, Buffer.alloc(0), 0))],
    { isOnce: true, asksAfter: false },
  ),
  frameCase(
    'a head without end, of no stream that is taken',
    'CVE-2024-27316',
    'It would be read for ever.',
    [...BROKEN_OFF, ...connectionError('STREAM_CLOSED')],
    (say) => [
      say.get(1, '/?hold'),
      headers(1, headerBlock([['x-a', 'b']]), FLAG.endStream),
      flood(() => continuation(1, headerBlock([['x-a', 'a'.repeat(500)]]), 0)),
    ],
    { isOnce: true, asksAfter: false, requestsMax: 1 },
  ),
  frameCase('pings without end', 'CVE-2019-9512', 'Each is answered.', BROKEN_OFF, () => [flood(() => ping())], ONCE),
  frameCase(
    'settings without end',
    'CVE-2019-9515',
    'Each is answered.',
    BROKEN_OFF,
    () => [flood((nth) => settings([SETTING.initialWindow, nth]))],
    ONCE,
  ),
  frameCase(
    'settings of nothing without end',
    'CVE-2019-9515',
    'Each is answered.',
    BROKEN_OFF,
    () => [flood(() => settings())],
    ONCE,
  ),
  frameCase(
    'a body of nothing without end',
    'CVE-2019-9518',
    'It brings nothing.',
    BROKEN_OFF,
    (say) => [say.post(1), flood(() => data(1, '', 0))],
    ONCE,
  ),
  frameCase(
    'a body of padding without end',
    'CVE-2019-9518',
    'It brings nothing.',
    [...HARMLESS, ...connectionError('FLOW_CONTROL_ERROR')],
    (say) => [say.post(1), flood(() => frame(FRAME.data, FLAG.padded, 1, Buffer.of(0)))],
    ONCE,
  ),
  ...(
    [
      ['priorities', (nth: number) => frame(FRAME.priority, 0, 1 + 2 * (nth % 5000), priorityOn(0))],
      ['windows of one byte', () => windowUpdate(0, 1)],
      ['answers to pings', () => ping(Buffer.alloc(8), FLAG.ack)],
      ['frames that nobody knows', () => frame(0x16, 0, 0, Buffer.alloc(30))],
    ] as const
  ).map(([what, send]) =>
    frameCase(
      `${what} without end`,
      'RFC 9113 10.5',
      'They are little work, and leave nothing behind.',
      HARMLESS,
      () => [flood(send)],
      ONCE,
    ),
  ),
  frameCase(
    'windows of one byte without end, of a stream',
    'CVE-2019-9511',
    'Little comes for each.',
    [...HARMLESS, ...answered(200)],
    (say) => [
      say.get(1, '/?bytes=100000'),
      flood(() => windowUpdate(1, 1)),
      reset(1),
      settings([SETTING.initialWindow, 65_535]),
    ],
    { isOnce: true, settings: [[SETTING.initialWindow, 0]] },
  ),
  frameCase(
    'heads of a stream that was reset, without end',
    'RFC 9113 10.5',
    'They are read, and ask for nothing.',
    [...HARMLESS, ...streamError('PROTOCOL_ERROR'), ...connectionError('STREAM_CLOSED')],
    (say) => [say.post(1, '/', [['content-length', '1']]), data(1, 'xy', 0), flood(() => say.get(1))],
    SOME_ARRIVE,
  ),
  frameCase(
    'resets of a stream that is over, without end',
    'RFC 9113 10.5',
    'They change nothing.',
    HARMLESS,
    (say) => [say.post(1), flood(() => reset(1))],
    ONCE,
  ),
  frameCase(
    'trailers of a stream that was reset, without end',
    'CVE-2025-8671',
    'They have to be read, and bring nothing.',
    BROKEN_OFF,
    (say) => [say.post(1, '/', [['content-length', '1']]), data(1, 'xx', 0), flood(() => head(1, [['x-a', 'b']]))],
    { isOnce: true, requestsMax: 0 },
  ),
  frameCase(
    'a small head that becomes a large one',
    'CVE-2026-47774',
    'What it becomes is counted.',
    [...answered(431), 'stream error ENHANCE_YOUR_CALM', ...BROKEN_OFF],
    (say) => [
      headers(1, join(say.block(), remembered('cookie', 'c'.repeat(3800)))),
      (client) => client.until(() => client.isSettled(1)),
      ...[3, 5, 7, 9, 11].map((id) =>
        headers(id, join(say.block(), ...Array.from({ length: 4000 }, () => indexed(62)))),
      ),
      (client) => client.until(() => client.isSettled(11)),
    ],
    { isOnce: true, stream: 11, requestsMax: 1 },
  ),
  frameCase(
    'a head that drips',
    'RFC 9113 10.5',
    'It has its time, and no more.',
    ['closed'],
    (say) => [drip((nth) => say.get(1).subarray(nth, nth + 1))],
    { isOnce: true, listener: 'impatient' },
  ),
  frameCase(
    'a head that drips in frames',
    'RFC 9113 10.5',
    'It has its time, and no more.',
    BROKEN_OFF,
    (say) => [headers(1, say.block(), FLAG.endStream), drip(() => continuation(1, headerBlock([['a', '']]), 0))],
    { isOnce: true, listener: 'impatient', asksAfter: false },
  ),
  frameCase(
    'pings in the place of requests',
    'RFC 9113 10.5',
    'They do not make a connection one that is used.',
    ['closed'],
    () => [drip(() => ping())],
    { isOnce: true, listener: 'impatient', asksAfter: false },
  ),
  frameCase(
    'an answer that is not taken',
    'CVE-2019-9517',
    'It has its time, and no more.',
    ['stream error CANCEL', 'stream error INTERNAL_ERROR'],
    (say) => [
      say.get(1, '/?bytes=100000'),
      (client) => client.until(() => client.isSettled(1)),
      settings([SETTING.initialWindow, 65_535]),
    ],
    {
      isOnce: true,
      requestsMax: 1,
      settings: [[SETTING.initialWindow, 0]],
      service: { timeouts: { responseBodyIdle: '300ms' } },
    },
  ),
];

/** A piece at a time, for longer than the time that a head has, as long as the connection lasts. */
function drip(send: (nth: number) => Buffer): Step {
  return async (client: CaseClient) => {
    for (let nth = 0; nth < 50 && !client.isOver; nth++) {
      client.sendWhole(send(nth));
      await new Promise((resolve) => setTimeout(resolve, DRIP_MS));
    }
    await client.until(() => client.isOver);
  };
}
