import { EITHER, FORWARDED, REFUSED, REJECTED, must, policy, request, should, type WireCase } from '../wire-case.ts';

const LINE = 'RFC 9112 3';
const TARGET = 'RFC 9112 3.2';
const VERSION = 'RFC 9112 2.3';
const URI = 'RFC 3986 2';
const AMBIGUOUS = 'RFC 3986 6.2.2.3; CVE-2025-66490';

function line(text: string): string {
  return request(text);
}

function path(target: string): string {
  return request(`GET ${target} HTTP/1.1`);
}

function wrong(id: string, source: string, text: string, why: string): WireCase {
  return must(id, source, why, line(text), REFUSED);
}

/** A path that two readers take for different ones: refused unless the service says that it knows what it does. */
function ambiguous(id: string, target: string, why: string): WireCase {
  return policy(id, AMBIGUOUS, why, path(target), { expect: ['reject', 'forward'], status: 400 });
}

/** Passed on byte for byte. */
function verbatim(id: string, source: string, target: string, why: string): WireCase {
  return must(id, source, why, path(target), { ...FORWARDED, upstreamMustSee: `GET ${target} HTTP/1.1\r\n` });
}

/** Method, target, version: two blanks, one line. */
export const REQUEST_LINE: readonly WireCase[] = [
  should('line-options-star', 'RFC 9112 3.2.4', 'The asterisk is for OPTIONS.', line('OPTIONS * HTTP/1.1'), {
    expect: ['forward', 'respond'],
  }),
  must('line-get-star', 'RFC 9112 3.2.4', 'And for nothing else.', line('GET * HTTP/1.1'), REJECTED),
  must('line-star-path', 'RFC 9112 3.2.4', 'And alone.', line('OPTIONS *x HTTP/1.1'), REJECTED),
  must(
    'line-connect',
    'RFC 9110 9.3.6',
    'A reverse proxy opens no tunnel to where the client wishes.',
    line('CONNECT b.test:443 HTTP/1.1'),
    REFUSED,
  ),
  must(
    'line-connect-loopback',
    'RFC 9110 9.3.6',
    'To this machine least of all.',
    line('CONNECT 127.0.0.1:22 HTTP/1.1'),
    REFUSED,
  ),
  must('line-connect-path', 'RFC 9112 3.2.3', 'CONNECT has no path.', line('CONNECT /x HTTP/1.1'), REFUSED),
  must(
    'line-authority-get',
    'RFC 9112 3.2.3',
    'And the authority form is for CONNECT alone.',
    line('GET a.test:80 HTTP/1.1'),
    REJECTED,
  ),
  policy(
    'line-trace',
    'RFC 9110 9.3.8',
    'TRACE shows a client what it sent, and a script what it must not see.',
    line('TRACE / HTTP/1.1'),
    { expect: ['reject', 'forward'], status: 405 },
  ),
  policy('line-unknown-method', 'RFC 9110 9.1', 'A method that nobody has registered.', line('FOOBAR / HTTP/1.1'), {
    expect: ['forward', 'reject'],
  }),
  policy(
    'line-lower-method',
    'RFC 9110 9.1',
    'Methods have a case: this one is unknown, and not GET.',
    line('get / HTTP/1.1'),
    { expect: ['forward', 'reject'] },
  ),
  policy(
    'line-patch',
    'RFC 5789',
    'A method from outside the main standard.',
    request('PATCH /p HTTP/1.1', ['Content-Length: 5'], 'hello'),
    FORWARDED,
  ),
  policy(
    'line-webdav',
    'RFC 4918 9.1',
    'One of WebDAV, with a body.',
    request('PROPFIND /p HTTP/1.1', ['Depth: 1', 'Content-Length: 4'], '<a/>'),
    FORWARDED,
  ),
  policy('line-purge', 'RFC 9110 9.1', 'One that caches made up.', line('PURGE /p HTTP/1.1'), {
    expect: ['forward', 'reject'],
  }),
  policy('line-m-search', 'RFC 9110 9.1', 'One with a hyphen in it.', line('M-SEARCH /p HTTP/1.1'), {
    expect: ['forward', 'reject'],
  }),
  wrong('line-bad-method', LINE, 'G(T / HTTP/1.1', 'A method is a token.'),
  wrong('line-method-colon', LINE, 'GET: / HTTP/1.1', 'Which has no colon.'),
  wrong('line-method-slash', LINE, 'GET/ / HTTP/1.1', 'Nor a slash.'),
  wrong('line-method-high', LINE, 'G\xc9T / HTTP/1.1', 'Nor a byte above ASCII.'),
  wrong('line-method-nul', LINE, 'GE\0T / HTTP/1.1', 'Nor NUL.'),
  wrong('line-method-empty', LINE, ' / HTTP/1.1', 'And is not empty.'),
  should('line-long-method', LINE, 'Nor endless.', line(`${'A'.repeat(5000)} / HTTP/1.1`), REFUSED),

  should('line-http20', 'RFC 9110 15.6.6', 'A major version that this is not.', line('GET / HTTP/2.0'), {
    ...REFUSED,
    status: 505,
  }),
  should('line-http30', 'RFC 9110 15.6.6', 'Nor this.', line('GET / HTTP/3.0'), { ...REFUSED, status: 505 }),
  should('line-http09-version', 'RFC 9110 15.6.6', 'Nor this.', line('GET / HTTP/0.9'), { ...REFUSED, status: 505 }),
  policy(
    'line-http12',
    'RFC 9110 2.5',
    'A minor version to come is read as the highest that is known, or refused.',
    line('GET / HTTP/1.2'),
    { expect: ['forward', 'reject'], upstreamMustNotSee: 'HTTP/1.2' },
  ),
  policy('line-http19', 'RFC 9110 2.5', 'Also the last of them.', line('GET / HTTP/1.9'), {
    expect: ['forward', 'reject'],
    upstreamMustNotSee: 'HTTP/1.9',
  }),
  wrong('line-http110', VERSION, 'GET / HTTP/1.10', 'One digit each.'),
  wrong('line-http011', VERSION, 'GET / HTTP/01.1', 'On both sides.'),
  wrong('line-http-bad-version', VERSION, 'GET / HTTP/1.1.1', 'And two of them.'),
  wrong('line-http-one-digit', VERSION, 'GET / HTTP/1', 'Not one.'),
  wrong('line-http-no-digits', VERSION, 'GET / HTTP/', 'Nor none.'),
  wrong('line-http-comma', VERSION, 'GET / HTTP/1,1', 'With a dot between them.'),
  wrong('line-http-letter', VERSION, 'GET / HTTP/1.x', 'And digits, not letters.'),
  wrong('line-http-sign', VERSION, 'GET / HTTP/+1.1', 'Nor signs.'),
  wrong('line-http-junk', VERSION, 'GET / HTTP/1.1x', 'With nothing behind them.'),
  wrong('line-http-lower', VERSION, 'GET / http/1.1', 'The name of the protocol has a case.'),
  wrong('line-http-other', VERSION, 'GET / HTTPS/1.1', 'And is this one.'),
  wrong('line-http-icy', VERSION, 'GET / ICY/1.1', 'No other.'),
  wrong('line-http-space', VERSION, 'GET / HTTP /1.1', 'In one word.'),

  should('line-two-spaces', LINE, 'One blank between the parts.', line('GET  / HTTP/1.1'), REFUSED),
  should('line-two-spaces-version', LINE, 'In both places.', line('GET /  HTTP/1.1'), REFUSED),
  should('line-trailing-space', LINE, 'None behind them: refused, or cleaned away.', line('GET / HTTP/1.1 '), {
    expect: ['reject', 'close', 'forward'],
    upstreamMustNotSee: 'HTTP/1.1 \r',
  }),
  should('line-tab', LINE, 'And no tabs.', line('GET\t/\tHTTP/1.1'), REFUSED),
  wrong('line-vertical-tab', LINE, 'GET\x0b/\x0bHTTP/1.1', 'Nor other blanks.'),
  wrong('line-bare-cr', LINE, 'GET\r/\rHTTP/1.1', 'Least of all a CR.'),
  wrong('line-bare-cr-end', 'RFC 9112 2.2', 'GET / HTTP/1.1\r', 'Nor one too many at the end.'),
  wrong('line-bare-lf', LINE, 'GET / HTTP/1.1\nX: y', 'A bare LF for its end, and CRLFs after it.'),
  wrong('line-no-target', LINE, 'GET HTTP/1.1', 'No target.'),
  wrong('line-no-version', LINE, 'GET /', 'No version, and fields: neither HTTP/0.9 nor 1.1.'),
  wrong('line-no-slash', TARGET, 'GET admin HTTP/1.1', 'A target is in one of four forms.'),
  wrong('line-query-only', TARGET, 'GET ?x HTTP/1.1', 'A query alone is in none.'),
  wrong('line-dot-path', TARGET, 'GET ./x HTTP/1.1', 'Nor a relative path.'),
  wrong('line-space-in-target', LINE, 'GET /a b HTTP/1.1', 'A blank inside the target: is the rest of it a version?'),
  wrong('line-version-in-target', LINE, 'GET /a HTTP/1.1 HTTP/1.1', 'The same with something that looks like one.'),
  wrong('line-nul-target', TARGET, 'GET /a\0b HTTP/1.1', 'NUL in the target.'),
  wrong('line-ctl-target', TARGET, 'GET /a\x01b HTTP/1.1', 'A control character.'),
  wrong('line-del-target', TARGET, 'GET /a\x7fb HTTP/1.1', 'DEL.'),
  wrong('line-tab-target', TARGET, 'GET /a\tb HTTP/1.1', 'A tab.'),
  wrong('line-cr-target', TARGET, 'GET /a\rb HTTP/1.1', 'A bare CR.'),
  should('line-fragment', TARGET, 'A fragment is for the client alone.', path('/a#b'), {
    ...EITHER,
    upstreamMustNotSee: '#',
  }),
  should('line-fragment-query', TARGET, 'Also behind a query.', path('/a?b#c'), { ...EITHER, upstreamMustNotSee: '#' }),
  policy(
    'line-nonascii-target',
    URI,
    'Bytes above ASCII: refused or passed on, never in another encoding.',
    path('/caf\xe9'),
    { expect: ['reject', 'forward'], upstreamMustNotSee: '%' },
  ),
  policy('line-utf8-target', URI, 'Also where they happen to be UTF-8.', path('/caf\xc3\xa9'), {
    expect: ['reject', 'forward'],
    upstreamMustNotSee: '%',
  }),
  policy(
    'line-loose-characters',
    URI,
    'Characters that no URI has and that browsers send.',
    path('/a|b"c<d>e^f`g{h}i'),
    { expect: ['reject', 'forward'] },
  ),

  policy('line-backslash', AMBIGUOUS, 'A backslash is a slash to some.', path('/a\\..\\b'), {
    expect: ['reject', 'forward'],
    status: 400,
  }),
  ambiguous('line-dotdot', '/pub/../admin', 'Dot segments: one of the readers on the way removes them.'),
  ambiguous('line-dotdot-root', '/../admin', 'Above the root as well.'),
  ambiguous('line-dotdot-end', '/pub/..', 'At the end as well.'),
  ambiguous('line-dot', '/./admin', 'Single ones as well.'),
  ambiguous('line-dot-end', '/admin/.', 'At the end as well.'),
  ambiguous('line-dotdot-enc', '/pub/%2e%2e/admin', 'Encoded ones as well.'),
  ambiguous('line-dotdot-enc-upper', '/pub/%2E%2E/admin', 'In either case.'),
  ambiguous('line-dotdot-half', '/pub/.%2e/admin', 'Half encoded.'),
  ambiguous('line-dotdot-2f', '/pub/..%2fadmin', 'With an encoded slash behind them.'),
  ambiguous('line-pct-2f', '/pub%2fadmin', 'An encoded slash: one segment or two?'),
  ambiguous('line-pct-2f-upper', '/pub%2Fadmin', 'In either case.'),
  ambiguous('line-pct-5c', '/pub%5cadmin', 'An encoded backslash.'),
  ambiguous('line-pct-nul', '/a%00b', 'An encoded NUL: some stop reading there.'),
  ambiguous(
    'line-dotdot-semicolon',
    '/pub/..;/admin',
    'A path parameter on a dot segment, which some servers strip first.',
  ),
  policy(
    'line-double-encoded',
    AMBIGUOUS,
    'Encoded twice: decoded once it is only text, and nobody here decodes.',
    path('/pub/%252e%252e/admin'),
    { expect: ['forward', 'reject'] },
  ),
  policy('line-overlong', 'RFC 3629 3', 'Overlong UTF-8 is not a dot.', path('/pub/%c0%ae%c0%ae/admin'), {
    expect: ['forward', 'reject'],
  }),
  policy('line-pct-crlf', URI, 'An encoded line end stays encoded.', path('/a%0d%0aX-Evil:%201'), {
    expect: ['forward', 'reject'],
    upstreamMustNotSee: '\nX-Evil',
  }),
  policy('line-pct-bad', URI, 'A percent sign without its two digits, in a path.', path('/a%zz'), {
    expect: ['forward', 'reject'],
  }),
  policy('line-pct-cut', URI, 'One at the end.', path('/a%2'), { expect: ['forward', 'reject'] }),
  verbatim(
    'line-dots-plain',
    URI,
    '/a/...b/.well-known/c..d',
    'Dots that are no segments of their own are plain characters.',
  ),
  must(
    'line-double-slash',
    'RFC 3986 4.2',
    'Two slashes are a path here, and a host to who parses it as a reference.',
    path('//evil.test/x'),
    { expect: ['forward', 'reject'], upstreamMustSee: /^GET \/\/?evil\.test\/x /, upstreamMustNotSee: /^host: evil/im },
  ),
  must('line-triple-slash', 'RFC 3986 4.2', 'So are three.', path('///evil.test/x'), {
    expect: ['forward', 'reject'],
    upstreamMustNotSee: /^host: evil/im,
  }),
  must('line-at-path', 'RFC 3986 3.3', 'An at sign in a path makes nobody a user.', path('/@evil.test/x'), {
    ...FORWARDED,
    upstreamMustSee: 'GET /@evil.test/x ',
  }),
  must('line-colon-path', 'RFC 3986 3.3', 'Nor a colon anything a scheme.', path('/http://evil.test/x'), {
    expect: ['forward', 'reject'],
    upstreamMustNotSee: /^host: evil/im,
  }),
  verbatim('line-query-semicolon', 'RFC 3986 3.4', '/a?x=1;y=2&z=%zz', 'A query is passed on byte for byte.'),
  verbatim(
    'line-query-dots',
    'RFC 3986 3.4',
    '/a?file=../../b&c=%2f%2e',
    'Dots and encoded slashes in it are its own.',
  ),
  verbatim('line-query-empty', 'RFC 3986 3.4', '/a?', 'An empty one is not the same as none.'),
  verbatim('line-query-marks', 'RFC 3986 3.4', '/a?b?c=/d?e', 'And may hold what divides it from the path.'),
  verbatim('line-encoded-case', 'RFC 3986 6.2.2.1', '/a%c3%a9%C3%A9', 'Nobody changes the case of an encoding.'),
  verbatim('line-encoded-plain', 'RFC 3986 6.2.2.2', '/%61%7e', 'Nor decodes what need not have been encoded.'),
  policy(
    'line-proto-pollution',
    'CVE-2026-21710',
    'Segments that are special to JavaScript objects are plain segments.',
    path('/__proto__/constructor'),
    FORWARDED,
  ),
  should(
    'line-long-target-ok',
    LINE,
    'Lines of 8,000 bytes should be served.',
    path(`/${'a'.repeat(7900)}`),
    FORWARDED,
  ),
  should('line-long-target', LINE, 'Endless ones should not: 414.', path(`/${'a'.repeat(20_000)}`), {
    ...REJECTED,
    status: 414,
  }),
  should('line-huge-target', LINE, 'Also where they do not fit in one read.', path(`/${'a'.repeat(200_000)}`), {
    ...REJECTED,
    status: 414,
  }),
  should('line-long-query', LINE, 'A query is part of it.', path(`/?${'a'.repeat(20_000)}`), {
    ...REJECTED,
    status: 414,
  }),

  should('line-http09', 'RFC 9112 C.1', 'A request of HTTP/0.9.', 'GET /\r\n\r\n', REFUSED),
  policy(
    'line-h2-preface',
    'RFC 9113 3.4',
    'The preface of HTTP/2.',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0',
    { expect: ['reject', 'close', 'respond'], upstreamRequests: 0 },
  ),
  policy(
    'line-tls-hello',
    'RFC 8446 4.1.2',
    'A TLS greeting.',
    `\x16\x03\x01\0\xa5\x01\0\0\xa1\x03\x03${'\0'.repeat(64)}`,
    { expect: ['reject', 'close'], upstreamRequests: 0 },
  ),
  policy('line-ssh', 'RFC 4253 4.2', 'An SSH greeting.', 'SSH-2.0-OpenSSH_9.9\r\n', {
    expect: ['reject', 'close'],
    upstreamRequests: 0,
  }),
  policy(
    'line-proxy-v1',
    'PROXY protocol 2.1',
    'A PROXY line from whoever: this listener expects none.',
    `PROXY TCP4 6.6.6.6 127.0.0.1 1 80\r\n${request('GET / HTTP/1.1')}`,
    { expect: ['reject', 'close'], upstreamRequests: 0 },
  ),
  policy(
    'line-proxy-v2',
    'PROXY protocol 2.2',
    'Nor its binary form.',
    `\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x06\x06\x06\x06\x7f\0\0\x01\0\x01\0\x50${request('GET / HTTP/1.1')}`,
    { expect: ['reject', 'close'], upstreamRequests: 0 },
  ),
  policy(
    'line-response',
    LINE,
    'A response instead of a request.',
    'HTTP/1.1 200 OK\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n',
    { expect: ['reject', 'close'], upstreamRequests: 0 },
  ),
  policy('line-empty-eof', 'robustness', 'A connection that says nothing and ends.', '', {
    expect: ['close'],
    upstreamRequests: 0,
    ending: 'half-close',
  }),
  policy('line-partial-eof', 'RFC 9112 8', 'One that ends inside the line.', 'GET / HT', {
    expect: ['close', 'reject'],
    upstreamRequests: 0,
    ending: 'half-close',
  }),
  policy('line-partial-head-eof', 'RFC 9112 8', 'One that ends inside the head.', 'GET / HTTP/1.1\r\nHost: a.te', {
    expect: ['close', 'reject'],
    upstreamRequests: 0,
    ending: 'half-close',
  }),
];
