/**
 * Inputs, made small, in which something was found, in this proxy or in one that was broken on purpose: the first that
 * are tried, each as it was when it was found.
 */
import type { FuzzCase, RequestCase, ResponseCase } from './fuzz-case.ts';

export const FOUND: readonly FuzzCase[] = [
  // Coding with a tab behind it: chunked for us, something else for llhttp.
  request('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n'),

  // Chunk extensions that have no grammar.
  chunked('5;\r\nhello\r\n0\r\n\r\n'),
  chunked('5;a= b\r\nhello\r\n0\r\n\r\n'),
  chunked('5;a="\r\nhello\r\n0\r\n\r\n'),
  chunked('5;a=b"\r\nhello\r\n0\r\n\r\n'),
  chunked('5;\xe9\r\nhello\r\n0\r\n\r\n'),

  // Trailers that llhttp takes for fields of the head.
  chunked('0\r\nContent-Length: 7\r\n\r\n'),
  chunked('0\r\nTransfer-Encoding: chunked\r\n\r\n'),
  chunked('0\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'),
  chunked('0\r\nProxy-Connection: close\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'),

  // The last request of its connection, for some.
  request('GET / HTTP/1.1\r\nProxy-Connection: close\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'),
  request('GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n'),

  // A host that is none, in the first request of a listener.
  request('GET / HTTP/1.1\r\nHost:\r\n\r\n'),

  // A HEAD that is refused, and has no body in its answer all the same.
  request('HEAD / HTTP/1.1\r\n\r\n'),
  request('HEAD / HTTP/1.1\r\nHost : a\r\n\r\n'),
  { ...request('\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n'), pieces: 1 },

  // A reason phrase that was replaced by another.
  response('HTTP/1.1 200 no\r\n\r\n'),

  // Framing that was not looked at where there is no body.
  response('HTTP/1.1 200 OK\r\nTransfer-Encoding: \r\n\r\n', { method: 'HEAD' }),
  response('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n', { method: 'HEAD' }),
  response('HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n'),
  response('HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n'),

  // Interim responses behind which nothing can follow.
  response('HTTP/1.0 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'),
  response('HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'),

  // A switch of protocols that only names the protocol.
  response('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n', { upgrade: 'websocket' }),

  // Connections to a target that must not be used again, though it leaves them open.
  response('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok', { ends: false }),
  response('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more', { ends: false }),
  response('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nmore', { ends: false }),
  response('HTTP/1.1 204 No Content\r\n\r\nmore', { ends: false }),
  { ...request('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf'), answers: 'at the head' },

  // A chunk with something else than CR behind its data.
  chunked('5\r\nhello\v\n0\r\n\r\n'),
];

function request(text: string): RequestCase {
  return { kind: 'request', text, pieces: 'whole', answers: 'at once' };
}

function chunked(body: string): RequestCase {
  return request(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
}

function response(text: string, more: Partial<ResponseCase> = {}): ResponseCase {
  return { kind: 'response', text, pieces: 'whole', method: 'GET', upgrade: '', ends: true, ...more };
}
