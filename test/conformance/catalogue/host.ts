import { EITHER, FORWARDED, REJECTED, bare, must, policy, should, type WireCase } from '../wire-case.ts';

const HOST = 'RFC 9112 3.2';
const ABSOLUTE = 'RFC 9112 3.2.2';

function withHost(value: string): string {
  return bare('GET / HTTP/1.1', [`Host:${value}`]);
}

function wrong(id: string, value: string, why: string): WireCase {
  return must(id, HOST, why, withHost(value), REJECTED);
}

function absolute(target: string, host = 'a.test', method = 'GET'): string {
  return bare(`${method} ${target} HTTP/1.1`, [`Host: ${host}`]);
}

/** Who is asked: one Host, one meaning, and the same for routing as for the target. */
export const HOST_CASES: readonly WireCase[] = [
  must('host-missing', HOST, 'HTTP/1.1 without a Host has to be refused.', bare('GET / HTTP/1.1', ['X: y']), REJECTED),
  must(
    'host-dup-same',
    HOST,
    'So has more than one line of it, equal or not.',
    bare('GET / HTTP/1.1', ['Host: a.test', 'Host: a.test']),
    REJECTED,
  ),
  must(
    'host-dup-diff',
    HOST,
    'Routed by the one, answered by the other.',
    bare('GET / HTTP/1.1', ['Host: a.test', 'Host: evil.test']),
    REJECTED,
  ),
  must(
    'host-dup-case',
    HOST,
    'In whatever case.',
    bare('GET / HTTP/1.1', ['Host: a.test', 'hOST: evil.test']),
    REJECTED,
  ),
  must(
    'host-dup-far',
    HOST,
    'However far apart.',
    bare('GET / HTTP/1.1', [
      'Host: a.test',
      ...Array.from({ length: 60 }, (_, index) => `X-${index}: y`),
      'Host: evil.test',
    ]),
    REJECTED,
  ),
  must(
    'host-dup-empty',
    HOST,
    'Also where one of them is empty.',
    bare('GET / HTTP/1.1', ['Host: a.test', 'Host:']),
    REJECTED,
  ),
  policy(
    'host-empty',
    HOST,
    'An empty Host is for targets without an authority, which http has none of.',
    withHost(''),
    { expect: ['reject', 'forward', 'respond'], status: 400 },
  ),
  policy('host-blank', HOST, 'Blanks alone are an empty one.', withHost(' \t '), {
    expect: ['reject', 'forward', 'respond'],
    status: 400,
  }),
  should('host-path', HOST, 'A path is no part of a host.', withHost(' a.test/x'), REJECTED),
  wrong('host-query', ' a.test?x', 'Nor is a query.'),
  wrong('host-fragment', ' a.test#x', 'Nor is a fragment.'),
  wrong('host-backslash', ' a.test\\x', 'Nor is what a browser would take for a path.'),
  wrong('host-userinfo', ' user@a.test', 'Nor is a user: who is asked here, a.test or user?'),
  wrong('host-userinfo-password', ' user:pass@a.test', 'Nor a password.'),
  wrong('host-userinfo-port', ' a.test:80@evil.test', 'Which of the two is the host hangs on the reader.'),
  wrong('host-scheme', ' http://a.test', 'Nor is a scheme.'),
  wrong('host-comma', ' a.test, b.test', 'It is no list.'),
  wrong('host-space', ' a.test b.test', 'It has no blanks inside.'),
  wrong('host-tab', ' a.test\tb.test', 'Nor tabs.'),
  wrong('host-nul', ' a.test\0.evil', 'NUL: some stop reading there, and let pass what others ask for.'),
  wrong('host-quote', ' "a.test"', 'It is no quoted string.'),
  wrong('host-angle', ' <a.test>', 'Nor anything in brackets.'),
  wrong('host-brace', ' {a.test}', 'Of whatever kind.'),
  wrong('host-pipe', ' a|b.test', 'Not every visible character may be in a name.'),
  wrong('host-caret', ' a^b.test', 'Nor this one.'),
  wrong('host-backtick', ' a`b.test', 'Nor this one.'),
  wrong('host-pct-bad', ' a%zz.test', 'A percent sign and two digits, or none.'),
  wrong('host-del', ' a.test\x7f', 'DEL is no part of a name.'),
  should('host-nonascii', HOST, 'Names on the wire are ASCII.', withHost(' \xffa.test\xff'), REJECTED),
  wrong('host-idn-utf8', ' b\xc3\xbccher.test', 'Names of other scripts come as punycode.'),
  must('host-punycode', HOST, 'Which is a name like any other.', withHost(' xn--bcher-kva.test'), FORWARDED),
  policy(
    'host-pct',
    HOST,
    'Percent-encoding is in the grammar of a registered name, and no DNS name has it.',
    withHost(' a%2etest'),
    EITHER,
  ),
  policy(
    'host-underscore',
    HOST,
    'Underscores are no part of host names and are seen in them.',
    withHost(' a_b.test'),
    FORWARDED,
  ),
  must('host-port', HOST, 'A port is no matter for routing.', withHost(' a.test:8080'), FORWARDED),
  policy('host-port-empty', HOST, 'A colon without a port is in the grammar.', withHost(' a.test:'), EITHER),
  policy('host-bad-port', HOST, 'A port above 65,535.', withHost(' a.test:99999'), {
    expect: ['reject', 'forward'],
    status: 400,
  }),
  should('host-port-junk', HOST, 'A port is digits.', withHost(' a.test:80x'), REJECTED),
  wrong('host-port-negative', ' a.test:-1', 'Without a sign.'),
  wrong('host-port-two', ' a.test:80:80', 'One of it.'),
  wrong('host-port-space', ' a.test: 80', 'Without blanks.'),
  wrong('host-port-long', ` a.test:${'0'.repeat(200)}80`, 'And not endless.'),
  wrong('host-port-only', ' :80', 'A port of nobody.'),
  must('host-ipv4', HOST, 'An address is a host.', withHost(' 127.0.0.1'), FORWARDED),
  must('host-ipv6', 'RFC 3986 3.2.2', 'So is one in brackets.', withHost(' [::1]'), FORWARDED),
  must('host-ipv6-port', 'RFC 3986 3.2.2', 'With a port behind them.', withHost(' [2001:db8::1]:8080'), FORWARDED),
  wrong('host-ipv6-open', ' [::1', 'Brackets close.'),
  wrong('host-ipv6-bare', ' ::1', 'Without brackets it is a name and ports.'),
  wrong('host-ipv6-junk', ' [::g]', 'What is in them is an address.'),
  wrong('host-ipv6-zone', ' [fe80::1%eth0]', 'A zone is for this machine alone.'),
  wrong('host-ipv6-behind', ' [::1]x', 'And nothing but a port is behind them.'),
  wrong('host-brackets-empty', ' []', 'Empty brackets are no address.'),
  policy(
    'host-long',
    'RFC 1035 2.3.4',
    'Longer than any name in the DNS; within the limit of a head.',
    withHost(` ${'a'.repeat(5000)}`),
    EITHER,
  ),
  policy(
    'host-label-64',
    'RFC 1035 2.3.4',
    'A label above 63 characters, within the length of a name.',
    withHost(` ${'a'.repeat(64)}.test`),
    { expect: ['reject', 'forward'] },
  ),
  policy('host-dots', HOST, 'Empty labels.', withHost(' a..test'), { expect: ['reject', 'forward', 'respond'] }),
  policy('host-dot-only', HOST, 'Nothing but the root.', withHost(' .'), { expect: ['reject', 'forward', 'respond'] }),
  must('host-ows', 'RFC 9110 5.5', 'Blank space around it is not part of it.', withHost('  a.test \t'), FORWARDED),
  policy('host-superstring', 'CVE-2026-55602', 'A name that ends like another is another.', withHost(' evila.test'), {
    expect: ['forward', 'reject', 'respond'],
  }),
  policy(
    'host-case-dot',
    'RFC 3986 3.2.2',
    'Upper case and a dot at the end: the same name, however it is written.',
    withHost(' A.TEST.'),
    { expect: ['forward', 'reject'] },
  ),
  policy('host-upper', 'RFC 3986 3.2.2', 'Names have no case.', withHost(' A.TEST'), FORWARDED),
  policy('host-http10-missing', 'RFC 9112 3.2', 'HTTP/1.0 need not have one.', bare('GET / HTTP/1.0'), {
    expect: ['forward', 'reject', 'respond'],
  }),
  must('host-http10-dup', HOST, 'But not two.', bare('GET / HTTP/1.0', ['Host: a.test', 'Host: b.test']), REJECTED),

  must(
    'host-abs-match',
    ABSOLUTE,
    'The absolute form has to be understood; the target gets the plain one.',
    absolute('http://a.test/x'),
    { ...FORWARDED, upstreamMustSee: /^GET \/x HTTP\/1\.1\r/, upstreamMustNotSee: 'GET http://' },
  ),
  must(
    'host-abs-mismatch',
    ABSOLUTE,
    'The host in the target is the one that counts, for the target as well.',
    absolute('http://b.test/x', 'a.test'),
    { ...EITHER, upstreamMustNotSee: /^host: a\.test/im },
  ),
  must('host-abs-no-host', HOST, 'A Host is needed all the same.', bare('GET http://a.test/x HTTP/1.1'), REJECTED),
  must(
    'host-abs-dup-host',
    HOST,
    'And one of it.',
    bare('GET http://a.test/x HTTP/1.1', ['Host: a.test', 'Host: a.test']),
    REJECTED,
  ),
  must(
    'host-abs-invalid-host',
    HOST,
    'A wrong one is wrong also where another counts.',
    absolute('http://a.test/x', 'a b'),
    REJECTED,
  ),
  must('host-abs-no-path', 'RFC 9112 3.2.1', 'An empty path is "/" to the target.', absolute('http://a.test'), {
    ...EITHER,
    upstreamMustNotSee: /^GET  /,
    upstreamMustSee: 'GET / HTTP/1.1',
  }),
  must('host-abs-query-no-path', 'RFC 9112 3.2.1', 'Also where a query follows.', absolute('http://a.test?x=1'), {
    ...EITHER,
    upstreamMustSee: 'GET /?x=1 HTTP/1.1',
  }),
  must(
    'host-abs-options',
    'RFC 9112 3.2.4',
    'OPTIONS of an empty path is about the whole server.',
    absolute('http://a.test', 'a.test', 'OPTIONS'),
    { expect: ['forward', 'respond', 'reject'], upstreamMustSee: 'OPTIONS * HTTP/1.1' },
  ),
  must('host-abs-port', ABSOLUTE, 'A port goes along with it.', absolute('http://a.test:8080/x', 'a.test:8080'), {
    ...FORWARDED,
    upstreamMustSee: /^host: a\.test:8080\r/im,
  }),
  must('host-abs-ipv6', ABSOLUTE, 'As do brackets.', absolute('http://[::1]:8080/x', '[::1]:8080'), {
    ...FORWARDED,
    upstreamMustSee: /^host: \[::1\]:8080\r/im,
  }),
  must('host-abs-upper-scheme', 'RFC 3986 3.1', 'Schemes have no case.', absolute('HTTP://a.test/x'), {
    ...EITHER,
    upstreamMustNotSee: 'HTTP://',
  }),
  must(
    'host-abs-userinfo',
    'RFC 9110 4.2.4',
    'A user in a target is a trap for readers.',
    absolute('http://user@a.test/x'),
    REJECTED,
  ),
  must(
    'host-abs-userinfo-host',
    'RFC 9110 4.2.4',
    'Above all one that looks like a host.',
    absolute('http://a.test:80@evil.test/x'),
    REJECTED,
  ),
  must('host-abs-empty-host', 'RFC 9110 4.2.1', 'http has no empty host.', absolute('http:///x'), REJECTED),
  must('host-abs-port-only', 'RFC 9110 4.2.1', 'Nor a port of nobody.', absolute('http://:80/x'), REJECTED),
  must('host-abs-bad-port', HOST, 'A port is digits there as well.', absolute('http://a.test:x/x'), REJECTED),
  must('host-abs-no-slashes', ABSOLUTE, 'A scheme without slashes.', absolute('http:a.test/x'), REJECTED),
  must('host-abs-one-slash', ABSOLUTE, 'With one.', absolute('http:/a.test/x'), REJECTED),
  must(
    'host-abs-backslash',
    ABSOLUTE,
    'With those that a browser would turn.',
    absolute('http:\\\\a.test\\x'),
    REJECTED,
  ),
  must(
    'host-abs-backslash-host',
    ABSOLUTE,
    'Behind the host it would be a path to a browser and a name to others.',
    absolute('http://a.test\\@evil.test/x'),
    REJECTED,
  ),
  should('host-abs-fragment', ABSOLUTE, 'Fragments stay at home.', absolute('http://a.test/x#y'), {
    ...EITHER,
    upstreamMustNotSee: '#',
  }),
  policy(
    'host-abs-https',
    'RFC 9110 7.4',
    'A scheme that this listener does not speak.',
    absolute('https://a.test/x'),
    { expect: ['reject', 'forward'], upstreamMustNotSee: 'https://' },
  ),
  must('host-abs-ftp', ABSOLUTE, 'A scheme that is not HTTP at all.', absolute('ftp://a.test/x'), REJECTED),
  must('host-abs-file', ABSOLUTE, 'Nor this one.', absolute('file:///etc/passwd'), REJECTED),
  must('host-abs-ws', ABSOLUTE, 'Nor this one: a WebSocket is asked for in http.', absolute('ws://a.test/x'), REJECTED),
  must('host-abs-superstring', ABSOLUTE, 'A scheme that only begins like it.', absolute('httpx://a.test/x'), REJECTED),
  must(
    'host-abs-post',
    ABSOLUTE,
    'The form is for every method.',
    bare('POST http://a.test/x HTTP/1.1', ['Host: a.test', 'Content-Length: 5'], 'hello'),
    { ...FORWARDED, upstreamMustNotSee: 'http://' },
  ),
];
