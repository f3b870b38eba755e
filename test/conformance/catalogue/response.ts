import {
  BAD_GATEWAY,
  FORWARDED,
  answer,
  bare,
  get,
  must,
  policy,
  post,
  request,
  should,
  sized,
  type WireCase,
  type WireExpectation,
} from '../wire-case.ts';

const UP = request('GET /up HTTP/1.1');
const HEAD = request('HEAD /up HTTP/1.1');
const FRAMING = 'RFC 9112 6.3';
const STATUS = 'RFC 9112 4';
const OK = sized('200 OK', 'ok');
const EVIL = sized('200 OK', 'evil');
/** Read in its one clear meaning, or 502. */
const EITHER_WAY: WireExpectation = { expect: ['bad-gateway', 'forward'] };
/** The client has to be able to tell that something is missing. */
const BROKEN: WireExpectation = { expect: ['abort-client', 'bad-gateway'] };
const NO_EVIL: WireExpectation = { expect: ['forward'], clientMustNotSee: 'evil' };

function from(
  id: string,
  source: string,
  why: string,
  response: string,
  expectation: WireExpectation,
  after: 'keep' | 'close' | 'reset' = 'keep',
): WireCase {
  return must(id, source, why, UP, { ...expectation, upstream: { response, after } });
}

function wrongLength(id: string, value: string, why: string): WireCase {
  return from(id, 'RFC 9110 8.6', why, answer('200 OK', [`Content-Length:${value}`], 'ok'), BAD_GATEWAY);
}

function wrongStatusLine(id: string, line: string, why: string): WireCase {
  return from(id, STATUS, why, bare(line, ['Content-Length: 2'], 'ok'), BAD_GATEWAY, 'close');
}

function wrongCoding(id: string, coding: string, why: string): WireCase {
  return from(
    id,
    FRAMING,
    why,
    answer('200 OK', [`Transfer-Encoding: ${coding}`], '2\r\nok\r\n0\r\n\r\n'),
    EITHER_WAY,
    'close',
  );
}

/** The size line, or what follows, makes no chunk: after a head that may have been sent already. */
function wrongChunk(id: string, body: string, why: string): WireCase {
  return must(id, 'RFC 9112 7.1', why, UP, {
    ...BROKEN,
    clientMustNotSee: '\r\n0\r\n\r\n',
    upstream: { response: answer('200 OK', ['Transfer-Encoding: chunked'], body), after: 'keep' },
  });
}

function wrongField(
  id: string,
  source: string,
  line: string,
  why: string,
  expectation: WireExpectation = EITHER_WAY,
): WireCase {
  return from(id, source, why, answer('200 OK', [line, 'Content-Length: 2'], 'ok'), {
    ...expectation,
    clientMustNotSee: expectation.clientMustNotSee ?? line,
  });
}

