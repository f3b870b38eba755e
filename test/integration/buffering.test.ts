/**
 * Messages that are kept until they are whole: what the target and the client see of them to the byte, whom a slow or
 * broken side holds up, and what becomes of them where there is no room.
 */
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { downloadBody } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import type { RawAnswers } from '../helpers/raw-backend.ts';
import { rawExchange } from '../helpers/raw-client.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy, type TestProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

type Buffering = NonNullable<ServiceDocument['buffering']>;

const MIB = 1 << 20;
const SMALL = { memory: '1KiB', disk: '1MiB' } as const;
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** A proxy that keeps what is too long for memory in this folder. */
async function startIn(folder: string, services: Parameters<typeof startProxy>[0]['services']): Promise<TestProxy> {
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder;
  try {
    return await startProxy({ services });
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
}

async function startRaw(answers: RawAnswers, buffering: Buffering, more: Omit<ServiceDocument, 'pools'> = {}) {
  const target = await startRawBackend(answers);
  const folder = temporaryFolder();
  const proxy = await startIn(folder, appService({ only: { version: '1', url: target.url } }, { buffering, ...more }));
  return { target, folder, proxy, port: proxy.port };
}

async function startReal(buffering: Buffering, more: Omit<ServiceDocument, 'pools'> = {}) {
  const backend = await startBackend('v1');
  const folder = temporaryFolder();
  const proxy = await startIn(folder, appService({ only: backend }, { buffering, ...more }));
  return { backend, folder, proxy, port: proxy.port };
}

/** The exchange ends when the proxy closes the connection, and not for a silence. */
const UNTIL_CLOSED = { waitMs: 10_000, quietMs: 10_000 } as const;

/** A connection on which the test itself says when which bytes leave. */
async function startTalk(port: number) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  onTestFinished(() => void socket.destroy());
  const chunks: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => chunks.push(bytes));
  await once(socket, 'connect');
  return {
    say: (bytes: string | Buffer) => socket.write(bytes),
    reset: () => socket.resetAndDestroy(),
    get heard() {
      return Buffer.concat(chunks).toString('latin1');
    },
    /** All that came until the proxy closed the connection. */
    async whole(): Promise<string> {
      if (!socket.readableEnded) await once(socket, 'end');
      return this.heard;
    },
  };
}

/** Files below the folder that are open in this process, by what the system calls them. */
function openFiles(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const file = readlinkSync(path.join('/proc/self/fd', fd));
      return file.startsWith(folder) ? [file] : [];
    } catch {
      return [];
    }
  });
}

async function expectNothingLeft(proxy: TestProxy, folder: string): Promise<void> {
  await eventually(async () => {
    expect(await proxy.admin.metric('cutover_requests_in_flight', { service: 'app' })).toBe(0);
    expect(await proxy.admin.metric('cutover_buffer_bytes', { where: 'memory' })).toBe(0);
    expect(await proxy.admin.metric('cutover_buffer_bytes', { where: 'disk' })).toBe(0);
    expect(openFiles(folder)).toEqual([]);
  });
  expect(readdirSync(folder)).toEqual([]);
  expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
}

function kept(proxy: TestProxy, message: string, where: string): Promise<number> {
  return proxy.admin.metric('cutover_buffered_total', { service: 'app', pool: 'only', message, where });
}

