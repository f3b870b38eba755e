/**
 * Bodies of every framing in both directions, interim answers, and the two ends of a connection that give up: the same
 * whatever carries them.
 */
import { describe, expect, test } from 'vitest';
import { downloadBody } from '../helpers/backend.ts';
import { echo as echoOn } from '../helpers/echo.ts';
import { eventually } from '../helpers/eventually.ts';
import type { ClientRequest } from '../helpers/http-client.ts';
import type { TlsManner } from '../helpers/open-socket.ts';
import { rawExchange as rawExchangeOn, type RawExchange } from '../helpers/raw-client.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask as askOn, startClient as startClientOn } from '../helpers/start-client.ts';
import { appService, type ProxySetup, type TestProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';
import type { RawAnswers } from '../helpers/raw-backend.ts';

const MIB = 1 << 20;

/** How clients and the proxy speak to each other. */
export interface Carriage {
  readonly startProxy: (setup: ProxySetup) => Promise<TestProxy>;
  readonly manner: { readonly tls?: TlsManner };
}

export function streamingSuite({ startProxy, manner }: Carriage): void {
  const startClient = (port: number) => startClientOn(port, manner);
  const ask = (port: number, request: ClientRequest = {}) => askOn(port, request, manner);
  const echo = (port: number, request: ClientRequest) => echoOn(port, request, manner);
  const rawExchange = (exchange: RawExchange) => rawExchangeOn({ ...exchange, ...manner });

  async function startApplication() {
    const backend = await startBackend('v1');
    const proxy = await startProxy({ services: appService({ only: backend }) });
    return { backend, port: proxy.port, proxy };
  }

  async function startScripted(answers: RawAnswers) {
    const target = await startRawBackend(answers);
    const proxy = await startProxy({ services: appService({ only: { version: '', url: target.url } }) });
    return { target, port: proxy.port, proxy };
  }

  describe('a request body', () => {
    test('arrives counted where it was counted', async () => {
      const { port } = await startApplication();
      const seen = await echo(port, { method: 'POST', body: 'hello' });
      expect(seen.body).toBe('hello');
      expect(seen.values('content-length')).toEqual(['5']);
      expect(seen.value('transfer-encoding')).toBeNull();
    });

    test('arrives in chunks where it came in chunks, trailers included', async () => {
      const { port } = await startApplication();
      const pieces = {
        bytes: [Buffer.from('he'), Buffer.from('llo')],
        gapMs: 5,
        framing: 'chunked' as const,
        trailers: [['X-Sum', 'abc']] as const,
      };
      const seen = await echo(port, { method: 'POST', pieces });
      expect(seen.body).toBe('hello');
      expect(seen.value('transfer-encoding')).toBe('chunked');
      expect(seen.value('content-length')).toBeNull();
      expect(seen.trailers).toEqual({ 'x-sum': 'abc' });
    });

    test.each(['GET', 'DELETE', 'OPTIONS', 'PATCH'])('arrives with %s as well', async (method) => {
      const { port } = await startApplication();
      expect(await echo(port, { method, body: 'hello' })).toMatchObject({ method, body: 'hello' });
    });

    test.each([
      ['none', 0],
      ['one byte', 1],
      ['64 KiB', 65_536],
      ['5 MiB', 5 * MIB],
    ])('of %s arrives byte for byte', async (_, bytes) => {
      const { port } = await startApplication();
      const client = await startClient(port);
      const body = downloadBody('body', 'x', bytes);
      const response = await client.request({ method: 'POST', path: '/upload', body });
      expect(JSON.parse(response.body.toString())).toMatchObject({ bytes });
      const echoed = await client.request({ method: 'POST', path: '/echo', body: body.subarray(0, 100_000) });
      expect((JSON.parse(echoed.body.toString()) as { body: string }).body).toBe(body.toString('latin1', 0, 100_000));
    });

    test('reaches the application while it is still being sent', async () => {
      const { backend, port } = await startApplication();
      const client = await startClient(port);
      const pieces = {
        bytes: Array.from({ length: 10 }, () => Buffer.alloc(1000, 'x')),
        gapMs: 50,
        framing: 'chunked' as const,
      };
      const answered = client.request({ method: 'POST', path: '/upload', pieces });
      await eventually(() => expect(backend.requests[0]?.bodyBytes).toBeGreaterThan(0));
      expect(backend.requests[0]?.bodyBytes).toBeLessThan(10_000);
      expect((await answered).status).toBe(200);
    });

    test('that breaks off does so for the application as well, within a second', async () => {
      const { backend, port, proxy } = await startApplication();
      const client = await startClient(port);
      const pieces = {
        bytes: Array.from({ length: 100 }, () => Buffer.alloc(100, 'x')),
        gapMs: 20,
        framing: 'length' as const,
      };
      const answered = client.request({ method: 'POST', path: '/upload', pieces }).catch(() => 'broken');
      await eventually(() => expect(backend.requests[0]?.bodyBytes).toBeGreaterThan(0));
      client.reset();
      await eventually(() => expect(backend.requests[0]?.outcome).toBe('aborted'));
      expect(await answered).toBe('broken');
      expect((await ask(proxy.port)).status).toBe(200);
    });
  });

  describe('a response body', () => {
    test.each([
      ['counted', '/download?bytes=300000', 'content-length'],
      ['in chunks', '/download?bytes=300000&chunked=1', 'transfer-encoding'],
    ])('%s arrives as it was sent', async (_, path, framing) => {
      const { port } = await startApplication();
      const response = await ask(port, { path });
      expect(response.field(framing)).not.toBeNull();
      expect(response.body.equals(downloadBody('v1', '', 300_000))).toBe(true);
    });

    test('up to the end of the connection arrives whole, and the client keeps its own', async () => {
      const { port } = await startScripted({ response: 'HTTP/1.1 200 OK\r\n\r\nuntil close', after: 'close' });
      const client = await startClient(port);
      expect((await client.request()).body.toString()).toBe('until close');
      expect((await client.request()).body.toString()).toBe('until close');
    });

    test('reaches the client while it is still being sent', async () => {
      const { port } = await startApplication();
      const client = await startClient(port);
      const answered = client.request({ path: '/download?chunked=1&bytes=10000&piece=1000&gap=40' });
      await eventually(() => expect(client.unfinished?.body.length ?? 0).toBeGreaterThan(0));
      expect(client.unfinished?.body.length).toBeLessThan(10_000);
      expect((await answered).body.length).toBe(10_000);
    });

    test('brings its trailers', async () => {
      const { port } = await startApplication();
      const { message } = await ask(port, { path: '/trailers', fields: [['TE', 'trailers']] });
      expect(message.trailers).toEqual([['X-Sum', 'abc']]);
    });

    test.each([
      ['HEAD', '/download?bytes=5000', 200, '5000'],
      ['GET', '/status?code=204', 204, null],
      ['GET', '/status?code=304', 304, null],
    ])('is none after %s %s, and the next answer is in its place', async (method, path, status, length) => {
      const { port } = await startApplication();
      const client = await startClient(port);
      const [first, second] = await client.pipeline([{ method, path }, { path: '/' }]);
      expect([first?.status, first?.body.length, first?.field('content-length')]).toEqual([status, 0, length]);
      expect(second?.body.toString()).toBe('v1\n');
    });

    test.each([
      ['counted', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc'],
      ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nabc'],
      ['between two chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
    ])('that the target breaks off, %s, never looks whole to the client', async (_, response) => {
      for (const after of ['close', 'reset'] as const) {
        const { port } = await startScripted({ response, after });
        const client = await startClient(port);
        await expect(client.request()).rejects.toThrow(/connection ended/);
      }
    });

    test('up to the end of the connection that ends in a reset never looks whole to the client', async () => {
      for (const version of ['1.0', '1.1'] as const) {
        const { port } = await startScripted({ response: 'HTTP/1.1 200 OK\r\n\r\nabc', after: 'reset' });
        const client = await startClient(port);
        await expect(client.request({ version })).rejects.toThrow(/connection ended/);
      }
    });

    test('stops at the application when the client is gone', async () => {
      const { backend, port } = await startApplication();
      const client = await startClient(port);
      const answered = client.request({ path: '/download?bytes=100000&piece=100&gap=20' }).catch(() => 'broken');
      await eventually(() => expect(client.unfinished).not.toBeNull());
      client.reset();
      await eventually(() => expect(backend.requests[0]?.outcome).toBe('aborted'));
      expect(await answered).toBe('broken');
    });

    test('that nobody has begun to send stops there as well', async () => {
      const { backend, port } = await startApplication();
      const client = await startClient(port);
      const answered = client.request({ path: '/hold' }).catch(() => 'broken');
      await eventually(() => expect(backend.held).toBe(1));
      client.reset();
      await eventually(() => expect(backend.requests[0]?.outcome).toBe('aborted'));
      expect(await answered).toBe('broken');
    });
  });

  describe('backpressure', () => {
    /** What the kernel's buffers on both sides of the proxy may take; far below what is sent. */
    const IN_KERNEL_MAX = 24 * MIB;
    const SENT = 160 * MIB;

    test('of a client that does not read stops the application', async () => {
      const { backend, port } = await startApplication();
      const client = await startClient(port);
      const answered = client.request({ path: `/download?bytes=${SENT}&piece=262144` }).catch(() => 'broken');
      await eventually(() => expect(client.unfinished).not.toBeNull());
      client.pause();
      const written = await settled(() => backend.bytesWritten);
      expect(written).toBeLessThan(IN_KERNEL_MAX);
      expect((await ask(port)).status).toBe(200);
      client.close();
      await answered;
    });

    test('of an application that does not read stops the client', async () => {
      const target = await startRawBackend({ response: 'HTTP/1.1 100 Continue\r\n\r\n', when: 'head' });
      const proxy = await startProxy({ services: appService({ only: { version: '', url: target.url } }) });
      const client = await startClient(proxy.port);
      const piece = Buffer.alloc(MIB, 'x');
      const pieces = { bytes: Array.from({ length: 160 }, () => piece), gapMs: 0, framing: 'length' as const };
      const answered = client.request({ method: 'POST', pieces }).catch(() => 'broken');
      await eventually(() => expect(target.received.length).toBeGreaterThan(0));
      target.pause();
      const sent = await settled(() => client.bytesTaken);
      expect(sent).toBeLessThan(IN_KERNEL_MAX);
      client.close();
      await answered;
    });

    /** The value once it has not grown for a while. */
    async function settled(read: () => number): Promise<number> {
      let last = read();
      for (let still = 0; still < 6;) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        still = read() === last ? still + 1 : 0;
        last = read();
      }
      return last;
    }
  });

  describe('100 Continue', () => {
    const WAITING = 'POST /upload HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n';

    test('is asked of the application and passed on to the client', async () => {
      const { port } = await startApplication();
      const { received } = await rawExchange({
        port,
        bytes: Buffer.from(WAITING),
        parts: [
          { bytes: Buffer.alloc(0), delayMs: 100 },
          { bytes: Buffer.from('hello'), delayMs: 0 },
        ],
      });
      expect(received.toString()).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*"bytes":5/);
    });

    test('is not said where the application refuses, and the body is never asked for', async () => {
      const { backend, port } = await startApplication();
      const { received } = await rawExchange({ port, bytes: Buffer.from(WAITING.replace('/upload', '/refuse')) });
      expect(received.toString()).toMatch(/^HTTP\/1\.1 417 /);
      expect(received.toString()).not.toContain('100 Continue');
      expect(backend.requests[0]?.bodyBytes).toBe(0);
    });
  });

  describe('interim answers', () => {
    test('of the application reach the client before the final one', async () => {
      const { port } = await startApplication();
      const response = await ask(port, { path: '/hints' });
      expect(response.interim.map(({ startLine }) => startLine)).toEqual(['HTTP/1.1 103 Early Hints']);
      expect(response.interim[0]?.head).toContain('</style.css>; rel=preload');
      expect(response.body.toString()).toBe('v1\n');
    });

    test('reach the client before the final one is there', async () => {
      const { port } = await startScripted({ response: 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' });
      const { received } = await rawExchange({
        port,
        bytes: Buffer.from('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n'),
        quietMs: 200,
      });
      expect(received.toString()).toMatch(/^HTTP\/1\.1 103 /);
    });

    test('are kept from HTTP/1.0', async () => {
      const { port } = await startApplication();
      const response = await ask(port, { path: '/hints', version: '1.0' });
      expect(response.interim).toEqual([]);
      expect(response.status).toBe(200);
    });
  });

  describe('HTTP/1.0', () => {
    test('is answered and closed', async () => {
      const { port } = await startApplication();
      const client = await startClient(port);
      const response = await client.request({ version: '1.0' });
      expect(response.message.startLine).toBe('HTTP/1.1 200 OK');
      expect(await client.ended()).toBe('fin');
    });

    test('gets chunks taken apart, and the end of the connection for their end', async () => {
      const { port } = await startApplication();
      const client = await startClient(port);
      const answered = client.request({ version: '1.0', path: '/download?chunked=1&bytes=100000&piece=9999' });
      const response = await answered;
      expect(response.field('transfer-encoding')).toBeNull();
      expect(response.body.equals(downloadBody('v1', '', 100_000).subarray(0, 100_000))).toBe(true);
      expect(await client.ended()).toBe('fin');
    });

    test('is kept where it asks for that and the length is known', async () => {
      const { port } = await startApplication();
      const client = await startClient(port);
      const request = { version: '1.0', path: '/download?bytes=10', fields: [['Connection', 'keep-alive']] } as const;
      expect((await client.request(request)).field('connection')).toBe('keep-alive');
      expect((await client.request(request)).body.length).toBe(10);
    });
  });

  describe('a client that ends its side after its request', () => {
    test('still gets its answer', async () => {
      const { port } = await startApplication();
      const client = await startClient(port);
      const answered = client.request({ path: '/slow?ms=150' });
      client.halfClose();
      expect((await answered).body.toString()).toBe('v1\n');
      expect(await client.ended()).toBe('fin');
    });

    test('gets all the answers that it has asked for', async () => {
      const { port } = await startApplication();
      const client = await startClient(port);
      const answered = client.pipeline([{ path: '/slow?ms=50' }, { path: '/' }, { path: '/download?bytes=100000' }]);
      client.halfClose();
      expect((await answered).map(({ body }) => body.length)).toEqual([3, 3, 100_000]);
    });

    test('gets the rest of an answer that is long under way', async () => {
      const { port } = await startApplication();
      const client = await startClient(port);
      const answered = client.request({ path: '/download?bytes=20000&piece=1000&gap=50' });
      client.halfClose();
      expect((await answered).body.length).toBe(20_000);
    });
  });

  describe('pipelined requests', () => {
    test('are answered in their order, however long each takes', async () => {
      const { port } = await startApplication();
      const client = await startClient(port);
      const paths = ['/slow?ms=120', '/download?bytes=70000', '/slow?ms=10', '/status?code=404', '/'];
      const responses = await client.pipeline(
        paths.map((path, index) => ({ path, fields: [['X-Test-Id', `nr-${index}`]] as const })),
      );
      expect(responses.map((response) => response.field('x-test-id'))).toEqual([
        'nr-0',
        'nr-1',
        'nr-2',
        'nr-3',
        'nr-4',
      ]);
      expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 404, 200]);
    });
  });
}
