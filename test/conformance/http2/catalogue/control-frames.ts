import { expect } from 'vitest';
import { FLAG, FRAME, frame, uint32 } from '../../../helpers/frame-client.ts';
import {
  answered,
  connectionError,
  data,
  type FrameCase,
  frameCase,
  GOES_ON,
  goaway,
  head,
  OK,
  ping,
  priorityOn,
  reset,
  streamError,
  windowUpdate,
} from '../frame-case.ts';

const PING_CASES: readonly FrameCase[] = [
  frameCase('a ping', 'RFC 9113 6.7', 'Comes back as it was.', GOES_ON, () => [ping(Buffer.from('abcdefgh'))], {
    also: ({ client }) => {
      const pongs = client.of(FRAME.ping).filter(({ flags }) => (flags & FLAG.ack) !== 0);
      expect(pongs.map(({ payload }) => payload.toString())).toEqual(['abcdefgh']);
    },
  }),
  ...([0, 7, 9] as const).map((length) =>
    frameCase(`a ping of ${length} bytes`, 'RFC 9113 6.7', 'Eight bytes.', connectionError('FRAME_SIZE_ERROR'), () => [
      ping(Buffer.alloc(length)),
    ]),
  ),
  frameCase(
    'an answer to a ping of 4 bytes',
    'RFC 9113 6.7',
    'Eight bytes.',
    connectionError('FRAME_SIZE_ERROR'),
    () => [ping(Buffer.alloc(4), FLAG.ack)],
  ),
  frameCase(
    'a ping of a stream',
    'RFC 9113 6.7',
    'It is the connection’s.',
    connectionError('PROTOCOL_ERROR'),
    (say) => [say.post(1), frame(FRAME.ping, 0, 1, Buffer.alloc(8))],
  ),
];

const GOAWAY_CASES: readonly FrameCase[] = [
  frameCase(
    'an end behind a request',
    'RFC 9113 6.8',
    'What was asked for is answered.',
    OK,
    (say) => [say.get(1), goaway(0)],
    {
      asksAfter: false,
    },
  ),
  frameCase(
    'an end in the middle of a request',
    'RFC 9113 6.8',
    'It may still be sent.',
    OK,
    (say) => [say.post(1), goaway(0), data(1, 'x')],
    { asksAfter: false },
  ),
  frameCase(
    'an end that says why',
    'RFC 9113 6.8',
    'More than is needed may be said.',
    OK,
    (say) => [say.get(1), goaway(0, 'NO_ERROR', 'bye'.repeat(50))],
    { asksAfter: false },
  ),
  frameCase(
    'an end for an error',
    'RFC 9113 6.8',
    'The client knows best whether it still listens.',
    [...OK, 'closed', ...connectionError('PROTOCOL_ERROR', 'CANCEL', 'INTERNAL_ERROR')],
    (say) => [say.get(1), goaway(0, 'PROTOCOL_ERROR')],
    { asksAfter: false },
  ),
  frameCase(
    'an end for an error that nobody knows',
    'RFC 9113 7',
    'Nothing special is done.',
    [...OK, 'closed', ...connectionError('PROTOCOL_ERROR', 'CANCEL', 'INTERNAL_ERROR')],
    (say) => [say.get(1), frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(0), uint32(0xdead)]))],
    { asksAfter: false },
  ),
  ...([0, 7] as const).map((length) =>
    frameCase(
      `an end of ${length} bytes`,
      'RFC 9113 6.8',
      'Eight at least.',
      connectionError('FRAME_SIZE_ERROR'),
      () => [frame(FRAME.goaway, 0, 0, Buffer.alloc(length))],
    ),
  ),
  frameCase(
    'an end of a stream',
    'RFC 9113 6.8',
    'It is the connection’s.',
    connectionError('PROTOCOL_ERROR'),
    (say) => [say.post(1), frame(FRAME.goaway, 0, 1, Buffer.alloc(8))],
  ),
];

