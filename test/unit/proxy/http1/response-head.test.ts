import { describe, expect, it } from 'vitest';
import { ResponseHead } from '../../../../src/proxy/http1/response-head.ts';

const FIELDS_MAX = 16;

/** The head as `interpret` leaves it, or the code that it was refused with. */
function read(text: string, method = 'GET'): ResponseHead | string {
  const head = new ResponseHead(FIELDS_MAX);
  const bytes = Buffer.from(text, 'latin1');
  const result = head.read(bytes, 0, bytes.length);
  if (result !== 'done') return result;
  return head.interpret(method) ?? head;
}

function facts(text: string, method?: string) {
  const head = read(text, method);
  if (typeof head === 'string') return head;
  const { status, reason, minor, framing, contentLength, keepAlive, end } = head;
  return { status, reason, minor, framing, contentLength, keepAlive, end };
}

const answer = (status: string, ...lines: string[]): string => [`HTTP/1.1 ${status}`, ...lines, '', ''].join('\r\n');

describe('the status line', () => {
  it.each([
    ['200 OK', 200, 'OK'],
    ['200 ok', 200, 'ok'],
    ['200 NO', 200, 'NO'],
    ['200 ', 200, ''],
    ['200', 200, ''],
    ['404 Not Found', 404, 'Not Found'],
    ['404 OK', 404, 'OK'],
    ['200 D\xe9j\xe0 vu', 200, 'D\xe9j\xe0 vu'],
    ['200  two spaces ', 200, ' two spaces '],
    ['100 Continue', 100, 'Continue'],
    ['599 Last', 599, 'Last'],
  ])('%j is %i with the reason %j', (line, status, reason) => {
    expect(read(answer(line))).toMatchObject({ status, reason, minor: 1 });
  });

  it.each([
    'HTTP/1.1 099 Low',
    'HTTP/1.1 600 High',
    'HTTP/1.1 1000 Long',
    'HTTP/1.1 20 Short',
    'HTTP/1.1 2OO Letters',
    'HTTP/1.1 -20 Sign',
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.1 200\tOK',
    'HTTP/1.1 200 O\0K',
    'HTTP/1.1 200 O\x7fK',
    'HTTP/1.1 200 O\rK',
    'HTTP/1.2 200 OK',
    'HTTP/2.0 200 OK',
    'HTTP/11 200 OK',
    'http/1.1 200 OK',
    'ICY 200 OK',
    ' HTTP/1.1 200 OK',
    '\r\nHTTP/1.1 200 OK',
  ])('%j is refused', (line) => {
    expect(read(`${line}\r\n\r\n`)).toBe('upstream_malformed');
  });

  it('ends with CRLF and nothing else', () => {
    expect(read('HTTP/1.1 200 OK\n\n')).toBe('upstream_malformed');
    expect(read('HTTP/1.1 200 OK\r\r\n\r\n')).toBe('upstream_malformed');
  });

  it('is not waited for once it cannot become one', () => {
    expect(read('H')).toBe('more');
    expect(read('HTTP/1.1 200 O')).toBe('more');
    expect(read('HTTX')).toBe('upstream_malformed');
  });
});

describe('where the body ends', () => {
  const LENGTH = 'Content-Length: 5';
  const CHUNKED = 'Transfer-Encoding: chunked';

  it.each([
    ['by its length', answer('200 OK', LENGTH), 'GET', 'length', 5],
    ['at once, with a length of 0', answer('200 OK', 'Content-Length: 0'), 'GET', 'none', 0],
    ['with the last chunk', answer('200 OK', CHUNKED), 'GET', 'chunked', -1],
    ['with the connection', answer('200 OK'), 'GET', 'until-close', -1],
    ['at once, for HEAD', answer('200 OK', LENGTH), 'HEAD', 'none', 5],
    ['at once, for HEAD that would be chunked', answer('200 OK', CHUNKED), 'HEAD', 'none', -1],
    ['at once, for HEAD without a length', answer('200 OK'), 'HEAD', 'none', -1],
    ['at once, with 204', answer('204 No Content'), 'GET', 'none', -1],
    ['at once, with 304', answer('304 Not Modified', LENGTH), 'GET', 'none', 5],
    ['at once, with 1xx', answer('103 Early Hints'), 'GET', 'none', -1],
  ])('%s', (_, text, method, framing, contentLength) => {
    expect(facts(text, method)).toMatchObject({ framing, contentLength });
  });

  const unclear: [string, ...string[]][] = [
    ['two lengths', LENGTH, 'Content-Length: 6'],
    ['the same length twice', LENGTH, LENGTH],
    ['a list of lengths', 'Content-Length: 5, 5'],
    ['an empty length', 'Content-Length:'],
    ['a length with a sign', 'Content-Length: +5'],
    ['a length that is too large to count', 'Content-Length: 9999999999999999'],
    ['both', LENGTH, CHUNKED],
    ['chunked twice', CHUNKED, CHUNKED],
    ['another coding', 'Transfer-Encoding: gzip'],
    ['another coding before chunked', 'Transfer-Encoding: gzip, chunked'],
    ['an empty coding', 'Transfer-Encoding:'],
    ['a tab behind chunked', 'Transfer-Encoding: chunked\t'],
  ];
  it.each(unclear)('is not guessed: %s', (_, ...lines) => {
    expect(read(answer('200 OK', ...lines))).toBe('upstream_malformed');
  });

  it.each(unclear)('is not guessed where there is no body either: %s', (_, ...lines) => {
    expect(read(answer('200 OK', ...lines), 'HEAD')).toBe('upstream_malformed');
    expect(read(answer('204 No Content', ...lines))).toBe('upstream_malformed');
    expect(read(answer('304 Not Modified', ...lines))).toBe('upstream_malformed');
    expect(read(answer('103 Early Hints', ...lines))).toBe('upstream_malformed');
  });

  it('HTTP/1.0 has no chunks', () => {
    expect(read(`HTTP/1.0 200 OK\r\n${CHUNKED}\r\n\r\n`)).toBe('upstream_malformed');
  });
});

