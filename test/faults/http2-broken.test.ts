/** Targets that break off and clients that go away, by HTTP/2: nobody takes a part for the whole, and every request is accounted for. */
import { describe, expect, test } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { downloadBody } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import { FRAME, FrameClient, requestFields, uint32 } from '../helpers/frame-client.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';
import { answerOf, BrokenStream, startSession, type StreamResponse } from '../helpers/start-session.ts';
import type { RawAnswers } from '../helpers/raw-backend.ts';
import { expectProxyAccount } from './broken-world.ts';

const CANCEL = 8;
const NO_ERROR = 0;

async function startBehindRaw(answers: RawAnswers, service: Omit<ServiceDocument, 'pools'> = {}) {
  const target = await startRawBackend(answers);
  const services = appService({ only: { version: 'v1', url: target.url } }, service);
  const proxy = await startProxy({ services, listener: { http2: true } });
  return { target, proxy };
}

const BROKEN: readonly (readonly [string, RawAnswers])[] = [
  ['of a length, before its end', { response: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf', after: 'close' }],
  ['of a length, by a reset', { response: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf', after: 'reset' }],
  [
    'in chunks, between two',
    { response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', after: 'close' },
  ],
  [
    'in chunks, inside of one',
    { response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf', after: 'reset' },
  ],
  ['in chunks that are none', { response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n' }],
  [
    'in chunks, before its trailers end',
    { response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nX-A: b\r\n', after: 'close' },
  ],
  ['until the end, by a reset', { response: 'HTTP/1.1 200 OK\r\n\r\nhalf', after: 'reset' }],
];

describe('an answer that its target breaks off', () => {
  test.each(BROKEN)('%s, never ends as if it were whole', async (_, answer) => {
    const { proxy } = await startBehindRaw(answer);
    const client = await FrameClient.open(proxy.port, [[1, 0]]);
    client.get(1);
    await eventually(() => expect(client.resetCode(1)).toBeGreaterThan(0));
    expect(client.isWhole(1)).toBe(false);
    expect('half'.startsWith(client.body(1))).toBe(true);
    client.reset(3, CANCEL);
    await expectProxyAccount(proxy);
  });

  test('in its head is a 502, and the session goes on', async () => {
    const { proxy } = await startBehindRaw((_, nth) =>
      nth === 0
        ? { response: 'HTTP/1.1 200 OK\r\nContent-Le', after: 'close' }
        : { response: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' },
    );
    const session = startSession(proxy.port);
    expect((await session.request({ method: 'POST', body: 'x' })).status).toBe(502);
    expect((await session.request()).status).toBe(200);
    await expectProxyAccount(proxy);
  });

  test('that is kept until it is whole, is a 502 and nothing before it, whatever windows are opened', async () => {
    const { target, proxy } = await startBehindRaw(
      (request) =>
        request.startLine.includes('/half')
          ? { response: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf' }
          : { response: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' },
      { buffering: { response: {} } },
    );
    const client = await FrameClient.open(proxy.port, [[1, 0]]);
    client.get(1, '/half');
    await eventually(() => expect(target.requests).toHaveLength(1));
    // What the target has said by then has been read.
    for (let round = 0; round < 3; round++) expect((await startSession(proxy.port).request()).status).toBe(200);
    client.send(FRAME.window, 0, 1, uint32(1000));
    await client.isCaughtUp();
    expect(client.of(FRAME.headers, 1)).toEqual([]);
    target.dropConnections();
    await client.settled(1);
    expect([client.of(FRAME.headers, 1).length, client.status(1)]).toEqual([1, 502]);
    await expectProxyAccount(proxy);
  });

  test('large, is broken off for its client whatever it had taken', async () => {
    const { proxy } = await startBehindRaw({
      response: `HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n${'x'.repeat(3_000_000)}`,
      after: 'reset',
    });
    const session = startSession(proxy.port);
    const error = await session.request().catch((one: unknown) => one);
    expect(error).toBeInstanceOf(BrokenStream);
    expect((error as BrokenStream).code).toBeGreaterThan(0);
    await expectProxyAccount(proxy);
  });
});

/** What a client has done by the time that it goes away, and what the application sees then. */
const MOMENTS: readonly (readonly [string, (client: FrameClient) => void])[] = [
  ['before its body', (client) => client.headers(1, requestFields('POST', '/upload'), 0)],
  [
    'in its body',
    (client) => {
      client.headers(1, requestFields('POST', '/upload'), 0);
      client.data(1, 'half', 0);
    },
  ],
  [
    'in a body of a length',
    (client) => {
      client.headers(1, [...requestFields('PUT', '/upload'), ['content-length', '9']], 0);
      client.data(1, 'half', 0);
    },
  ],
  ['while it waits', (client) => client.get(1, '/hold')],
  ['while it is being answered', (client) => client.get(1, '/download?bytes=1000000&piece=100&gap=20')],
  ['while it takes nothing', (client) => client.get(1, '/download?bytes=100000000')],
];

const GOING: readonly (readonly [string, (client: FrameClient) => void])[] = [
  ['resets its stream', (client) => client.reset(1, CANCEL)],
  ['resets its stream without an error', (client) => client.reset(1, NO_ERROR)],
  ['closes its connection', (client) => client.socket.end()],
  ['resets its connection', (client) => void client.socket.resetAndDestroy()],
];

describe.each(GOING)('a client that %s', (_, go) => {
  test.each(MOMENTS)('%s: the application is told, and it is counted as the client’s doing', async (__, begin) => {
    const backend = await startBackend('v1');
    const proxy = await startProxy({ services: appService({ only: backend }), listener: { http2: true } });
    const client = await FrameClient.open(proxy.port, [[1, 0]]);
    begin(client);
    await eventually(() => expect(backend.requests).toHaveLength(1));
    go(client);
    await eventually(() => expect(backend.requests[0]?.outcome).toBe('aborted'));
    await eventually(async () =>
      expect(await proxy.admin.metric('cutover_failures_total', { reason: 'client_closed' })).toBe(1),
    );
    await expectProxyAccount(proxy);
    const beside = startSession(proxy.port);
    expect((await beside.request()).status).toBe(200);
  });
});

describe('a client that goes on after it has reset', () => {
  test('harms nobody', async () => {
    const backend = await startBackend('v1');
    const proxy = await startProxy({ services: appService({ only: backend }), listener: { http2: true } });
    const client = await FrameClient.open(proxy.port, [[1, 0]]);
    client.headers(1, requestFields('POST', '/upload'), 0);
    await eventually(() => expect(backend.requests).toHaveLength(1));
    client.reset(1);
    client.data(1, 'late', 0);
    client.data(1, 'late');
    await client.isCaughtUp();
    const beside = startSession(proxy.port);
    expect((await beside.request()).status).toBe(200);
    await expectProxyAccount(proxy);
  });
});

describe('clients that reset some of what they take', () => {
  test('get the rest byte for byte: no memory is used again that is still to be sent', async () => {
    const backend = await startBackend('v1');
    const proxy = await startProxy({ services: appService({ only: backend }), listener: { http2: true } });
    const bytes = 1 << 20;
    const sessions = [startSession(proxy.port), startSession(proxy.port)];
    const taking = sessions.flatMap((session, nth) =>
      Array.from({ length: 16 }, (_, index) => {
        const id = `${nth}-${index}`;
        const stream = session.open({ path: `/download?bytes=${bytes}`, fields: { 'x-test-id': id } });
        // Every other one is given up when a part of it is there.
        if (index % 2 === 1) stream.once('data', () => stream.close(CANCEL));
        return { id, isGivenUp: index % 2 === 1, answered: answerOf(stream).catch((error: unknown) => error) };
      }),
    );
    for (const { id, isGivenUp, answered } of taking) {
      const answer = await answered;
      if (isGivenUp) expect(answer).toBeInstanceOf(BrokenStream);
      else expect((answer as StreamResponse).body.equals(downloadBody('v1', id, bytes))).toBe(true);
    }
    await expectProxyAccount(proxy);
  });
});
