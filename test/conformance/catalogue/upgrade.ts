import { EITHER, SMUGGLED, get, must, policy, request, sized, should, type WireCase } from '../wire-case.ts';

const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
const WS = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', KEY];
const ACCEPT = 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const ACCEPTED = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${ACCEPT}\r\n\r\n`;
const SWITCH = 'RFC 9110 7.8';
/** Answered without a tunnel, and what follows is a request like any other, or refused. */
const NO_TUNNEL = { expect: ['forward', 'reject'], upstreamRequestsMax: 2, clientMustNotSee: ' 101 ' } as const;

function ws(target = '/ws', more: readonly string[] = []): string {
  return request(`GET ${target} HTTP/1.1`, [...WS, ...more]);
}

/** A connection that stops being HTTP, when the target says so and not before. */
export const UPGRADE: readonly WireCase[] = [
  must('up-ws-ok', 'RFC 6455 4.2', 'The 101 goes through, and then bytes in both directions.', ws(), {
    expect: ['forward'],
    upstream: { response: `${ACCEPTED}\x81\x02hi` },
    clientMustSee: /101 Switching[^]*\x81\x02hi/,
  }),
  must(
    'up-ws-case',
    SWITCH,
    'Names of protocols and options have no case.',
    request('GET /ws HTTP/1.1', [
      'connection: keep-alive, uPGRADE',
      'upgrade: WebSocket',
      'Sec-WebSocket-Version: 13',
      KEY,
    ]),
    { expect: ['forward'], upstream: { response: `${ACCEPTED}\x81\x02hi` }, clientMustSee: '101 Switching' },
  ),
  must(
    'up-ws-fields',
    'RFC 6455 4.1',
    'What the handshake needs reaches the target.',
    ws('/ws', ['Sec-WebSocket-Protocol: chat', 'Sec-WebSocket-Extensions: permessage-deflate']),
    {
      expect: ['forward'],
      upstream: { response: ACCEPTED },
      upstreamMustSee: /sec-websocket-key: dGhl[^]*sec-websocket-protocol: chat/i,
    },
  ),
  policy('up-ws-wrong-accept', 'RFC 6455 4.1', 'Whether the accept value is right is for the client to check.', ws(), {
    expect: ['forward', 'bad-gateway'],
    upstream: {
      response:
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAA\r\n\r\n',
    },
  }),
  must(
    'up-ws-200-smuggle',
    'CVE-2026-2833',
    'The target says 200: no tunnel, and what follows is routed as a request of its own.',
    ws() + SMUGGLED,
    NO_TUNNEL,
  ),
  must(
    'up-ws-426',
    'CVE-2026-2833',
    'The same with 426, on which some proxies gave up parsing.',
    request('GET /ws HTTP/1.1', ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 777', KEY]) +
      SMUGGLED,
    { ...NO_TUNNEL, upstream: { response: 'HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n' } },
  ),
  must('up-ws-403', 'CVE-2026-2833', 'And with a body.', ws() + SMUGGLED, {
    ...NO_TUNNEL,
    upstream: { response: sized('403 Forbidden', 'no') },
  }),
  must(
    'up-ws-refused-frames',
    'RFC 6455 4.1',
    'Frames of a client that did not wait, behind a refusal: they are no request, and nobody else gets them.',
    `${ws()}\x81\x85\x00\x00\x00\x00hello`,
    {
      expect: ['forward', 'reject'],
      upstream: { response: sized('403 Forbidden', 'no') },
      upstreamRequestsMax: 1,
      upstreamMustNotSee: 'hello',
      clientMustNotSee: ' 101 ',
    },
  ),
  must(
    'up-ws-after-100',
    'RFC 9110 15.2',
    'An interim answer comes before the switch, whose bytes come behind it in one piece.',
    ws('/ws', ['Expect: 100-continue']),
    {
      expect: ['forward'],
      upstream: { response: `HTTP/1.1 100 Continue\r\n\r\n${ACCEPTED}\x81\x02hi` },
      clientMustSee: /^HTTP\/1\.1 100 [^]*HTTP\/1\.1 101 [^]*\r\n\r\n\x81\x02hi$/,
    },
  ),
  must(
    'up-ws-early-data',
    'RFC 6455 4.1',
    'Bytes before the answer: they may be held for the tunnel or refused, never taken for a request.',
    ws() + SMUGGLED,
    { expect: ['forward', 'reject'], upstream: { response: ACCEPTED }, upstreamRequestsMax: 1 },
  ),
  must(
    'up-ws-post',
    'RFC 6455 4.1',
    'A body in front of a tunnel must not leak into it.',
    request('POST /ws HTTP/1.1', [...WS, 'Content-Length: 5'], 'hello'),
    { expect: ['reject', 'close', 'forward'], upstreamRequestsMax: 1 },
  ),
  must(
    'up-ws-get-body',
    'RFC 6455 4.1',
    'Nor that of a GET.',
    request('GET /ws HTTP/1.1', [...WS, 'Content-Length: 40'], SMUGGLED),
    { expect: ['reject', 'close', 'forward'], upstreamRequestsMax: 1 },
  ),
  must(
    'up-ws-chunked',
    'RFC 6455 4.1',
    'Nor one in chunks.',
    request('GET /ws HTTP/1.1', [...WS, 'Transfer-Encoding: chunked'], `28\r\n${SMUGGLED}\r\n0\r\n\r\n`),
    { expect: ['reject', 'close', 'forward'], upstreamRequestsMax: 1 },
  ),
  must(
    'up-ws-body-101',
    SWITCH,
    'A target that switches before it has read the body.',
    request('POST /ws HTTP/1.1', [...WS, 'Content-Length: 40'], SMUGGLED),
    { expect: ['reject', 'close', 'forward', 'bad-gateway'], upstreamRequestsMax: 1, upstream: { response: ACCEPTED } },
  ),
  must('up-ws-http10', SWITCH, 'An Upgrade of HTTP/1.0 counts for nothing.', request('GET /ws HTTP/1.0', WS), {
    expect: ['forward', 'reject'],
    upstream: { response: sized('200 OK', 'ok') },
    upstreamMustNotSee: /^upgrade:/im,
    clientMustNotSee: ' 101 ',
  }),
  must('up-ws-pipelined', 'RFC 9112 9.3.2', 'A plain request in front of it.', get() + ws(), {
    expect: ['forward'],
    upstreamRequests: 2,
  }),
  must(
    'up-ws-dup-upgrade',
    SWITCH,
    'Two lines that name it.',
    request('GET /ws HTTP/1.1', [...WS, 'Upgrade: websocket']),
    EITHER,
  ),
  should(
    'up-h2c',
    'RFC 9113 3.1',
    'A switch to HTTP/2 in the clear would hide every later request from the proxy.',
    request('GET / HTTP/1.1', [
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
    ]),
    { forwardedHow: 'without it', expect: ['forward', 'reject', 'close'], upstreamMustNotSee: /h2c|http2-settings/i },
  ),
  should(
    'up-h2c-with-ws',
    'RFC 9113 3.1',
    'Also where it hides behind a protocol that is allowed.',
    request('GET / HTTP/1.1', [
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: websocket, h2c',
      'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
      KEY,
    ]),
    { forwardedHow: 'without it', expect: ['forward', 'reject', 'close'], upstreamMustNotSee: /h2c/i },
  ),
  should(
    'up-h2c-case',
    'RFC 9113 3.1',
    'In whatever case.',
    request('GET / HTTP/1.1', ['Connection: Upgrade', 'Upgrade: H2C']),
    { forwardedHow: 'without it', expect: ['forward', 'reject', 'close'], upstreamMustNotSee: /h2c/i },
  ),
  policy(
    'up-unknown',
    SWITCH,
    'Protocols that no list allows are not asked for.',
    request('GET / HTTP/1.1', ['Connection: Upgrade', 'Upgrade: foo/1']),
    {
      forwardedHow: 'without it',
      expect: ['forward', 'reject', 'close'],
      upstreamMustNotSee: 'foo/1',
      clientMustNotSee: ' 101 ',
    },
  ),
  policy(
    'up-tls',
    'RFC 2817 3',
    'TLS inside a connection.',
    request('GET / HTTP/1.1', ['Connection: Upgrade', 'Upgrade: TLS/1.0']),
    { forwardedHow: 'without it', expect: ['forward', 'reject', 'close'], upstreamMustNotSee: /^upgrade:.*tls/im },
  ),
  policy('up-empty', SWITCH, 'A switch to nothing.', request('GET / HTTP/1.1', ['Connection: Upgrade', 'Upgrade:']), {
    forwardedHow: 'without it',
    expect: ['forward', 'reject', 'close'],
  }),
  must(
    'up-101-unasked',
    SWITCH,
    'A target that switches without having been asked: 502, and no client left hanging.',
    get(),
    { expect: ['bad-gateway'], upstream: { response: ACCEPTED }, clientMustNotSee: ' 101 ' },
  ),
  must(
    'up-101-refused-protocol',
    SWITCH,
    'Or to what was not passed on.',
    request('GET / HTTP/1.1', ['Connection: Upgrade', 'Upgrade: foo/1']),
    {
      expect: ['bad-gateway', 'reject', 'close'],
      upstream: { response: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo/1\r\n\r\n' },
      clientMustNotSee: ' 101 ',
    },
  ),
  must('up-101-other-protocol', SWITCH, 'Or to another than was asked for.', ws(), {
    expect: ['bad-gateway'],
    upstream: { response: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo/1\r\n\r\n' },
    clientMustNotSee: 'foo/1',
  }),
  must('up-101-no-upgrade-field', SWITCH, 'Or does not say to which.', ws(), {
    expect: ['bad-gateway'],
    upstream: { response: 'HTTP/1.1 101 Switching Protocols\r\n\r\n' },
    clientMustNotSee: ' 101 ',
  }),
  must('up-101-http10', SWITCH, 'Or for HTTP/1.0.', request('GET /ws HTTP/1.0', WS), {
    expect: ['bad-gateway'],
    upstream: { response: ACCEPTED },
    clientMustNotSee: ' 101 ',
  }),
  policy(
    'up-101-with-length',
    SWITCH,
    "A 101 that says a length: the bytes are the tunnel's, the field is nobody's.",
    ws(),
    {
      forwardedHow: 'without it',
      expect: ['forward', 'bad-gateway'],
      upstream: {
        response: `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\n${ACCEPT}\r\n\r\n\x81\x02hi`,
      },
      clientMustNotSee: /content-length: 4/i,
    },
  ),
  must('up-101-after-hints', 'RFC 8297 2', 'After a 103 it is still a 101.', ws(), {
    expect: ['forward'],
    upstream: { response: `HTTP/1.1 103 Early Hints\r\n\r\n${ACCEPTED}\x81\x02hi` },
    clientMustSee: '101 Switching',
  }),
];
