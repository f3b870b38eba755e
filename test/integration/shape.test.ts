/** What a service changes of messages on their way: what the target hears, and what the client gets, to the byte. */
import { describe, expect, test } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { rawExchange } from '../helpers/raw-client.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';

const MERGE_PATCH = { 'content-type': 'application/merge-patch+json' };
const DATE = 'Date: Tue, 01 Jan 2030 00:00:00 GMT\r\n';

/** A target that answers with these lines, behind a service of this shape. */
async function start(lines: string, shape: Omit<ServiceDocument, 'pools'>, trustedProxies: readonly string[] = []) {
  const target = await startRawBackend({ response: `HTTP/1.1 200 OK\r\n${DATE}${lines}Content-Length: 0\r\n\r\n` });
  const address = target.url.slice('http://'.length);
  target.answers = {
    response: `HTTP/1.1 200 OK\r\n${DATE}${lines.replaceAll('TARGET', address)}Content-Length: 0\r\n\r\n`,
  };
  const proxy = await startProxy({
    services: appService({ only: { version: '1.4', url: target.url } }, shape),
    trustedProxies,
  });
  return { target, port: proxy.port, address };
}

async function get(port: number, path: string, lines = ''): Promise<string> {
  const bytes = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: shop.test:8080\r\n${lines}\r\n`, 'latin1');
  return (await rawExchange({ port, bytes, quietMs: 50 })).received.toString('latin1');
}

const OWN =
  'X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: shop.test:8080\r\nX-Forwarded-Port: 8080\r\n' +
  'X-Real-IP: 127.0.0.1\r\nForwarded: for=127.0.0.1;host="shop.test:8080";proto=http\r\nVia: 1.1 cutover\r\n';

describe('a request', () => {
  test('has its prefix replaced, and says which one it was', async () => {
    const { target, port } = await start('', { match: { pathPrefix: '/api' }, path: { strip: '/api', add: '/v2' } });
    await get(port, '/api/a%20b?q=/api', 'X-Request-Id: r1\r\n');
    expect(target.received.toString('latin1')).toBe(
      `GET /v2/a%20b?q=/api HTTP/1.1\r\nHost: shop.test:8080\r\n${OWN}X-Request-Id: r1\r\nX-Forwarded-Prefix: /api\r\n\r\n`,
    );
  });

  test('says behind which prefix of a trusted proxy that one stood, and of nobody else', async () => {
    const shape = { match: { pathPrefix: '/api' }, path: { strip: '/api' } };
    const [trusting, other] = [await start('', shape, ['127.0.0.1']), await start('', shape)];
    await get(trusting.port, '/api/', 'X-Forwarded-Prefix: /outer\r\n');
    expect(trusting.target.received.toString()).toContain('\r\nX-Forwarded-Prefix: /outer/api\r\n');
    await get(other.port, '/api/', 'X-Forwarded-Prefix: /outer\r\n');
    expect(other.target.received.toString()).toContain('\r\nX-Forwarded-Prefix: /api\r\n');
    expect(other.target.received.toString()).not.toContain('outer');
  });

  test('has fields set, added and removed, with what variables stand for', async () => {
    const { target, port } = await start('', {
      headers: {
        request: {
          set: {
            host: 'app.internal',
            'x-who': '{clientAddress} {requestId} {{x}',
            'x-what': '{method} {path}?{query} {host} {scheme}',
          },
          add: { 'x-where': '{service}/{pool}/{version}/{generation}' },
          remove: ['x-gone', 'via', 'x-forwarded-proto'],
        },
      },
    });
    await get(
      port,
      '/p?q',
      'X-Who: forged\r\nX-WHERE: first\r\nX-Gone: 1\r\nVia: 1.0 a\r\nX-Stays: 2\r\nX-Request-Id: r1\r\n',
    );
    expect(target.received.toString('latin1')).toBe(
      'GET /p?q HTTP/1.1\r\nHost: app.internal\r\nX-WHERE: first\r\nX-Stays: 2\r\n' +
        'X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: shop.test:8080\r\nX-Forwarded-Port: 8080\r\nX-Real-IP: 127.0.0.1\r\n' +
        'Forwarded: for=127.0.0.1;host="shop.test:8080";proto=http\r\nX-Request-Id: r1\r\n' +
        'x-who: 127.0.0.1 r1 {x}\r\nx-what: GET /p?q shop.test http\r\nx-where: app/only/1.4/1\r\n\r\n',
    );
  });

  test('cannot take away by Connection what is set for it', async () => {
    const { target, port } = await start('', { headers: { request: { set: { 'x-who': '{clientAddress}' } } } });
    await get(port, '/', 'Connection: X-Who\r\nX-Who: forged\r\n');
    expect(target.received.toString()).toContain('\r\nx-who: 127.0.0.1\r\n');
    expect(target.received.toString()).not.toContain('forged');
  });

  test('brings no field in its trailers that would not pass in its head', async () => {
    const { target, port } = await start('', { headers: { request: { set: { 'x-who': 'us' }, remove: ['x-gone'] } } });
    const bytes = Buffer.from(
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Who: forged\r\nX-Gone: 1\r\nX-Stays: 2\r\n\r\n',
    );
    await rawExchange({ port, bytes, quietMs: 50 });
    expect(target.received.toString('latin1')).toMatch(/\r\nx-who: us\r\n[^]*\r\n\r\n0\r\nX-Stays: 2\r\n\r\n$/);
    expect(target.received.toString('latin1')).not.toMatch(/forged|gone/i);
  });

  test('gets no line of its own into a field, whatever its target and host hold', async () => {
    const { target, port } = await start('', { headers: { request: { set: { 'x-what': '{path}|{query}|{host}' } } } });
    await get(port, '/%0d%0aX-Evil:1?%0d%0aX-Evil:1');
    expect(target.received.toString()).toContain('\r\nx-what: /%0d%0aX-Evil:1|%0d%0aX-Evil:1|shop.test\r\n');
    expect(target.received.toString()).not.toMatch(/^X-Evil/im);
  });

  test('carries a version that an operator wrote freely as printable text', async () => {
    const target = await startRawBackend({ response: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n' });
    const headers = { request: { set: { 'x-version': 'v{version}' } } };
    const proxy = await startProxy({
      services: appService({ only: { version: '1\r\nX-Evil: ü', url: target.url } }, { headers }),
    });
    await get(proxy.port, '/');
    expect(target.received.toString()).toContain('\r\nx-version: v1??X-Evil: ?\r\n');
  });
});

describe('an answer', () => {
  test('leads back to what the client asked for', async () => {
    const lines =
      'Location: http://TARGET/v2/x\r\ncontent-location:   /v2/y\r\nRefresh: 5; url="//TARGET/v2"\r\n' +
      'Set-Cookie: a=1; Domain=localhost; Path=/v2/z\r\nSet-Cookie: b=2; Path=/v2\r\nX-Own: http://TARGET/v2\r\n';
    const { port, address } = await start(lines, {
      match: { pathPrefix: '/api' },
      path: { strip: '/api', add: '/v2' },
    });
    expect(await get(port, '/api')).toBe(
      `HTTP/1.1 200 OK\r\n${DATE}Location: http://shop.test:8080/api/x\r\ncontent-location: /api/y\r\n` +
        'Refresh: 5; url="//shop.test:8080/api"\r\nSet-Cookie: a=1; Domain=shop.test; Path=/api/z\r\n' +
        `Set-Cookie: b=2; Path=/api\r\nX-Own: http://${address}/v2\r\nVia: 1.1 cutover\r\nContent-Length: 0\r\n\r\n`,
    );
  });

  test('leads back to the host and scheme of which a trusted proxy tells', async () => {
    const { port } = await start('Location: http://TARGET/x\r\n', {}, ['127.0.0.1']);
    const asked = 'X-Forwarded-Proto: https\r\nX-Forwarded-Host: www.shop.test\r\n';
    expect(await get(port, '/', asked)).toContain('\r\nLocation: https://www.shop.test/x\r\n');
  });

  test('leads elsewhere as it did', async () => {
    const lines = 'Location: http://elsewhere.test/x\r\nSet-Cookie: a=1; Domain=elsewhere.test; Path=/\r\n';
    const { port } = await start(lines, {});
    expect(await get(port, '/')).toContain(`\r\n${lines}`);
  });

  test('says nothing of what the target runs, unless it is let to', async () => {
    const lines =
      'Server: nginx\r\nX-Powered-By: PHP\r\nX-AspNet-Version: 4\r\nX-AspNetMvc-Version: 5\r\nX-Runtime: 1\r\nX-Generator: x\r\n';
    const [hidden, open] = [await start(`${lines}X-Own: 1\r\n`, {}), await start(lines, { headers: { hide: [] } })];
    expect(await get(hidden.port, '/')).toBe(
      `HTTP/1.1 200 OK\r\n${DATE}X-Own: 1\r\nVia: 1.1 cutover\r\nContent-Length: 0\r\n\r\n`,
    );
    expect(await get(open.port, '/')).toContain(`\r\n${lines}Via`);
  });

  test('has fields set, added and removed, with what variables stand for', async () => {
    const { port, address } = await start('X-Old: 1\r\nVary: Accept\r\nX-Gone: 1\r\nX-gone: 2\r\nX-Stays: 3\r\n', {
      headers: {
        response: { set: { 'x-old': '{target} {path}' }, add: { vary: 'Origin' }, remove: ['x-gone', 'date', 'via'] },
      },
    });
    expect(await get(port, '/p?q')).toBe(
      `HTTP/1.1 200 OK\r\nVary: Accept\r\nX-Stays: 3\r\nx-old: ${address} /p\r\nvary: Origin\r\nContent-Length: 0\r\n\r\n`,
    );
  });

  test('leaves a cookie alone that browsers take with no other path', async () => {
    const lines = 'Set-Cookie: __Host-a=1; Secure; Path=/\r\n';
    const { port } = await start(lines, { match: { pathPrefix: '/api' }, path: { strip: '/api' } });
    expect(await get(port, '/api/')).toContain(`\r\n${lines}`);
  });

  test('brings no field in its trailers that would not pass in its head', async () => {
    const { target, port } = await start('', { headers: { response: { remove: ['x-gone'] } } });
    target.answers = {
      response: `HTTP/1.1 200 OK\r\n${DATE}Transfer-Encoding: chunked\r\n\r\n0\r\nX-Gone: 1\r\nServer: x\r\nX-Stays: 2\r\n\r\n`,
    };
    expect(await get(port, '/')).toMatch(/\r\n\r\n0\r\nX-Stays: 2\r\n\r\n$/);
  });

  test('that is interim, or switches protocols, hides the same', async () => {
    const { target, port } = await start('', {});
    target.answers = {
      response:
        'HTTP/1.1 103 Early Hints\r\nServer: nginx\r\nLink: </a>\r\n\r\n' +
        'HTTP/1.1 101 Switching Protocols\r\nServer: nginx\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    };
    const got = await get(port, '/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n');
    expect(got).toMatch(/103 Early Hints\r\nLink[^]*101 Switching/);
    expect(got).not.toContain('nginx');
  });
});

describe('a change of the shape', () => {
  test('is in force when it is answered, and one that cannot be is refused with its place', async () => {
    const target = await startRawBackend({ response: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n' });
    const proxy = await startProxy({ services: appService({ only: { version: '1', url: target.url } }) });
    const patch = (value: string) =>
      proxy.admin.call('PATCH', '/v1/services/app', { headers: { request: { set: { 'x-new': value } } } }, MERGE_PATCH);
    expect((await patch('1')).status).toBe(200);
    await get(proxy.port, '/');
    expect(target.received.toString()).toContain('\r\nx-new: 1\r\n');
    const refused = await patch('{hots}');
    expect(refused.status).toBe(422);
    expect(refused.text).toContain('/headers/request/set/x-new');
  });
});
