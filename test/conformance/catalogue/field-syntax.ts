import {
  EITHER,
  FORWARDED,
  REFUSED,
  REJECTED,
  bare,
  get,
  must,
  policy,
  request,
  should,
  type WireCase,
} from '../wire-case.ts';

const VALUE = 'RFC 9110 5.5';
const NAME = 'RFC 9110 5.1';
const LINE = 'RFC 9112 5';
/** Refused or made harmless; the bytes themselves never go on. */
const NEVER_AS_IS = { expect: ['reject', 'close', 'forward'], upstreamRequestsMax: 1 } as const;

function wrongName(id: string, line: string, why: string): WireCase {
  return must(id, NAME, why, get(line), REFUSED);
}

/** What a field line may look like, where it ends, and where the section does. */
export const FIELD_SYNTAX: readonly WireCase[] = [
  must(
    'hdr-space-before-colon',
    'RFC 9112 5.1',
    'Blank space before the colon has to be refused.',
    get('X-A : b'),
    REJECTED,
  ),
  must('hdr-tab-before-colon', 'RFC 9112 5.1', 'A tab there as well.', get('X-A\t: b'), REJECTED),
  must('hdr-no-colon', LINE, 'A line without a colon is no field.', get('X-A'), REFUSED),
  must(
    'hdr-empty-name',
    'CVE-2023-25725',
    'An empty name ended the list of fields for one reader.',
    get(': b'),
    REFUSED,
  ),
  wrongName('hdr-name-space', 'X A: b', 'A blank in the name.'),
  wrongName('hdr-name-paren', 'X(A: b', 'A bracket in the name.'),
  wrongName('hdr-name-quote', 'X"A: b', 'A quote in the name.'),
  wrongName('hdr-name-slash', 'X/A: b', 'A slash in the name.'),
  wrongName('hdr-name-comma', 'X,A: b', 'A comma in the name.'),
  wrongName('hdr-name-at', 'X@A: b', 'An at sign in the name.'),
  wrongName('hdr-name-high', 'X\xe9A: b', 'A byte above ASCII in the name.'),
  wrongName('hdr-name-utf8', '\xe2\x80\x8bX-A: b', 'A zero-width space in front of it, in UTF-8.'),
  wrongName('hdr-name-del', 'X\x7fA: b', 'DEL in the name.'),
  wrongName('hdr-name-ctl', 'X\x01A: b', 'A control character in the name.'),
  must('hdr-nul-name', LINE, 'NUL in the name: some stop reading there.', get('X\0A: b'), {
    ...REFUSED,
    upstreamMustNotSee: '\0',
  }),
  must('hdr-cr-before-name', 'RFC 9112 2.2', 'A bare CR in front of a name.', get('\rX-A: b'), {
    ...NEVER_AS_IS,
    upstreamMustNotSee: '\rX-A',
  }),
  must('hdr-nul-value', VALUE, 'NUL in a value.', get('X-A: b\0c'), { ...NEVER_AS_IS, upstreamMustNotSee: '\0' }),
  must('hdr-bare-cr', 'RFC 9112 2.2', 'A bare CR in a value is invalid, or a blank.', get('X-A: b\rc'), {
    ...NEVER_AS_IS,
    upstreamMustNotSee: 'b\rc',
  }),
  must('hdr-cr-cr-lf', 'RFC 9112 2.2', 'One CR too many at the end of a line.', get('X-A: b\r'), {
    ...NEVER_AS_IS,
    upstreamMustNotSee: 'b\r\r',
  }),
  should(
    'hdr-bare-lf-injected',
    VALUE,
    'A bare LF in a value, and a field behind it that only some see.',
    get('X-A: b\nX-Evil: 1'),
    { ...REFUSED, upstreamMustNotSee: 'X-Evil' },
  ),
  policy('hdr-ctl-value', VALUE, 'Other control characters: legal to keep, never meant.', get('X-A: b\x01c'), {
    expect: ['reject', 'close', 'forward'],
    status: 400,
  }),
  policy('hdr-esc-value', VALUE, 'An escape sequence, for whoever reads the log in a terminal.', get('X-A: \x1b[31m'), {
    expect: ['reject', 'close', 'forward'],
    status: 400,
  }),
  policy('hdr-vt-value', VALUE, 'A vertical tab.', get('X-A: b\x0bc'), {
    expect: ['reject', 'close', 'forward'],
    status: 400,
  }),
  policy('hdr-del-value', VALUE, 'DEL.', get('X-A: b\x7fc'), { expect: ['reject', 'close', 'forward'], status: 400 }),
  must(
    'hdr-obs-text',
    VALUE,
    'Bytes above ASCII are legal in a value and go on as they are, in no other encoding.',
    get('X-A: caf\xe9'),
    { ...FORWARDED, upstreamMustSee: 'caf\xe9' },
  ),
  must('hdr-utf8-value', VALUE, 'Also where they happen to be UTF-8.', get('X-A: caf\xc3\xa9'), {
    ...FORWARDED,
    upstreamMustSee: 'caf\xc3\xa9',
  }),
  must('hdr-inner-tab', VALUE, 'A tab inside a value is part of it.', get('X-A: b\tc'), {
    ...FORWARDED,
    upstreamMustSee: 'b\tc',
  }),
  must('hdr-empty-value', VALUE, 'A value may be empty.', get('X-A:'), {
    ...FORWARDED,
    upstreamMustSee: /^x-a: *\r$/im,
  }),
  must('hdr-blank-value', VALUE, 'And blanks alone are an empty one.', get('X-A:  \t '), {
    ...FORWARDED,
    upstreamMustSee: /^x-a: *\r$/im,
  }),
  must('hdr-ows', VALUE, 'Blank space around a value is not part of it.', get('X-A: \t b \t '), {
    ...FORWARDED,
    upstreamMustSee: /^x-a: b\r$/im,
  }),
  must('hdr-double-colon', LINE, 'A second colon is part of the value.', get('X-A:: b'), {
    ...FORWARDED,
    upstreamMustSee: /^x-a: : b\r$/im,
  }),
  must('hdr-token-characters', NAME, 'Every character that a name may have.', get("!#$%&'*+-.^`|~09aZ: b"), {
    ...FORWARDED,
    upstreamMustSee: "!#$%&'*+-.^`|~09aZ: b",
  }),
  must('hdr-obs-fold', 'RFC 9112 5.2', 'A folded value: refused, or joined with a blank.', get('X-A: b', ' c'), {
    ...NEVER_AS_IS,
    upstreamMustNotSee: /b\r\n[ \t]/,
  }),
  must('hdr-obs-fold-tab', 'RFC 9112 5.2', 'The same with a tab.', get('X-A: b', '\tc'), {
    ...NEVER_AS_IS,
    upstreamMustNotSee: /b\r\n[ \t]/,
  }),
  must(
    'hdr-obs-fold-empty',
    'RFC 9112 5.2',
    'A continuation of blanks alone looks like the end of the section.',
    get('X-A: b', ' ', 'X-B: c'),
    { ...NEVER_AS_IS, upstreamMustNotSee: /b\r\n[ \t]/ },
  ),
  must('hdr-obs-fold-last', 'RFC 9112 5.2', 'One just before the end.', get('X-A: b', ' \t'), {
    ...NEVER_AS_IS,
    upstreamMustNotSee: /b\r\n[ \t]/,
  }),
  must(
    'hdr-obs-fold-host',
    'RFC 9112 5.2',
    'A folded Host.',
    bare('GET /h HTTP/1.1', ['Host: a.test', ' b.test']),
    REFUSED,
  ),
  must(
    'hdr-leading-space-first',
    'RFC 9112 2.2',
    'A line of blanks and more, just behind the request line: refused or dropped, never a field.',
    'GET /h HTTP/1.1\r\n X-A: b\r\nHost: a.test\r\n\r\n',
    { ...EITHER, upstreamMustNotSee: 'X-A: b' },
  ),
  must(
    'hdr-leading-tab-first',
    'RFC 9112 2.2',
    'The same with a tab.',
    'GET /h HTTP/1.1\r\n\tX-A: b\r\nHost: a.test\r\n\r\n',
    { ...EITHER, upstreamMustNotSee: 'X-A: b' },
  ),
  must(
    'hdr-end-cr-x',
    'RFC 9112 2.2',
    'CRLF, CR and something else is not the end of a section (an old parser skipped that byte).',
    'GET /h HTTP/1.1\r\nHost: a.test\r\n\rZ: 1\r\n\r\n',
    REFUSED,
  ),
  should(
    'hdr-end-lf',
    'RFC 9112 2.2',
    'A bare LF for the empty line.',
    'GET /h HTTP/1.1\r\nHost: a.test\r\n\n',
    NEVER_AS_IS,
  ),
  should(
    'hdr-end-lf-lf',
    'RFC 9112 2.2',
    'Two bare LFs at the end.',
    'GET /h HTTP/1.1\r\nHost: a.test\n\n',
    NEVER_AS_IS,
  ),
  should(
    'hdr-one-bare-lf',
    'RFC 9112 2.2',
    'One line among others that ends in a bare LF.',
    'GET /h HTTP/1.1\r\nX-A: b\nHost: a.test\r\n\r\n',
    { ...NEVER_AS_IS, upstreamMustNotSee: 'b\nHost' },
  ),
  should(
    'hdr-all-lf',
    'RFC 9112 2.2',
    'A request in bare LFs: may be read, must not be passed on like that.',
    'GET /h HTTP/1.1\nHost: a.test\n\n',
    { ...NEVER_AS_IS, upstreamMustNotSee: '1.1\nHost' },
  ),
  must('hdr-all-cr', 'RFC 9112 2.2', 'A request in bare CRs is none.', 'GET /h HTTP/1.1\rHost: a.test\r\r', {
    expect: ['reject', 'close', 'hang'],
    upstreamRequests: 0,
  }),
  must('hdr-lf-cr', 'RFC 9112 2.2', 'Nor in LFCRs.', 'GET /h HTTP/1.1\n\rHost: a.test\n\r\n\r', {
    expect: ['reject', 'close', 'hang'],
    upstreamRequests: 0,
  }),
  should(
    'leading-crlf',
    'RFC 9112 2.2',
    'One empty line before a request is skipped.',
    `\r\n${request('GET / HTTP/1.1')}`,
    EITHER,
  ),
  policy(
    'leading-crlf-2',
    'RFC 9112 2.2',
    'Two of them: at least one has to be skipped.',
    `\r\n\r\n${request('GET / HTTP/1.1')}`,
    EITHER,
  ),
  policy(
    'leading-crlf-many',
    'RFC 9112 2.2',
    'Twenty thousand of them are nobody waiting politely.',
    '\r\n'.repeat(20_000) + request('GET / HTTP/1.1'),
    { expect: ['forward', 'reject', 'close'] },
  ),
  policy('leading-lf', 'RFC 9112 2.2', 'A bare LF before a request.', `\n${request('GET / HTTP/1.1')}`, {
    expect: ['forward', 'reject', 'close'],
  }),
  must('leading-space', 'RFC 9112 3', 'A blank before the method.', ` ${request('GET / HTTP/1.1')}`, REFUSED),
  must('leading-nul', 'RFC 9112 3', 'NUL before the method.', `\0${request('GET / HTTP/1.1')}`, REFUSED),
  must(
    'leading-bom',
    'RFC 9112 3',
    'A byte order mark before the method.',
    `\xef\xbb\xbf${request('GET / HTTP/1.1')}`,
    REFUSED,
  ),
  policy(
    'hdr-dup-content-type',
    'RFC 9110 5.3',
    'A field of one value, twice: both as they are, or refused; never joined.',
    get('Content-Type: text/plain', 'Content-Type: text/html'),
    { expect: ['forward', 'reject'], upstreamMustNotSee: 'text/plain, text/html' },
  ),
  policy(
    'hdr-dup-authorization',
    'RFC 9110 5.3',
    'The same with credentials.',
    get('Authorization: Basic eA==', 'Authorization: Basic eQ=='),
    { expect: ['forward', 'reject'], upstreamMustNotSee: 'eA==, Basic' },
  ),
  must(
    'hdr-two-cookies',
    'RFC 6265 5.4',
    'Two Cookie lines: as they are, or joined with "; ".',
    get('Cookie: a=1', 'Cookie: b=2'),
    { expect: ['forward'], upstreamMustNotSee: 'a=1,' },
  ),
  must('hdr-order-kept', 'RFC 9110 5.3', 'Lines of one name keep their order.', get('X-A: 1', 'X-B: 2', 'X-A: 3'), {
    ...FORWARDED,
    upstreamMustSee: /x-a: 1\r[^]*x-a: 3\r/i,
  }),
  policy(
    'hdr-underscore',
    'CVE-2026-52845',
    'An underscore alias of a field that applications trust.',
    get('X_Forwarded_For: 6.6.6.6'),
    { forwardedHow: 'without it', ...EITHER, upstreamMustNotSee: '6.6.6.6' },
  ),
  policy(
    'hdr-underscore-plain',
    'CVE-2026-52845',
    "An underscore in a name that is nobody's alias.",
    get('X_Custom: y'),
    EITHER,
  ),
  must(
    'hdr-proto',
    'CVE-2026-21710',
    'Names that are special to JavaScript objects are plain names.',
    get('__proto__: x', 'constructor: y', 'hasOwnProperty: z'),
    { ...EITHER, upstreamMustNotSee: '[object' },
  ),
  must(
    'hdr-numeric-names',
    'CVE-2026-21717',
    'So are names of digits.',
    get(...Array.from({ length: 60 }, (_, index) => `${index * 65_537}: y`)),
    FORWARDED,
  ),
  must('hdr-long-name', LINE, 'A long name within the limits.', get(`X-${'a'.repeat(2000)}: b`), EITHER),
];
