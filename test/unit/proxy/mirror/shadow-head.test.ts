/** The head of a copy: what is taken from that of its request, and what is added. */
import { expect, test } from 'vitest';

import { shadowHead } from '../../../../src/proxy/mirror/shadow-head.ts';

const NOTHING: ReadonlySet<string> = new Set();

test('is that of its request, and says that it is a copy', () => {
  const head = 'GET /a?b=c HTTP/1.1\r\nHost: shop.test\r\nCookie: a=b\r\n\r\n';
  expect(shadowHead(head, NOTHING)).toBe(
    'GET /a?b=c HTTP/1.1\r\nHost: shop.test\r\nCookie: a=b\r\nX-Shadow-Request: 1\r\n\r\n',
  );
});

test('goes without the fields that are withheld, however their names are written, and with all others', () => {
  const head = [
    'GET /cookie:1 HTTP/1.1',
    'Host: shop.test',
    'COOKIE: a=b',
    'X-Cookie: Cookie: c',
    'cookie: c=d',
    'Authorization: Basic x:y',
    'Accept: a',
  ];
  expect(shadowHead(`${head.join('\r\n')}\r\n\r\n`, new Set(['cookie', 'authorization']))).toBe(
    'GET /cookie:1 HTTP/1.1\r\nHost: shop.test\r\nX-Cookie: Cookie: c\r\nAccept: a\r\nX-Shadow-Request: 1\r\n\r\n',
  );
});

test('asks for no leave to send the body that is at hand', () => {
  const head = 'PUT / HTTP/1.1\r\nHost: a\r\nX-Note: Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n';
  expect(shadowHead(head, NOTHING)).toBe(
    'PUT / HTTP/1.1\r\nHost: a\r\nX-Note: Expect: 100-continue\r\nX-Shadow-Request: 1\r\n\r\n',
  );
});

test('is marked once, where another proxy has marked its request', () => {
  const head = 'GET / HTTP/1.1\r\nHost: a\r\nX-Shadow-Request: 1\r\nAccept: b\r\n\r\n';
  expect(shadowHead(head, NOTHING)).toBe(head);
});
