import { describe, expect, it } from 'vitest';
import { hostOf, RequestHead } from '../../../../src/proxy/http1/request-head.ts';

const LIMITS = { requestLineBytesMax: 64, fieldsMax: 8 };

/** The head as `interpret` leaves it, or the code that it was refused with. */
function read(text: string): RequestHead | string {
  const head = new RequestHead(LIMITS);
  const bytes = Buffer.from(text, 'latin1');
  const result = head.read(bytes, 0, bytes.length);
  if (result !== 'done') return result;
  return head.interpret() ?? head;
}

const line = (text: string, ...lines: string[]): string => [text, 'Host: a.test', ...lines, '', ''].join('\r\n');
const get = (...lines: string[]): string => line('GET /p HTTP/1.1', ...lines);
const post = (...lines: string[]): string => line('POST /p HTTP/1.1', ...lines);

describe('the request line', () => {
  it.each([
    ['GET / HTTP/1.1', 'GET', '/'],
    ['GET /a/b;c=d?e=f&g HTTP/1.1', 'GET', '/a/b;c=d?e=f&g'],
    ['M-SEARCH /x HTTP/1.1', 'M-SEARCH', '/x'],
    ['QUERY /x HTTP/1.1', 'QUERY', '/x'],
    ['OPTIONS * HTTP/1.1', 'OPTIONS', '*'],
    ['GET //evil.test/x HTTP/1.1', 'GET', '//evil.test/x'],
    ['GET /?a="<>[]{}|^` HTTP/1.1', 'GET', '/?a="<>[]{}|^`'],
  ])('%j', (text, method, target) => {
    expect(read(line(text))).toMatchObject({ method, target, minor: 1, authority: 'a.test', host: 'a.test' });
  });

  it.each([
    ['GET http://b.test/x?y HTTP/1.1', '/x?y', 'b.test', 'b.test'],
    ['GET HTTP://B.test:81/x HTTP/1.1', '/x', 'B.test:81', 'b.test'],
    ['GET https://b.test HTTP/1.1', '/', 'b.test', 'b.test'],
    ['GET http://b.test?y=/ HTTP/1.1', '/?y=/', 'b.test', 'b.test'],
    ['GET http://[::1]:80/ HTTP/1.1', '/', '[::1]:80', '[::1]'],
    ['OPTIONS http://b.test HTTP/1.1', '*', 'b.test', 'b.test'],
    ['OPTIONS http://b.test/ HTTP/1.1', '/', 'b.test', 'b.test'],
  ])('%j is for the host that it names itself', (text, target, authority, host) => {
    expect(read(line(text))).toMatchObject({ target, authority, host });
  });

  it.each([
    ['two spaces before the target', 'GET  / HTTP/1.1', 'malformed_request'],
    ['two spaces behind it', 'GET /  HTTP/1.1', 'malformed_request'],
    ['a tab', 'GET\t/ HTTP/1.1', 'malformed_request'],
    ['a space in front', ' GET / HTTP/1.1', 'malformed_request'],
    ['a space at the end', 'GET / HTTP/1.1 ', 'malformed_request'],
    ['no target', 'GET HTTP/1.1', 'malformed_request'],
    ['no version', 'GET /', 'malformed_request'],
    ['no method', '/ HTTP/1.1', 'malformed_request'],
    ['a method that is no token', 'G(T / HTTP/1.1', 'malformed_request'],
    ['an unknown method', 'GETT / HTTP/1.1', 'unknown_method'],
    ['a method in lower case', 'get / HTTP/1.1', 'unknown_method'],
    ['a long method', `${'G'.repeat(33)} / HTTP/1.1`, 'unknown_method'],
    ['a method of RTSP', 'DESCRIBE / HTTP/1.1', 'unknown_method'],
    ['CONNECT', 'CONNECT a.test:443 HTTP/1.1', 'method_not_allowed'],
    ['TRACE', 'TRACE / HTTP/1.1', 'method_not_allowed'],
    ['* for another method', 'GET * HTTP/1.1', 'malformed_request'],
    ['** for OPTIONS', 'OPTIONS ** HTTP/1.1', 'malformed_request'],
    ['a relative target', 'GET p HTTP/1.1', 'malformed_request'],
    ['an authority', 'GET a.test:80 HTTP/1.1', 'malformed_request'],
    ['another scheme', 'GET ftp://a.test/ HTTP/1.1', 'malformed_request'],
    ['no host behind the scheme', 'GET http:///x HTTP/1.1', 'malformed_request'],
    ['a userinfo', 'GET http://a.test@b.test/ HTTP/1.1', 'malformed_request'],
    ['a bad host in the target', 'GET http://a_b%20/ HTTP/1.1', 'bad_host'],
    ['a fragment', 'GET /a#b HTTP/1.1', 'malformed_request'],
    ['a backslash', 'GET /a\\b HTTP/1.1', 'malformed_request'],
    ['NUL', 'GET /a\0b HTTP/1.1', 'malformed_request'],
    ['DEL', 'GET /a\x7f HTTP/1.1', 'malformed_request'],
    ['bytes above ASCII', 'GET /\xe9 HTTP/1.1', 'malformed_request'],
    ['HTTP/2.0', 'GET / HTTP/2.0', 'unsupported_version'],
    ['HTTP/0.9', 'GET / HTTP/0.9', 'unsupported_version'],
    ['HTTP/1.2', 'GET / HTTP/1.2', 'unsupported_version'],
    ['HTTP/1.10', 'GET / HTTP/1.10', 'malformed_request'],
    ['HTTP/01.1', 'GET / HTTP/01.1', 'malformed_request'],
    ['http/1.1', 'GET / http/1.1', 'malformed_request'],
    ['ICE', 'SOURCE / ICE/1.0', 'malformed_request'],
  ])('is refused: %s', (_, text, code) => {
    expect(read(line(text))).toBe(code);
  });

  it('ends with CRLF', () => {
    expect(read('GET / HTTP/1.1\nHost: a.test\n\n')).toBe('malformed_request');
    expect(read('GET / HTTP/1.1\rHost: a.test\r\n\r\n')).toBe('malformed_request');
  });

  it('has two empty lines in front of it at most', () => {
    expect(read(`\r\n\r\n${get()}`)).toMatchObject({ target: '/p' });
    expect(read(`\r\n\r\n\r\n${get()}`)).toBe('malformed_request');
    expect(read(`\n${get()}`)).toBe('malformed_request');
    expect(read(`\r${get()}`)).toBe('malformed_request');
  });

  it('is not longer than the limit, and not waited for above it', () => {
    const target = `/${'a'.repeat(LIMITS.requestLineBytesMax)}`;
    expect(read(line(`GET ${target} HTTP/1.1`))).toBe('target_too_long');
    expect(read(`GET ${target}`)).toBe('target_too_long');
  });

  it.each(['', 'G', 'GET', 'GET ', 'GET /p', 'GET /p ', 'GET /p HTTP/1.', 'GET /p HTTP/1.1\r', '\r', '\r\n'])(
    '%j is waited for',
    (text) => {
      expect(read(text)).toBe('more');
    },
  );
});

