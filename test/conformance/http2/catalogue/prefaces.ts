import { expect } from 'vitest';
import { FLAG, FRAME, frame, uint32 } from '../../../helpers/frame-client.ts';
import { PREFACE } from '../case-client.ts';
import {
  connectionError,
  type FrameCase,
  frameCase,
  goaway,
  NO_TABLE,
  OK,
  ping,
  settings,
  windowUpdate,
} from '../frame-case.ts';

const OWN = { settings: 'none', asksAfter: false } as const;
/** RFC 9113 section 3.4: the GOAWAY may be left out, because the other end plainly does not speak HTTP/2. */
const REFUSED = ['closed', ...connectionError('PROTOCOL_ERROR')] as const;

/** How a connection of HTTP/2 begins: RFC 9113 section 3.4. */
export const PREFACES: readonly FrameCase[] = [
  frameCase('a request in the same segment', 'RFC 9113 3.4', 'Clients need not wait.', OK, (say) => [say.get(1)]),
  frameCase(
    'a preface byte by byte',
    'RFC 9113 3.4',
    'Segments mean nothing.',
    OK,
    (say) => [PREFACE, settings(...NO_TABLE), say.get(1)],
    { ...OWN },
  ),
  frameCase(
    'a preface that differs at its end',
    'RFC 9113 3.4',
    'It is not HTTP/2.',
    REFUSED,
    () => [Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n'), settings()],
    OWN,
  ),
  frameCase(
    'a preface that differs in its method',
    'RFC 9113 3.4',
    'It is not HTTP/2.',
    REFUSED,
    () => [Buffer.from('PRX * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings()],
    OWN,
  ),
  frameCase(
    'a preface of another version',
    'RFC 9113 3.4',
    'It is not HTTP/2.',
    REFUSED,
    () => [Buffer.from('PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n'), settings()],
    OWN,
  ),
  frameCase(
    'frames without a preface',
    'RFC 9113 3.4',
    'Nothing says that it is HTTP/2.',
    REFUSED,
    (say) => [settings(), say.get(1), async (client) => client.end()],
    OWN,
  ),
  frameCase(
    'HTTP/1.1 instead',
    'RFC 9113 3.3',
    'The listener speaks both.',
    ['closed'],
    (say) => [Buffer.from(`GET / HTTP/1.1\r\nHost: ${say.host}\r\nConnection: close\r\n\r\n`)],
    { ...OWN, requestsMax: 1, also: (client) => expect(client.opening).toMatch(/^HTTP\/1\.1 200 /) },
  ),
  frameCase(
    'a preface that is cut off',
    'RFC 9113 3.4',
    'What does not go on is not waited for.',
    ['closed'],
    () => [PREFACE.subarray(0, 10), async (client) => client.end()],
    OWN,
  ),
  frameCase(
    'a preface that stops',
    'RFC 9113 3.4',
    'The time of a head is that of a preface.',
    ['closed', 'connection error NO_ERROR'],
    () => [PREFACE.subarray(0, 20)],
    { ...OWN, listener: 'impatient' },
  ),
  frameCase(
    'a preface and no settings',
    'RFC 9113 3.4',
    'Whoever says nothing more is not waited for.',
    ['closed'],
    () => [PREFACE],
    { ...OWN, listener: 'impatient' },
  ),
  frameCase(
    'a preface and the end',
    'RFC 9113 3.4',
    'Nobody is there any more.',
    ['closed'],
    () => [PREFACE, settings(), async (client) => client.end()],
    OWN,
  ),
  ...[
    { what: 'a head', first: () => null },
    { what: 'a ping', first: () => ping() },
    { what: 'a window', first: () => windowUpdate(0, 1) },
    { what: 'an acknowledgement', first: () => frame(FRAME.settings, FLAG.ack, 0) },
    { what: 'an end', first: () => goaway(0) },
    { what: 'a reset', first: () => frame(FRAME.reset, 0, 1, uint32(8)) },
  ].map(({ what, first }) =>
    frameCase(
      `${what} before settings`,
      'RFC 9113 3.4',
      'Settings are the first frame.',
      REFUSED,
      (say) => [PREFACE, first() ?? say.get(1), say.get(3)],
      OWN,
    ),
  ),
  frameCase(
    'settings of nothing',
    'RFC 9113 6.5',
    'They may be empty.',
    ['answered 200'],
    (say) => [PREFACE, settings(), say.get(1)],
    { settings: 'none', asksAfter: false },
  ),
];
