/**
 * What may be sent again (RFC 9110 section 9.2.2): what provably never arrived, and what may arrive twice. Nothing
 * else, ever.
 */
import { describe, expect, test } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import type { RawAnswer } from '../helpers/raw-backend.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';
import { valuesOf, type WireMessage } from '../helpers/wire-reader.ts';

const PLAIN = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** The first request on a connection is answered; the second finds it dying in the way that `second` says. */
async function startRacing(second: RawAnswer, timeouts: ServiceDocument['timeouts'] = {}) {
  const seen: string[] = [];
  const target = await startRawBackend((request) => {
    const id = valuesOf(request.fields, 'x-test-id')[0] ?? '';
    seen.push(id);
    const again = seen.filter((other) => other === id).length > 1;
    return id === 'warm-up' || again ? { response: PLAIN } : second;
  });
  const proxy = await startProxy({ services: appService({ only: { version: '', url: target.url } }, { timeouts }) });
  const client = await startClient(proxy.port);
  expect((await client.request({ fields: [['X-Test-Id', 'warm-up']] })).status).toBe(200);
  return { target, proxy, client, seen };
}

const THE_ONE = [['X-Test-Id', 'the-one']] as const;

describe('a kept connection that dies under a request before a byte of an answer', () => {
  test.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])('is replaced for %s, once', async (method) => {
    for (const death of ['close', 'reset'] as const) {
      const { proxy, client, seen } = await startRacing(death);
      expect((await client.request({ method, fields: THE_ONE })).status).toBe(200);
      expect(seen).toEqual(['warm-up', 'the-one', 'the-one']);
      expect(await proxy.admin.metric('cutover_retries_total', { service: 'app', reason: 'reused-connection' })).toBe(
        1,
      );
      expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
    }
  });

  test.each(['POST', 'PATCH', 'LOCK'])('is a 502 for %s: nobody knows what became of it', async (method) => {
    for (const death of ['close', 'reset'] as const) {
      const { client, seen } = await startRacing(death);
      expect((await client.request({ method, fields: THE_ONE })).status).toBe(502);
      expect(seen).toEqual(['warm-up', 'the-one']);
    }
  });

  test('is replaced with the whole body, where that is at hand', async () => {
    const { target, client, seen } = await startRacing('reset');
    const body = 'b'.repeat(10_000);
    expect((await client.request({ method: 'PUT', body, fields: THE_ONE })).status).toBe(200);
    expect(seen).toEqual(['warm-up', 'the-one', 'the-one']);
    expect(target.requests.map((request: WireMessage) => request.body.toString())).toEqual(['', body, body]);
  });

  test('is a 502 where the body is no longer at hand', async () => {
    const { client, seen } = await startRacing('reset');
    expect((await client.request({ method: 'PUT', body: 'b'.repeat(300_000), fields: THE_ONE })).status).toBe(502);
    expect(seen).toEqual(['warm-up', 'the-one']);
  });

  test('is not replaced a second time', async () => {
    const seen: string[] = [];
    const target = await startRawBackend((request) => {
      const id = valuesOf(request.fields, 'x-test-id')[0] ?? '';
      seen.push(id);
      return id === 'warm-up' ? { response: PLAIN } : 'reset';
    });
    const proxy = await startProxy({ services: appService({ only: { version: '', url: target.url } }) });
    const client = await startClient(proxy.port);
    await client.request({ fields: [['X-Test-Id', 'warm-up']] });
    expect((await client.request({ fields: THE_ONE })).status).toBe(502);
    expect(seen).toEqual(['warm-up', 'the-one', 'the-one']);
  });
});

describe('a target that has begun to answer', () => {
  test.each(['GET', 'POST'])('is never asked again for %s', async (method) => {
    const { client, seen } = await startRacing({
      response: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal',
      after: 'reset',
    });
    await expect(client.request({ method, fields: THE_ONE })).rejects.toThrow(/connection ended/);
    expect(seen).toEqual(['warm-up', 'the-one']);
  });

  test('is never asked again, also where only a part of its head came', async () => {
    const { client, seen } = await startRacing({ response: 'HTTP/1.1 20', after: 'reset' });
    expect((await client.request({ fields: THE_ONE })).status).toBe(502);
    expect(seen).toEqual(['warm-up', 'the-one']);
  });
});

