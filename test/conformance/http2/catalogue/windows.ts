import { expect } from 'vitest';
import { FLAG, FRAME, frame } from '../../../helpers/frame-client.ts';
import { type CaseClient, upload } from '../case-client.ts';
import {
  answered,
  connectionError,
  data,
  type FrameCase,
  frameCase,
  GOES_ON,
  head,
  join,
  OK,
  padded,
  ping,
  reset,
  type Saying,
  SETTING,
  settings,
  type Step,
  streamError,
  windowUpdate,
} from '../frame-case.ts';
import { MANY_STREAMS } from './answers.ts';
import { patternOf } from '../marked-target.ts';

const WINDOW_MAX = 2 ** 31 - 1;
const DEFAULT_WINDOW = 65_535;
const KIB = 1024;

const UPDATES: readonly FrameCase[] = [
  ...[0, 3, 5].map((length) =>
    frameCase(`a window of ${length} bytes`, 'RFC 9113 6.9', 'Four bytes.', connectionError('FRAME_SIZE_ERROR'), () => [
      frame(FRAME.window, 0, 0, Buffer.alloc(length, 1)),
    ]),
  ),
  frameCase(
    'a window of a stream, of 5 bytes',
    'RFC 9113 6.9',
    'Four bytes.',
    connectionError('FRAME_SIZE_ERROR'),
    (say) => [say.post(1), frame(FRAME.window, 0, 1, Buffer.alloc(5, 1))],
  ),
  frameCase(
    'nothing more for the connection',
    'RFC 9113 6.9',
    'An increment adds something.',
    connectionError('PROTOCOL_ERROR'),
    () => [windowUpdate(0, 0)],
  ),
  frameCase(
    'nothing more for a stream',
    'RFC 9113 6.9',
    'An increment adds something.',
    streamError('PROTOCOL_ERROR'),
    (say) => [say.post(1), windowUpdate(1, 0)],
  ),
  frameCase(
    'more for a stream that is not there',
    'RFC 9113 5.1',
    'Nothing was begun.',
    connectionError('PROTOCOL_ERROR'),
    () => [windowUpdate(9, 1)],
  ),
  frameCase(
    'more for a stream whose request is whole',
    'RFC 9113 5.1',
    'Its answer needs it.',
    GOES_ON,
    (say) => [say.get(1, '/?hold'), windowUpdate(1, 1)],
    { requestsMax: 1 },
  ),
  frameCase('more for a stream that is over', 'RFC 9113 5.1', 'It was on its way.', OK, (say) => [
    say.get(1),
    (client) => client.until(() => client.isSettled(1)),
    windowUpdate(1, 10),
  ]),
  frameCase('more for a stream that was reset', 'RFC 9113 5.1', 'It was on its way.', GOES_ON, (say) => [
    say.post(1),
    reset(1),
    windowUpdate(1, 10),
  ]),
  frameCase('as much for the connection as there can be', 'RFC 9113 6.9.1', 'It is a window.', OK, (say) => [
    windowUpdate(0, WINDOW_MAX - DEFAULT_WINDOW),
    say.get(1),
  ]),
  frameCase(
    'too much for the connection',
    'RFC 9113 6.9.1',
    'It is no window.',
    connectionError('FLOW_CONTROL_ERROR'),
    () => [windowUpdate(0, WINDOW_MAX - DEFAULT_WINDOW + 1)],
  ),
  frameCase(
    'too much for the connection, by two',
    'RFC 9113 6.9.1',
    'It is no window.',
    connectionError('FLOW_CONTROL_ERROR'),
    () => [windowUpdate(0, WINDOW_MAX), windowUpdate(0, WINDOW_MAX)],
  ),
  frameCase('as much for a stream as there can be', 'RFC 9113 6.9.1', 'It is a window.', OK, (say) => [
    say.post(1),
    windowUpdate(1, WINDOW_MAX - DEFAULT_WINDOW),
    data(1, 'x'),
  ]),
  frameCase('too much for a stream', 'RFC 9113 6.9.1', 'It is no window.', streamError('FLOW_CONTROL_ERROR'), (say) => [
    say.post(1),
    windowUpdate(1, WINDOW_MAX),
  ]),
  frameCase(
    'too much for a stream, by settings',
    'RFC 9113 6.9.2',
    'It is no window.',
    connectionError('FLOW_CONTROL_ERROR'),
    (say) => [
      say.post(1),
      windowUpdate(1, WINDOW_MAX - DEFAULT_WINDOW),
      settings([SETTING.initialWindow, DEFAULT_WINDOW + 1]),
    ],
  ),
];

