import { expect } from 'vitest';
import { FRAME } from '../../../helpers/frame-client.ts';
import { type CaseClient } from '../case-client.ts';
import {
  answered,
  data,
  type FrameCase,
  frameCase,
  head,
  join,
  OK,
  ping,
  reset,
  SETTING,
  settings,
  type Step,
  windowUpdate,
} from '../frame-case.ts';
import { patternOf } from '../marked-target.ts';

const WINDOW_MAX = 2 ** 31 - 1;
const DEFAULT_WINDOW = 65_535;

function windowOf(bytes: number) {
  return [[SETTING.initialWindow, bytes]] as const;
}

/** Until so many bytes of an answer are there, and no more come though the other side has done all that it had to do. */
function exactly(stream: number, bytes: number): Step {
  return async (client) => {
    await client.until(() => client.bytesOf(stream) >= bytes);
    const before = client.client.of(FRAME.ping).length;
    client.sendWhole(ping());
    await client.until(() => client.client.of(FRAME.ping).length > before);
    if (client.bytesOf(stream) !== bytes) throw new Error(`${client.bytesOf(stream)} bytes instead of ${bytes}`);
  };
}

export function bodyIs(stream: number, body: Buffer) {
  return ({ client }: CaseClient) => expect(client.body(stream) === body.toString('latin1')).toBe(true);
}

const ANSWERS: readonly FrameCase[] = [
  frameCase(
    'an answer for a window of nothing',
    'RFC 9113 6.9.2',
    'Its head comes, and the rest byte for byte.',
    OK,
    (say) => [
      say.get(1, '/?echo=hello'),
      (client) => client.until(() => client.client.status(1) === 200),
      exactly(1, 0),
      windowUpdate(1, 1),
      exactly(1, 1),
      settings([SETTING.initialWindow, 100]),
    ],
    { settings: windowOf(0), also: bodyIs(1, Buffer.from('hello')) },
  ),
  frameCase(
    'an answer for a window that settings open',
    'RFC 9113 6.9.2',
    'They hold for streams that are there, too.',
    OK,
    (say) => [
      say.get(1, '/?echo=hello'),
      (client) => client.until(() => client.client.status(1) === 200),
      settings([SETTING.initialWindow, 2]),
      exactly(1, 2),
      settings([SETTING.initialWindow, 100]),
    ],
    { settings: windowOf(0), also: bodyIs(1, Buffer.from('hello')) },
  ),
  frameCase(
    'an answer for a window below nothing',
    'RFC 9113 6.9.2',
    'What it lacks is made up first.',
    OK,
    (say) => [
      say.get(1, '/?echo=hello'),
      exactly(1, 3),
      settings([SETTING.initialWindow, 1]),
      windowUpdate(1, 2),
      exactly(1, 3),
      windowUpdate(1, 1),
      exactly(1, 4),
      settings([SETTING.initialWindow, 100]),
    ],
    { settings: windowOf(3), also: bodyIs(1, Buffer.from('hello')) },
  ),
  frameCase(
    'an answer for the window of the connection',
    'RFC 9113 6.9.1',
    'It stops at its last byte, and goes on.',
    OK,
    (say) => [
      say.get(1, '/?bytes=70000'),
      exactly(1, DEFAULT_WINDOW),
      windowUpdate(0, 1),
      exactly(1, DEFAULT_WINDOW + 1),
      windowUpdate(0, 10_000),
    ],
    { settings: windowOf(1 << 20), also: bodyIs(1, patternOf(70_000)) },
  ),
  frameCase(
    'an answer that does not fit, beside one that does',
    'RFC 9113 6.9',
    'It waits alone.',
    answered(200),
    (say) => [say.get(1, '/?bytes=1000'), exactly(1, 10), say.get(3, '/?echo=hello')],
    { stream: 3, requestsMax: 2, settings: windowOf(10) },
  ),
  frameCase(
    'an answer that was reset while it waited',
    'RFC 9113 6.9',
    'What it waited for is there for others.',
    answered(200),
    (say) => [
      say.get(1, '/?bytes=100000'),
      exactly(1, DEFAULT_WINDOW),
      reset(1),
      windowUpdate(0, 10_000),
      say.get(3, '/?bytes=5000'),
    ],
    { stream: 3, requestsMax: 2, settings: windowOf(1 << 20), also: bodyIs(3, patternOf(5000)) },
  ),
  ...(
    [
      ['HEAD', 'HEAD', '/', 200],
      ['a 204', 'GET', '/?status=204', 204],
      ['a 304', 'GET', '/?status=304', 304],
      ['a body of nothing', 'GET', '/?echo=', 200],
      ['chunks of nothing', 'GET', '/?echo=&chunked', 200],
    ] as const
  ).map(([what, method, path, status]) =>
    frameCase(
      `an answer without a body, to or as ${what}`,
      'RFC 9113 6.9',
      'It needs no window.',
      answered(status),
      (say) => [head(1, say.fields(method, path))],
      { settings: [...windowOf(0)], asksAfter: false, requestsMax: 1, also: bodyIs(1, Buffer.alloc(0)) },
    ),
  ),
  frameCase(
    'an answer whose end comes when the window is used up',
    'RFC 9113 6.9',
    'An end needs no window.',
    OK,
    (say) => [say.get(1, '/?chunked')],
    { settings: windowOf(2), also: bodyIs(1, Buffer.from('ok')) },
  ),
  ...(
    [
      ['a mebibyte through windows of the default size', 1 << 20, DEFAULT_WINDOW, 16_384],
      ['much through small windows', 60_000, 1000, 16_384],
      ['a mebibyte in long frames', 1 << 20, WINDOW_MAX, 2 ** 24 - 1],
      ['a mebibyte in chunks', 1 << 20, 1 << 20, 16_384],
    ] as const
  ).map(([what, bytes, window, frameSize]) =>
    frameCase(
      what,
      'RFC 9113 6.9',
      'It comes byte for byte.',
      OK,
      (say) => [
        async (client) => {
          client.refills = true;
        },
        windowUpdate(0, 1 << 16),
        say.get(1, `/?bytes=${bytes}${what.endsWith('chunks') ? '&chunked' : ''}`),
      ],
      {
        settings: [...windowOf(window), [SETTING.frameSize, frameSize]],
        isOnce: true,
        also: bodyIs(1, patternOf(bytes)),
      },
    ),
  ),
];