describe('the path', () => {
  it.each(['/a', '/a.b', '/.well-known/x', '/...', '/a?../%2f', '/%41', '/a/..b', '/a;b'])('%s is clear', (path) => {
    expect(read(line(`GET ${path} HTTP/1.1`))).toMatchObject({ ambiguousPath: false });
  });

  it.each(['/a/../b', '/..', '/./a', '/a/.', '/a/..;x/b', '/a%2Fb', '/a%2fb', '/%2e%2e/b', '/a%5c', '/%00', '/../?q'])(
    '%s is not',
    (path) => {
      expect(read(line(`GET ${path} HTTP/1.1`))).toMatchObject({ ambiguousPath: true });
    },
  );

  it('ends where the query begins', () => {
    expect(read(line('GET /a?b?c HTTP/1.1'))).toMatchObject({ pathEnd: 2 });
    expect(read(line('GET /a HTTP/1.1'))).toMatchObject({ pathEnd: 2 });
  });
});

describe('the host', () => {
  it('is there once', () => {
    expect(read('GET / HTTP/1.1\r\n\r\n')).toBe('bad_host');
    expect(read(get('Host: a.test'))).toBe('bad_host');
    expect(read(get('hOST: b.test'))).toBe('bad_host');
    expect(read(line('GET http://b.test/ HTTP/1.1', 'Host: b.test'))).toBe('bad_host');
  });

  it('may be missing with HTTP/1.0', () => {
    expect(read('GET / HTTP/1.0\r\n\r\n')).toMatchObject({ host: '', authority: '' });
  });

  it('is not empty, whether or not another request came before', () => {
    const head = new RequestHead(LIMITS);
    for (const text of ['GET / HTTP/1.1\r\nHost:\r\n\r\n', get(), 'GET / HTTP/1.0\r\nHost: \r\n\r\n']) {
      const bytes = Buffer.from(text);
      expect(head.read(bytes, 0, bytes.length)).toBe('done');
      expect(head.interpret()).toBe(text === get() ? null : 'bad_host');
    }
  });

  it('has to be valid even where the target counts', () => {
    expect(read('GET http://b.test/ HTTP/1.1\r\nHost: a b\r\n\r\n')).toBe('bad_host');
  });
});