const PRIORITY_CASES: readonly FrameCase[] = [
  ...([0, 4, 6] as const).map((length) =>
    frameCase(
      `a priority of ${length} bytes`,
      'RFC 9113 6.3',
      'Five bytes.',
      streamError('FRAME_SIZE_ERROR'),
      (say) => [say.post(1), frame(FRAME.priority, 0, 1, Buffer.alloc(length))],
    ),
  ),
  frameCase('a priority of a stream that is not there', 'RFC 9113 5.1', 'May come at any time.', GOES_ON, () => [
    frame(FRAME.priority, 0, 9, priorityOn(0)),
    frame(FRAME.priority, 0, 8, priorityOn(9)),
  ]),
  frameCase('a priority of a request that is whole', 'RFC 9113 5.1', 'May come at any time.', OK, (say) => [
    say.get(1),
    frame(FRAME.priority, 0, 1, priorityOn(3)),
  ]),
  frameCase('a priority of a stream that is over', 'RFC 9113 5.1', 'May come at any time.', OK, (say) => [
    say.get(1),
    (client) => client.until(() => client.isSettled(1)),
    frame(FRAME.priority, 0, 1, priorityOn(3)),
  ]),
  frameCase('a priority between pieces of a body', 'RFC 9113 5.1', 'Says nothing that is made use of.', OK, (say) => [
    say.post(1),
    data(1, 'x', 0),
    frame(FRAME.priority, 0, 1, priorityOn(0x80000000)),
    data(1, 'y'),
  ]),
  frameCase(
    'a priority of a stream that depends on itself',
    'RFC 9113 5.3.2',
    'An error by the standard before; now it is not looked at.',
    [...OK, ...streamError('PROTOCOL_ERROR')],
    (say) => [say.post(1), frame(FRAME.priority, 0, 1, priorityOn(1)), data(1, 'x')],
  ),
  frameCase(
    'a head whose stream depends on itself',
    'RFC 9113 5.3.2',
    'An error by the standard before; now it is not looked at.',
    [...OK, ...streamError('PROTOCOL_ERROR')],
    (say) => [frame(FRAME.headers, 0x25, 1, Buffer.concat([priorityOn(1), say.block()]))],
  ),
  frameCase('a head with a priority', 'RFC 9113 6.2', 'The block begins behind it.', OK, (say) => [
    frame(FRAME.headers, 0x25, 1, Buffer.concat([priorityOn(0), say.block()])),
  ]),
  frameCase('a priority of RFC 9218, as a field', 'RFC 9218 5', 'It is a field like any other.', OK, (say) => [
    say.get(1, '/', [['priority', 'u=0, i']]),
  ]),
  frameCase(
    'a priority inside of a head',
    'RFC 9113 6.10',
    'A head is one piece.',
    connectionError('PROTOCOL_ERROR'),
    (say) => [frame(FRAME.headers, FLAG.endStream, 1, say.block()), frame(FRAME.priority, 0, 1, priorityOn(0))],
    { asksAfter: false },
  ),
];

const PUSH_CASES: readonly FrameCase[] = ([0, 1, 3] as const).map((stream) =>
  frameCase(
    `a promise on stream ${stream}`,
    'RFC 9113 8.4',
    'Clients promise nothing.',
    connectionError('PROTOCOL_ERROR'),
    (say) => [say.post(1), frame(FRAME.push, FLAG.endHeaders, stream, Buffer.concat([uint32(2), say.block()]))],
  ),
);

const RESET_CASES: readonly FrameCase[] = [
  frameCase('a reset of the connection', 'RFC 9113 6.4', 'It is a stream’s.', connectionError('PROTOCOL_ERROR'), () => [
    reset(0),
  ]),
  frameCase(
    'a reset of a stream that is not there',
    'RFC 9113 6.4',
    'Nothing was begun.',
    connectionError('PROTOCOL_ERROR'),
    () => [reset(7)],
  ),
  ...([0, 3, 5] as const).map((length) =>
    frameCase(
      `a reset of ${length} bytes`,
      'RFC 9113 6.4',
      'Four bytes.',
      connectionError('FRAME_SIZE_ERROR'),
      (say) => [say.post(1), frame(FRAME.reset, 0, 1, Buffer.alloc(length))],
    ),
  ),
  frameCase('a reset in the middle of a request', 'RFC 9113 6.4', 'Its target is told.', GOES_ON, (say) => [
    say.post(1),
    data(1, 'half', 0),
    reset(1),
  ]),
  frameCase(
    'a reset of a request that waits',
    'RFC 9113 6.4',
    'Nobody waits for it any more.',
    GOES_ON,
    (say) => [say.get(1, '/?hold'), reset(1)],
    { requestsMax: 1 },
  ),
  frameCase('a reset of an answer that has come', 'RFC 9113 5.1', 'It was on its way.', OK, (say) => [
    say.get(1),
    (client) => client.until(() => client.isSettled(1)),
    reset(1, 'NO_ERROR'),
  ]),
  frameCase('a reset, twice', 'RFC 9113 5.1', 'The second one means nothing.', GOES_ON, (say) => [
    say.post(1),
    reset(1),
    reset(1),
  ]),
  frameCase('a reset for a reason that nobody knows', 'RFC 9113 7', 'It is a reset all the same.', GOES_ON, (say) => [
    say.post(1),
    frame(FRAME.reset, 0, 1, uint32(0xdeadbeef)),
  ]),
  frameCase(
    'a reset in the middle of a large answer',
    'RFC 9113 6.4',
    'No more of it comes.',
    GOES_ON,
    (say) => [
      say.get(1, '/?bytes=3000000'),
      (client) => client.until(() => client.bytesOf(1) > 0),
      reset(1),
      windowUpdate(0, 1_000_000),
    ],
    { requestsMax: 1 },
  ),
  frameCase(
    'a head behind a reset on another stream',
    'RFC 9113 5.1',
    'Streams know nothing of one another.',
    answered(200),
    (say) => [say.post(1), reset(1), head(3, say.fields())],
    { stream: 3 },
  ),
];

/** RFC 9113 sections 6.3, 6.4, 6.7, 6.8 and 8.4. */
export const CONTROL_FRAMES: readonly FrameCase[] = [
  ...PING_CASES,
  ...GOAWAY_CASES,
  ...PRIORITY_CASES,
  ...PUSH_CASES,
  ...RESET_CASES,
];
