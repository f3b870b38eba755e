import {
  FORWARDED,
  SMUGGLED,
  answer,
  bare,
  get,
  must,
  policy,
  post,
  request,
  sized,
  should,
  type WireCase,
} from '../wire-case.ts';

const KEEP = 'RFC 9112 9.3';
const PIPELINE = 'RFC 9112 9.3.2';
const P1 = request('GET /p1 HTTP/1.1');
const P2 = request('GET /p2 HTTP/1.1');
const NO_HOST = bare('GET /p3 HTTP/1.1');

/** How long a connection lives, and which answer belongs to which request on it. */
export const PERSISTENCE: readonly WireCase[] = [
  must('conn-http10-close', KEEP, 'HTTP/1.0 that does not ask to be kept is closed.', request('GET /c HTTP/1.0'), {
    expect: ['forward'],
    closeRequired: true,
  }),
  must(
    'conn-http10-keepalive',
    'RFC 9112 C.2.2',
    'One that does may be, if it is told so, and never in chunks.',
    request('GET /c HTTP/1.0', ['Connection: keep-alive']),
    { expect: ['forward'], clientMustNotSee: 'chunked' },
  ),
  should(
    'conn-http10-keepalive-said',
    'RFC 9112 C.2.2',
    'Kept or not, the answer says so.',
    request('GET /c HTTP/1.0', ['Connection: keep-alive']),
    { expect: ['forward'], clientMustSee: /^connection: (keep-alive|close)\r/im },
  ),
  should(
    'conn-http10-nochunk',
    'RFC 9112 7',
    'Chunks of a target are taken apart for HTTP/1.0.',
    request('GET /c HTTP/1.0'),
    {
      expect: ['forward'],
      upstream: { response: answer('200 OK', ['Transfer-Encoding: chunked'], '2\r\nok\r\n0\r\n\r\n') },
      clientMustNotSee: 'chunked',
      clientMustSee: /\r\n\r\nok$/,
    },
  ),
  must(
    'conn-http10-nochunk-keepalive',
    'RFC 9112 7',
    'Then only the end of the connection ends the body.',
    request('GET /c HTTP/1.0', ['Connection: keep-alive']),
    {
      expect: ['forward'],
      upstream: { response: answer('200 OK', ['Transfer-Encoding: chunked'], '2\r\nok\r\n0\r\n\r\n') },
      clientMustNotSee: 'chunked',
      closeRequired: true,
    },
  ),
  must(
    'conn-http10-pipelined',
    KEEP,
    'What follows on a connection that is to be closed is not served.',
    request('GET /c HTTP/1.0') + SMUGGLED,
    { expect: ['forward'], upstreamRequests: 1, upstreamMustNotSee: '/smuggled', closeRequired: true },
  ),
  must('conn-close', 'RFC 9112 9.6', 'Who asks for a close gets one.', get('Connection: close'), {
    expect: ['forward'],
    closeRequired: true,
    clientMustSee: /^connection: close\r/im,
  }),
  must('conn-close-list', 'RFC 9112 9.6', 'Among other options.', get('Connection: x, close, y'), {
    expect: ['forward'],
    closeRequired: true,
  }),
  must('conn-close-case', 'RFC 9112 9.6', 'In whatever case.', get('Connection: CLOSE'), {
    expect: ['forward'],
    closeRequired: true,
  }),
  must(
    'conn-close-second-line',
    'RFC 9112 9.6',
    'On a second line.',
    get('Connection: keep-alive', 'Connection: close'),
    { expect: ['forward'], closeRequired: true },
  ),
  must('conn-close-pipelined', 'RFC 9112 9.6', 'And what follows is not served.', get('Connection: close') + SMUGGLED, {
    expect: ['forward'],
    upstreamRequests: 1,
    upstreamMustNotSee: '/smuggled',
    closeRequired: true,
  }),
  must('conn-pipeline-2', PIPELINE, 'Answers in the order of the requests.', P1 + P2, {
    expect: ['forward'],
    upstreamRequests: 2,
  }),
  must(
    'conn-pipeline-3',
    PIPELINE,
    'With a body between them.',
    `${P1}${request('POST /p2 HTTP/1.1', ['Content-Length: 5'], 'hello')}${request('GET /p3 HTTP/1.1')}`,
    { expect: ['forward'], upstreamRequests: 3 },
  ),
  must(
    'conn-pipeline-chunked',
    PIPELINE,
    'With chunks between them.',
    `${P1}${post(['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n')}${P2}`,
    { expect: ['forward'], upstreamRequests: 3 },
  ),
  must(
    'conn-pipeline-head-get',
    PIPELINE,
    'HEAD in front: its answer has no body, the next one has.',
    request('HEAD /p1 HTTP/1.1') + P2,
    { expect: ['forward'], upstreamRequests: 2, methods: ['HEAD', 'GET'] },
  ),
  must('conn-pipeline-get-head', PIPELINE, 'HEAD behind.', P1 + request('HEAD /p2 HTTP/1.1'), {
    expect: ['forward'],
    upstreamRequests: 2,
    methods: ['GET', 'HEAD'],
  }),
  must('conn-pipeline-10', PIPELINE, 'Ten of them.', get().repeat(10), { expect: ['forward'], upstreamRequests: 10 }),
  must(
    'conn-pipeline-bad-second',
    PIPELINE,
    "A wrong one behind a good one: the good one's answer first, then the 400.",
    P1 + NO_HOST,
    {
      expect: ['forward'],
      upstreamRequests: 1,
      clientMustSee: /^HTTP\/1\.1 200 [^]*HTTP\/1\.1 400 /,
      closeRequired: true,
    },
  ),
  must('conn-pipeline-bad-slow', PIPELINE, 'Also where the good answer takes its time.', P1 + NO_HOST, {
    expect: ['forward'],
    upstreamRequests: 1,
    upstream: { response: '', late: sized('200 OK', 'ok') },
    clientMustSee: /^HTTP\/1\.1 200 [^]*HTTP\/1\.1 400 /,
    closeRequired: true,
  }),
  must('conn-pipeline-after-bad', KEEP, 'Nothing behind a wrong one is served.', NO_HOST + SMUGGLED, {
    expect: ['reject', 'close'],
    upstreamRequests: 0,
    upstreamMustNotSee: '/smuggled',
  }),
  policy('conn-crlf-between', 'RFC 9112 2.2', 'An empty line between two requests is skipped.', `${P1}\r\n${P2}`, {
    expect: ['forward'],
  }),
  must('conn-keepalive', KEEP, 'HTTP/1.1 is kept without asking.', P1, {
    ...FORWARDED,
    clientMustNotSee: /^connection: close/im,
    parts: [{ bytes: '', delayMs: 50 }],
  }),
  must('conn-two-in-turn', KEEP, 'A second request after the first answer, on the same connection.', P1, {
    expect: ['forward'],
    upstreamRequests: 2,
    parts: [
      { bytes: '', delayMs: 150 },
      { bytes: P2, delayMs: 0 },
    ],
  }),
  must('conn-bytewise', 'RFC 9112 2.2', 'A byte at a time.', request('GET /slow HTTP/1.1'), {
    ...FORWARDED,
    send: 'bytewise',
  }),
  must(
    'conn-bytewise-body',
    'RFC 9112 7.1',
    'Also inside a body.',
    post(['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
    { ...FORWARDED, send: 'bytewise' },
  ),
  policy(
    'conn-halfclose-after',
    'RFC 9112 9.6',
    'A client that has said all and ends its side still gets its answer.',
    request('GET /hc HTTP/1.1'),
    { expect: ['forward'], ending: 'half-close', clientMustSee: /HTTP\/1\.1 200 / },
  ),
  policy('conn-halfclose-slow', 'RFC 9112 9.6', 'Also where the target takes a moment.', request('GET /hc HTTP/1.1'), {
    expect: ['forward'],
    ending: 'half-close',
    upstream: { response: '', late: sized('200 OK', 'ok') },
    clientMustSee: /HTTP\/1\.1 200 /,
  }),
  policy('conn-halfclose-pipelined', 'RFC 9112 9.6', 'And all of them, if there were several.', P1 + P2, {
    expect: ['forward'],
    upstreamRequests: 2,
    ending: 'half-close',
  }),
  must('conn-upstream-close', 'RFC 9112 9.6', "The target's connection ends, the client's does not.", P1, {
    expect: ['forward'],
    upstreamRequests: 2,
    upstream: { response: sized('200 OK', 'ok', 'Connection: close'), after: 'close' },
    clientMustNotSee: /^connection: close/im,
    parts: [
      { bytes: '', delayMs: 150 },
      { bytes: P2, delayMs: 0 },
    ],
  }),
];