export const MANY_STREAMS = Array.from({ length: 100 }, (_, nth) => 1 + 2 * nth);

const LARGE_HEAD = 40_000;

const SHAPES: readonly FrameCase[] = [
  ...(
    [
      ['with a body', 'GET', `/?head=${LARGE_HEAD}`, 'ok'],
      ['without one', 'HEAD', `/?head=${LARGE_HEAD}`, ''],
      ['with a body in chunks', 'GET', `/?head=${LARGE_HEAD}&chunked&trailers`, 'ok'],
    ] as const
  ).map(([what, method, path, body]) =>
    frameCase(
      `an answer with a head of several frames, ${what}`,
      'RFC 9113 4.3',
      'It is one head, with nothing between its frames.',
      OK,
      (say) => [head(1, say.fields(method, path))],
      {
        also: (client) => {
          const sent = [...client.client.of(FRAME.headers, 1), ...client.client.of(FRAME.continuation, 1)];
          const bytes = sent.reduce((sum, { payload }) => sum + payload.length, 0);
          // What takes five bits each by its code.
          expect(bytes).toBeGreaterThan((LARGE_HEAD * 5) / 8);
          expect(client.client.body(1)).toBe(body);
        },
      },
    ),
  ),
  ...[1, 37, 1500].map((bytes) =>
    frameCase(
      `an answer in chunks of ${bytes} bytes`,
      'RFC 9113 8.1',
      'It comes byte for byte.',
      OK,
      (say) => [say.get(1, `/?bytes=5000&chunked=${bytes}&trailers`)],
      { isOnce: true, also: bodyIs(1, patternOf(5000)) },
    ),
  ),
  frameCase(
    'answers in chunks for small windows',
    'RFC 9113 6.9',
    'They come byte for byte.',
    answered(200),
    (say) => [
      async (client) => {
        client.refills = true;
      },
      ...[1, 3, 5, 7].map((id) => say.get(id, `/?bytes=${5000 + id}&chunked=701`)),
      (client) => client.until(() => [1, 3, 5, 7].every((id) => client.isSettled(id))),
    ],
    {
      stream: 7,
      requestsMax: 4,
      isOnce: true,
      settings: windowOf(300),
      also: (client) => {
        for (const id of [1, 3, 5, 7]) bodyIs(id, patternOf(5000 + id))(client);
      },
    },
  ),
];

const MANY: readonly FrameCase[] = [
  frameCase(
    'a hundred requests in one segment',
    'RFC 9113 5.1.2',
    'Each has its own answer.',
    answered(200),
    (say) => [
      join(...MANY_STREAMS.map((id) => say.get(id, `/?echo=answer-${id}`))),
      (client) => client.until(() => MANY_STREAMS.every((id) => client.isSettled(id))),
    ],
    {
      stream: 199,
      requestsMax: 100,
      isOnce: true,
      also: ({ client }) => {
        expect(MANY_STREAMS.map((id) => client.body(id))).toEqual(MANY_STREAMS.map((id) => `answer-${id}`));
      },
    },
  ),
  frameCase(
    'thirty large answers at once',
    'RFC 9113 6.9',
    'Each is its own, byte for byte.',
    answered(200),
    (say) => [
      async (client) => {
        client.refills = true;
      },
      join(...MANY_STREAMS.slice(0, 30).map((id) => say.get(id, `/?bytes=${20_000 + id}`))),
      (client) => client.until(() => MANY_STREAMS.slice(0, 30).every((id) => client.isSettled(id))),
    ],
    {
      stream: 59,
      requestsMax: 30,
      isOnce: true,
      also: ({ client }) => {
        for (const id of MANY_STREAMS.slice(0, 30)) {
          expect(client.body(id) === patternOf(20_000 + id).toString('latin1')).toBe(true);
        }
      },
    },
  ),
  frameCase(
    'bodies of two requests by turns',
    'RFC 9113 5',
    'Each gets its own.',
    answered(200),
    (say) => [
      say.post(1),
      say.post(3),
      data(1, 'a', 0),
      data(3, 'x', 0),
      data(1, 'b', 0),
      data(3, 'y'),
      data(1, 'c'),
      (client) => client.until(() => client.isSettled(1)),
    ],
    {
      stream: 3,
      requestsMax: 2,
      also: (_, { requests }) => {
        expect(
          requests
            .map(({ body }) => body.toString())
            .filter((body) => body !== '')
            .toSorted(),
        ).toEqual(['abc', 'xy']);
      },
    },
  ),
];

/** Answers, and how much of them may be sent: RFC 9113 sections 5.1.2 and 6.9. */
export const ANSWER_CASES: readonly FrameCase[] = [...ANSWERS, ...SHAPES, ...MANY];
