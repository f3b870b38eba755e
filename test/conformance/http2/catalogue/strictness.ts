import { expect } from 'vitest';
import { FLAG, FRAME, frame, indexed, remembered } from '../../../helpers/frame-client.ts';
import {
  answered,
  connectionError,
  data,
  type Fields,
  type FrameCase,
  frameCase,
  GOES_ON,
  head,
  MALFORMED,
  OK,
  ping,
  priorityOn,
  reset,
  type Saying,
  SETTING,
  streamError,
} from '../frame-case.ts';
import { bodyIs } from './answers.ts';
import { FIRST_REMEMBERED, valuesAre, withBlock } from './header-compression.ts';

const NO_NAME = 'A name that none may have.';
const NO_VALUE = 'A value that none may have.';

/** A head that is refused by what it says. */
function refused(name: string, why: string, fields: (say: Saying) => Fields) {
  return frameCase(name, 'RFC 9113 8.2.1', why, MALFORMED, (say) => [head(1, fields(say))]);
}

/** Bytes that none may have: RFC 9113 section 8.2.1. */
const FIELD_BYTES: readonly FrameCase[] = [
  ...(
    [
      ['a space', 'x a'],
      ['a colon', 'x:a'],
      ['a colon at its end', 'x-a:'],
      ['a NUL', 'x\0a'],
      ['a line end', 'x\r\na'],
      ['a tab', 'x\ta'],
      ['a comma', 'x,a'],
      ['a byte beyond ASCII', 'x\xe9'],
      ['the last control character', 'x\x7f'],
    ] as const
  ).map(([what, name]) => refused(`a name with ${what}`, NO_NAME, (say) => say.fieldsWith(name, 'b'))),
  refused('a name of nothing', NO_NAME, (say) => say.fieldsWith('', 'b')),
  ...(
    [
      ['a NUL', 'a\0b'],
      ['a line feed', 'a\nb'],
      ['a carriage return', 'a\rb'],
      ['a line end and a field', 'a\r\ntransfer-encoding: chunked'],
      ['a space before it', ' a'],
      ['a space behind it', 'a '],
      ['a tab behind it', 'a\t'],
    ] as const
  ).map(([what, value]) => refused(`a value with ${what}`, NO_VALUE, (say) => say.fieldsWith('x-a', value))),
];

const STREAMS: readonly FrameCase[] = [
  frameCase(
    'an answer to a ping that nobody sent',
    'RFC 9113 6.7',
    'Is not answered.',
    GOES_ON,
    () => [ping(Buffer.alloc(8), FLAG.ack)],
    { also: ({ client }) => expect(client.of(FRAME.ping)).toEqual([]) },
  ),
  frameCase(
    'a priority of the connection',
    'RFC 9113 6.3',
    'It is a stream’s.',
    connectionError('PROTOCOL_ERROR'),
    () => [frame(FRAME.priority, 0, 0, priorityOn(0))],
  ),
  frameCase(
    'a stream that goes back',
    'RFC 9113 5.1.1',
    'What was left out is closed.',
    connectionError('PROTOCOL_ERROR', 'STREAM_CLOSED'),
    (say) => [say.get(5), say.get(3)],
    { stream: 3, requestsMax: 1 },
  ),
  frameCase(
    'a stream that goes back behind an answer',
    'RFC 9113 5.1.1',
    'What was left out is closed.',
    connectionError('PROTOCOL_ERROR', 'STREAM_CLOSED'),
    (say) => [say.get(5), (client) => client.until(() => client.isSettled(5)), say.get(3)],
    { stream: 3, requestsMax: 1 },
  ),
  frameCase(
    'the same stream again',
    'RFC 9113 5.1',
    'It is over.',
    [...streamError('STREAM_CLOSED'), ...connectionError('PROTOCOL_ERROR')],
    (say) => [say.get(1), (client) => client.until(() => client.isSettled(1)), say.get(1)],
    { requestsMax: 1 },
  ),
  frameCase(
    'a field remembered by a stream that is refused',
    'RFC 9113 4.3',
    'The table is the connection’s.',
    answered(200),
    (say) => [
      ...[1, 3, 5, 7].map((id) => say.get(id, '/?hold')),
      withBlock(say, 9, remembered('x-a', 'one')),
      (client) => client.until(() => client.isSettled(9)),
      ...[1, 3, 5, 7].map((id) => reset(id)),
      withBlock(say, 11, indexed(FIRST_REMEMBERED)),
    ],
    { stream: 11, listener: 'narrow', requestsMax: 5, also: valuesAre('one') },
  ),
];

const LENGTHS: readonly FrameCase[] = [
  frameCase(
    'a body behind a reset of ours',
    'RFC 9113 5.1',
    'It was on its way, and is thrown away.',
    [...streamError('PROTOCOL_ERROR'), ...connectionError('STREAM_CLOSED')],
    (say) => [say.post(1, '/', [['content-length', '1']]), data(1, 'xy', 0), data(1, 'late', 0), data(1, 'later')],
    { requestsMax: 1 },
  ),
  frameCase(
    'a body longer than was said',
    'RFC 9113 8.1.1',
    'What is more would be another request.',
    MALFORMED,
    (say) => [say.post(1, '/', [['content-length', '4']]), data(1, 'hello')],
    { requestsMax: 1 },
  ),
  frameCase(
    'a body longer than was said, by a later frame',
    'RFC 9113 8.1.1',
    'What was said may be answered already; what is more goes nowhere.',
    [...MALFORMED, ...OK],
    (say) => [say.post(1, '/', [['content-length', '4']]), data(1, 'hell', 0), data(1, 'o')],
  ),
  frameCase(
    'a body where none was said',
    'RFC 9113 8.1.1',
    'What was said may be answered already; what is more goes nowhere.',
    [...MALFORMED, ...OK],
    (say) => [say.post(1, '/', [['content-length', '0']]), data(1, 'x')],
  ),
  frameCase(
    'an answer whose trailers come when the window is used up',
    'RFC 9113 6.9',
    'They need no window.',
    OK,
    (say) => [say.get(1, '/?chunked&trailers')],
    { settings: [[SETTING.initialWindow, 2]], also: bodyIs(1, Buffer.from('ok')) },
  ),
];

/** What lenient engines are known to let pass, or to answer with less than they should. */
export const STRICTNESS: readonly FrameCase[] = [...FIELD_BYTES, ...STREAMS, ...LENGTHS];