describe('a request that is kept', () => {
  const HEAD = 'POST /a HTTP/1.1\r\nHost: a\r\nX-Request-Id: r1\r\n';
  const PASSED =
    'POST /a HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n' +
    'X-Forwarded-Port: 80\r\nX-Real-IP: 127.0.0.1\r\nForwarded: for=127.0.0.1;host=a;proto=http\r\nVia: 1.1 cutover\r\n' +
    'X-Request-Id: r1\r\n';

  test.each([
    ['in memory', 700, 'memory'],
    ['on disk', 300_000, 'disk'],
  ])('%s is unknown to every target until it is whole, and then comes as it came', async (_, length, where) => {
    const { target, proxy, port, folder } = await startRaw({ response: OK }, { request: SMALL });
    const body = downloadBody('b', 'x', length);
    const half = Math.floor(length / 2);
    const client = await startTalk(port);
    client.say(`${HEAD}Connection: close\r\nContent-Length: ${length}\r\n\r\n`);
    client.say(body.subarray(0, half));
    await eventually(async () => {
      const bytes = await Promise.all(
        ['memory', 'disk'].map((one) => proxy.admin.metric('cutover_buffer_bytes', { where: one })),
      );
      expect(bytes).toEqual([Math.min(half, 1024), Math.max(0, half - 1024)]);
    });
    expect([target.connectionsTotal, target.received.length]).toEqual([0, 0]);
    expect(await proxy.admin.metric('cutover_requests_in_flight', { service: 'app' })).toBe(1);
    expect(openFiles(folder).every((file) => file.endsWith(' (deleted)'))).toBe(true);
    expect(openFiles(folder)).toHaveLength(where === 'disk' ? 1 : 0);
    client.say(body.subarray(half));
    expect(await client.whole()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/);
    expect(target.received.toString('latin1')).toBe(
      `${PASSED}Content-Length: ${length}\r\n\r\n${body.toString('latin1')}`,
    );
    expect(await kept(proxy, 'request', where)).toBe(1);
    await expectNothingLeft(proxy, folder);
  });

  test('keeps its chunked coding and its trailers', async () => {
    const { target, port } = await startRaw({ response: OK }, { request: SMALL });
    const bytes = Buffer.from(
      `${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\ndefgh\r\n0\r\nX-Sum: 1\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    const { received } = await rawExchange({ port, bytes, ...UNTIL_CLOSED });
    expect(target.received.toString('latin1')).toMatch(
      new RegExp(
        `^${PASSED.replaceAll(/[.*]/g, '\\$&')}Transfer-Encoding: chunked\\r\\n\\r\\n8\\r\\nabcdefgh\\r\\n0\\r\\nX-Sum: 1\\r\\n\\r\\nGET /b `,
      ),
    );
    expect(received.toString('latin1').match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    expect(target.problems).toEqual([]);
  });

  test('is asked for by the proxy where its client waits for that, and the target does not hear of it', async () => {
    const { target, port } = await startRaw({ response: OK }, { request: SMALL });
    const head = `${HEAD}Expect: 100-continue\r\nConnection: close\r\nContent-Length: 3\r\n\r\n`;
    const client = await startTalk(port);
    client.say(head);
    await eventually(() => expect(client.heard).toBe('HTTP/1.1 100 Continue\r\n\r\n'));
    expect(target.connectionsTotal).toBe(0);
    client.say('abc');
    expect(await client.whole()).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    expect(target.received.toString('latin1')).toBe(`${PASSED}Content-Length: 3\r\n\r\nabc`);
  });

  test('is refused with 413 where it is longer than may be kept, and not one byte sooner', async () => {
    const { target, proxy, port, folder } = await startRaw(
      { response: OK },
      { request: { memory: '1KiB', disk: '3KiB' } },
    );
    const piecesOf = (length: number) => [Buffer.alloc(700, 'a'), Buffer.alloc(length - 700, 'b')];
    const send = (length: number, framing: 'chunked' | 'length') =>
      ask(port, { method: 'POST', pieces: { bytes: piecesOf(length), gapMs: 5, framing } });
    for (const framing of ['chunked', 'length'] as const) {
      expect((await send(4096, framing)).status).toBe(200);
      const sent = target.requests.length;
      const refused = await send(4097, framing);
      expect([refused.status, refused.field('connection')]).toEqual([413, 'close']);
      expect(target.requests).toHaveLength(sent);
    }
    await expectNothingLeft(proxy, folder);
  });

  test('that its client breaks off never comes to a target, and leaves nothing behind', async () => {
    const { target, proxy, port, folder } = await startRaw({ response: OK }, { request: SMALL });
    const bytes = Buffer.from(`${HEAD}Content-Length: 90000\r\n\r\n${'x'.repeat(50_000)}`);
    const client = await startTalk(port);
    client.say(bytes);
    await eventually(async () => {
      expect(await proxy.admin.metric('cutover_buffer_bytes', { where: 'disk' })).toBeGreaterThan(40_000);
    });
    client.reset();
    await eventually(async () => {
      expect(await proxy.admin.metric('cutover_requests_total', { code: '499' })).toBe(1);
    });
    await expectNothingLeft(proxy, folder);
    expect(target.connectionsTotal).toBe(0);
  });

  test('is sent again as a whole where a kept connection dies under it, however long it is', async () => {
    const { target, proxy, port } = await startRaw((_, nth) => (nth === 1 ? 'reset' : { response: OK }), {
      request: SMALL,
    });
    const body = downloadBody('b', 'x', 300_000);
    const client = await startClient(port);
    expect((await client.request({ path: '/first' })).status).toBe(200);
    expect((await client.request({ method: 'PUT', body })).status).toBe(200);
    expect(target.requests.map(({ startLine }) => startLine)).toEqual([
      'GET /first HTTP/1.1',
      'PUT / HTTP/1.1',
      'PUT / HTTP/1.1',
    ]);
    expect(target.requests.slice(1).map((request) => request.body.equals(body))).toEqual([true, true]);
    expect(target.connectionsTotal).toBe(2);
    expect(await proxy.admin.metric('cutover_retries_total', { reason: 'reused-connection' })).toBe(1);
  });

  test('goes to another target where the one that was chosen went while it came', async () => {
    const [first, second] = [await startBackend('first'), await startBackend('second')];
    const services = appService({ only: [first, second] }, { buffering: { request: SMALL } });
    const proxy = await startIn(temporaryFolder(), services);
    const setState = (target: string, state: string) =>
      proxy.admin.must('PATCH', `/v1/services/app/pools/only/targets/${target}`, { state });
    await setState(second.target, 'maint');
    const client = await startTalk(proxy.port);
    client.say('POST /upload HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\na');
    await eventually(async () => {
      expect(await proxy.admin.metric('cutover_requests_in_flight', { service: 'app' })).toBe(1);
    });
    await setState(second.target, 'ready');
    await setState(first.target, 'maint');
    client.say('b');
    expect(await client.whole()).toContain('\r\nX-Version: second\r\n');
    expect([first.requests.length, second.requests[0]?.bodyBytes]).toEqual([0, 2]);
  });

  test('whose target answers before it has taken all of it leaves no connection that could be taken for a whole one', async () => {
    const early = { response: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', when: 'head' } as const;
    const { target, proxy, port, folder } = await startRaw(early, { request: { memory: '1KiB', disk: '20MiB' } });
    const client = await startClient(port);
    target.pause();
    for (let i = 0; i < 3; i++) {
      expect((await client.request({ method: 'POST', body: Buffer.alloc(6 * MIB) })).body.toString()).toBe('ok');
    }
    expect(target.problems).toEqual([]);
    await expectNothingLeft(proxy, folder);
  });
});

describe('a response that is kept', () => {
  const HEADS = 'HTTP/1.1 200 OK\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\n';
  const chunked = `${HEADS}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n`;

  test.each([
    ['with its length', 'GET', '1.1', `${HEADS}Content-Length: 5\r\n\r\nhello`, 'keep'],
    ['chunked', 'GET', '1.1', chunked, 'keep'],
    ['chunked, to HTTP/1.0', 'GET', '1.0', chunked, 'keep'],
    ['until the end of its connection', 'GET', '1.1', `${HEADS}\r\nhello`, 'close'],
    ['behind an interim one', 'GET', '1.1', `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${chunked}`, 'keep'],
    ['without a body', 'GET', '1.1', `${HEADS}Content-Length: 0\r\n\r\n`, 'keep'],
    ['to HEAD', 'HEAD', '1.1', `${HEADS}Content-Length: 5\r\n\r\n`, 'keep'],
    ['of 204', 'GET', '1.1', 'HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n', 'keep'],
  ] as const)('comes to the byte as one that is not: %s', async (_, method, version, response, after) => {
    const bytes = Buffer.from(`${method} / HTTP/${version}\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const [passed, keptOne] = [
      await startRaw({ response, after }, {}),
      await startRaw({ response, after }, { response: SMALL }),
    ];
    const expected = await rawExchange({ port: passed.port, bytes, ...UNTIL_CLOSED });
    expect(await rawExchange({ port: keptOne.port, bytes, ...UNTIL_CLOSED })).toEqual(expected);
    expect(expected.received.length).toBeGreaterThan(50);
    await expectNothingLeft(keptOne.proxy, keptOne.folder);
  });

  test('sets its target free however slowly it is read, and is under way until it has been', async () => {
    const { backend, proxy, port, folder } = await startReal({ response: { memory: '64KiB', disk: '16MiB' } });
    const client = await startClient(port);
    client.pause();
    const answered = client.request({ path: `/download?bytes=${12 * MIB}`, fields: [['X-Test-Id', 'slow']] });
    await eventually(() => expect(backend.find('slow')?.outcome).toBe('answered'));
    await eventually(async () => {
      expect(await proxy.admin.metric('cutover_upstream_idle_connections', { service: 'app' })).toBe(1);
    });
    expect(await proxy.admin.metric('cutover_requests_in_flight', { service: 'app' })).toBe(1);
    expect(openFiles(folder)).toEqual([expect.stringMatching(/ \(deleted\)$/)]);
    // The connection that the slow client does not hold serves others.
    expect((await ask(port)).status).toBe(200);
    expect(backend.connectionsTotal).toBe(1);
    client.resume();
    const { body } = await answered;
    expect(body.equals(Buffer.concat(Array.from({ length: 12 }, () => downloadBody('v1', 'slow', MIB))))).toBe(true);
    expect(await kept(proxy, 'response', 'disk')).toBe(1);
    await expectNothingLeft(proxy, folder);
  });

  test('counts in the drain of a cutover until its client has it', async () => {
    const [blue, green] = [await startBackend('blue'), await startBackend('green')];
    const services = appService({ blue, green }, { buffering: { response: { memory: '64KiB', disk: '16MiB' } } });
    const proxy = await startIn(temporaryFolder(), services);
    const client = await startClient(proxy.port);
    client.pause();
    const answered = client.request({ path: `/download?bytes=${12 * MIB}`, fields: [['X-Test-Id', 'slow']] });
    await eventually(() => expect(blue.find('slow')?.outcome).toBe('answered'));
    const { id, drain } = await proxy.admin.cutover('app', 'green');
    expect([drain.state, drain.inFlightAtFlip, drain.remaining]).toEqual(['draining', 1, 1]);
    client.resume();
    expect((await answered).body).toHaveLength(12 * MIB);
    await eventually(async () => expect((await proxy.admin.receipt('app', id)).drain.state).toBe('drained'));
  });

  test('is cut with its drain, so that its client can tell', async () => {
    const { backend, proxy, port, folder } = await startReal({ response: { memory: '64KiB', disk: '16MiB' } });
    await proxy.admin.must('PUT', '/v1/services/app/pools/next', { targets: [{ url: backend.url }] });
    const client = await startClient(port);
    client.pause();
    const answered = client.request({ path: `/download?bytes=${12 * MIB}`, fields: [['X-Test-Id', 'slow']] });
    answered.catch(() => undefined);
    await eventually(async () => expect(await kept(proxy, 'response', 'disk')).toBe(1));
    const { id } = await proxy.admin.cutover('app', 'next', { drainTimeout: '100ms' });
    await eventually(async () => expect((await proxy.admin.receipt('app', id)).drain.cut).toBe(1));
    client.resume();
    await expect(answered).rejects.toMatchObject({ name: 'BrokenAnswer' });
    await expectNothingLeft(proxy, folder);
  });

  test.each([
    ['its length', 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nbegun', 'close'],
    ['its last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n', 'reset'],
    ['the grammar', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegunX\r\n', 'keep'],
  ] as const)('becomes a 502 where %s is wanting, on a connection that goes on', async (_, response, after) => {
    const { proxy, port, folder } = await startRaw(
      ({ startLine }) => (startLine.startsWith('GET /well ') ? { response: OK } : { response, after }),
      { response: SMALL },
    );
    const client = await startClient(port);
    const broken = await client.request({ path: '/broken', fields: [['X-Request-Id', 'r1']] });
    expect([broken.status, broken.field('x-request-id')]).toEqual([502, 'r1']);
    expect(broken.body.toString()).not.toContain('begun');
    expect((await client.request({ path: '/well' })).body.toString()).toBe('ok');
    expect(await proxy.admin.metric('cutover_requests_total', { code: '502' })).toBe(1);
    await expectNothingLeft(proxy, folder);
  });

  test('becomes a 502 where it is longer than may be kept, and not one byte sooner', async () => {
    const { backend, proxy, port, folder } = await startReal({ response: { memory: '1KiB', disk: '99KiB' } });
    const client = await startClient(port);
    for (const more of ['', '&chunked=1']) {
      const whole = await client.request({ path: `/download?bytes=102400${more}` });
      expect([whole.status, whole.body.length]).toEqual([200, 102_400]);
      const refused = await client.request({ path: `/download?bytes=102401${more}` });
      expect([refused.status, refused.body.toString()]).toEqual([502, expect.stringContaining('too large')]);
    }
    expect(await proxy.admin.metric('cutover_failures_total', { reason: 'response_too_large' })).toBe(2);
    expect(await proxy.admin.metric('cutover_requests_total', { code: '502' })).toBe(2);
    await eventually(() => expect(backend.connectionsOpen).toBeLessThanOrEqual(1));
    await expectNothingLeft(proxy, folder);
  });

  test.each([
    ['events', 'Content-Type: text/event-stream; charset=utf-8'],
    ['one whose target wants it so', 'X-Accel-Buffering: no'],
  ])('is none of %s, which pass as they come', async (_, line) => {
    const response = `HTTP/1.1 200 OK\r\n${line}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n`;
    const { port } = await startRaw({ response }, { response: SMALL });
    const client = await startTalk(port);
    client.say('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => expect(client.heard).toContain('first'));
  });

  test('is none of a tunnel', async () => {
    const { port } = await startReal({ request: SMALL, response: SMALL });
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    const answer = new Promise((resolve) => {
      socket.on('open', () => socket.send('hello'));
      socket.on('message', (data) => resolve((data as Buffer).toString()));
    });
    expect(await answer).toBe('v1:hello');
    socket.terminate();
  });

  test('whose client takes nothing of it is broken off in time', async () => {
    const timeouts = { responseBodyIdle: '1500ms' };
    const { proxy, port, folder } = await startReal({ response: { memory: '64KiB', disk: '16MiB' } }, { timeouts });
    const client = await startClient(port);
    client.pause();
    client.request({ path: `/download?bytes=${12 * MIB}` }).catch(() => {});
    await eventually(async () => {
      expect(await proxy.admin.metric('cutover_failures_total', { reason: 'client_stalled' })).toBe(1);
    });
    await expectNothingLeft(proxy, folder);
  });

  test('that nobody waits for any longer is not waited for', async () => {
    const { backend, proxy, port, folder } = await startReal({ response: SMALL });
    const gathering = await startClient(port);
    gathering
      .request({ path: '/download?bytes=900000&piece=1000&gap=5', fields: [['X-Test-Id', 'g']] })
      .catch(() => {});
    await eventually(async () => {
      expect(await proxy.admin.metric('cutover_buffer_bytes', { where: 'disk' })).toBeGreaterThan(0);
    });
    gathering.reset();
    await eventually(() => expect(backend.find('g')?.outcome).toBe('aborted'));
    await expectNothingLeft(proxy, folder);
  });

  test('that does not come in time becomes a 504', async () => {
    const { proxy, port, folder } = await startReal({ response: SMALL }, { timeouts: { total: '300ms' } });
    const late = await ask(port, { path: '/download?bytes=900000&piece=1000&gap=5' });
    expect(late.status).toBe(504);
    await expectNothingLeft(proxy, folder);
  });

  test('waits in the order of the requests on a connection', async () => {
    const { port, proxy, folder } = await startReal({ response: SMALL, request: SMALL });
    const client = await startClient(port);
    const sizes = [5, 40_000, 0, 300_000, 2_000];
    const answers = await client.pipeline(
      sizes.map((size) => ({ method: 'POST', path: `/echo?size=${size}`, body: Buffer.alloc(size, 'x') })),
    );
    const bodies = answers.map(({ body }) => (JSON.parse(body.toString()) as { body: string }).body.length);
    expect(bodies).toEqual(sizes);
    await expectNothingLeft(proxy, folder);
  });

  test('has its place taken by an error page', async () => {
    const response = 'HTTP/1.1 503 Broken\r\nContent-Length: 5\r\n\r\ntrace';
    const shape = { errorPages: { 503: { text: 'sorry' } }, interceptErrors: [503] };
    const { port } = await startRaw({ response }, { response: SMALL }, shape);
    expect((await ask(port)).body.toString()).toBe('sorry');
  });
});

describe('a target that may have one request at a time', () => {
  const limits = { inFlightPerTarget: 1 };

  test('is not held by a client that is slow to send, whose request waits its turn when it is whole', async () => {
    const { backend, proxy, port, folder } = await startReal({ request: SMALL }, { limits });
    const slow = await startTalk(port);
    slow.say('POST /upload HTTP/1.1\r\nHost: a\r\nX-Test-Id: slow\r\nConnection: close\r\nContent-Length: 2\r\n\r\na');
    await eventually(async () => {
      expect(await proxy.admin.metric('cutover_buffer_bytes', { where: 'memory' })).toBe(1);
    });
    expect((await ask(port)).status).toBe(200);
    const busy = ask(port, { path: '/hold' });
    await eventually(() => expect(backend.held).toBe(1));
    slow.say('b');
    await eventually(async () => {
      expect(await proxy.admin.metric('cutover_requests_waiting', { service: 'app' })).toBe(1);
    });
    expect(backend.find('slow')).toBeUndefined();
    backend.release();
    expect((await busy).status).toBe(200);
    expect(await slow.whole()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*"bytes":2/);
    await expectNothingLeft(proxy, folder);
  });

  test('is not held by a client that is slow to read', async () => {
    const { proxy, port, folder } = await startReal({ response: { memory: '64KiB', disk: '16MiB' } }, { limits });
    const slow = await startClient(port);
    slow.pause();
    const answered = slow.request({ path: `/download?bytes=${12 * MIB}` });
    const others = await Promise.all([ask(port), ask(port), ask(port)]);
    expect(others.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await proxy.admin.metric('cutover_requests_in_flight', { service: 'app' })).toBe(1);
    slow.resume();
    expect((await answered).body).toHaveLength(12 * MIB);
    await expectNothingLeft(proxy, folder);
  });
});

describe('a disk that does not serve', () => {
  test('costs those a 503 whose messages are too long for memory, and nobody else', async () => {
    const backend = await startBackend('v1');
    const buffering = { request: SMALL, response: SMALL };
    const folder = path.join(temporaryFolder(), 'missing');
    const proxy = await startIn(folder, appService({ only: backend }, { buffering }));
    const client = await startClient(proxy.port);
    expect((await ask(proxy.port, { method: 'POST', path: '/upload', body: Buffer.alloc(9_000) })).status).toBe(503);
    expect(backend.requests).toEqual([]);
    const answer = await client.request({ path: '/download?bytes=9000' });
    expect([answer.status, answer.field('retry-after')]).toEqual([503, '5']);
    expect((await client.request({ method: 'POST', path: '/upload', body: 'short' })).status).toBe(200);
    expect(await proxy.admin.metric('cutover_failures_total', { reason: 'buffer_unavailable' })).toBe(2);
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
    expect(await proxy.admin.metric('cutover_buffer_bytes', { where: 'disk' })).toBe(0);
  });
});
