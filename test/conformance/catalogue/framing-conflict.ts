import {
  EITHER,
  SMUGGLED,
  FORWARDED,
  REFUSED,
  chunked,
  get,
  must,
  post,
  request,
  should,
  type WireCase,
} from '../wire-case.ts';

const BOTH = ['Content-Length: 6', 'Transfer-Encoding: chunked'];
const PEEKED = { expect: ['reject', 'close', 'forward'], upstreamRequestsMax: 1 } as const;

/** Both ways of saying how long a body is, in one request: whoever believes the other one sees another next request. */
export const FRAMING_CONFLICT: readonly WireCase[] = [
  must('base-get', 'RFC 9112 3', 'The plainest request there is.', request('GET / HTTP/1.1'), FORWARDED),
  must('base-post-cl', 'RFC 9112 6.2', 'A counted body.', post(['Content-Length: 5'], 'hello'), {
    ...FORWARDED,
    upstreamBody: 'hello',
  }),
  must(
    'base-post-chunked',
    'RFC 9112 7.1',
    'A chunked body, chunked or counted again.',
    chunked('5\r\nhello\r\n0\r\n\r\n'),
    {
      ...FORWARDED,
      upstreamBody: 'hello',
    },
  ),
  must('base-post-nobody', 'RFC 9112 6.3', 'No length said is no body: nothing to wait for.', post([]), FORWARDED),

  must(
    'clte-smuggled-get',
    'RFC 9112 6.1',
    'The count covers a second request that follows the last chunk: two readers, two messages.',
    post(['Content-Length: 45', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`),
    { ...PEEKED, upstreamMustNotSee: '/smuggled', closeRequired: true },
  ),
  must(
    'tecl-basic',
    'RFC 9112 6.3',
    'A target that believed the count of 4 would take the inside of the chunk for a request.',
    post(
      ['Transfer-Encoding: chunked', 'Content-Length: 4'],
      '36\r\nSMUG / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nx=\r\n0\r\n\r\n',
    ),
    { ...PEEKED, upstreamMustNotSee: 'Content-Length: 4', closeRequired: true },
  ),
  must('clte-basic', 'RFC 9112 6.1', 'The byte after the last chunk is inside the count.', post(BOTH, '0\r\n\r\nG'), {
    ...PEEKED,
    upstreamMustNotSee: 'Content-Length: 6',
    closeRequired: true,
  }),
  must(
    'clte-equal',
    'RFC 9112 6.1',
    'Both end at the same byte; it is two lengths all the same, and the next hop may count otherwise.',
    post(['Content-Length: 15', 'Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
    { ...PEEKED, upstreamMustNotSee: 'Content-Length: 15', closeRequired: true },
  ),
  must(
    'clte-cl-zero',
    'RFC 9112 6.1',
    'A count of nothing in front of chunks: the chunks would be the next request.',
    post(['Content-Length: 0', 'Transfer-Encoding: chunked'], `28\r\n${SMUGGLED}\r\n0\r\n\r\n`),
    { ...PEEKED, upstreamMustNotSee: 'Content-Length: 0', closeRequired: true },
  ),
  must(
    'clte-lower-case',
    'RFC 9110 5.1',
    'Field names have no case.',
    post(['content-length: 6', 'transfer-encoding: CHUNKED'], '0\r\n\r\nG'),
    {
      ...PEEKED,
      upstreamMustNotSee: /content-length: *6/i,
      closeRequired: true,
    },
  ),
  must(
    'clte-get',
    'RFC 9112 6.1',
    'A method without a usual body changes nothing.',
    request('GET /p HTTP/1.1', BOTH, '0\r\n\r\nG'),
    {
      ...PEEKED,
      upstreamMustNotSee: 'Content-Length: 6',
      closeRequired: true,
    },
  ),
  must(
    'clte-dup-cl',
    'RFC 9112 6.3',
    'Two counts that differ are wrong whatever else is there.',
    post(['Content-Length: 6', 'Content-Length: 7', 'Transfer-Encoding: chunked'], '0\r\n\r\nG'),
    REFUSED,
  ),
  must(
    'clte-nominated-te',
    'RFC 9110 7.6.1',
    'Dropping a coding because Connection names it would leave the count alone in charge.',
    post([...BOTH, 'Connection: Transfer-Encoding'], '0\r\n\r\nG'),
    { ...PEEKED, upstreamMustNotSee: 'Content-Length: 6' },
  ),
  must(
    'clte-nominated-cl',
    'RFC 9110 7.6.1',
    'The same the other way round.',
    post([...BOTH, 'Connection: close, Content-Length'], '0\r\n\r\nG'),
    { ...PEEKED, upstreamMustNotSee: 'Content-Length: 6' },
  ),
  must(
    'clte-http10',
    'RFC 9112 6.1',
    'An HTTP/1.0 message has no transfer codings: whoever sent this is confused or hostile.',
    request('POST /p HTTP/1.0', ['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
    { ...PEEKED, closeRequired: true },
  ),
  must(
    'te-http10',
    'RFC 9112 6.1; CVE-2026-2835',
    'Asking for keep-alive does not make HTTP/1.0 know chunks: what follows is not a request.',
    request('POST /p HTTP/1.0', ['Transfer-Encoding: chunked', 'Connection: keep-alive'], `0\r\n\r\n${SMUGGLED}`),
    { ...PEEKED, upstreamMustNotSee: '/smuggled', closeRequired: true },
  ),
  must(
    'te-http10-close',
    'RFC 9112 6.1',
    'The same where the connection ends anyway.',
    request('POST /p HTTP/1.0', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
    { ...PEEKED, closeRequired: true },
  ),
  must(
    'clte-cl-nonnumeric',
    'RFC 9112 6.3',
    'A count that is none stays wrong next to a coding.',
    post(['Content-Length: 6x', 'Transfer-Encoding: chunked'], '0\r\n\r\nG'),
    REFUSED,
  ),
  must(
    'clte-cl-empty',
    'RFC 9112 6.3',
    'So does an empty one.',
    post(['Content-Length:', 'Transfer-Encoding: chunked'], '0\r\n\r\nG'),
    REFUSED,
  ),
  must(
    'clte-dup-host-order',
    'RFC 9112 6.1',
    'What the fields mean does not hang on their order.',
    'POST /p HTTP/1.1\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\nHost: a.test\r\n\r\n0\r\n\r\nG',
    { ...PEEKED, upstreamMustNotSee: 'Content-Length: 6' },
  ),
  must(
    'clte-far-apart',
    'RFC 9112 6.1',
    'Nor on how many fields lie between them.',
    post(
      ['Content-Length: 6', ...Array.from({ length: 60 }, (_, index) => `X-${index}: y`), 'Transfer-Encoding: chunked'],
      '0\r\n\r\nG',
    ),
    { ...PEEKED, upstreamMustNotSee: 'Content-Length: 6' },
  ),
  must(
    'clte-expect',
    'RFC 9112 6.1; RFC 9110 10.1.1',
    'Waiting for leave to send does not make two lengths one.',
    post([...BOTH, 'Expect: 100-continue'], '0\r\n\r\nG'),
    { ...PEEKED, upstreamMustNotSee: 'Content-Length: 6' },
  ),
  must(
    'clte-in-trailer',
    'RFC 9110 6.5.1',
    'A count among the trailers comes after the body that it would count.',
    chunked(`0\r\nContent-Length: 40\r\n\r\n${SMUGGLED}`),
    { expect: ['forward', 'reject', 'abort-upstream'], upstreamMustNotSee: 'Content-Length: 40' },
  ),
  should(
    'clte-underscore',
    'CVE-2026-52845',
    'An alias with an underscore is another field here and the same one to an application that maps names.',
    post(['Content_Length: 6', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
    { forwardedHow: 'without it', ...EITHER, upstreamMustNotSee: 'Content_Length' },
  ),
  must('base-get-twice', 'RFC 9112 9.3', 'Two requests, one connection.', get() + get(), {
    expect: ['forward'],
    upstreamRequests: 2,
  }),
];
