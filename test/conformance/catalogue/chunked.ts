import {
  BODY_REFUSED,
  EITHER,
  FORWARDED,
  SMUGGLED,
  chunked,
  get,
  must,
  policy,
  request,
  should,
  type WireCase,
} from '../wire-case.ts';

const GRAMMAR = 'RFC 9112 7.1';
const END = '0\r\n\r\n';
const HELLO = `5\r\nhello\r\n`;
/** Readable by whoever is lenient, as long as it goes on in its canonical form. */
const CLEANED = { expect: ['forward', 'reject', 'close', 'abort-upstream'], upstreamRequestsMax: 1 } as const;

/** A size line that has to be refused, in front of "hello". */
function wrongSize(id: string, line: string, why: string): WireCase {
  return must(id, GRAMMAR, why, chunked(`${line}\r\nhello\r\n${END}`), BODY_REFUSED);
}

/** A trailer line that has to be refused or dropped, never passed on as it is. */
function wrongTrailer(id: string, line: string, why: string): WireCase {
  return must(id, 'RFC 9112 7.1.2', why, chunked(`${HELLO}0\r\n${line}\r\n\r\n`), {
    ...CLEANED,
    upstreamMustNotSee: `\r\n${line}`,
  });
}

/** A trailer that has no business there: the target must not get it, nor the request be broken by it. */
function forbiddenTrailer(id: string, line: string, why: string): WireCase {
  return must(id, 'RFC 9110 6.5.1', why, chunked(`${HELLO}0\r\n${line}\r\n\r\n`), {
    ...CLEANED,
    upstreamMustNotSee: line,
  });
}