/** More bodies than the window that all of them share: whatever becomes of them, it is given back. */
function afterBodies(say: Saying, each: (id: number) => readonly Buffer[]): readonly Step[] {
  return [
    (client) => client.acknowledge(),
    ...[1, 3, 5, 7].flatMap((id) => [
      async (client: CaseClient) => {
        for (const bytes of each(id)) client.sendWhole(bytes);
        // It is another case what becomes of what has not been looked at.
        const before = client.client.of(FRAME.ping).length;
        client.sendWhole(ping());
        await client.until(() => client.client.of(FRAME.ping).length > before);
      },
    ]),
    say.post(9),
    (client) => upload(client, 9, patternOf(200 * KIB)),
  ];
}

const AFTERWARDS = { stream: 9, isOnce: true } as const;
const SOME = patternOf(15 * KIB);

const BODIES_IN_WINDOWS: readonly FrameCase[] = [
  frameCase(
    'a large body',
    'RFC 9113 6.9',
    'The target gets it byte for byte.',
    OK,
    (say) => [say.post(1), (client) => upload(client, 1, patternOf(500 * KIB))],
    {
      isOnce: true,
      also: (_, { requests }) => expect(requests[0]?.body.equals(patternOf(500 * KIB))).toBe(true),
    },
  ),
  frameCase(
    'a body of much padding',
    'RFC 9113 6.9.1',
    'What is padding is given back, too.',
    OK,
    (say) => [
      say.post(1),
      async (client) => {
        const piece = frame(FRAME.data, FLAG.padded, 1, padded(Buffer.from('x'), 255));
        const given = (id: number) =>
          client.client.of(FRAME.window, id).reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
        for (let sent = 0; sent < 800 && !client.isOver; sent++) {
          await client.until(() => Math.min(given(0), given(1)) + DEFAULT_WINDOW >= (sent + 1) * 257);
          client.sendWhole(piece);
        }
      },
      data(1, ''),
    ],
    { isOnce: true, also: (_, { requests }) => expect(requests[0]?.body.length).toBe(800) },
  ),
  frameCase(
    'a body behind bodies of malformed requests',
    'RFC 9113 6.9',
    'Their window is given back.',
    answered(200),
    (say) => afterBodies(say, (id) => [head(id, say.without(':path'), 0), data(id, SOME)]),
    AFTERWARDS,
  ),
  frameCase(
    'a body behind bodies that were broken off',
    'RFC 9113 6.9',
    'Their window is given back.',
    answered(200),
    (say) => afterBodies(say, (id) => [say.post(id, '/?hold'), data(id, SOME, 0), reset(id)]),
    AFTERWARDS,
  ),
  frameCase(
    'a body behind bodies that nobody wanted',
    'RFC 9113 6.9',
    'Their window is given back.',
    answered(200),
    (say) => afterBodies(say, (id) => [say.post(id, '/a%2fb'), data(id, SOME)]),
    AFTERWARDS,
  ),
  frameCase(
    'a body behind bodies that were broken off at once',
    'RFC 9113 6.9',
    'Their window is given back.',
    answered(200),
    (say) => afterBodies(say, (id) => [join(say.post(id, '/?hold'), data(id, SOME, 0), reset(id))]),
    AFTERWARDS,
  ),

  frameCase(
    'a body beyond the window of its stream',
    'RFC 9113 6.9.1',
    'It was told how much may come.',
    streamError('FLOW_CONTROL_ERROR'),
    (say) => [
      async (client) => {
        await client.acknowledge();
        // Much more than what may come, before the target can have taken anything of it.
        const bytes = 4 * client.announced(SETTING.initialWindow, DEFAULT_WINDOW);
        client.sendWhole(join(say.post(1), ...inFrames(1, bytes)));
      },
    ],
    { isOnce: true },
  ),
  frameCase(
    'bodies beyond the window of the connection',
    'RFC 9113 6.9.1',
    'It was told how much may come; one that is always given back at once knows no more.',
    [...GOES_ON, ...connectionError('FLOW_CONTROL_ERROR')],
    (say) => [
      async (client) => {
        await client.acknowledge();
        const each = client.announced(SETTING.initialWindow, DEFAULT_WINDOW);
        const given = client.client.of(FRAME.window, 0).reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
        const streams = Math.min(100, Math.ceil((4 * (DEFAULT_WINDOW + given)) / each));
        const ids = MANY_STREAMS.slice(0, streams);
        client.sendWhole(join(...ids.flatMap((id) => [say.post(id), ...inFrames(id, each)])));
      },
    ],
    { isOnce: true },
  ),
];

/** So many bytes of a body, in frames of the largest size. */
function inFrames(stream: number, bytes: number): Buffer[] {
  const frames: Buffer[] = [];
  for (let left = bytes; left > 0; left -= 16_384) frames.push(data(stream, Buffer.alloc(Math.min(left, 16_384)), 0));
  return frames;
}

/** RFC 9113 section 6.9. */
export const WINDOWS: readonly FrameCase[] = [...UPDATES, ...BODIES_IN_WINDOWS];
