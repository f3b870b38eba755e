/**
 * A connection to a target carries one exchange after the other, of any clients. What one of them leaves behind must not
 * change how the next is read: each kind of answer is read behind each other kind, on the same connection.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openProxy } from '../helpers/open-proxy.ts';
import { RawBackend } from '../helpers/raw-backend.ts';
import { rawExchange } from '../helpers/raw-client.ts';

interface Kind {
  readonly name: string;
  readonly method: string;
  readonly fields?: string;
  readonly answer: string;
  /** What the client hears of it at the end. */
  readonly heard: RegExp;
  /** Nothing can follow on its connection. */
  readonly isLast?: true;
}

const KINDS: readonly Kind[] = [
  {
    name: 'a length',
    method: 'GET',
    answer: 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nlength',
    heard: /\r\n\r\nlength$/,
  },
  {
    name: 'chunks',
    method: 'GET',
    answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nchunks\r\n0\r\nX-End: yes\r\n\r\n',
    heard: /\r\n\r\n6\r\nchunks\r\n0\r\nX-End: yes\r\n\r\n$/,
  },
  {
    name: 'a length of nothing',
    method: 'GET',
    answer: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    heard: /Content-Length: 0\r\n(?:[^\r\n]+\r\n)*\r\n$/,
  },
  {
    name: 'no body to a HEAD',
    method: 'HEAD',
    answer: 'HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n',
    heard: /Content-Length: 60\r\n(?:[^\r\n]+\r\n)*\r\n$/,
  },
  {
    name: 'a 204',
    method: 'GET',
    answer: 'HTTP/1.1 204 No Content\r\n\r\n',
    heard: / 204 No Content\r\n(?:[^\r\n]+\r\n)*\r\n$/,
  },
  {
    name: 'a 304',
    method: 'GET',
    answer: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 60\r\n\r\n',
    heard: / 304 Not Modified\r\n(?:[^\r\n]+\r\n)*\r\n$/,
  },
  {
    name: 'interim answers',
    method: 'GET',
    answer: `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(8)}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nafter`,
    heard: /103 Early Hints\r\n\r\nHTTP\/1\.1 200 OK[^]*\r\n\r\nafter$/,
  },
  {
    name: 'a body until the end',
    method: 'GET',
    answer: 'HTTP/1.1 200 OK\r\n\r\nuntil the end',
    heard: /\r\n\r\nd\r\nuntil the end\r\n0\r\n\r\n$/,
    isLast: true,
  },
  {
    name: 'a tunnel',
    method: 'GET',
    fields: 'Connection: Upgrade\r\nUpgrade: websocket\r\n',
    answer: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nin the tunnel',
    heard: /Upgrade: websocket\r\n\r\nin the tunnel, and later$/,
    isLast: true,
  },
];

const FIRSTS = KINDS.filter(({ isLast }) => isLast !== true);
const PAIRS = FIRSTS.flatMap((first) => KINDS.map((second) => ({ first, second, host: hostOf(first, second) })));

/** Each pair has a target of its own, so that nobody else's connection is taken. */
const targets = new Map<string, RawBackend>();
let proxy: Awaited<ReturnType<typeof openProxy>>;

beforeAll(async () => {
  for (const { first, second, host } of PAIRS) targets.set(host, await startTarget(first, second));
  proxy = await openProxy({
    listeners: { web: { listen: '127.0.0.1:0' } },
    admin: { listen: '127.0.0.1:0' },
    state: { path: 'memory' },
    workers: 0,
    services: Object.fromEntries([...targets].map(([host, target]) => [host, serviceOf(host, target)])),
  });
});

afterAll(async () => {
  await proxy.close();
  await Promise.all([...targets.values()].map((target) => target.close()));
});

describe.each(FIRSTS)('on a connection to the target that has carried $name', (first) => {
  test.each(KINDS)('$name is read as on a new one', async (second) => {
    const host = hostOf(first, second);
    const { received, closed } = await rawExchange({
      port: proxy.port,
      bytes: Buffer.from(
        `${first.method} /first HTTP/1.1\r\nHost: ${host}\r\n\r\n` +
          `${second.method} /second HTTP/1.1\r\nHost: ${host}\r\n${second.fields ?? 'Connection: close\r\n'}\r\n`,
      ),
      quietMs: 1000,
    });
    expect(received.toString('latin1')).toMatch(second.heard);
    expect(closed).toBe('fin');
    expect(targets.get(host)?.connectionsTotal).toBe(1);
    expect(targets.get(host)?.problems).toEqual([]);
  });
});

function hostOf(first: Kind, second: Kind): string {
  return `${KINDS.indexOf(first)}-${KINDS.indexOf(second)}.test`;
}

function startTarget(first: Kind, { answer, isLast, fields }: Kind): Promise<RawBackend> {
  return RawBackend.start((_, nth) => {
    if (nth === 0) return { response: first.answer };
    if (isLast !== true) return { response: answer };
    return { response: answer, after: 'close', ...(fields === undefined ? {} : { late: ', and later' }) };
  });
}

function serviceOf(host: string, { url }: RawBackend) {
  return { match: { hosts: [host] }, pools: { only: { version: '1', targets: [{ url }] } }, split: { only: 100 } };
}