/** Where one chunk ends and the next begins, and where the last one does. */
export const CHUNKED: readonly WireCase[] = [
  must(
    'chunk-zero-padded',
    GRAMMAR,
    'Zeros in front of a size change nothing.',
    chunked(`00000005\r\nhello\r\n000\r\n\r\n`),
    FORWARDED,
  ),
  must('chunk-upper-hex', GRAMMAR, 'Hexadecimal digits have no case.', chunked(`A\r\n0123456789\r\n${END}`), FORWARDED),
  must('chunk-lower-hex', GRAMMAR, 'In neither case.', chunked(`a\r\n0123456789\r\n${END}`), FORWARDED),
  must(
    'chunk-several',
    GRAMMAR,
    'Several chunks, one body.',
    chunked(`2\r\nhe\r\n1\r\nl\r\n2\r\nlo\r\n${END}`),
    FORWARDED,
  ),
  must('chunk-empty-body', GRAMMAR, 'No chunk but the last.', chunked(END), FORWARDED),
  must(
    'chunk-single-bytes',
    GRAMMAR,
    'A thousand chunks of a byte.',
    chunked('1\r\nx\r\n'.repeat(1000) + END),
    FORWARDED,
  ),
  must(
    'chunk-data-like-framing',
    GRAMMAR,
    'Data that looks like framing is data.',
    chunked(`c\r\n\r\n0\r\n\r\nGET /\r\n${END}`),
    FORWARDED,
  ),
  must(
    'chunk-pipelined-after',
    'RFC 9112 9.3.2',
    'The request behind the last chunk is one.',
    chunked(HELLO + END) + get(),
    { expect: ['forward'], upstreamRequests: 2 },
  ),
  must(
    'chunk-crlf-after',
    'RFC 9112 2.2',
    'An empty line between two requests is skipped, or refused as a second one.',
    `${chunked(HELLO + END)}\r\n${get()}`,
    { expect: ['forward'] },
  ),
  should(
    'chunk-large',
    GRAMMAR,
    'A chunk longer than one read.',
    chunked(`30d40\r\n${'b'.repeat(200_000)}\r\n${END}`),
    FORWARDED,
  ),
  policy(
    'chunk-zeros-many',
    GRAMMAR,
    'Thousands of zeros are legal and nobody means them.',
    chunked(`${'0'.repeat(5000)}5\r\nhello\r\n${END}`),
    CLEANED,
  ),
  policy(
    'chunk-zeros-16',
    GRAMMAR,
    'Sixteen digits with a small value.',
    chunked(`0000000000000005\r\nhello\r\n${END}`),
    CLEANED,
  ),

  wrongSize('chunk-size-0x', '0x5', 'A prefix: some read it, some read the 0 and end the message.'),
  wrongSize('chunk-size-0X', '0X5', 'In either case.'),
  wrongSize('chunk-size-plus', '+5', 'A sign is not a digit.'),
  wrongSize('chunk-size-minus', '-5', 'Nor is the other one.'),
  wrongSize('chunk-size-minus-zero', '-0', 'Also where it would be the end.'),
  wrongSize('chunk-size-underscore', '0_5', 'Grouped digits.'),
  wrongSize('chunk-size-dot', '5.0', 'A fraction.'),
  wrongSize('chunk-size-comma', '5,5', 'A list.'),
  wrongSize('chunk-size-quoted', '"5"', 'A quoted string.'),
  wrongSize('chunk-size-letter', 'g', 'Not a hexadecimal digit.'),
  wrongSize('chunk-size-trailing-letter', '5g', 'A digit and then none.'),
  wrongSize('chunk-size-h', '5h', 'Hexadecimal as assemblers write it.'),
  wrongSize('chunk-size-inner-space', '0 5', 'Two numbers.'),
  wrongSize('chunk-size-leading-space', ' 5', 'Blank space before it.'),
  wrongSize('chunk-size-leading-tab', '\t5', 'A tab before it.'),
  wrongSize('chunk-size-vertical-tab', '\x0b5', 'Blank space to isspace(3) alone.'),
  wrongSize('chunk-size-nul', '5\0', 'NUL behind it.'),
  wrongSize('chunk-size-high', '5\xa0', 'A byte above ASCII behind it.'),
  wrongSize('chunk-size-fullwidth', '\xef\xbc\x95', 'A full-width five.'),
  wrongSize('chunk-size-empty', '', 'No size at all.'),
  wrongSize('chunk-size-only-ext', ';a=b', 'An extension of nothing.'),
  wrongSize('chunk-size-overflow', '10000000000000005', '2^64 + 5 must not come out as 5.'),
  must(
    'chunk-size-overflow-32',
    GRAMMAR,
    '2^32 + 5 must not come out as 5: that many bytes are waited for, or refused.',
    chunked(`100000005\r\nhello\r\n${END}`),
    { ...BODY_REFUSED, expect: [...BODY_REFUSED.expect, 'hang'] },
  ),
  wrongSize('chunk-size-overflow-63', '8000000000000005', 'Negative where the counter is signed.'),
  wrongSize('chunk-size-overflow-53', '20000000000005', 'Above 2^53 a double is no longer exact.'),
  wrongSize('chunk-size-ffff', 'ffffffffffffffff', 'The largest, or minus one.'),
  wrongSize('chunk-size-digits', '5'.repeat(5000), 'A number as long as a page.'),
  should(
    'chunk-size-trailing-sp',
    GRAMMAR,
    'Blank space behind the size is legal only before a semicolon.',
    chunked(`5 \r\nhello\r\n${END}`),
    { ...CLEANED, upstreamMustNotSee: '5 \r\n' },
  ),
  should('chunk-size-trailing-tab', GRAMMAR, 'A tab there.', chunked(`5\t\r\nhello\r\n${END}`), {
    ...CLEANED,
    upstreamMustNotSee: '5\t\r\n',
  }),
  must('chunk-size-bare-lf', 'RFC 9112 2.2', 'A size that ends in a bare LF.', chunked(`5\nhello\r\n${END}`), {
    ...CLEANED,
    upstreamMustNotSee: '5\nhello',
  }),
  must(
    'chunk-size-bare-cr',
    'RFC 9112 2.2',
    'A size that ends in a bare CR.',
    chunked(`5\rhello\r\n${END}`),
    BODY_REFUSED,
  ),
  must('chunk-size-cr-cr-lf', 'RFC 9112 2.2', 'One CR too many.', chunked(`5\r\r\nhello\r\n${END}`), BODY_REFUSED),

  should(
    'chunk-ext-token',
    'RFC 9112 7.1.1',
    'An extension is legal, for one hop, and unknown ones are skipped.',
    chunked(`5;a=b\r\nhello\r\n${END}`),
    { forwardedHow: 'without it', ...CLEANED, upstreamMustNotSee: 'a=b' },
  ),
  should('chunk-ext-flag', 'RFC 9112 7.1.1', 'One without a value.', chunked(`5;a\r\nhello\r\n${END}`), {
    forwardedHow: 'without it',
    ...CLEANED,
    upstreamMustNotSee: ';a',
  }),
  should(
    'chunk-ext-quoted',
    'RFC 9112 7.1.1',
    'One with a quoted value that holds a semicolon.',
    chunked(`5;a="b;c"\r\nhello\r\n${END}`),
    { forwardedHow: 'without it', ...CLEANED, upstreamMustNotSee: 'b;c' },
  ),
  should(
    'chunk-ext-bws',
    'RFC 9112 7.1.1',
    'One with blank space that only old senders write.',
    chunked(`5 ; a = b\r\nhello\r\n${END}`),
    { ...CLEANED, upstreamMustNotSee: 'a = b' },
  ),
  should('chunk-ext-on-last', 'RFC 9112 7.1.1', 'One on the last chunk.', chunked(`${HELLO}0;a=b\r\n\r\n`), {
    forwardedHow: 'without it',
    ...CLEANED,
    upstreamMustNotSee: 'a=b',
  }),
  should(
    'chunk-ext-bare-semicolon',
    GRAMMAR,
    'An empty one is outside the grammar.',
    chunked(`5;\r\nhello\r\n${END}`),
    CLEANED,
  ),
  should('chunk-ext-no-name', GRAMMAR, 'So is a value without a name.', chunked(`5;=b\r\nhello\r\n${END}`), {
    ...CLEANED,
    upstreamMustNotSee: '=b',
  }),
  should('chunk-ext-open-quote', GRAMMAR, 'And a quote that never closes.', chunked(`5;a="b\r\nhello\r\n${END}`), {
    ...CLEANED,
    upstreamMustNotSee: 'a="b',
  }),
  must(
    'chunk-ext-quoted-crlf',
    'RFC 9112 7.1.1',
    'A line end inside quotes is a line end: who skips to the closing quote reads other chunks.',
    chunked(`5;a="\r\nhello\r\n0\r\n\r\n"\r\n`),
    { ...CLEANED, upstreamMustNotSee: 'a="' },
  ),
  must(
    'chunk-ext-bare-lf',
    'RFC 9112 2.2; CVE-2025-22871, CVE-2025-43859',
    'A bare LF inside an extension ends the line for one reader and not for the next.',
    chunked(`5;\nhello\r\n${END}`),
    { ...BODY_REFUSED, upstreamMustNotSee: ';\n' },
  ),
  must(
    'chunk-ext-lf-smuggle',
    'RFC 9112 2.2',
    'The same with a chunk that only one of the two sees.',
    chunked(`2;\nxx\r\n28\r\n${SMUGGLED}\r\n${END}`),
    { ...BODY_REFUSED, upstreamMustNotSee: ';\n' },
  ),
  must(
    'chunk-ext-bare-cr',
    'RFC 9112 2.2',
    'A bare CR inside one.',
    chunked(`5;a\rb\r\nhello\r\n${END}`),
    BODY_REFUSED,
  ),
  must('chunk-ext-nul', GRAMMAR, 'NUL inside one.', chunked(`5;a\0b\r\nhello\r\n${END}`), BODY_REFUSED),
  policy('chunk-ext-high', GRAMMAR, 'Bytes above ASCII inside one.', chunked(`5;a=\xe9\r\nhello\r\n${END}`), CLEANED),
  must(
    'chunk-ext-64k',
    'CVE-2024-22019',
    'An extension is thrown away, so an endless one is read for ever: there is a limit.',
    chunked(`5;${'a'.repeat(65_536)}\r\nhello\r\n${END}`),
    BODY_REFUSED,
  ),
  must(
    'chunk-ext-many',
    'CVE-2023-39326',
    'Small ones on every byte: a hundred times the body in overhead.',
    chunked(`1;${'a'.repeat(200)}\r\nx\r\n`.repeat(500) + END),
    BODY_REFUSED,
  ),

  should('chunk-data-bare-lf', 'RFC 9112 2.2', 'A bare LF behind the data.', chunked(`5\r\nhello\n${END}`), {
    ...CLEANED,
    upstreamMustNotSee: 'hello\n0',
  }),
  must('chunk-data-bare-cr', 'RFC 9112 2.2', 'A bare CR behind it.', chunked(`5\r\nhello\r${END}`), BODY_REFUSED),
  must('chunk-data-no-crlf', GRAMMAR, 'Nothing behind it.', chunked(`5\r\nhello${END}`), BODY_REFUSED),
  must('chunk-data-longer', GRAMMAR, 'More data than the size says.', chunked(`3\r\nhello\r\n${END}`), BODY_REFUSED),
  must(
    'chunk-data-two-bytes',
    'GHSA-68xg-gqqm-vgj8',
    'Any two bytes are not the end of a chunk.',
    chunked(`5\r\nhelloXX${END}`),
    BODY_REFUSED,
  ),
  must(
    'chunk-data-extra-crlf',
    GRAMMAR,
    'An empty line between chunks.',
    chunked(`5\r\nhello\r\n\r\n${END}`),
    BODY_REFUSED,
  ),
  must(
    'chunk-data-shorter',
    GRAMMAR,
    'Less data than the size says: the framing of what follows is eaten as data.',
    chunked(`8\r\nhello\r\n${END}`),
    BODY_REFUSED,
  ),
  must('chunk-end-xx', 'CVE-2023-40175', 'Any two bytes are not the end of a message.', chunked('0\r\nXX'), {
    ...BODY_REFUSED,
    expect: [...BODY_REFUSED.expect, 'hang'],
  }),
  should('chunk-end-bare-lf', GRAMMAR, 'A bare LF for the last line.', chunked('0\r\n\n'), {
    ...CLEANED,
    upstreamMustNotSee: '\r\n\n',
  }),
  should('chunk-end-two-lf', GRAMMAR, 'Two bare LFs.', chunked('0\n\n'), { ...CLEANED, upstreamMustNotSee: '0\n\n' }),
  must('chunk-end-bare-cr', GRAMMAR, 'A bare CR for the last line.', `${chunked('0\r\n\rX')}\r\n\r\n`, BODY_REFUSED),
  must(
    'chunk-truncated-halfclose',
    'RFC 9112 8',
    'The client ends inside a chunk: the target must be able to tell.',
    chunked('5\r\nhel'),
    { ...BODY_REFUSED, ending: 'half-close', upstreamMustNotSee: END },
  ),
  must('chunk-no-last-halfclose', 'RFC 9112 8', 'It ends between chunks: that is not the last one.', chunked(HELLO), {
    ...BODY_REFUSED,
    ending: 'half-close',
    upstreamMustNotSee: END,
  }),
  must('chunk-half-last-halfclose', 'RFC 9112 8', 'It ends before the empty line.', chunked(`${HELLO}0\r\n`), {
    ...BODY_REFUSED,
    ending: 'half-close',
    upstreamMustNotSee: END,
  }),
  must('chunk-head-only-halfclose', 'RFC 9112 8', 'It ends before the first chunk.', chunked(''), {
    ...BODY_REFUSED,
    ending: 'half-close',
    upstreamMustNotSee: END,
  }),

  should(
    'chunk-trailer-ok',
    'RFC 9110 6.5',
    'A trailer that nobody forbids is passed on or dropped.',
    chunked(`${HELLO}0\r\nX-Sum: 1\r\n\r\n`),
    FORWARDED,
  ),
  forbiddenTrailer(
    'chunk-trailer-auth',
    'Authorization: Basic eA==',
    'Credentials come before the body that they speak for.',
  ),
  forbiddenTrailer('chunk-trailer-cl', 'Content-Length: 77', 'A length comes before the body that it counts.'),
  forbiddenTrailer('chunk-trailer-te', 'Transfer-Encoding: gzip', 'So does its coding.'),
  forbiddenTrailer('chunk-trailer-host', 'Host: evil.test', 'The request was routed by another host long ago.'),
  forbiddenTrailer(
    'chunk-trailer-xff',
    'X-Forwarded-For: 6.6.6.6',
    'Who merges trailers into the head would believe this over the proxy.',
  ),
  forbiddenTrailer('chunk-trailer-forwarded', 'Forwarded: for=6.6.6.6', 'Or this.'),
  forbiddenTrailer('chunk-trailer-cookie', 'Cookie: admin=1', 'Or take it for a session.'),
  forbiddenTrailer('chunk-trailer-connection', 'Connection: close, X-Other', 'A hop-by-hop field is for the hop.'),
  forbiddenTrailer('chunk-trailer-content-type', 'Content-Type: text/html', 'What the body is was said in the head.'),
  forbiddenTrailer('chunk-trailer-expect', 'Expect: 100-continue', 'Nothing is left to expect.'),
  wrongTrailer('chunk-trailer-sp-colon', 'X-T : 1', 'Blank space before the colon.'),
  wrongTrailer('chunk-trailer-no-colon', 'X-T', 'A line without a colon.'),
  wrongTrailer('chunk-trailer-empty-name', ': 1', 'A field without a name.'),
  wrongTrailer('chunk-trailer-fold', 'X-T: 1\r\n 2', 'A folded value.'),
  wrongTrailer('chunk-trailer-bare-cr', 'X-T: 1\r2', 'A bare CR.'),
  wrongTrailer('chunk-trailer-bare-lf', 'X-T: 1\nX-U: 2', 'A bare LF.'),
  wrongTrailer('chunk-trailer-nul', 'X-T: 1\x002', 'NUL.'),
  wrongTrailer('chunk-trailer-underscore', 'X_Forwarded_For: 6.6.6.6', 'The alias with underscores.'),
  should(
    'chunk-trailer-huge',
    'RFC 6585 5',
    'Trailers share the limits of a head.',
    chunked(`${HELLO}0\r\nX-T: ${'a'.repeat(200_000)}\r\n\r\n`),
    BODY_REFUSED,
  ),
  should(
    'chunk-trailer-many',
    'RFC 6585 5',
    'In number as in size.',
    chunked(`${HELLO}0\r\n${'a: b\r\n'.repeat(5000)}\r\n`),
    BODY_REFUSED,
  ),
  ...['GET', 'DELETE', 'OPTIONS', 'HEAD', 'PUT', 'PATCH', 'REPORT'].map((method) =>
    must(
      `body-chunked-${method.toLowerCase()}`,
      'CVE-2026-29057',
      'A proxy that drops the framing of a body that it does not expect, and sends the body, sends two requests.',
      request(`${method} /d HTTP/1.1`, ['Transfer-Encoding: chunked'], `28\r\n${SMUGGLED}\r\n${END}`),
      EITHER,
    ),
  ),
];
