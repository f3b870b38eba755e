/**
 * A connection may end after any byte. Wherever the target's does, the client must not take a part of its answer for
 * the whole; wherever the client's does, the target must not take a part of its request for the whole.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OpenProxy, openPlainProxy } from '../helpers/open-proxy.ts';
import { BrokenAnswer, HttpClient } from '../helpers/http-client.ts';
import { RawBackend } from '../helpers/raw-backend.ts';
import { rawExchange } from '../helpers/raw-client.ts';

const LANES = 12;
const PLAIN = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

interface Lane {
  readonly target: RawBackend;
  readonly proxy: OpenProxy;
  readonly port: number;
}

/** Each with a proxy and a target of its own, one after the other for all tests. */
const lanes: Lane[] = [];

beforeAll(async () => {
  for (let count = 0; count < LANES; count += 1) {
    const target = await RawBackend.start('silence');
    const proxy = await openPlainProxy(target.url);
    lanes.push({ target, proxy, port: proxy.port });
  }
});

afterAll(async () => {
  for (const { proxy, target } of lanes) {
    await proxy.close();
    await target.close();
  }
});

/** Every `count` handed to one of the lanes. */
async function inLanes(count: number, act: (lane: Lane, index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    lanes.map(async (lane) => {
      for (let index = next++; index < count; index = next++) await act(lane, index);
    }),
  );
}

describe('an answer that ends after any of its bytes', () => {
  test.each([
    ['counted', 'HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 12\r\n\r\nhello, world', 'close'],
    ['counted', 'HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 12\r\n\r\nhello, world', 'reset'],
    [
      'in chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nhello, \r\n5\r\nworld\r\n0\r\nX-T: 1\r\n\r\n',
      'close',
    ],
    [
      'in chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nhello, \r\n5\r\nworld\r\n0\r\nX-T: 1\r\n\r\n',
      'reset',
    ],
    ['up to the end of the connection', 'HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nhello, world', 'reset'],
  ] as const)('%s, never looks whole: %#', async (_, whole, after) => {
    const wrong: string[] = [];
    await inLanes(whole.length, async ({ target, port }, length) => {
      target.rearm({ response: whole.slice(0, length), after });
      const client = await HttpClient.connect(port);
      const seen = await client.request().then(
        ({ status }) => status,
        (error: unknown) => (error instanceof BrokenAnswer ? 'broken' : String(error)),
      );
      client.close();
      // Before the head is whole it is a 502; from then on, visibly broken.
      const expected = length < whole.indexOf('\r\n\r\n') + 4 ? 502 : 'broken';
      if (seen !== expected) wrong.push(`after ${length} bytes: ${seen} instead of ${expected}`);
    });
    expect(wrong).toEqual([]);
  });
});

describe('a request that ends after any of its bytes', () => {
  test.each([
    ['counted', 'half-close', 'POST /p HTTP/1.1\r\nHost: a.test\r\nContent-Length: 12\r\n\r\nhello, world'],
    ['counted', 'reset', 'POST /p HTTP/1.1\r\nHost: a.test\r\nContent-Length: 12\r\n\r\nhello, world'],
    [
      'in chunks',
      'half-close',
      'PUT /p HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nhello, \r\n5\r\nworld\r\n0\r\nX-T: 1\r\n\r\n',
    ],
    [
      'in chunks',
      'reset',
      'PUT /p HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nhello, \r\n5\r\nworld\r\n0\r\nX-T: 1\r\n\r\n',
    ],
    ['without a body', 'half-close', 'GET /p?q HTTP/1.1\r\nHost: a.test\r\nX-A: b\r\n\r\n'],
  ] as const)('%s, by %s, never looks whole', async (_, ending, whole) => {
    const wrong: string[] = [];
    await inLanes(whole.length, async ({ target, port }, length) => {
      target.rearm({ response: PLAIN });
      const bytes = Buffer.from(whole.slice(0, length), 'latin1');
      const { received } = await rawExchange({ port, bytes, ending, waitMs: 3000, quietMs: 3000 });
      if (target.requests.length > 0) wrong.push(`after ${length} bytes: the target got a whole request`);
      if (target.problems.length > 0) wrong.push(`after ${length} bytes: ${target.problems.join()}`);
      if (/^HTTP\/1\.1 [235]/.test(received.toString()))
        wrong.push(`after ${length} bytes: ${received.toString().slice(0, 40)}`);
    });
    expect(wrong).toEqual([]);
  });
});
