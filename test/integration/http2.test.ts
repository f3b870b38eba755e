/** HTTP/2 from clients: what passes each way, by the side of HTTP/1.1 on the same listener. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { downloadBody } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import { FLAG, FRAME, FrameClient } from '../helpers/frame-client.ts';
import { rawExchange } from '../helpers/raw-client.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask } from '../helpers/start-client.ts';
import { appService, startProxy, type TestProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';
import { answerOf, startSession } from '../helpers/start-session.ts';

const MIB = 1 << 20;

async function startHttp2(service: Omit<ServiceDocument, 'pools'> = {}) {
  const backend = await startBackend('v1');
  const proxy = await startProxy({ services: appService({ only: backend }, service), listener: { http2: true } });
  return { backend, proxy, session: startSession(proxy.port) };
}

/** Behind the proxy, a target that says these bytes. */
async function startBehind(response: string) {
  const target = await startRawBackend({ response });
  const proxy = await startProxy({
    services: appService({ only: { version: 'v1', url: target.url } }),
    listener: { http2: true },
  });
  return { target, proxy, session: startSession(proxy.port) };
}

interface Echo {
  readonly method: string;
  readonly url: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
  readonly trailers: Readonly<Record<string, string>>;
}

function valuesOf(echo: Echo, name: string): string[] {
  return echo.fields.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
}

function expectBalance(proxy: TestProxy): Promise<void> {
  return eventually(async () => {
    expect(await proxy.admin.metric('cutover_requests_in_flight')).toBe(0);
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });
}

