import { expect } from 'vitest';
import { FLAG, FRAME, headerBlock } from '../../../helpers/frame-client.ts';
import { valuesOf, type WireMessage } from '../../../helpers/wire-reader.ts';
import {
  answered,
  data,
  type Fields,
  type FrameCase,
  frameCase,
  type FrameOutcome,
  head,
  headers,
  MALFORMED,
  OK,
  type Saying,
} from '../frame-case.ts';
import type { TargetRecord } from '../marked-target.ts';

function requestOf({ requests }: TargetRecord): WireMessage | undefined {
  return requests.find(({ startLine }) => !/\/(?:after|beside) /.test(startLine));
}

/** What the target gets of a field. */
function gets(name: string, ...values: readonly string[]) {
  return (_: unknown, record: TargetRecord) => expect(valuesOf(requestOf(record)?.fields ?? [], name)).toEqual(values);
}

/** A head that is refused by what it says. */
function refused(
  name: string,
  why: string,
  fields: (say: Saying) => Fields,
  outcomes: readonly FrameOutcome[] = MALFORMED,
) {
  return frameCase(name, 'RFC 9113 8.2', why, outcomes, (say) => [head(1, fields(say))]);
}

const NO_NAME = 'A name that none may have.';

const FIELD_NAMES: readonly FrameCase[] = [
  refused('a name with a capital', NO_NAME, (say) => say.fieldsWith('X-a', 'b')),
  refused('a name of an HTTP/1.1 field in capitals', NO_NAME, (say) => say.fieldsWith('Content-Length', '5')),
  ...(
    [
      ['a pseudo-field twice', ':path', '/'],
      ['a method twice', ':method', 'GET'],
      ['a scheme twice', ':scheme', 'http'],
      ['the status of an answer', ':status', '200'],
      ['a pseudo-field that nobody knows', ':x', 'y'],
      ['a protocol without CONNECT', ':protocol', 'websocket'],
    ] as const
  ).map(([what, name, value]) => refused(what, 'RFC 9113 section 8.3.', (say) => [[name, value], ...say.fields()])),
  refused('an authority twice', 'RFC 9113 section 8.3.', (say) => [[':authority', 'x.test'], ...say.fields()]),
  ...[':method', ':scheme', ':path'].map((name) =>
    refused(`no ${name}`, 'RFC 9113 section 8.3.1.', (say) => say.without(name)),
  ),
  refused('neither an authority nor a host', 'RFC 9113 section 8.3.1.', (say) => say.without(':authority')),
  refused('a pseudo-field behind a field', 'RFC 9113 section 8.3.', (say) => [
    ...say.without(':path'),
    ['x-a', 'b'],
    [':path', '/'],
  ]),
  refused('a path of nothing', 'RFC 9113 section 8.3.1.', (say) => say.fieldsWith(':path', '')),
  refused('a path that does not begin', 'RFC 9113 section 8.3.1.', (say) => say.fieldsWith(':path', 'x')),
  refused('an asterisk of a GET', 'RFC 9113 section 8.3.1.', (say) => say.fieldsWith(':path', '*')),
  refused('a path with a space', 'RFC 9113 section 10.3.', (say) => say.fieldsWith(':path', '/a b')),
  refused('a path with a line end', 'RFC 9113 section 10.3.', (say) => say.fieldsWith(':path', '/ HTTP/1.1\r\nX: y')),
  refused('a method with a space', 'RFC 9113 section 10.3.', (say) => say.fieldsWith(':method', 'GET /x')),
  refused('a method of nothing', 'RFC 9113 section 8.3.1.', (say) => say.fieldsWith(':method', '')),
  refused('an authority with a user', 'RFC 9113 section 8.3.1.', (say) =>
    say.fieldsWith(':authority', `a@${say.host}`),
  ),
  refused('a host that is not the authority', 'RFC 9113 section 8.3.1.', (say) => say.fieldsWith('host', 'x.test')),
  refused('a host twice', 'RFC 9110 section 7.2.', (say) => [
    ...say.without(':authority'),
    ['host', say.host],
    ['host', say.host],
  ]),
];