describe('a target that is slow', () => {
  test('is not asked again: that would only add to its load', async () => {
    const target = await startRawBackend('silence');
    const other = await startRawBackend('silence');
    const proxy = await startProxy({
      services: appService(
        {
          only: [
            { version: '', url: target.url },
            { version: '', url: other.url },
          ],
        },
        { timeouts: { responseHead: '300ms' } },
      ),
    });
    expect((await ask(proxy.port)).status).toBe(504);
    expect(target.requests.length + other.requests.length).toBe(1);
  });

  test('is not asked again where the connection had served before', async () => {
    const { client, seen } = await startRacing('silence', { responseHead: '300ms' });
    expect((await client.request({ fields: THE_ONE })).status).toBe(504);
    expect(seen).toEqual(['warm-up', 'the-one']);
  });

  test('whose new connection dies under its first request is not asked again', async () => {
    const target = await startRawBackend('reset');
    const proxy = await startProxy({ services: appService({ only: { version: '', url: target.url } }) });
    expect((await ask(proxy.port)).status).toBe(502);
    expect(target.requests.length).toBe(1);
  });
});

describe('a target that refuses connections', () => {
  test('is passed over for the next one, by every method, and the client never knows', async () => {
    const gone = await startBackend('gone');
    const { url } = gone;
    await gone.close();
    const well = await startBackend('well');
    const proxy = await startProxy({
      services: appService({
        only: [
          { version: '', url },
          { version: '', url: well.url },
        ],
      }),
    });
    const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'POST', 'GET'];
    for (const method of methods) {
      const response = await ask(proxy.port, { method, path: '/upload', body: 'b'.repeat(5000) });
      expect(JSON.parse(response.body.toString())).toMatchObject({ version: 'well', bytes: 5000 });
    }
    expect(well.requests.length).toBe(methods.length);
    expect(await proxy.admin.metric('cutover_retries_total', { reason: 'connect' })).toBeGreaterThanOrEqual(
      methods.length / 2 - 1,
    );
    expect(await proxy.admin.metric('cutover_failures_total')).toBe(0);
  });

  test('is passed over for a kept connection to the next one, with nothing left unsent', async () => {
    const gone = await startBackend('gone');
    const { url } = gone;
    await gone.close();
    const well = await startBackend('well');
    const proxy = await startProxy({
      services: appService(
        {
          only: [
            { version: '', url },
            { version: '', url: well.url },
          ],
        },
        { timeouts: { responseHead: '2s' } },
      ),
    });
    const client = await startClient(proxy.port);
    const versions: (string | null)[] = [];
    for (let count = 0; count < 6; count += 1) versions.push((await client.request()).field('x-version'));
    expect(versions).toEqual(Array.from({ length: 6 }, () => 'well'));
    expect(well.connectionsTotal).toBe(1);
  });

  test('and has no other beside it is a 502 after a bounded number of tries', async () => {
    const gone = await startBackend('gone');
    const { url } = gone;
    await gone.close();
    const proxy = await startProxy({ services: appService({ only: { version: '', url } }) });
    expect((await ask(proxy.port)).status).toBe(502);
    expect(await proxy.admin.metric('cutover_retries_total', { reason: 'connect' })).toBeLessThanOrEqual(1);
  });
});

describe('an application that closes idle connections early', () => {
  test('costs no GET an error, and doubles no POST', async () => {
    const backend = await startBackend('hasty', { keepAliveMs: 40 });
    const proxy = await startProxy({ services: appService({ only: backend }) });
    const clients = await Promise.all(Array.from({ length: 16 }, () => startClient(proxy.port)));
    const failed: string[] = [];
    await Promise.all(
      clients.map(async (client, lane) => {
        for (let round = 0; round < 30; round += 1) {
          const method = (round + lane) % 3 === 0 ? 'POST' : 'GET';
          const id = `${method}-${lane}-${round}`;
          const { status } = await client.request({ method, path: '/status?code=200', fields: [['X-Test-Id', id]] });
          if (status !== 200) failed.push(id);
          // Around the moment at which the application gives up on the connection.
          await new Promise((resolve) => setTimeout(resolve, 36 + ((round * 7 + lane) % 12)));
        }
      }),
    );
    expect(failed.filter((id) => id.startsWith('GET'))).toEqual([]);
    const posts = backend.requests.filter(({ method }) => method === 'POST').map(({ id }) => id);
    expect(new Set(posts).size).toBe(posts.length);
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });
});
