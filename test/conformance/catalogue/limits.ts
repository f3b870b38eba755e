import {
  EITHER,
  FORWARDED,
  REJECTED,
  SMUGGLED,
  get,
  must,
  policy,
  post,
  request,
  should,
  type WireCase,
} from '../wire-case.ts';

const TOO_LARGE = 'RFC 6585 5';
const HIDDEN = 'CVE-2026-58044';

/** Nothing is endless: what is beyond a limit is answered and closed, and never half read. */
export const LIMITS: readonly WireCase[] = [
  policy('limit-one-header-100k', TOO_LARGE, 'One field as long as a book.', get(`X-A: ${'a'.repeat(100_000)}`), {
    ...REJECTED,
    status: 431,
  }),
  policy(
    'limit-one-header-20k',
    TOO_LARGE,
    'One long field within the limit of the head.',
    get(`X-A: ${'a'.repeat(20_000)}`),
    { expect: ['forward', 'reject'] },
  ),
  policy('limit-cookie-8k', TOO_LARGE, 'As long as cookies get.', get(`Cookie: ${'a'.repeat(8000)}`), FORWARDED),
  policy(
    'limit-headers-5000',
    TOO_LARGE,
    'Five thousand fields.',
    request(
      'GET /l HTTP/1.1',
      Array.from({ length: 5000 }, () => 'a: b'),
    ),
    { ...REJECTED, status: 431 },
  ),
  policy(
    'limit-headers-200',
    TOO_LARGE,
    'A few more than anyone needs.',
    request(
      'GET /l HTTP/1.1',
      Array.from({ length: 200 }, () => 'a: b'),
    ),
    { ...REJECTED, status: 431 },
  ),
  policy(
    'limit-headers-100',
    TOO_LARGE,
    'A hundred fields are a busy browser.',
    request(
      'GET /l HTTP/1.1',
      Array.from({ length: 100 }, (_, index) => `x-${index}: b`),
    ),
    FORWARDED,
  ),
  policy('limit-name-40k', TOO_LARGE, 'An endless name.', get(`${'a'.repeat(40_000)}: b`), {
    ...REJECTED,
    status: 431,
  }),
  policy('limit-no-colon-40k', TOO_LARGE, 'A line that never gets to its colon.', get('a'.repeat(40_000)), REJECTED),
  policy(
    'limit-head-unfinished',
    TOO_LARGE,
    'A head that never ends is refused at its limit, not at its end.',
    `GET /l HTTP/1.1\r\nHost: a.test\r\n${'a: b\r\n'.repeat(20_000)}`,
    { ...REJECTED, status: 431 },
  ),
  policy('limit-line-unfinished', 'RFC 9110 15.5.15', 'So is a line.', `GET /${'a'.repeat(100_000)}`, {
    ...REJECTED,
    status: 414,
  }),
  policy(
    'limit-body-413-cl',
    'RFC 9110 15.5.14',
    'A body of 93 GiB, announced: refused where there is a limit, waited for where there is none.',
    post(['Content-Length: 99999999999']),
    { expect: ['reject', 'hang', 'abort-upstream'], upstreamRequests: 0 },
  ),
  ...['GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST'].map((method) =>
    must(
      `headers-2001-cl-${method.toLowerCase()}`,
      HIDDEN,
      'A count behind more fields than a parser keeps: honoured by it, unseen by who asks it.',
      request(`${method} /d HTTP/1.1`, [...Array.from({ length: 2001 }, () => 'a: b'), 'Content-Length: 40'], SMUGGLED),
      EITHER,
    ),
  ),
  ...['GET', 'DELETE'].map((method) =>
    must(
      `headers-2001-te-${method.toLowerCase()}`,
      HIDDEN,
      'A coding behind them.',
      request(
        `${method} /d HTTP/1.1`,
        [...Array.from({ length: 2001 }, () => 'a: b'), 'Transfer-Encoding: chunked'],
        `28\r\n${SMUGGLED}\r\n0\r\n\r\n`,
      ),
      EITHER,
    ),
  ),
  must(
    'headers-1001-cl',
    HIDDEN,
    'Fewer of them.',
    request('POST /d HTTP/1.1', [...Array.from({ length: 1001 }, () => 'a: b'), 'Content-Length: 40'], SMUGGLED),
    EITHER,
  ),
  must(
    'headers-2001-host',
    HIDDEN,
    'A second Host behind them.',
    request('GET /d HTTP/1.1', [...Array.from({ length: 2001 }, () => 'a: b'), 'Host: evil.test']),
    REJECTED,
  ),
  must(
    'headers-2001-connection',
    HIDDEN,
    'A Connection behind them.',
    request('GET /d HTTP/1.1', ['X-Foo: bar', ...Array.from({ length: 2001 }, () => 'a: b'), 'Connection: X-Foo']),
    { ...EITHER, upstreamMustNotSee: /X-Foo/i },
  ),
  should(
    'limit-pipelined-200',
    'RFC 9112 9.3.2',
    'Two hundred requests at once are answered one after the other.',
    get().repeat(200),
    { expect: ['forward'], upstreamRequests: 200 },
  ),
];