/** The target is no friend either: what it says is parsed as strictly, and never reaches the wrong client. */
export const RESPONSE: readonly WireCase[] = [
  from('resp-ok-cl', FRAMING, 'The plainest answer there is.', OK, { ...FORWARDED, clientBody: 'ok' }),
  from(
    'resp-ok-chunked',
    FRAMING,
    'The same in chunks.',
    answer('200 OK', ['Transfer-Encoding: chunked'], '2\r\nok\r\n0\r\n\r\n'),
    { ...FORWARDED, clientBody: 'ok' },
  ),
  from(
    'resp-ok-close',
    FRAMING,
    'The same up to the end of the connection.',
    answer('200 OK', [], 'ok'),
    { ...FORWARDED, clientBody: 'ok' },
    'close',
  ),
  from('resp-empty-body', FRAMING, 'Nothing, counted.', sized('200 OK', ''), FORWARDED),
  from(
    'resp-empty-chunked',
    FRAMING,
    'Nothing, in chunks.',
    answer('200 OK', ['Transfer-Encoding: chunked'], '0\r\n\r\n'),
    FORWARDED,
  ),
  from(
    'resp-http10-close',
    'RFC 9110 2.5',
    "A target of HTTP/1.0: the version in the answer is the proxy's own.",
    'HTTP/1.0 200 OK\r\n\r\nhello',
    { ...FORWARDED, clientMustSee: /^HTTP\/1\.1 200 /, clientBody: 'hello' },
    'close',
  ),
  from(
    'resp-http10-keepalive',
    'RFC 9112 C.2.2',
    'One that asks to be kept.',
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
    { ...FORWARDED, clientBody: 'ok' },
  ),
  from(
    'resp-http10-te',
    'RFC 9112 6.1',
    'One that answers in chunks, which it cannot know.',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    EITHER_WAY,
    'close',
  ),
  from('resp-http12', 'RFC 9110 2.5', 'A minor version to come.', 'HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok', {
    ...EITHER_WAY,
    clientMustNotSee: 'HTTP/1.2',
  }),

  from(
    'resp-cl-te',
    FRAMING,
    'Two lengths: the coding counts, the count goes, the connection is not used again.',
    answer('200 OK', ['Content-Length: 30', 'Transfer-Encoding: chunked'], '0\r\n\r\nHTTP/1.1 200 OK\r\n\r\nevil'),
    { ...EITHER_WAY, clientMustNotSee: 'evil' },
  ),
  from(
    'resp-te-then-cl',
    FRAMING,
    'In the other order.',
    answer('200 OK', ['Transfer-Encoding: chunked', 'Content-Length: 30'], '0\r\n\r\nHTTP/1.1 200 OK\r\n\r\nevil'),
    { ...EITHER_WAY, clientMustNotSee: 'evil' },
  ),
  from(
    'resp-cl-te-passed',
    FRAMING,
    'Whatever becomes of it, the client is told one length.',
    answer('200 OK', ['Content-Length: 2', 'Transfer-Encoding: chunked'], '2\r\nok\r\n0\r\n\r\n'),
    { ...EITHER_WAY, clientMustNotSee: /content-length: 2\r/i },
  ),
  from(
    'resp-cl-dup-same',
    FRAMING,
    'The same count twice: one of them, or 502.',
    answer('200 OK', ['Content-Length: 2', 'Content-Length: 2'], 'ok'),
    EITHER_WAY,
  ),
  from('resp-cl-comma-same', FRAMING, 'In list form.', answer('200 OK', ['Content-Length: 2, 2'], 'ok'), {
    ...EITHER_WAY,
    clientMustNotSee: '2, 2',
  }),
  from(
    'resp-cl-dup-diff',
    FRAMING,
    'Two counts that differ have to be refused.',
    answer('200 OK', ['Content-Length: 2', 'Content-Length: 4'], 'evil'),
    BAD_GATEWAY,
  ),
  from(
    'resp-cl-comma-diff',
    FRAMING,
    'In list form as well.',
    answer('200 OK', ['Content-Length: 2, 4'], 'evil'),
    BAD_GATEWAY,
  ),
  wrongLength('resp-cl-negative', ' -2', 'A negative count.'),
  wrongLength('resp-cl-plus', ' +2', 'A sign.'),
  wrongLength('resp-cl-hex', ' 0x2', 'Hexadecimal.'),
  wrongLength('resp-cl-float', ' 2.0', 'A fraction.'),
  wrongLength('resp-cl-exp', ' 2e0', 'An exponent.'),
  wrongLength('resp-cl-junk', ' 2x', 'Junk behind it.'),
  wrongLength('resp-cl-word', ' two', 'A word.'),
  wrongLength('resp-cl-space', ' 2 0', 'A blank inside.'),
  wrongLength('resp-cl-empty', '', 'Nothing.'),
  wrongLength('resp-cl-overflow', ' 18446744073709551618', '2^64 + 2.'),
  wrongCoding('resp-te-xchunked', 'xchunked', 'A word that ends in chunked.'),
  wrongCoding('resp-te-identity', 'identity', 'A coding that no longer exists.'),
  wrongCoding('resp-te-gzip', 'gzip', 'A coding without chunks ends with the connection; nobody here takes it apart.'),
  wrongCoding('resp-te-gzip-chunked', 'gzip, chunked', 'A coding inside chunks.'),
  wrongCoding('resp-te-chunked-gzip', 'chunked, gzip', 'Chunks inside a coding.'),
  wrongCoding('resp-te-double', 'chunked, chunked', 'Chunks twice.'),
  wrongCoding('resp-te-empty', '', 'No coding, and yet one.'),
  wrongCoding('resp-te-quoted', '"chunked"', 'A quoted one.'),

  wrongChunk('resp-chunk-bad-size', 'zz\r\nok\r\n0\r\n\r\n', 'A size that is none.'),
  wrongChunk('resp-chunk-negative', '-2\r\nok\r\n0\r\n\r\n', 'A negative one.'),
  wrongChunk('resp-chunk-0x', '0x2\r\nok\r\n0\r\n\r\n', 'One with a prefix.'),
  wrongChunk('resp-chunk-overflow', '10000000000000002\r\nok\r\n0\r\n\r\n', '2^64 + 2.'),
  wrongChunk('resp-chunk-no-crlf', '2\r\nok0\r\n\r\n', 'No line end behind the data.'),
  wrongChunk('resp-chunk-longer', '1\r\nok\r\n0\r\n\r\n', 'More data than said.'),
  wrongChunk('resp-chunk-ext-64k', `2;${'a'.repeat(65_536)}\r\nok\r\n0\r\n\r\n`, 'An endless extension.'),
  should('resp-chunk-ext', 'RFC 9112 7.1.1', 'A short one is skipped.', UP, {
    forwardedHow: 'without it',
    ...EITHER_WAY,
    clientMustNotSee: 'a=b',
    upstream: { response: answer('200 OK', ['Transfer-Encoding: chunked'], '2;a=b\r\nok\r\n0\r\n\r\n') },
  }),
  should('resp-chunk-lf', 'RFC 9112 2.2', 'Sizes that end in bare LFs.', UP, {
    expect: ['forward', 'bad-gateway', 'abort-client'],
    clientMustNotSee: '2\nok',
    upstream: { response: answer('200 OK', ['Transfer-Encoding: chunked'], '2\nok\n0\n\n') },
  }),
  from(
    'resp-chunk-trailer',
    'RFC 9110 6.5',
    'A trailer is passed on or dropped.',
    answer('200 OK', ['Transfer-Encoding: chunked'], '2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n'),
    { ...FORWARDED, clientBody: 'ok' },
  ),
  from(
    'resp-trailer-cl',
    'RFC 9110 6.5.1',
    'A length among the trailers is not.',
    answer('200 OK', ['Transfer-Encoding: chunked'], '2\r\nok\r\n0\r\nContent-Length: 77\r\n\r\n'),
    { expect: ['forward', 'bad-gateway', 'abort-client'], clientMustNotSee: '77' },
  ),
  from(
    'resp-trailer-set-cookie',
    'RFC 9110 6.5.1',
    'Nor a cookie, which comes before the body.',
    answer('200 OK', ['Transfer-Encoding: chunked'], '2\r\nok\r\n0\r\nSet-Cookie: evil=1\r\n\r\n'),
    { expect: ['forward', 'bad-gateway', 'abort-client'], clientMustNotSee: 'evil=1' },
  ),
  from(
    'resp-trailer-huge',
    'RFC 6585 5',
    'Nor an endless one.',
    answer('200 OK', ['Transfer-Encoding: chunked'], `2\r\nok\r\n0\r\nX-T: ${'a'.repeat(300_000)}\r\n\r\n`),
    { ...BROKEN, clientMustNotSee: '\r\n0\r\n\r\n' },
  ),

  must('resp-chunk-truncated', 'RFC 9112 8', 'The target ends inside a chunk: no last chunk for the client.', UP, {
    ...BROKEN,
    clientMustNotSee: '\r\n0\r\n\r\n',
    upstream: { response: answer('200 OK', ['Transfer-Encoding: chunked'], '5\r\nhel'), after: 'close' },
  }),
  must('resp-chunk-truncated-rst', 'RFC 9112 8', 'The same with a reset.', UP, {
    ...BROKEN,
    clientMustNotSee: '\r\n0\r\n\r\n',
    upstream: { response: answer('200 OK', ['Transfer-Encoding: chunked'], '5\r\nhel'), after: 'reset' },
  }),
  must('resp-chunk-truncated-between', 'RFC 9112 8', 'It ends between two chunks.', UP, {
    ...BROKEN,
    clientMustNotSee: '\r\n0\r\n\r\n',
    upstream: { response: answer('200 OK', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n'), after: 'close' },
  }),
  must('resp-chunk-truncated-last', 'RFC 9112 8', 'It ends in the last one.', UP, {
    ...BROKEN,
    clientMustNotSee: '\r\n0\r\n\r\n',
    upstream: { response: answer('200 OK', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n'), after: 'close' },
  }),
  from(
    'resp-cl-truncated',
    'RFC 9112 8',
    'It ends before its count.',
    answer('200 OK', ['Content-Length: 10'], 'hel'),
    { ...BROKEN, closeRequired: true },
    'close',
  ),
  from(
    'resp-cl-truncated-rst',
    'RFC 9112 8',
    'Or is reset.',
    answer('200 OK', ['Content-Length: 10'], 'hel'),
    { ...BROKEN, closeRequired: true },
    'reset',
  ),
  from(
    'resp-cl-truncated-none',
    'RFC 9112 8',
    'With none of it sent.',
    answer('200 OK', ['Content-Length: 10']),
    { ...BROKEN, closeRequired: true },
    'close',
  ),
  must(
    'resp-close-truncated-rst',
    'RFC 9112 8',
    'A body up to the end of the connection, and the end is a reset.',
    UP,
    {
      ...BROKEN,
      upstream: { response: answer('200 OK', [], 'hel'), after: 'reset' },
      clientMustNotSee: '\r\n0\r\n\r\n',
    },
  ),
  from('resp-empty-reset', 'RFC 9112 8', 'No answer but a reset.', '', BAD_GATEWAY, 'reset'),
  from('resp-empty-close', 'RFC 9112 8', 'No answer but an end.', '', BAD_GATEWAY, 'close'),
  from('resp-half-status-close', 'RFC 9112 8', 'An end inside the status line.', 'HTTP/1.1 20', BAD_GATEWAY, 'close'),
  from(
    'resp-half-headers-close',
    'RFC 9112 8',
    'An end inside the head: none of it for the client.',
    'HTTP/1.1 200 OK\r\nX-A: evil\r\nContent-Le',
    { ...BAD_GATEWAY, clientMustNotSee: 'evil' },
    'close',
  ),
  from(
    'resp-half-headers-reset',
    'RFC 9112 8',
    'A reset there.',
    'HTTP/1.1 200 OK\r\nX-A: evil\r\nContent-Le',
    { ...BAD_GATEWAY, clientMustNotSee: 'evil' },
    'reset',
  ),

  from(
    'resp-extra-after-cl',
    FRAMING,
    'Bytes behind a body are thrown away, and their connection with them.',
    sized('200 OK', 'ok') + EVIL,
    NO_EVIL,
  ),
  from(
    'resp-extra-after-chunked',
    FRAMING,
    'Behind chunks.',
    answer('200 OK', ['Transfer-Encoding: chunked'], '2\r\nok\r\n0\r\n\r\n') + EVIL,
    NO_EVIL,
  ),
  from('resp-extra-after-204', FRAMING, 'Behind a 204.', answer('204 No Content') + EVIL, NO_EVIL),
  from('resp-extra-after-304', FRAMING, 'Behind a 304.', answer('304 Not Modified') + EVIL, NO_EVIL),
  from('resp-extra-after-empty', FRAMING, 'Behind nothing.', sized('200 OK', '') + EVIL, NO_EVIL),
  must('resp-extra-after-head', FRAMING, 'Behind the answer to HEAD.', HEAD, {
    ...NO_EVIL,
    expect: ['forward', 'bad-gateway'],
    upstream: { response: answer('200 OK', ['Content-Length: 1000']) + EVIL },
  }),
  must(
    'resp-unsolicited-idle',
    'CVE-2026-48931',
    'A second answer on a connection that rests: nobody asked for it.',
    UP,
    { ...NO_EVIL, upstream: { response: OK, late: EVIL } },
  ),
  must('resp-unsolicited-byte', 'CVE-2026-48931', 'A single byte is enough not to use it again.', UP, {
    ...NO_EVIL,
    upstream: { response: OK, late: '!' },
  }),
  must('resp-unsolicited-1xx', 'CVE-2026-48931', 'So is an interim answer.', UP, {
    ...NO_EVIL,
    upstream: { response: OK, late: 'HTTP/1.1 100 Continue\r\n\r\n' },
  }),
  from(
    'resp-204-with-cl',
    'RFC 9110 8.6',
    'A 204 has no body, whatever it says.',
    answer('204 No Content', ['Content-Length: 4'], 'evil'),
    { ...EITHER_WAY, clientMustNotSee: 'evil' },
  ),
  from(
    'resp-204-te',
    FRAMING,
    'In either way of saying it.',
    answer('204 No Content', ['Transfer-Encoding: chunked'], '4\r\nevil\r\n0\r\n\r\n'),
    { ...EITHER_WAY, clientMustNotSee: /evil|transfer-encoding/i },
  ),
  from(
    'resp-304-with-cl',
    FRAMING,
    'A 304 speaks of the length that a 200 would have; nothing follows.',
    answer('304 Not Modified', ['Content-Length: 1000']),
    { ...FORWARDED, clientMustSee: '304' },
  ),
  from(
    'resp-304-te',
    FRAMING,
    'In either way of saying it.',
    answer('304 Not Modified', ['Transfer-Encoding: chunked']),
    { ...FORWARDED, clientMustSee: '304' },
  ),
  must('resp-head-with-cl', 'RFC 9110 9.3.2', 'HEAD: the length stays, nothing follows.', HEAD, {
    ...FORWARDED,
    clientMustSee: /content-length: 1000\r/i,
    upstream: { response: answer('200 OK', ['Content-Length: 1000']) },
  }),
  must('resp-head-te', 'RFC 9110 9.3.2', 'HEAD: nothing follows, in chunks either.', HEAD, {
    ...FORWARDED,
    clientMustSee: ' 200 ',
    upstream: { response: answer('200 OK', ['Transfer-Encoding: chunked']) },
  }),
  must('resp-head-no-length', 'RFC 9110 9.3.2', 'HEAD: nor up to the end of the connection.', HEAD, {
    ...FORWARDED,
    clientMustSee: ' 200 ',
    upstream: { response: answer('200 OK', []) },
  }),
  must('resp-head-with-body', 'RFC 9110 9.3.2', 'HEAD: what follows all the same is thrown away.', HEAD, {
    ...EITHER_WAY,
    clientMustNotSee: 'evil',
    upstream: { response: EVIL },
  }),
  should('resp-205-body', 'RFC 9110 15.3.6', 'A 205 is framed like any other.', UP, {
    ...FORWARDED,
    upstream: { response: sized('205 Reset Content', 'body') },
  }),

  from(
    'resp-100-unsolicited',
    'RFC 9110 15.2',
    'A 100 that nobody waits for; the final answer counts.',
    `HTTP/1.1 100 Continue\r\n\r\n${OK}`,
    { ...FORWARDED, clientMustSee: ' 200 ' },
  ),
  from('resp-102', 'RFC 9110 15.2', 'An interim answer of another kind.', `HTTP/1.1 102 Processing\r\n\r\n${OK}`, {
    ...FORWARDED,
    clientMustSee: ' 200 ',
  }),
  from(
    'resp-103-early-hints',
    'RFC 8297 2',
    'One that clients are glad of: passed on.',
    `HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n${OK}`,
    { ...FORWARDED, clientMustSee: / 103 [^]*<\/a\.css>[^]* 200 / },
  ),
  must('resp-103-http10', 'RFC 9110 15.2', 'But not to HTTP/1.0.', request('GET /up HTTP/1.0'), {
    ...FORWARDED,
    clientMustNotSee: ' 103 ',
    clientMustSee: ' 200 ',
    upstream: { response: `HTTP/1.1 103 Early Hints\r\n\r\n${OK}` },
  }),
  policy('resp-1xx-flood', 'robustness', 'Five thousand of them are not meant.', UP, {
    ...EITHER_WAY,
    upstream: { response: 'HTTP/1.1 103 X\r\n\r\n'.repeat(5000) + OK },
  }),
  from(
    'resp-1xx-with-body',
    'RFC 9112 6.3',
    'An interim answer has no body, whatever it says: what follows is not HTTP.',
    `HTTP/1.1 103 Early Hints\r\nContent-Length: 4\r\n\r\nevil${OK}`,
    { ...BROKEN, clientMustNotSee: 'evil' },
  ),
  from(
    'resp-1xx-then-close',
    'RFC 9110 15.2',
    'An end after one.',
    'HTTP/1.1 103 Early Hints\r\n\r\n',
    BROKEN,
    'close',
  ),
  from(
    'resp-199',
    'RFC 9110 15.2',
    'An unknown interim answer is one all the same.',
    `HTTP/1.1 199 Wait\r\n\r\n${OK}`,
    { ...EITHER_WAY, clientMustSee: ' 200 ' },
  ),

  wrongStatusLine('resp-icy', 'ICY 200 OK', 'Not HTTP.'),
  wrongStatusLine('resp-http-lower', 'http/1.1 200 OK', 'The name of the protocol has a case.'),
  wrongStatusLine('resp-http20', 'HTTP/2.0 200 OK', 'A major version that this is not.'),
  wrongStatusLine('resp-http110', 'HTTP/1.10 200 OK', 'One digit each.'),
  wrongStatusLine('resp-status-1000', 'HTTP/1.1 1000 Odd', 'Four digits.'),
  wrongStatusLine('resp-status-20', 'HTTP/1.1 20 Odd', 'Two.'),
  wrongStatusLine('resp-status-letters', 'HTTP/1.1 2OO OK', 'Letters.'),
  wrongStatusLine('resp-status-negative', 'HTTP/1.1 -20 Odd', 'A sign.'),
  wrongStatusLine('resp-status-missing', 'HTTP/1.1 OK', 'None.'),
  wrongStatusLine('resp-status-two-spaces', 'HTTP/1.1  200 OK', 'One blank too many.'),
  wrongStatusLine('resp-status-tab', 'HTTP/1.1\t200\tOK', 'Tabs.'),
  wrongStatusLine('resp-status-leading-space', ' HTTP/1.1 200 OK', 'A blank in front.'),
  wrongStatusLine('resp-request', 'GET / HTTP/1.1', 'A request instead of an answer.'),
  should('resp-status-99', 'RFC 9110 15', 'Below 100: writing it has crashed proxies.', UP, {
    ...EITHER_WAY,
    upstream: { response: bare('HTTP/1.1 099 Odd', ['Content-Length: 2'], 'ok') },
  }),
  should('resp-status-000', 'RFC 9110 15', 'Nothing at all.', UP, {
    ...EITHER_WAY,
    upstream: { response: bare('HTTP/1.1 000 Odd', ['Content-Length: 2'], 'ok') },
  }),
  should('resp-status-600', 'RFC 9110 15', 'Above 599.', UP, {
    ...EITHER_WAY,
    upstream: { response: bare('HTTP/1.1 600 Odd', ['Content-Length: 2'], 'ok') },
  }),
  should('resp-status-999', 'RFC 9110 15', 'Far above, as some answer robots.', UP, {
    ...EITHER_WAY,
    upstream: { response: bare('HTTP/1.1 999 Odd', ['Content-Length: 2'], 'ok') },
  }),
  from('resp-no-reason', STATUS, 'A reason may be empty.', bare('HTTP/1.1 200 ', ['Content-Length: 2'], 'ok'), {
    ...FORWARDED,
    clientBody: 'ok',
  }),
  from(
    'resp-no-reason-space',
    STATUS,
    'Without even the blank before it, as many write: read, and written right.',
    bare('HTTP/1.1 200', ['Content-Length: 2'], 'ok'),
    EITHER_WAY,
  ),
  from(
    'resp-reason-high',
    STATUS,
    'Bytes above ASCII in a reason are legal.',
    bare('HTTP/1.1 200 D\xe9j\xe0 vu', ['Content-Length: 2'], 'ok'),
    FORWARDED,
  ),
  from(
    'resp-reason-nul',
    STATUS,
    'NUL in it is not: writing it has crashed proxies.',
    bare('HTTP/1.1 200 O\0K', ['Content-Length: 2'], 'ok'),
    { ...EITHER_WAY, clientMustNotSee: '\0' },
  ),
  from(
    'resp-reason-cr',
    'RFC 9112 2.2',
    'Nor a bare CR.',
    bare('HTTP/1.1 200 O\rX: evil', ['Content-Length: 2'], 'ok'),
    { ...EITHER_WAY, clientMustNotSee: '\rX' },
  ),
  from(
    'resp-reason-huge',
    'robustness',
    'Nor an endless one.',
    bare(`HTTP/1.1 200 ${'a'.repeat(300_000)}`, ['Content-Length: 2'], 'ok'),
    BAD_GATEWAY,
  ),

  wrongField('resp-hdr-nul', 'RFC 9110 5.5', 'X-A: a\0b', 'NUL in a value.', { ...EITHER_WAY, clientMustNotSee: '\0' }),
  wrongField('resp-hdr-bare-cr', 'RFC 9112 2.2', 'X-A: a\rSet-Cookie: evil=1', 'A bare CR in one.'),
  wrongField('resp-hdr-lf-in-value', 'RFC 9112 2.2', 'X-A: a\nX-B: b', 'A bare LF in one.'),
  wrongField('resp-hdr-ctl', 'RFC 9110 5.5', 'X-A: a\x01b', 'A control character in one: kept, or 502.', {
    expect: ['bad-gateway', 'forward'],
    clientMustNotSee: '\x01',
  }),
  wrongField('resp-hdr-space-colon', 'RFC 9112 5.1', 'X-A : a', 'Blank space before the colon has to be taken out.', {
    ...EITHER_WAY,
    clientMustNotSee: 'X-A :',
  }),
  wrongField('resp-hdr-no-colon', 'RFC 9112 5', 'X-A', 'A line without a colon.', {
    ...EITHER_WAY,
    clientMustNotSee: 'X-A\r\n',
  }),
  wrongField('resp-hdr-empty-name', 'RFC 9110 5.1', ': evil', 'A field without a name.'),
  wrongField('resp-hdr-name-space', 'RFC 9110 5.1', 'X A: evil', 'A blank in a name.'),
  wrongField('resp-hdr-name-high', 'RFC 9110 5.1', 'X\xe9A: evil', 'A byte above ASCII in one.'),
  wrongField('resp-hdr-leading-space', 'RFC 9112 2.2', ' X-A: evil', 'A blank in front of the first one.'),
  wrongField('resp-obs-fold', 'RFC 9112 5.2', 'X-A: a\r\n b', 'A folded value: joined with a blank, or 502.', {
    ...EITHER_WAY,
    clientMustNotSee: /a\r\n[ \t]/,
  }),
  wrongField('resp-obs-fold-tab', 'RFC 9112 5.2', 'X-A: a\r\n\tb', 'With a tab.', {
    ...EITHER_WAY,
    clientMustNotSee: /a\r\n[ \t]/,
  }),
  from(
    'resp-obs-fold-length',
    'RFC 9112 5.2',
    'A folded length.',
    answer('200 OK', ['Content-Length:\r\n 2'], 'ok'),
    EITHER_WAY,
  ),
  from('resp-hdr-bare-lf', 'RFC 9112 2.2', 'An answer in bare LFs.', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', {
    ...EITHER_WAY,
    clientMustNotSee: 'OK\nContent',
  }),
  from('resp-leading-crlf', STATUS, 'An empty line before an answer.', `\r\n${OK}`, EITHER_WAY),
  from('resp-garbage', STATUS, 'Anything but HTTP.', '\x00\x01\x02 hello \xff\xfe\r\n\r\n', {
    ...BAD_GATEWAY,
    clientMustNotSee: 'hello',
  }),
  from('resp-garbage-line', STATUS, 'A line of text.', 'hello world\r\n\r\n', {
    ...BAD_GATEWAY,
    clientMustNotSee: 'hello',
  }),
  from('resp-tls', 'robustness', 'A target that speaks TLS.', '\x15\x03\x01\0\x02\x02\x46', BAD_GATEWAY, 'close'),
  from(
    'resp-hdr-obs-text',
    'RFC 9110 5.5',
    'Bytes above ASCII go through as they are.',
    answer('200 OK', ['X-A: caf\xe9', 'Content-Length: 2'], 'ok'),
    { ...FORWARDED, clientMustSee: 'caf\xe9' },
  ),
  from(
    'resp-set-cookie-lines',
    'RFC 6265 3',
    'Cookies stay on lines of their own.',
    answer('200 OK', ['Set-Cookie: a=1', 'Set-Cookie: b=2; Path=/', 'Content-Length: 2'], 'ok'),
    { ...FORWARDED, clientMustSee: /a=1\r\n[^]*b=2; Path=\/\r\n/ },
  ),
  policy('resp-hdr-too-large', 'robustness', 'A head above the limit: 502.', UP, {
    ...BAD_GATEWAY,
    upstream: { response: answer('200 OK', [`X-A: ${'a'.repeat(300_000)}`, 'Content-Length: 2'], 'ok') },
  }),
  policy('resp-hdr-unfinished', 'robustness', 'One that never ends: at the limit, not at the timeout.', UP, {
    ...BAD_GATEWAY,
    upstream: { response: `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(300_000)}` },
  }),
  from(
    'resp-hdr-5000',
    'CVE-2026-58044',
    'Five thousand fields, the length behind them.',
    answer('200 OK', [...Array.from({ length: 5000 }, () => 'a: b'), 'Content-Length: 2'], 'ok'),
    EITHER_WAY,
  ),
  policy('resp-hdr-200', 'robustness', 'Two hundred of them are still an answer.', UP, {
    ...EITHER_WAY,
    upstream: { response: answer('200 OK', [...Array.from({ length: 200 }, () => 'a: b'), 'Content-Length: 2'], 'ok') },
  }),

  from(
    'resp-hop-by-hop',
    'RFC 9110 7.6.1',
    'What is for the hop stays on it.',
    answer(
      '200 OK',
      ['Connection: X-Foo', 'X-Foo: bar', 'Keep-Alive: timeout=9', 'Proxy-Connection: x', 'Content-Length: 2'],
      'ok',
    ),
    { expect: ['forward'], clientMustNotSee: /X-Foo|timeout=9|proxy-connection/i },
  ),
  from(
    'resp-nominates-cl',
    'RFC 9110 7.6.1',
    'The framing does not, whatever Connection names.',
    answer('200 OK', ['Connection: Content-Length', 'Content-Length: 2'], 'ok'),
    { ...EITHER_WAY, clientBody: 'ok' },
  ),
  from(
    'resp-nominates-te',
    'RFC 9110 7.6.1',
    'In either form of it.',
    answer('200 OK', ['Connection: Transfer-Encoding', 'Transfer-Encoding: chunked'], '2\r\nok\r\n0\r\n\r\n'),
    EITHER_WAY,
  ),
  from(
    'resp-connection-close',
    'RFC 9112 9.6',
    'A target that ends its connection ends its own.',
    sized('200 OK', 'ok', 'Connection: close'),
    { ...FORWARDED, clientMustNotSee: /^connection: close/im },
    'close',
  ),
  from(
    'resp-upgrade-field',
    'RFC 9110 7.8',
    'An offer to switch is for the hop.',
    sized('200 OK', 'ok', 'Connection: Upgrade', 'Upgrade: h2c'),
    { expect: ['forward'], clientMustNotSee: /h2c/i },
  ),
  from(
    'resp-alt-svc',
    'RFC 7838 3',
    "Fields about the way to a resource are the application's to send.",
    sized('200 OK', 'ok', 'Alt-Svc: clear'),
    FORWARDED,
  ),
  must(
    'resp-early-final',
    'RFC 9112 9.3',
    'A final answer before the request is finished: delivered, and the rest of the request never becomes the next one.',
    post(['Content-Length: 50'], 'hello'),
    {
      expect: ['forward', 'reject'],
      upstream: { response: sized('413 Content Too Large', 'no'), when: 'head' },
      clientMustSee: '413',
    },
  ),
  must(
    'resp-early-final-rest',
    'RFC 9112 9.3',
    'The rest follows, looking like a request.',
    post(['Content-Length: 50'], 'xxxxxxxxxx'),
    {
      expect: ['forward', 'reject'],
      upstream: { response: sized('413 Content Too Large', 'no'), when: 'head', restOfRequest: 'request' },
      parts: [
        { bytes: '', delayMs: 150 },
        { bytes: get().slice(0, 40), delayMs: 50 },
      ],
      clientMustSee: '413',
    },
  ),
  must(
    'resp-early-final-close',
    'RFC 9112 9.6',
    'The target answers and hangs up while the body is still on its way.',
    post(['Content-Length: 300000'], 'b'.repeat(300_000)),
    {
      expect: ['forward', 'reject'],
      upstream: { response: sized('413 Content Too Large', 'no', 'Connection: close'), when: 'head', after: 'close' },
      clientMustSee: '413',
    },
  ),
];