describe('where the body ends', () => {
  it.each([
    ['at the head', get(), 'none', 0],
    ['with its length', post('Content-Length: 5'), 'length', 5],
    ['with its length, zeros in front', post('Content-Length: 0005'), 'length', 5],
    ['with its length of 0', post('Content-Length: 0'), 'none', 0],
    ['with the last chunk', post('Transfer-Encoding: chunked'), 'chunked', 0],
    ['with the last chunk, in any case', post('transfer-encoding:\tCHUNKED'), 'chunked', 0],
    ['with the body of a GET', get('Content-Length: 5'), 'length', 5],
  ])('%s', (_, text, framing, contentLength) => {
    expect(read(text)).toMatchObject({ framing, contentLength });
  });

  it.each([
    ['two lengths', ['Content-Length: 5', 'Content-Length: 6'], 'ambiguous_length'],
    ['the same length twice', ['Content-Length: 5', 'Content-Length: 5'], 'ambiguous_length'],
    ['a list of lengths', ['Content-Length: 5, 5'], 'ambiguous_length'],
    ['no length', ['Content-Length:'], 'ambiguous_length'],
    ['a sign', ['Content-Length: +5'], 'ambiguous_length'],
    ['a hexadecimal length', ['Content-Length: 0x5'], 'ambiguous_length'],
    ['blank space in a length', ['Content-Length: 1 0'], 'ambiguous_length'],
    ['a length that is too large to count', ['Content-Length: 1000000000000000'], 'ambiguous_length'],
    ['both', ['Content-Length: 5', 'Transfer-Encoding: chunked'], 'ambiguous_length'],
    ['both, the other way round', ['Transfer-Encoding: chunked', 'Content-Length: 5'], 'ambiguous_length'],
    ['chunked twice', ['Transfer-Encoding: chunked, chunked'], 'ambiguous_length'],
    ['chunked in two lines', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], 'ambiguous_length'],
    ['identity', ['Transfer-Encoding: identity'], 'ambiguous_length'],
    ['no coding', ['Transfer-Encoding:'], 'ambiguous_length'],
    ['a comma behind chunked', ['Transfer-Encoding: chunked,'], 'ambiguous_length'],
    ['a tab behind chunked', ['Transfer-Encoding: chunked\t'], 'ambiguous_length'],
    ['a space behind chunked', ['Transfer-Encoding: chunked '], 'ambiguous_length'],
    ['a quoted coding', ['Transfer-Encoding: "chunked"'], 'ambiguous_length'],
    ['another coding', ['Transfer-Encoding: gzip'], 'unknown_coding'],
    ['another coding before chunked', ['Transfer-Encoding: gzip, chunked'], 'unknown_coding'],
  ])('is not guessed: %s', (_, lines, code) => {
    expect(read(post(...lines))).toBe(code);
  });

  it('HTTP/1.0 has no chunks', () => {
    expect(read(line('POST / HTTP/1.0', 'Transfer-Encoding: chunked'))).toBe('ambiguous_length');
  });
});

describe('whether the client keeps the connection', () => {
  it.each([
    ['HTTP/1.1', get(), true],
    ['HTTP/1.1 that closes', get('Connection: close'), false],
    ['"close" in any case, in a list', get('Connection: foo , CLOSE\t,bar'), false],
    ['"close" in a second line', get('Connection: foo', 'Connection: close'), false],
    ['a token that only looks like it', get('Connection: closed,notclose,x-close'), true],
    ['both, with HTTP/1.1', get('Connection: keep-alive, close'), false],
    ['HTTP/1.0', line('GET / HTTP/1.0'), false],
    ['HTTP/1.0 that asks to', line('GET / HTTP/1.0', 'Connection: Keep-Alive'), true],
    ['both, with HTTP/1.0', line('GET / HTTP/1.0', 'Connection: close, keep-alive'), false],
    ['both, with HTTP/1.0, in two lines', line('GET / HTTP/1.0', 'Connection: keep-alive', 'Connection: close'), false],
    ['Proxy-Connection that closes', get('Proxy-Connection: Close'), false],
    [
      'Proxy-Connection that closes, and Connection',
      get('Connection: keep-alive', 'Proxy-Connection: x, close'),
      false,
    ],
    ['Proxy-Connection that does not', get('Proxy-Connection: keep-alive'), true],
    ['Proxy-Connection that asks to, with HTTP/1.0', line('GET / HTTP/1.0', 'Proxy-Connection: keep-alive'), false],
  ])('%s', (_, text, keepAlive) => {
    expect(read(text)).toMatchObject({ keepAlive });
  });
});

