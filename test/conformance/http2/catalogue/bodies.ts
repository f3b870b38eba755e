import { expect } from 'vitest';
import { FLAG, FRAME, frame } from '../../../helpers/frame-client.ts';
import {
  answered,
  connectionError,
  data,
  type FrameCase,
  frameCase,
  head,
  headers,
  MALFORMED,
  OK,
  padded,
  reset,
  streamError,
} from '../frame-case.ts';
import type { TargetRecord } from '../marked-target.ts';

const LATE = [...answered(200), ...streamError('STREAM_CLOSED'), ...connectionError('PROTOCOL_ERROR')];

function bodyIs(expected: string) {
  return (_: unknown, { requests }: TargetRecord) => {
    expect(requests.find(({ startLine }) => !startLine.includes('/after'))?.body.toString('latin1')).toBe(expected);
  };
}

/** Where the answer does not wait for the whole, a request whose body is not what was said may be answered before. */
const WRONG_LENGTH = [...MALFORMED];

/** RFC 9113 sections 6.1 and 8.1.1. */
export const BODIES: readonly FrameCase[] = [
  frameCase('a body of the connection', 'RFC 9113 6.1', 'It is a stream’s.', connectionError('PROTOCOL_ERROR'), () => [
    data(0, 'x'),
  ]),
  frameCase(
    'a body of a stream that is not there',
    'RFC 9113 5.1',
    'Nothing was begun.',
    connectionError('PROTOCOL_ERROR'),
    () => [data(5, 'x')],
  ),
  frameCase(
    'a body in one piece',
    'RFC 9113 6.1',
    'The target gets it.',
    OK,
    (say) => [say.post(1), data(1, 'hello')],
    {
      also: bodyIs('hello'),
    },
  ),
  frameCase(
    'a body in pieces, some of nothing',
    'RFC 9113 6.1',
    'The target gets it in order.',
    OK,
    (say) => [say.post(1), data(1, 'he', 0), data(1, '', 0), data(1, 'llo', 0), data(1, '')],
    { also: bodyIs('hello') },
  ),
  frameCase('a body of nothing', 'RFC 9113 6.1', 'It is whole.', OK, (say) => [say.post(1), data(1, '')], {
    also: bodyIs(''),
  }),
  frameCase(
    'a body with padding',
    'RFC 9113 6.1',
    'The target gets none of it.',
    OK,
    (say) => [
      say.post(1),
      frame(FRAME.data, FLAG.padded, 1, padded(Buffer.from('he'), 20)),
      frame(FRAME.data, FLAG.padded | FLAG.endStream, 1, padded(Buffer.from('llo'), 255)),
    ],
    { also: bodyIs('hello') },
  ),
  frameCase(
    'a body of padding alone',
    'RFC 9113 6.1',
    'The target gets nothing.',
    OK,
    (say) => [
      say.post(1),
      frame(FRAME.data, FLAG.padded, 1, padded(Buffer.alloc(0), 100)),
      frame(FRAME.data, FLAG.padded | FLAG.endStream, 1, padded(Buffer.alloc(0), 0)),
    ],
    { also: bodyIs('') },
  ),
  frameCase(
    'padding of a body as long as its frame',
    'RFC 9113 6.1',
    'There is no room for it.',
    connectionError('PROTOCOL_ERROR'),
    (say) => [say.post(1), frame(FRAME.data, FLAG.padded | FLAG.endStream, 1, Buffer.from('\x06hello'))],
  ),
  frameCase(
    'padding of a body longer than its frame',
    'RFC 9113 6.1',
    'There is no room for it.',
    connectionError('PROTOCOL_ERROR'),
    (say) => [say.post(1), frame(FRAME.data, FLAG.padded | FLAG.endStream, 1, Buffer.from('\xffhello', 'latin1'))],
  ),
  frameCase(
    'padding of a head longer than its frame',
    'RFC 9113 6.2',
    'There is no room for it.',
    connectionError('PROTOCOL_ERROR'),
    (say) => [headers(1, Buffer.concat([Buffer.of(255), say.block()]), FLAG.padded | FLAG.endStream | FLAG.endHeaders)],
  ),
  frameCase('a head with padding', 'RFC 9113 6.2', 'The block ends before it.', OK, (say) => [
    headers(1, padded(say.block(), 30), FLAG.padded | FLAG.endStream | FLAG.endHeaders),
  ]),
  frameCase(
    'padding that is not of zeroes',
    'RFC 9113 6.1',
    'It may be refused, and is not read.',
    [...OK, ...connectionError('PROTOCOL_ERROR')],
    (say) => [
      say.post(1),
      frame(
        FRAME.data,
        FLAG.padded | FLAG.endStream,
        1,
        Buffer.concat([Buffer.of(9), Buffer.from('hello'), Buffer.alloc(9, 0xff)]),
      ),
    ],
  ),

  frameCase(
    'a body behind the end of its request',
    'RFC 9113 5.1',
    'There was no more to come.',
    streamError('STREAM_CLOSED'),
    (say) => [say.get(1, '/?hold'), data(1, 'x')],
    { requestsMax: 1 },
  ),
  frameCase(
    'a body behind the end of a body',
    'RFC 9113 5.1',
    'There was no more to come.',
    streamError('STREAM_CLOSED'),
    (say) => [say.post(1, '/?hold'), data(1, 'x'), data(1, 'y')],
    { requestsMax: 1 },
  ),
  frameCase('a body behind its answer', 'RFC 9113 5.1', 'All of both was said.', LATE, (say) => [
    say.get(1),
    (client) => client.until(() => client.isSettled(1)),
    data(1, 'x'),
  ]),
  frameCase(
    'a body behind a reset of its client',
    'RFC 9113 5.1',
    'It is not the end that counts then.',
    ['goes on', ...streamError('STREAM_CLOSED')],
    (say) => [say.post(1), reset(1), data(1, 'late', 0), data(1, 'late')],
  ),

  frameCase(
    'a body of the length that was said',
    'RFC 9113 8.1.1',
    'It is whole.',
    OK,
    (say) => [say.post(1, '/', [['content-length', '5']]), data(1, 'he', 0), data(1, 'llo')],
    { also: bodyIs('hello') },
  ),
  frameCase('a body shorter than was said', 'RFC 9113 8.1.1', 'It is not whole.', WRONG_LENGTH, (say) => [
    say.post(1, '/', [['content-length', '6']]),
    data(1, 'hello'),
  ]),
  frameCase('a body of nothing where some was said', 'RFC 9113 8.1.1', 'It is not whole.', WRONG_LENGTH, (say) => [
    say.post(1, '/', [['content-length', '6']]),
    data(1, ''),
  ]),
  frameCase('no body where some was said', 'RFC 9113 8.1.1', 'It is not whole.', WRONG_LENGTH, (say) => [
    head(1, [...say.fields('POST'), ['content-length', '6']]),
  ]),
  frameCase(
    'no body where none was said',
    'RFC 9113 8.1.1',
    'It is whole.',
    OK,
    (say) => [say.post(1, '/', [['content-length', '0']]), data(1, '')],
    { also: bodyIs('') },
  ),
  frameCase(
    'a body shorter than was said, with trailers',
    'RFC 9113 8.1.1',
    'It is not whole.',
    WRONG_LENGTH,
    (say) => [say.post(1, '/', [['content-length', '6']]), data(1, 'hello', 0), head(1, [['x-sum', '1']])],
  ),
  frameCase(
    'a body of a GET',
    'RFC 9110 9.3.1',
    'It has no meaning, and passes.',
    OK,
    (say) => [head(1, say.fields('GET'), 0), data(1, 'hello')],
    { also: bodyIs('hello') },
  ),
  frameCase(
    'a body that looks like chunks',
    'RFC 9113 8.2.2',
    'It is body.',
    OK,
    (say) => [say.post(1), data(1, '0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n')],
    { also: bodyIs('0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n') },
  ),
  frameCase(
    'a body that is answered before it is whole',
    'RFC 9113 8.1',
    'The answer comes, and the rest is thrown away.',
    OK,
    (say) => [
      say.post(1, '/?early'),
      data(1, 'some', 0),
      (client) => client.until(() => client.isSettled(1)),
      data(1, 'more', 0),
    ],
  ),
];