const FORBIDDEN: readonly FrameCase[] = [
  ...(
    [
      ['connection', 'close'],
      ['connection', 'x-a'],
      ['proxy-connection', 'keep-alive'],
      ['keep-alive', 'timeout=5'],
      ['transfer-encoding', 'chunked'],
      ['upgrade', 'h2c'],
      ['te', 'gzip'],
      ['te', 'trailers, gzip'],
    ] as const
  ).map(([name, value]) =>
    refused(`${name}: ${value}`, 'RFC 9113 section 8.2.2.', (say) => say.fieldsWith(name, value)),
  ),
  frameCase('transfer-encoding with a body', 'RFC 9113 8.2.2', 'Lengths are those of frames.', MALFORMED, (say) => [
    say.post(1, '/', [['transfer-encoding', 'chunked']]),
    data(1, '0\r\n\r\n'),
  ]),
  ...(
    [
      [
        'two lengths',
        [
          ['content-length', '1'],
          ['content-length', '2'],
        ],
      ],
      ['a length with a sign', [['content-length', '+1']]],
      ['a length of nothing', [['content-length', '']]],
      ['a length of letters', [['content-length', '0x1']]],
      ['a content-length as large as numbers can be', [['content-length', '9'.repeat(30)]]],
    ] as const
  ).map(([what, fields]) =>
    frameCase(what, 'RFC 9110 8.6', 'Nobody knows how long it is.', MALFORMED, (say) => [
      say.post(1, '/', fields),
      data(1, 'x'),
    ]),
  ),
  frameCase('an absolute path', 'RFC 9113 8.3.1', 'There is an authority for that.', MALFORMED, (say) => [
    head(1, say.fieldsWith(':path', `http://${say.host}/`)),
  ]),
];

const CONNECTS: readonly FrameCase[] = [
  frameCase('CONNECT', 'RFC 9113 8.5', 'No tunnels are made.', answered(405), (say) => [
    head(
      1,
      [
        [':method', 'CONNECT'],
        [':authority', `${say.host}:443`],
      ],
      0,
    ),
  ]),
  frameCase('CONNECT with a path', 'RFC 9113 8.5', 'It has none.', [...MALFORMED, ...answered(405)], (say) => [
    head(1, say.fields('CONNECT'), 0),
  ]),
  frameCase(
    'CONNECT for a WebSocket',
    'RFC 8441 4',
    'It was not offered.',
    [...MALFORMED, ...answered(405, 501)],
    (say) => [head(1, [...say.fields('CONNECT'), [':protocol', 'websocket']], 0)],
  ),
];

const PASSED: readonly FrameCase[] = [
  frameCase('te: trailers', 'RFC 9113 8.2.2', 'The one value that it may have.', OK, (say) => [
    say.get(1, '/', [['te', 'trailers']]),
  ]),
  frameCase(
    'a cookie in crumbs',
    'RFC 9113 8.2.3',
    'They are one cookie where there is no HTTP/2.',
    OK,
    (say) => [
      say.get(1, '/', [
        ['cookie', 'a=1'],
        ['x-a', 'b'],
        ['cookie', 'b=2'],
        ['cookie', 'c=3'],
      ]),
    ],
    { also: gets('cookie', 'a=1; b=2; c=3') },
  ),
  frameCase(
    'a value of bytes that are no letters',
    'RFC 9110 5.5',
    'They pass.',
    OK,
    (say) => [say.get(1, '/', [['x-a', 'caf\xe9 \xff\tend']])],
    { also: gets('x-a', 'caf\xe9 \xff\tend') },
  ),
  frameCase('a value of nothing', 'RFC 9110 5.5', 'It passes.', OK, (say) => [say.get(1, '/', [['x-a', '']])], {
    also: gets('x-a', ''),
  }),
  frameCase(
    'a field twice',
    'RFC 9110 5.3',
    'In order.',
    OK,
    (say) => [
      say.get(1, '/', [
        ['x-a', '1'],
        ['x-a', '2'],
      ]),
    ],
    {
      also: gets('x-a', '1', '2'),
    },
  ),
  frameCase('a host that is the authority', 'RFC 9113 8.3.1', 'It says the same.', OK, (say) => [
    say.get(1, '/', [['host', say.host]]),
  ]),
  frameCase('a host and no authority', 'RFC 9113 8.3.1', 'As clients that come from HTTP/1.1 say it.', OK, (say) => [
    head(1, [...say.without(':authority'), ['host', say.host]]),
  ]),
  frameCase(
    'an asterisk of OPTIONS',
    'RFC 9113 8.3.1',
    'It asks about the server.',
    OK,
    (say) => [head(1, say.fieldsWith(':path', '*', 'OPTIONS'))],
    { also: (_, record) => expect(requestOf(record)?.startLine).toBe('OPTIONS * HTTP/1.1') },
  ),
  frameCase('pseudo-fields in any order', 'RFC 9113 8.3', 'None is the first.', OK, (say) => [
    head(1, [...say.fields()].reverse()),
  ]),
  frameCase(
    'the scheme of TLS where there is none',
    'RFC 9113 8.3.1',
    'A gateway may say so.',
    [...OK, ...MALFORMED],
    (say) => [head(1, say.fieldsWith(':scheme', 'https'))],
  ),
  ...['PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((method) =>
    frameCase(`${method} without a body`, 'RFC 9113 8.3.1', 'It passes.', OK, (say) => [head(1, say.fields(method))], {
      also: (_, record) => expect(requestOf(record)?.startLine).toBe(`${method} / HTTP/1.1`),
    }),
  ),
  frameCase(
    'a path of all that one may have',
    'RFC 3986 3.3',
    'It passes as it is.',
    OK,
    (say) => [say.get(1, "/a-b_c~d!$&'()*+,;=:@/%20?x=/?:@")],
    { also: (_, record) => expect(requestOf(record)?.startLine).toBe("GET /a-b_c~d!$&'()*+,;=:@/%20?x=/?:@ HTTP/1.1") },
  ),
];

