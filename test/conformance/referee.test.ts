/** The referee is refereed: what must not pass does not pass, and a proxy that does nothing fails. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { WireReader, type WireMessage } from '../helpers/wire-reader.ts';
import { ALL_CASES } from './catalogue.ts';
import { playCatalogue } from './play-catalogue.ts';
import type { ProxyUnderTest } from './wire-lane.ts';

describe('the strict reader', () => {
  test.each([
    ['a bare LF', 'GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n'],
    ['a bare CR', 'GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n'],
    ['a folded value', 'GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n'],
    ['blank space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n'],
    ['a line without a colon', 'GET / HTTP/1.1\r\nHost\r\n\r\n'],
    ['NUL', 'GET / HTTP/1.1\r\nHost: a\0\r\n\r\n'],
    ['two counts', 'POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx'],
    ['a count and a coding', 'POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['another coding', 'POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
    ['a signed count', 'POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx'],
    ['an extension', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a\r\nx\r\n0\r\n\r\n'],
    ['a chunk without its end', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n'],
    ['two blanks in a line', 'GET  / HTTP/1.1\r\n\r\n'],
    ['another version', 'GET / HTTP/1.2\r\n\r\n'],
  ])('refuses %s', (_, text) => {
    expect(read('request', text).problem).not.toBeNull();
  });

  test('finds the same messages wherever the bytes are cut', () => {
    const text =
      'POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n' +
      'PUT /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfghiGET /3 HTTP/1.1\r\nHost: a\r\n\r\n';
    for (let size = 1; size <= text.length; size += 1) {
      const { messages, problem } = read('request', text, size);
      expect(problem).toBeNull();
      expect(
        messages.map(({ startLine, body, trailers }) => [startLine.split(' ')[1], body.toString(), trailers.length]),
      ).toEqual([
        ['/1', 'abcde', 1],
        ['/2', 'fghi', 0],
        ['/3', '', 0],
      ]);
    }
  });

  function read(kind: 'request' | 'response', text: string, size = text.length) {
    const messages: WireMessage[] = [];
    const reader = new WireReader(kind, { message: (message) => messages.push(message) });
    for (let at = 0; at < text.length; at += size) reader.push(Buffer.from(text.slice(at, at + size), 'latin1'));
    return { messages, problem: reader.problem };
  }
});

describe('a relay that passes bytes on as they are', () => {
  const CAUGHT = [
    'te-space-before-colon',
    'te-nul',
    'cl-dup-diff',
    'cl-plus',
    'clte-smuggled-get',
    'chunk-ext-lf-smuggle',
    'chunk-trailer-auth',
    'hdr-bare-cr',
    'host-dup-diff',
    'host-abs-match',
    'line-connect',
    'fwd-te',
    'fwd-xff-spoof',
    'up-h2c',
    'up-101-unasked',
    'conn-close-pipelined',
    'resp-icy',
    'resp-cl-dup-diff',
    'resp-hop-by-hop',
    'resp-extra-after-cl',
  ];

  test('fails the cases that it should', async () => {
    const cases = CAUGHT.map((id) => ALL_CASES.find((wireCase) => wireCase.id === id));
    const plays = cases.flatMap((wireCase) => (wireCase === undefined ? [] : [{ wireCase, pieces: 'whole' as const }]));
    const verdicts = await playCatalogue(plays, { lanes: 5, openProxy: openRelay });
    const passed = plays.filter((_, index) => verdicts[index]?.violations.length === 0);
    expect(plays.length).toBe(CAUGHT.length);
    expect(passed.map(({ wireCase }) => wireCase.id)).toEqual([]);
  });

  async function openRelay(targetUrl: string): Promise<ProxyUnderTest> {
    const sockets = new Set<Socket>();
    const server = createServer((client) => {
      const target = connect(Number(new URL(targetUrl).port), '127.0.0.1');
      for (const socket of [client, target]) {
        sockets.add(socket.on('error', () => undefined));
        socket.on('close', () => [client, target].forEach((other) => other.destroy()));
      }
      client.pipe(target).pipe(client);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      port: (server.address() as AddressInfo).port,
      close: () => {
        for (const socket of sockets) socket.destroy();
        return new Promise((resolve) => server.close(() => resolve()));
      },
    };
  }
});
