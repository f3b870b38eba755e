import { EITHER, FORWARDED, SMUGGLED, get, must, policy, post, request, should, type WireCase } from '../wire-case.ts';

const HOP = 'RFC 9110 7.6.1';
const TRUST = 'RFC 7239 8.1; CVE-2026-3635';
const OWN_FOR = /^x-forwarded-for: *(6\.6\.6\.6, *)?127\.0\.0\.1\r$/im;

/** A field of an untrusted client that applications would believe. */
function spoof(
  id: string,
  fieldLine: string,
  lie: string | RegExp,
  why: string,
  forwardedHow: WireCase['forwardedHow'] = 'with the truth instead',
): WireCase {
  return policy(id, TRUST, why, get(fieldLine), {
    ...FORWARDED,
    upstreamMustNotSee: lie,
    forwardedHow,
  });
}

/** What goes on to the target, what stays with this hop, and what is said in the client's name. */
export const FORWARDING: readonly WireCase[] = [
  must(
    'connection-nominates-cl',
    HOP,
    'A body keeps its framing, whatever Connection names.',
    post(['Connection: Content-Length', 'Content-Length: 5'], 'hello'),
    { expect: ['reject', 'forward'], upstreamRequests: 1 },
  ),
  must(
    'connection-nominates-te',
    HOP,
    'In either form of it.',
    post(['Connection: Transfer-Encoding', 'Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
    { expect: ['reject', 'forward'], upstreamRequests: 1 },
  ),
  ...['GET', 'HEAD', 'DELETE', 'OPTIONS'].map((method) =>
    must(
      `conn-strips-cl-${method.toLowerCase()}`,
      `${HOP}; CVE-2026-33805`,
      'Least of all where the body looks like a request.',
      request(`${method} /d HTTP/1.1`, ['Connection: Content-Length', 'Content-Length: 40'], SMUGGLED),
      EITHER,
    ),
  ),
  ...['GET', 'DELETE'].map((method) =>
    must(
      `conn-strips-te-${method.toLowerCase()}`,
      `${HOP}; CVE-2026-33805`,
      'The same with chunks.',
      request(
        `${method} /d HTTP/1.1`,
        ['Connection: Transfer-Encoding', 'Transfer-Encoding: chunked'],
        `28\r\n${SMUGGLED}\r\n0\r\n\r\n`,
      ),
      EITHER,
    ),
  ),
  must(
    'fwd-conn-nominates-xff',
    'CVE-2026-33805, CVE-2022-31813',
    "Strip first, add after: what the proxy says of the client is not the client's to remove.",
    get('Connection: close, X-Forwarded-For'),
    { expect: ['forward'], upstreamMustSee: OWN_FOR },
  ),
  must('fwd-conn-nominates-xfp', 'CVE-2026-33805', 'Nor this.', get('Connection: X-Forwarded-Proto'), {
    expect: ['forward'],
    upstreamMustSee: /^x-forwarded-proto: http\r/im,
  }),
  must('fwd-conn-nominates-xfh', 'CVE-2026-33805', 'Nor this.', get('Connection: X-Forwarded-Host'), {
    expect: ['forward'],
    upstreamMustSee: /^x-forwarded-host: a\.test\r/im,
  }),
  must('fwd-conn-nominates-forwarded', 'CVE-2026-33805', 'Nor this.', get('Connection: Forwarded'), {
    expect: ['forward'],
    upstreamMustSee: /^forwarded: .*for=127\.0\.0\.1/im,
  }),
  must('fwd-conn-nominates-via', 'RFC 9110 7.6.3', 'Nor this.', get('Connection: Via'), {
    expect: ['forward'],
    upstreamMustSee: /^via: .*1\.1 /im,
  }),
  must('fwd-conn-nominates-host', HOP, 'A target needs to be told its host.', get('Connection: close, Host'), {
    expect: ['forward', 'reject'],
    upstreamMustSee: /^host: a\.test\r/im,
  }),
  policy(
    'fwd-conn-nominates-auth',
    HOP,
    'Dropping what a client nominates is its own loss; the nomination itself never goes on.',
    get('Connection: close, Authorization', 'Authorization: Basic eA=='),
    { forwardedHow: 'without it', expect: ['forward', 'reject'], upstreamMustNotSee: /^connection: .*authorization/im },
  ),
  policy('fwd-conn-nominates-cookie', HOP, 'The same with a session.', get('Connection: Cookie', 'Cookie: a=1'), {
    forwardedHow: 'without it',
    expect: ['forward', 'reject'],
    upstreamMustNotSee: /^connection: .*cookie/im,
  }),
  must('fwd-conn-nominates-x', HOP, 'What is named is for this hop.', get('Connection: X-Foo', 'X-Foo: bar'), {
    ...FORWARDED,
    upstreamMustNotSee: /X-Foo/i,
  }),
  must(
    'fwd-conn-two-lines',
    HOP,
    'On however many lines.',
    get('Connection: X-Foo', 'X-Foo: bar', 'X-Bar: foo', 'Connection: X-Bar'),
    { ...FORWARDED, upstreamMustNotSee: /X-(Foo|Bar)/i },
  ),
  must('fwd-conn-case', HOP, 'In whatever case.', get('cONNECTION: x-fOO', 'X-Foo: bar'), {
    ...FORWARDED,
    upstreamMustNotSee: /X-Foo/i,
  }),
  must(
    'fwd-conn-empty-elements',
    'RFC 9110 5.6.1',
    'With however many empty elements.',
    get('Connection: ,, X-Foo ,,', 'X-Foo: bar'),
    { ...FORWARDED, upstreamMustNotSee: /X-Foo/i },
  ),
  must(
    'fwd-conn-many',
    HOP,
    'And however many names.',
    get(`Connection: ${Array.from({ length: 500 }, (_, index) => `a${index}`).join(', ')}, X-Foo`, 'X-Foo: bar'),
    { ...EITHER, upstreamMustNotSee: /X-Foo/i },
  ),
  must(
    'fwd-keep-alive',
    HOP,
    'Keep-Alive is for this hop.',
    get('Connection: keep-alive', 'Keep-Alive: timeout=5, max=1000'),
    { ...FORWARDED, upstreamMustNotSee: /^keep-alive:/im },
  ),
  must('fwd-keep-alive-unnamed', HOP, 'Also where Connection forgets to say so.', get('Keep-Alive: timeout=5'), {
    ...FORWARDED,
    upstreamMustNotSee: /^keep-alive:/im,
  }),
  must('fwd-proxy-connection', HOP, "Proxy-Connection is nobody's.", get('Proxy-Connection: keep-alive'), {
    ...FORWARDED,
    upstreamMustNotSee: /^proxy-connection:/im,
  }),
  must(
    'fwd-te',
    'RFC 9110 10.1.4',
    'TE speaks to this hop; only the wish for trailers may be said again.',
    get('TE: gzip;q=1.0', 'Connection: TE'),
    { expect: ['forward'], upstreamMustNotSee: 'gzip' },
  ),
  must('fwd-te-unnamed', 'RFC 9110 10.1.4', 'Also where Connection forgets it.', get('TE: gzip'), {
    expect: ['forward'],
    upstreamMustNotSee: 'gzip',
  }),
  should(
    'fwd-te-trailers',
    'RFC 9110 10.1.4',
    'The wish for trailers, which gRPC insists on.',
    get('TE: trailers', 'Connection: TE'),
    FORWARDED,
  ),
  policy(
    'fwd-upgrade-unnamed',
    'RFC 9110 7.8',
    'An Upgrade that Connection does not name is none.',
    get('Upgrade: websocket'),
    { ...FORWARDED, forwardedHow: 'without it', upstreamMustNotSee: /^upgrade:/im },
  ),
  policy(
    'fwd-http2-settings',
    'RFC 9113 3.1',
    'What belongs to a switch to HTTP/2 in the clear.',
    get('HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'),
    { ...FORWARDED, forwardedHow: 'without it', upstreamMustNotSee: /http2-settings/i },
  ),
  policy(
    'fwd-proxy-auth',
    'RFC 9110 11.7.2',
    'Credentials for a proxy are not for the application.',
    get('Proxy-Authorization: Basic eA=='),
    { ...FORWARDED, forwardedHow: 'without it', upstreamMustNotSee: 'eA==' },
  ),
  policy(
    'fwd-proxy',
    'CVE-2016-5385',
    'Applications of the CGI kind would take it for where to send their own requests.',
    get('Proxy: http://evil.test'),
    { ...FORWARDED, forwardedHow: 'without it', upstreamMustNotSee: 'evil.test' },
  ),
  policy(
    'fwd-xff-spoof',
    TRUST,
    'From whom nobody trusts: replaced, or the real peer last.',
    get('X-Forwarded-For: 6.6.6.6'),
    { ...FORWARDED, forwardedHow: 'with the truth instead', upstreamMustSee: OWN_FOR },
  ),
  policy(
    'fwd-xff-lines',
    TRUST,
    'On two lines, of which applications read either.',
    get('X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 7.7.7.7'),
    {
      ...FORWARDED,
      forwardedHow: 'with the truth instead',
      upstreamMustSee: /^x-forwarded-for: .*127\.0\.0\.1\r$/im,
      upstreamMustNotSee: /^x-forwarded-for: *[67.]+\r/im,
    },
  ),
  policy('fwd-xff-empty', TRUST, 'Empty.', get('X-Forwarded-For:'), {
    ...FORWARDED,
    forwardedHow: 'with the truth instead',
    upstreamMustSee: /^x-forwarded-for: *127\.0\.0\.1\r$/im,
  }),
  spoof('fwd-xfp-spoof', 'X-Forwarded-Proto: https', 'https', 'A plain listener says http.'),
  spoof('fwd-xfh-spoof', 'X-Forwarded-Host: evil.test', 'evil.test', 'The host that was asked for is known.'),
  spoof('fwd-xfport-spoof', 'X-Forwarded-Port: 443', /^x-forwarded-port: 443/im, 'So is the port.', 'without it'),
  spoof('fwd-xfprefix-spoof', 'X-Forwarded-Prefix: /evil', '/evil', 'And the path in front of it.', 'without it'),
  spoof('fwd-xfscheme-spoof', 'X-Forwarded-Scheme: https', 'https', 'And the scheme, by another name.', 'without it'),
  spoof(
    'fwd-forwarded-spoof',
    'Forwarded: for=6.6.6.6;proto=https;host=evil.test',
    'evil.test',
    'The standard form of all of them.',
  ),
  spoof('fwd-xrealip-spoof', 'X-Real-IP: 6.6.6.6', '6.6.6.6', "And nginx's form of one.", 'without it'),
  policy(
    'fwd-max-forwards-dec',
    'RFC 9110 7.6.2',
    'Counted down on OPTIONS and TRACE.',
    request('OPTIONS /x HTTP/1.1', ['Max-Forwards: 3']),
    { forwardedHow: 'counted down', expect: ['forward'], upstreamMustSee: /^max-forwards: 2\r/im },
  ),
  policy(
    'fwd-max-forwards-zero',
    'RFC 9110 7.6.2',
    'At nothing the proxy answers for itself.',
    request('OPTIONS /x HTTP/1.1', ['Max-Forwards: 0']),
    { expect: ['respond', 'reject'], upstreamRequests: 0 },
  ),
  policy(
    'fwd-max-forwards-get',
    'RFC 9110 7.6.2',
    'On other methods it means nothing.',
    get('Max-Forwards: 0'),
    FORWARDED,
  ),
  must(
    'fwd-range',
    'RFC 9110 14.2',
    'Who keeps no copies passes ranges on.',
    get('Range: bytes=0-1', 'If-Range: "x"'),
    { ...FORWARDED, upstreamMustSee: 'bytes=0-1' },
  ),
  policy(
    'fwd-range-many',
    'RFC 9110 14.2',
    'A thousand of them are still one field within the limits.',
    get(`Range: bytes=${'0-,'.repeat(1000)}0-1`),
    EITHER,
  ),
  must(
    'fwd-authorization',
    'RFC 9110 11.6.2',
    'Credentials for the application reach it.',
    get('Authorization: Bearer abc.def'),
    { ...FORWARDED, upstreamMustSee: 'Bearer abc.def' },
  ),
  must('fwd-cookie-bytes', 'RFC 6265 5.4', 'Cookies as they are, however odd.', get('Cookie: a="b c"; d=e,f; g'), {
    ...FORWARDED,
    upstreamMustSee: 'a="b c"; d=e,f; g',
  }),
  must(
    'fwd-accept-encoding',
    'RFC 9110 12.5.3',
    "What the client can read is the client's to say.",
    get('Accept-Encoding: br;q=1.0, gzip;q=0.5'),
    { ...FORWARDED, upstreamMustSee: 'br;q=1.0, gzip;q=0.5' },
  ),
  must(
    'fwd-conditional',
    'RFC 9110 13.1',
    'Conditions as they are.',
    get('If-None-Match: W/"a", "b"', 'If-Modified-Since: Sat, 29 Oct 1994 19:43:31 GMT'),
    { ...FORWARDED, upstreamMustSee: 'W/"a", "b"' },
  ),
  must(
    'fwd-trailer-field',
    'RFC 9110 6.6.2',
    'An announcement of trailers does no harm without any.',
    get('Trailer: X-Sum'),
    FORWARDED,
  ),
  policy(
    'fwd-internal-hdr',
    HOP,
    'Fields that steer other proxies are plain fields.',
    get('X-Canary: always'),
    FORWARDED,
  ),
  policy(
    'fwd-x-original-url',
    HOP,
    'Fields that some applications route by are theirs to distrust.',
    get('X-Original-URL: /admin'),
    { expect: ['forward'] },
  ),
  policy(
    'fwd-method-override',
    HOP,
    'Routing knows one method: that of the request line.',
    get('X-HTTP-Method-Override: DELETE'),
    { ...FORWARDED, upstreamMustSee: /^GET / },
  ),
  policy(
    'fwd-request-id-given',
    'robustness',
    'An id that a client gives is its word; one line, and bounded.',
    get(`X-Request-Id: ${'a'.repeat(3000)}`),
    FORWARDED,
  ),
];
