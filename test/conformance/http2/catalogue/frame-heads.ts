import { FLAG, FRAME, frame, headerBlock, uint32 } from '../../../helpers/frame-client.ts';
import {
  connectionError,
  data,
  type FrameCase,
  frameCase,
  frameHead,
  GOES_ON,
  head,
  headers,
  join,
  OK,
  ping,
  priorityOn,
  settings,
  streamError,
} from '../frame-case.ts';

/** What a frame may bring at most before settings say otherwise: RFC 9113 section 6.5.2. */
const FRAME_BYTES_MAX = 16_384;
const TOO_LONG = FRAME_BYTES_MAX + 1;
const UNKNOWN = [
  ['the first that nobody knows', 0x0a],
  ['ORIGIN', 0x0c],
  ['PRIORITY_UPDATE', 0x10],
  ['the last that there can be', 0xff],
] as const;

/** Flags that mean nothing for the type that they are sent with. */
const ODD_FLAGS = 0xd2;
const RESERVED = 0x80000000;

/** Sets the bit that nobody looks at. */
function withReservedBit(bytes: Buffer): Buffer {
  bytes.writeUInt32BE((bytes.readUInt32BE(5) | RESERVED) >>> 0, 5);
  return bytes;
}

/** RFC 9113 sections 4.1, 4.2 and 5.5. */
export const FRAME_HEADS: readonly FrameCase[] = [
  ...UNKNOWN.flatMap(([which, type]) => [
    frameCase(`a type, ${which}, of the connection`, 'RFC 9113 5.5', 'Is not looked at.', GOES_ON, () => [
      frame(type, 0xff, 0, Buffer.alloc(20, 1)),
    ]),
    frameCase(`a type, ${which}, of a stream`, 'RFC 9113 5.5', 'Is not looked at.', OK, (say) => [
      say.post(1),
      frame(type, 0xff, 1, Buffer.alloc(20, 1)),
      data(1, 'x'),
    ]),
  ]),
  frameCase('an unknown type on a stream that is not there', 'RFC 9113 5.5', 'Opens nothing.', GOES_ON, () => [
    frame(0x16, 0, 77, Buffer.from('x')),
  ]),
  frameCase('an unknown type of nothing', 'RFC 9113 5.5', 'Is not looked at.', GOES_ON, () => [frame(0x16, 0, 0)]),
  frameCase(
    'an unknown type inside of a head',
    'RFC 9113 5.5',
    'A head is one piece.',
    connectionError('PROTOCOL_ERROR'),
    (say) => [headers(1, say.block(), FLAG.endStream), frame(0x16, 0, 1), say.get(3)],
    { asksAfter: false },
  ),

  frameCase('flags of a ping that mean nothing', 'RFC 9113 4.1', 'They are not looked at.', GOES_ON, () => [
    ping(Buffer.alloc(8), 0xfe),
  ]),
  frameCase('flags of settings that mean nothing', 'RFC 9113 4.1', 'They are not looked at.', GOES_ON, () => [
    frame(FRAME.settings, 0xfe, 0),
  ]),
  frameCase('flags of a head that mean nothing', 'RFC 9113 4.1', 'They are not looked at.', OK, (say) => [
    headers(1, say.block(), ODD_FLAGS | FLAG.endStream | FLAG.endHeaders),
  ]),
  frameCase('flags of a body that mean nothing', 'RFC 9113 4.1', 'They are not looked at.', OK, (say) => [
    say.post(1),
    data(1, 'x', 0xf6),
    data(1, 'y', 0xf7),
  ]),
  frameCase('a stream with the reserved bit', 'RFC 9113 4.1', 'It is not looked at.', OK, (say) => [
    withReservedBit(say.post(1)),
    withReservedBit(data(1, 'x')),
  ]),
  frameCase('a ping with the reserved bit', 'RFC 9113 4.1', 'It is not looked at.', GOES_ON, () => [
    withReservedBit(ping()),
  ]),
  frameCase('a window with the reserved bit', 'RFC 9113 6.9', 'It is not looked at.', GOES_ON, () => [
    frame(FRAME.window, 0, 0, uint32((RESERVED | 5) >>> 0)),
  ]),

  frameCase(
    'a body in a frame of the largest size',
    'RFC 9113 4.2',
    'All must be able to take it.',
    OK,
    (say) => [say.post(1), data(1, Buffer.alloc(FRAME_BYTES_MAX, 1))],
    { isOnce: true },
  ),
  frameCase(
    'a head in a frame of the largest size',
    'RFC 9113 4.2',
    'All must be able to take it.',
    OK,
    (say) => {
      const rest = FRAME_BYTES_MAX - say.block('GET', '/', [['x-a', 'a'.repeat(200)]]).length;
      return [say.get(1, '/', [['x-a', 'a'.repeat(rest + 199)]])];
    },
    { isOnce: true },
  ),
  frameCase(
    'a body in a frame that is too long',
    'RFC 9113 4.2',
    'Nobody has said that it may be.',
    streamError('FRAME_SIZE_ERROR'),
    (say) => [say.post(1), data(1, Buffer.alloc(TOO_LONG))],
    { isOnce: true },
  ),
  frameCase(
    'a head in a frame that is too long',
    'RFC 9113 4.2',
    'What comes later could not be read.',
    connectionError('FRAME_SIZE_ERROR'),
    (say) => [say.get(1, '/', [['x-a', 'a'.repeat(TOO_LONG)]])],
    { isOnce: true },
  ),
  ...(
    [
      ['settings', FRAME.settings, 0],
      ['a ping', FRAME.ping, 0],
      ['an end', FRAME.goaway, 0],
      ['a window of the connection', FRAME.window, 0],
      ['a reset', FRAME.reset, 1],
    ] as const
  ).map(([what, type, stream]) =>
    frameCase(
      `${what} in a frame that is too long`,
      'RFC 9113 4.2',
      'It is too long for any.',
      connectionError('FRAME_SIZE_ERROR'),
      (say) => [say.post(1), frame(type, 0, stream, Buffer.alloc(TOO_LONG + 5))],
      { isOnce: true },
    ),
  ),
  frameCase(
    'a frame as long as lengths can be',
    'RFC 9113 4.2',
    'It is refused by its first bytes.',
    streamError('FRAME_SIZE_ERROR'),
    (say) => [say.post(1), frameHead(2 ** 24 - 1, FRAME.data, 0, 1), Buffer.alloc(100)],
    { asksAfter: false },
  ),
  frameCase(
    'an unknown type in a frame that is too long',
    'RFC 9113 4.2',
    'No type may be.',
    connectionError('FRAME_SIZE_ERROR'),
    () => [frameHead(2 ** 24 - 1, 0x16, 0, 0), Buffer.alloc(100)],
    { asksAfter: false },
  ),

  frameCase(
    'padding without its length',
    'RFC 9113 4.2',
    'The frame is too short for what its flags promise.',
    streamError('FRAME_SIZE_ERROR', 'PROTOCOL_ERROR'),
    (say) => [say.post(1), frame(FRAME.data, FLAG.padded, 1)],
  ),
  frameCase(
    'padding of a head without its length',
    'RFC 9113 4.2',
    'The frame is too short for what its flags promise.',
    connectionError('FRAME_SIZE_ERROR', 'PROTOCOL_ERROR'),
    () => [frame(FRAME.headers, FLAG.padded | FLAG.endHeaders, 1)],
  ),
  frameCase(
    'a head without all of its priority',
    'RFC 9113 4.2',
    'The frame is too short for what its flags promise.',
    connectionError('FRAME_SIZE_ERROR', 'PROTOCOL_ERROR'),
    () => [frame(FRAME.headers, 0x20 | FLAG.endHeaders, 1, priorityOn(0).subarray(0, 4))],
  ),
  frameCase(
    'a head of nothing',
    'RFC 9113 8.3.1',
    'It asks for nothing.',
    [...streamError('PROTOCOL_ERROR'), 'answered 400'],
    () => [head(1, [])],
  ),
  frameCase(
    'settings that end in the middle of a frame',
    'RFC 9113 4.1',
    'Nothing is made of half a frame.',
    ['closed'],
    () => [settings([3, 10]).subarray(0, 12), async (client) => client.end()],
    { asksAfter: false },
  ),
  frameCase(
    'a request that ends in the middle of a frame',
    'RFC 9113 4.1',
    'Nothing is made of half a frame.',
    ['closed'],
    (say) => [join(say.get(1)).subarray(0, 20), async (client) => client.end()],
    { asksAfter: false },
  ),
  frameCase(
    'a body that ends in the middle of a frame',
    'RFC 9113 4.1',
    'Its request is broken off.',
    ['closed'],
    (say) => [say.post(1), data(1, 'hello').subarray(0, 11), async (client) => client.end()],
    { asksAfter: false },
  ),
  frameCase('a head and its body in one segment', 'RFC 9113 4.1', 'Segments mean nothing.', OK, (say) => [
    join(headers(1, headerBlock(say.fields('POST')), FLAG.endHeaders), data(1, 'a', 0), data(1, 'b', 0), data(1, 'c')),
  ]),
];