describe('whether the target keeps the connection', () => {
  it.each([
    ['HTTP/1.1', answer('200 OK'), true],
    ['HTTP/1.1 that says keep-alive', answer('200 OK', 'Connection: keep-alive'), true],
    ['HTTP/1.1 that closes', answer('200 OK', 'Connection: close'), false],
    ['"close" in a list', answer('200 OK', 'Connection: foo,\tCLOSE ,bar'), false],
    ['"close" in a second line', answer('200 OK', 'Connection: foo', 'connection: close'), false],
    ['a token that only looks like it', answer('200 OK', 'Connection: closed, not-close'), true],
    ['Proxy-Connection that closes', answer('200 OK', 'Proxy-Connection: foo, Close'), false],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\n', false],
    ['HTTP/1.0 that offers to', 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n', false],
    ['204 that says that a body follows', answer('204 No Content', 'Content-Length: 4'), false],
    ['204 that says that chunks follow', answer('204 No Content', 'Transfer-Encoding: chunked'), false],
    ['1xx that says that a body follows', answer('103 Early Hints', 'Content-Length: 4'), false],
    ['304 with the length of a 200', answer('304 Not Modified', 'Content-Length: 4'), true],
  ])('%s', (_, text, keepAlive) => {
    expect(facts(text)).toMatchObject({ keepAlive });
  });

  it.each([
    ['timeout=5', 5],
    ['timeout=5, max=100', 5],
    ['max=100, timeout=15', 15],
    ['timeout=', 0],
    ['max=100', 0],
    ['timeout=99999999999', 999_999],
  ])('for how long: Keep-Alive: %s is %i s', (value, idleHintSeconds) => {
    expect(read(answer('200 OK', `Keep-Alive: ${value}`))).toMatchObject({ idleHintSeconds });
  });
});

describe('one scanner for many answers', () => {
  it('keeps nothing of the answer before', () => {
    const head = new ResponseHead(FIELDS_MAX);
    const first = Buffer.from(answer('101 Switching', 'Connection: upgrade', 'Upgrade: x', 'Keep-Alive: timeout=9'));
    const second = Buffer.from('HTTP/1.0 404\r\n\r\n');
    head.read(first, 0, first.length);
    head.interpret('GET');
    expect(head).toMatchObject({ upgrade: 'x', connection: 'upgrade', idleHintSeconds: 9 });
    head.read(second, 0, second.length);
    head.interpret('GET');
    expect(head).toMatchObject({ status: 404, reason: '', minor: 0, upgrade: '', connection: '', idleHintSeconds: 0 });
    expect(head.fields.count).toBe(0);
  });

  it('reads a head in the middle of other bytes', () => {
    const head = new ResponseHead(FIELDS_MAX);
    const text = answer('200 OK', 'A: b');
    const bytes = Buffer.from(`xxxx${text}yyyy`);
    expect(head.read(bytes, 4, bytes.length)).toBe('done');
    expect(head.end).toBe(4 + text.length);
    expect([head.fields.name(0), head.fields.value(0)]).toEqual(['A', 'b']);
  });

  it('holds no more fields than it was made for', () => {
    const lines = Array.from({ length: FIELDS_MAX + 1 }, (_, i) => `X-${i}: 1`);
    expect(read(answer('200 OK', ...lines.slice(1)))).toMatchObject({ status: 200 });
    expect(read(answer('200 OK', ...lines))).toBe('upstream_head_too_large');
  });
});