/** The fields of a trailer section, behind a body. */
function trailers(say: Saying, fields: Fields, flags: number = FLAG.endStream): Buffer[] {
  return [say.post(1), data(1, 'x', 0), headers(1, headerBlock(fields), flags | FLAG.endHeaders)];
}

const TRAILERS: readonly FrameCase[] = [
  frameCase(
    'trailers',
    'RFC 9113 8.1',
    'The target gets them.',
    OK,
    (say) =>
      trailers(say, [
        ['x-sum', '1'],
        ['x-more', '2'],
      ]),
    {
      also: (_, record) =>
        expect(requestOf(record)?.trailers).toEqual([
          ['x-sum', '1'],
          ['x-more', '2'],
        ]),
    },
  ),
  frameCase('trailers of nothing', 'RFC 9113 8.1', 'They end the body.', OK, (say) => trailers(say, [])),
  frameCase('trailers without a body', 'RFC 9113 8.1', 'It was empty.', OK, (say) => [
    say.post(1),
    head(1, [['x-sum', '1']]),
  ]),
  frameCase(
    'trailers that do not end the stream',
    'RFC 9113 8.1',
    'They are the last of a request.',
    MALFORMED,
    (say) => [...trailers(say, [['x-sum', '1']], 0), data(1, 'y')],
  ),
  frameCase('trailers with a pseudo-field', 'RFC 9113 8.1', 'They have none.', MALFORMED, (say) =>
    trailers(say, [[':path', '/x']]),
  ),
  frameCase('trailers with the status of an answer', 'RFC 9113 8.1', 'They have none.', MALFORMED, (say) =>
    trailers(say, [[':status', '200']]),
  ),
  frameCase('trailers with a field of connections', 'RFC 9113 8.2.2', 'There are none.', MALFORMED, (say) =>
    trailers(say, [['connection', 'close']]),
  ),
  frameCase('trailers with a capital', 'RFC 9113 8.2', NO_NAME, MALFORMED, (say) => trailers(say, [['X-sum', '1']])),
];

const INTERIM: readonly FrameCase[] = [
  frameCase(
    'expect: 100-continue',
    'RFC 9110 10.1.1',
    'The client is told to go on, or gets its answer.',
    OK,
    (say) => [
      say.post(1, '/', [['expect', '100-continue']]),
      (client) => client.until(() => client.client.of(FRAME.headers, 1).length > 0),
      data(1, 'hello'),
    ],
    {
      also: ({ client }, record) => {
        expect(client.of(FRAME.headers, 1).length).toBe(2);
        expect(requestOf(record)?.body.toString()).toBe('hello');
      },
    },
  ),
  frameCase(
    'expect: 100-continue, and not waited for',
    'RFC 9110 10.1.1',
    'The body comes all the same.',
    OK,
    (say) => [say.post(1, '/', [['expect', '100-continue']]), data(1, 'hello')],
  ),
  frameCase(
    'an expectation that nobody knows',
    'RFC 9110 10.1.1',
    'It is not met.',
    [...answered(417), ...OK],
    (say) => [say.get(1, '/', [['expect', 'wonders']])],
  ),
];

/** RFC 9113 sections 8.1 to 8.5. */
export const MESSAGES: readonly FrameCase[] = [
  ...FIELD_NAMES,
  ...FORBIDDEN,
  ...CONNECTS,
  ...PASSED,
  ...TRAILERS,
  ...INTERIM,
];