describe('what is asked for', () => {
  const WS = ['Connection: keep-alive, Upgrade', 'Upgrade: WebSocket'];

  it.each([
    ['an upgrade', get(...WS), 'websocket'],
    ['Upgrade that is not nominated', get('Upgrade: websocket'), ''],
    ['nomination without Upgrade', get('Connection: upgrade'), ''],
    ['a list is not a choice', get(...WS, 'Upgrade: h2c'), ''],
    ['an upgrade with a body', get(...WS, 'Content-Length: 1'), ''],
    ['an upgrade of a POST', post(...WS), ''],
    ['an upgrade of HTTP/1.0', line('GET / HTTP/1.0', ...WS), ''],
  ])('%s', (_, text, upgrade) => {
    expect(read(text)).toMatchObject({ upgrade });
  });

  it.each([
    ['100-continue', post('Expect: 100-Continue', 'Content-Length: 1'), true],
    ['nothing', post('Content-Length: 1'), false],
    ['100-continue of HTTP/1.0', line('POST / HTTP/1.0', 'Expect: 100-continue'), false],
  ])('an expectation: %s', (_, text, expectsContinue) => {
    expect(read(text)).toMatchObject({ expectsContinue });
  });

  it.each(['200-ok', '100-continue, 200-ok', '', '100-continue;q=1'])('an expectation that fails: %j', (value) => {
    expect(read(post(`Expect: ${value}`))).toBe('expectation_failed');
  });

  it.each([
    ['trailers', true],
    ['gzip;q=0.5, Trailers', true],
    ['trailers;q=0.5', false],
    ['', false],
  ])('trailers: TE: %s', (value, takesTrailers) => {
    expect(read(get(`TE: ${value}`))).toMatchObject({ takesTrailers });
  });
});

describe('one scanner for many requests', () => {
  it('keeps nothing of the request before', () => {
    const head = new RequestHead(LIMITS);
    const first = Buffer.from(
      line(
        'GET http://b.test/../?x HTTP/1.1',
        'Connection: upgrade, TE, close',
        'Upgrade: websocket',
        'TE: trailers',
        'Proxy-Connection: close',
        'Expect: 100-continue',
      ),
    );
    head.read(first, 0, first.length);
    expect(head.interpret()).toBeNull();
    expect(head).toMatchObject({ upgrade: 'websocket', takesTrailers: true, keepAlive: false, ambiguousPath: true });
    const second = Buffer.from(line('HEAD /y HTTP/1.1', 'Content-Length: 5'));
    head.read(second, 0, second.length);
    expect(head.interpret()).toBeNull();
    expect(head).toMatchObject({
      method: 'HEAD',
      target: '/y',
      authority: 'a.test',
      upgrade: '',
      connection: '',
      takesTrailers: false,
      expectsContinue: false,
      keepAlive: true,
      ambiguousPath: false,
      framing: 'length',
      contentLength: 5,
    });
  });

  it('reads a head in the middle of other bytes', () => {
    const head = new RequestHead(LIMITS);
    const text = get('A: b');
    const bytes = Buffer.from(`body${text}${get()}`);
    expect(head.read(bytes, 4, bytes.length)).toBe('done');
    expect(head.end).toBe(4 + text.length);
    expect([head.fields.name(1), head.fields.value(1)]).toEqual(['A', 'b']);
  });

  it('holds no more fields than the limit', () => {
    const lines = Array.from({ length: LIMITS.fieldsMax }, (_, i) => `X-${i}: 1`);
    expect(read(get(...lines.slice(1)))).toMatchObject({ target: '/p' });
    expect(read(get(...lines))).toBe('head_too_large');
  });
});

describe('hostOf', () => {
  it.each([
    ['a.test', 'a.test'],
    ['A.Test', 'a.test'],
    ['a.test.', 'a.test'],
    ['a.test:80', 'a.test'],
    ['a.test:65535', 'a.test'],
    ['a.test.:80', 'a.test'],
    ['127.0.0.1:8080', '127.0.0.1'],
    ['my_host~1-x', 'my_host~1-x'],
    ['[::1]', '[::1]'],
    ['[2001:DB8::1]:80', '[2001:db8::1]'],
    ['.', '.'],
  ])('%s is %s', (authority, host) => {
    expect(hostOf(authority)).toBe(host);
  });

  it.each([
    '',
    ':80',
    'a.test:',
    'a.test:65536',
    'a.test:123456',
    'a.test:+80',
    'a.test:8o',
    'a.test:80:80',
    'a test',
    ' a.test',
    'a.test ',
    'a.test/',
    'a.test?',
    'a.test#',
    'a.test\\',
    'user@a.test',
    'a,b',
    'a%2etest',
    'a\0',
    '\xe9.test',
    '[::1',
    '::1]',
    '::1',
    '[]',
    '[::1]x',
    '[::1]:',
    '[::1]:65536',
    '[::1%25eth0]',
    '[a.test]',
  ])('%j is none', (authority) => {
    expect(hostOf(authority)).toBeNull();
  });
});
