import { FORWARDED, SMUGGLED, answer, get, must, policy, post, request, type WireCase } from '../wire-case.ts';

const EXPECT = 'RFC 9110 10.1.1';
const CONTINUE = 'Expect: 100-continue';
const UNAUTHORIZED = 'HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n';
/** 50 bytes of body, which a target that forgot to read them would take for a request. */
const FIFTY = `${SMUGGLED}xxxxxxxxxx`;

/** A client that asks before it sends its body. */
export const EXPECT_CASES: readonly WireCase[] = [
  must(
    'expect-100-immediate',
    EXPECT,
    'Asked, and sent without waiting: one request and nothing left over.',
    post([CONTINUE, 'Content-Length: 5'], 'hello'),
    FORWARDED,
  ),
  must(
    'expect-100-wait',
    EXPECT,
    'Asked and waited: it gets a 100 or a final answer, not silence.',
    post([CONTINUE, 'Content-Length: 5']),
    {
      expect: ['respond', 'forward'],
      parts: [
        { bytes: '', delayMs: 400 },
        { bytes: 'hello', delayMs: 0 },
      ],
      clientMustSee: /HTTP\/1\.1 (100|200)/,
    },
  ),
  must('expect-100-wait-chunked', EXPECT, 'The same with chunks.', post([CONTINUE, 'Transfer-Encoding: chunked']), {
    expect: ['respond', 'forward'],
    parts: [
      { bytes: '', delayMs: 400 },
      { bytes: '5\r\nhello\r\n0\r\n\r\n', delayMs: 0 },
    ],
    clientMustSee: /HTTP\/1\.1 (100|200)/,
  }),
  must(
    'expect-100-case',
    EXPECT,
    'Expectations have no case.',
    post(['Expect: 100-Continue', 'Content-Length: 5'], 'hello'),
    FORWARDED,
  ),
  must('expect-100-no-body', EXPECT, 'Asked without a body: there is nothing to wait for.', get(CONTINUE), {
    ...FORWARDED,
    clientMustSee: ' 200 ',
  }),
  must(
    'expect-100-cl-zero',
    EXPECT,
    'Also where the body is counted, and nothing.',
    post([CONTINUE, 'Content-Length: 0']),
    { ...FORWARDED, clientMustSee: ' 200 ' },
  ),
  must(
    'expect-100-pipelined',
    EXPECT,
    'And a request behind it.',
    post([CONTINUE, 'Content-Length: 5'], 'hello') + get(),
    { expect: ['forward'], upstreamRequests: 2 },
  ),
  must(
    'expect-100-smuggle',
    'PortSwigger 2025, "HTTP/1.1 must die"',
    'A body that looks like a request, in front of one.',
    post([CONTINUE, 'Content-Length: 40'], SMUGGLED) + get(),
    { expect: ['forward', 'reject'], upstreamRequests: 2 },
  ),
  policy(
    'expect-obfuscated',
    'PortSwigger 2025, "HTTP/1.1 must die"',
    'An expectation that two readers read differently leaves them waiting for different things.',
    post(['Expect: y 100-continue', 'Content-Length: 5'], 'hello'),
    { expect: ['reject', 'forward'], upstreamRequestsMax: 1, status: 417 },
  ),
  policy(
    'expect-unknown',
    EXPECT,
    'One that nobody knows: 417.',
    post(['Expect: 200-ok', 'Content-Length: 5'], 'hello'),
    { expect: ['reject', 'forward'], upstreamRequestsMax: 1, status: 417 },
  ),
  policy(
    'expect-list',
    EXPECT,
    'A known one and an unknown one.',
    post([`${CONTINUE}, foo`, 'Content-Length: 5'], 'hello'),
    { expect: ['reject', 'forward'], upstreamRequestsMax: 1, status: 417 },
  ),
  policy(
    'expect-param',
    EXPECT,
    'A known one with a parameter.',
    post([`${CONTINUE};a=b`, 'Content-Length: 5'], 'hello'),
    { expect: ['reject', 'forward'], upstreamRequestsMax: 1, status: 417 },
  ),
  policy('expect-dup', EXPECT, 'The same twice.', post([CONTINUE, CONTINUE, 'Content-Length: 5'], 'hello'), {
    expect: ['reject', 'forward'],
    upstreamRequestsMax: 1,
  }),
  policy('expect-empty', EXPECT, 'None at all.', post(['Expect:', 'Content-Length: 5'], 'hello'), {
    expect: ['reject', 'forward'],
    upstreamRequestsMax: 1,
  }),
  must(
    'expect-http10',
    'RFC 9110 15.2',
    'HTTP/1.0 has no 1xx.',
    request('POST /p HTTP/1.0', [CONTINUE, 'Content-Length: 5'], 'hello'),
    { expect: ['forward', 'reject'], clientMustNotSee: 'HTTP/1.1 100' },
  ),
  must(
    'expect-http10-wait',
    'RFC 9110 10.1.1',
    'Whoever of HTTP/1.0 asks is not heard, and has to send.',
    request('POST /p HTTP/1.0', [CONTINUE, 'Content-Length: 5']),
    {
      expect: ['forward', 'reject'],
      parts: [
        { bytes: '', delayMs: 200 },
        { bytes: 'hello', delayMs: 0 },
      ],
      clientMustNotSee: 'HTTP/1.1 100',
    },
  ),
  must(
    'expect-early-reject',
    'RFC 9112 9.3',
    'The target says no at once, the client sends all the same: the body must not meet a target that has forgotten it.',
    post([CONTINUE, 'Content-Length: 50']),
    {
      expect: ['forward', 'hang'],
      upstream: { response: UNAUTHORIZED, when: 'head', restOfRequest: 'request' },
      parts: [
        { bytes: '', delayMs: 300 },
        { bytes: FIFTY, delayMs: 100 },
      ],
    },
  ),
  must(
    'expect-early-reject-waiting',
    'RFC 9112 9.3',
    'Nor may the next request be taken for that body by a target that still waits for it.',
    post([CONTINUE, 'Content-Length: 50']),
    {
      expect: ['forward'],
      upstream: { response: UNAUTHORIZED, when: 'head' },
      clientMustSee: '401',
    },
  ),
  must(
    'expect-target-refuses',
    EXPECT,
    'A 417 of the target is a final answer.',
    post([CONTINUE, 'Content-Length: 5']),
    {
      expect: ['forward', 'reject'],
      upstream: { response: answer('417 Expectation Failed', ['Content-Length: 0']), when: 'head' },
      clientMustSee: '417',
    },
  ),
  must(
    'expect-target-100-twice',
    'RFC 9110 15.2',
    'A target that says 100 as well: the final answer follows all the same.',
    post([CONTINUE, 'Content-Length: 5'], 'hello'),
    {
      expect: ['forward'],
      upstream: {
        response:
          'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      },
      clientMustSee: ' 200 ',
    },
  ),
];