describe('a request by HTTP/2', () => {
  test('reaches its target as HTTP/1.1, with all that it says', async () => {
    const { session, proxy } = await startHttp2();
    const fields = { 'x-a': 'b', 'x-bytes': 'caf\u00e9' };
    const { status, body } = await session.request({ path: '/echo?a=1&b=%20', fields });
    expect(status).toBe(200);
    const echo = JSON.parse(body.toString()) as Echo;
    expect(echo).toMatchObject({ method: 'GET', url: '/echo?a=1&b=%20', body: '' });
    expect(valuesOf(echo, 'x-a')).toEqual(['b']);
    expect(valuesOf(echo, 'x-bytes')).toEqual(['caf\u00e9']);
    expect(valuesOf(echo, 'host')).toEqual([`127.0.0.1:${proxy.port}`]);
    expect(valuesOf(echo, 'via')).toEqual(['2.0 cutover']);
    expect(valuesOf(echo, 'x-forwarded-proto')).toEqual(['http']);
    expect(echo.fields.filter(([name]) => name.startsWith(':'))).toEqual([]);
  });

  test('has the crumbs of its cookie put together again', async () => {
    const { session } = await startHttp2();
    const { body } = await session.request({ path: '/echo', fields: { cookie: ['a=1', 'b=2', 'c=3'] } });
    expect(valuesOf(JSON.parse(body.toString()) as Echo, 'cookie')).toEqual(['a=1; b=2; c=3']);
  });

  test('brings a body of a length that was told, and of one that was not', async () => {
    const { session } = await startHttp2();
    const told = await session.request({
      method: 'POST',
      path: '/echo',
      body: 'hello',
      fields: { 'content-length': 5 },
    });
    expect(valuesOf(JSON.parse(told.body.toString()) as Echo, 'content-length')).toEqual(['5']);
    const untold = JSON.parse(
      (await session.request({ method: 'PUT', path: '/echo', body: 'hello' })).body.toString(),
    ) as Echo;
    expect(untold.body).toBe('hello');
    expect(valuesOf(untold, 'transfer-encoding')).toEqual(['chunked']);
    expect(valuesOf(untold, 'content-length')).toEqual([]);
  });

  test('without a body says so to the target, where its method could have one', async () => {
    const { session } = await startHttp2();
    const stream = session.session.request({ ':method': 'POST', ':path': '/echo' }, { endStream: true });
    const { body } = await answerOf(stream);
    expect(valuesOf(JSON.parse(body.toString()) as Echo, 'content-length')).toEqual(['0']);
  });

  test('brings trailers', async () => {
    const { session } = await startHttp2();
    const { body } = await session.request({ method: 'POST', path: '/echo', body: 'x', trailers: { 'x-sum': 'abc' } });
    expect((JSON.parse(body.toString()) as Echo).trailers).toEqual({ 'x-sum': 'abc' });
  });

  test('is told to go on with its body when the target says so', async () => {
    const { session, backend } = await startHttp2();
    const stream = session.open({ method: 'POST', path: '/upload', fields: { expect: '100-continue' } });
    await new Promise((resolve) => stream.once('continue', resolve));
    stream.end('hello');
    expect(JSON.parse((await answerOf(stream)).body.toString())).toMatchObject({ bytes: 5 });
    expect(backend.requests).toHaveLength(1);
  });

  test('uploads a megabyte no faster than its target takes it, and byte for byte', async () => {
    const { session } = await startHttp2();
    const body = downloadBody('up', 'load', 3 * MIB);
    const { status, body: answer } = await session.request({ method: 'POST', path: '/upload', body });
    expect(status).toBe(200);
    expect(JSON.parse(answer.toString())).toMatchObject({
      bytes: 3 * MIB,
      sha256: createHash('sha256').update(body).digest('hex'),
    });
  });

  test('is held while its service is paused, body and all, and goes on afterwards', async () => {
    const { session, proxy, backend } = await startHttp2();
    await proxy.admin.must('PUT', '/v1/services/app/pause', {});
    const answered = session.request({ method: 'POST', path: '/echo', body: 'hello', trailers: { 'x-sum': '1' } });
    await eventually(async () => expect(await proxy.admin.metric('cutover_requests_held')).toBe(1));
    expect(backend.requests).toHaveLength(0);
    await proxy.admin.must('DELETE', '/v1/services/app/pause');
    expect(JSON.parse((await answered).body.toString())).toMatchObject({ body: 'hello', trailers: { 'x-sum': '1' } });
  });

  test('asks for no tunnel', async () => {
    const { session, proxy } = await startHttp2({ upgrades: ['websocket'] });
    const stream = session.session.request({ ':method': 'CONNECT', ':authority': 'app.test:443' });
    expect((await answerOf(stream)).status).toBe(405);
    await new Promise<void>((resolve) => {
      if (session.session.remoteSettings.enableConnectProtocol !== undefined) resolve();
      else session.session.once('remoteSettings', () => resolve());
    });
    expect(session.session.remoteSettings.enableConnectProtocol).toBe(false);
    expect((await ask(proxy.port)).status).toBe(200);
  });
});

describe('an answer by HTTP/2', () => {
  test('that is short is one frame of head and one of data, which is the last', async () => {
    const { proxy } = await startBehind('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    const client = await FrameClient.open(proxy.port, [[1, 0]]);
    client.get(1);
    await client.settled(1);
    const frames = client.frames.filter(({ stream }) => stream === 1).map(({ type, flags }) => [type, flags]);
    expect(frames).toEqual([
      [FRAME.headers, FLAG.endHeaders],
      [FRAME.data, FLAG.endStream],
    ]);
  });

  test('that comes in many pieces at once is not as many frames', async () => {
    const chunks = '5\r\npiece\r\n'.repeat(1000);
    const { proxy } = await startBehind(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`);
    const client = await FrameClient.open(proxy.port, [[1, 0]]);
    client.get(1);
    await client.settled(1);
    expect(client.body(1)).toBe('piece'.repeat(1000));
    expect(client.of(FRAME.data).length).toBeLessThan(20);
  });

  test('passes with a head of more than one frame', async () => {
    const large = Array.from({ length: 30 }, (_, at) => `X-Large-${at}: ${'v'.repeat(1500)}\r\n`).join('');
    const { proxy, session } = await startBehind(`HTTP/1.1 200 OK\r\n${large}Content-Length: 2\r\n\r\nok`);
    const { fields, body } = await session.request();
    expect([fields['x-large-29']?.length, body.toString()]).toEqual([1500, 'ok']);
    const client = await FrameClient.open(proxy.port, [[1, 0]]);
    client.get(1);
    await client.settled(1);
    const frames = client.frames.filter(({ stream }) => stream === 1).map(({ type, flags }) => [type, flags]);
    expect(frames).toEqual([
      [FRAME.headers, 0],
      [FRAME.continuation, 0],
      [FRAME.continuation, FLAG.endHeaders],
      [FRAME.data, FLAG.endStream],
    ]);
  });

  test('brings what the target says, in small letters, and nothing of its connection', async () => {
    const { session } = await startBehind(
      'HTTP/1.1 200 Fine\r\nX-One: 1\r\nX-ONE: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nETag: "x"\r\nETag: "y"\r\n' +
        'Connection: close, x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok',
    );
    const { status, raw, body } = await session.request();
    expect([status, body.toString()]).toEqual([200, 'ok']);
    const names = raw.filter((_, index) => index % 2 === 0);
    expect(names).toEqual([...names].map((name) => name.toLowerCase()));
    expect(names).not.toEqual(expect.arrayContaining(['connection']));
    expect(names.filter((name) => ['x-hop', 'keep-alive', 'transfer-encoding'].includes(name))).toEqual([]);
    expect(names.filter((name) => ['set-cookie', 'etag', 'x-one'].includes(name))).toHaveLength(6);
    expect(names.filter((name) => name === 'date')).toHaveLength(1);
  });

  test('without a body ends with its head', async () => {
    const { session } = await startHttp2();
    expect(await session.request({ method: 'HEAD' })).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect(await session.request({ path: '/status?code=204' })).toMatchObject({ status: 204, body: Buffer.alloc(0) });
    expect(await session.request({ path: '/status?code=304' })).toMatchObject({ status: 304, body: Buffer.alloc(0) });
    expect(await session.request({ path: '/status?code=205' })).toMatchObject({ status: 205 });
  });

  test('to HEAD keeps the length that a GET would have', async () => {
    const { session } = await startBehind('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
    const { fields, body } = await session.request({ method: 'HEAD' });
    expect([fields['content-length'], body.length]).toEqual(['5', 0]);
  });

  test.each([
    ['of a length that is told', '/download?bytes=1048576'],
    ['in chunks', '/download?bytes=1048576&chunked=1'],
    ['until the connection ends', '/download?bytes=1048576&until-close=1'],
    ['in small pieces', '/download?bytes=20000&piece=100&chunked=1'],
  ])('passes %s, byte for byte', async (_, path) => {
    const { session, proxy } = await startHttp2();
    const { status, body } = await session.request({ path, fields: { 'x-test-id': 'one' } });
    expect(status).toBe(200);
    const bytes = Number(new URL(path, 'http://a').searchParams.get('bytes'));
    expect(body.equals(downloadBody('v1', 'one', bytes))).toBe(true);
    await expectBalance(proxy);
  });

  test('brings trailers, of a body that comes at once and of one that does not', async () => {
    const { session } = await startHttp2();
    expect(await session.request({ path: '/trailers' })).toMatchObject({ trailers: { 'x-sum': 'abc' } });
    const later = await startBehind('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    const answered = later.session.request();
    await eventually(() => expect(later.target.requests).toHaveLength(1));
    later.target.blurt('5\r\nhello\r\n');
    later.target.blurt('0\r\nX-Sum: 1\r\nVary: x\r\n\r\n');
    const { body, trailers } = await answered;
    expect([body.toString(), trailers['x-sum'], trailers['vary']]).toEqual(['hello', '1', undefined]);
  });

  test('is preceded by what the target says before', async () => {
    const { session } = await startHttp2();
    const { interims, status } = await session.request({ path: '/hints' });
    expect(status).toBe(200);
    expect(interims).toMatchObject([{ ':status': 103, link: '</style.css>; rel=preload' }]);
  });

  test('of our own leaves the connection to the requests beside it', async () => {
    const { session, backend, proxy } = await startHttp2({ limits: { requestBody: '10KiB' } });
    const held = session.request({ path: '/hold' });
    await eventually(() => expect(backend.held).toBe(1));
    const refused = await session.request({ method: 'POST', path: '/upload', body: Buffer.alloc(200_000) });
    expect(refused.status).toBe(413);
    expect(refused.fields['content-type']).toMatch(/^text\/plain/);
    expect(refused.fields['connection']).toBeUndefined();
    expect((await session.request({ path: '/a%2fb' })).status).toBe(400);
    backend.release();
    expect((await held).status).toBe(200);
    await expectBalance(proxy);
  });

  test('that comes before its request is whole reaches clients that are still sending', async () => {
    const { session, backend, proxy } = await startHttp2({ limits: { requestBody: '100KiB' } });
    const body = Buffer.alloc(MIB);
    const refused = Array.from({ length: 4 }, () => session.request({ method: 'POST', path: '/upload', body }));
    for (const { status } of await Promise.all(refused)) expect(status).toBe(413);
    expect((await session.request({ method: 'POST', path: '/no%2fthing', body })).status).toBe(400);
    expect((await session.request()).status).toBe(200);
    expect(backend.requests.filter(({ outcome }) => outcome === 'answered')).toHaveLength(1);
    await expectBalance(proxy);
  });

  test('waits for a client that does not read, and holds the target back for as long', async () => {
    const { session, backend } = await startHttp2();
    const stream = session.open({ path: `/download?bytes=${64 * MIB}`, fields: { 'x-test-id': 'big' } });
    const answered = answerOf(stream);
    await new Promise((resolve) => stream.once('response', resolve));
    stream.pause();
    let before = -1;
    await eventually(async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const now = backend.bytesWritten;
      expect(now).toBe((before === now && now) || ((before = now), -1));
    });
    expect(before).toBeLessThan(32 * MIB);
    stream.resume();
    expect((await answered).body.length).toBe(64 * MIB);
  });
});

describe('a listener that speaks HTTP/2 without TLS', () => {
  test('speaks HTTP/1.1 to whoever begins with it, were it byte by byte', async () => {
    const { proxy } = await startHttp2();
    const body = downloadBody('up', 'load', MIB);
    const answer = await ask(proxy.port, { method: 'POST', path: '/upload', body });
    const sha256 = createHash('sha256').update(body).digest('hex');
    expect(JSON.parse(answer.body.toString())).toMatchObject({ bytes: MIB, sha256 });
    const bytes = Buffer.from(
      'PUT /upload HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello',
    );
    const { received } = await rawExchange({ port: proxy.port, bytes, pieces: 1, waitMs: 5000 });
    expect(received.toString()).toMatch(/^HTTP\/1\.1 200 [^]*"bytes":5/);
  });

  test('does not do so unless it is told to', async () => {
    const backend = await startBackend('v1');
    const proxy = await startProxy({ services: appService({ only: backend }) });
    const session = startSession(proxy.port);
    await expect(session.request()).rejects.toThrow();
    expect(backend.requests).toEqual([]);
  });

  test('counts a session as a connection, active while it has requests', async () => {
    const { session, proxy, backend } = await startHttp2();
    const held = [session.request({ path: '/hold' }), session.request({ path: '/hold' })];
    await eventually(() => expect(backend.held).toBe(2));
    expect(await proxy.admin.metric('cutover_connections', { state: 'active' })).toBe(1);
    backend.release();
    await Promise.all(held);
    await eventually(async () => {
      expect(await proxy.admin.metric('cutover_connections', { state: 'active' })).toBe(0);
      expect(await proxy.admin.metric('cutover_connections', { state: 'idle' })).toBe(1);
    });
    session.close();
    await eventually(async () => expect(await proxy.admin.metric('cutover_connections', { state: 'idle' })).toBe(0));
  });
});
