/** What goes on to the application in the client's name, what is added to it, and what stays behind. */
import { describe, expect, test } from 'vitest';
import { echo } from '../helpers/echo.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';

const LIES = [
  ['X-Forwarded-For', '6.6.6.6'],
  ['X-Forwarded-Proto', 'https'],
  ['X-Forwarded-Host', 'evil.test'],
  ['X-Forwarded-Port', '443'],
  ['X-Forwarded-Prefix', '/evil'],
  ['X-Real-IP', '6.6.6.6'],
  ['Forwarded', 'for=6.6.6.6;host=evil.test;proto=https'],
] as const;

async function startEchoing(trustedProxies: readonly string[] = []) {
  const backend = await startBackend('v1');
  return startProxy({ services: appService({ only: backend }), trustedProxies });
}

describe('a request that arrives at the application', () => {
  test('is asked for by the same method, path, query and host', async () => {
    const { port } = await startEchoing();
    const seen = await echo(port, { method: 'REPORT', path: '/echo/%41/b?x=%2F&y;z', host: 'Shop.test:8080' });
    expect(seen).toMatchObject({ method: 'REPORT', url: '/echo/%41/b?x=%2F&y;z', httpVersion: '1.1' });
    expect(seen.values('host')).toEqual(['Shop.test:8080']);
  });

  test('says whom it came from, how, and through whom', async () => {
    const { port } = await startEchoing();
    const seen = await echo(port, { host: 'shop.test' });
    expect(seen.values('x-forwarded-for')).toEqual(['127.0.0.1']);
    expect(seen.values('x-forwarded-proto')).toEqual(['http']);
    expect(seen.values('x-forwarded-host')).toEqual(['shop.test']);
    expect(seen.values('forwarded')).toEqual(['for=127.0.0.1;host=shop.test;proto=http']);
    expect(seen.value('via')).toMatch(/^1\.1 \S+$/);
  });

  test('quotes a host with a port in Forwarded, as RFC 7239 section 4 wants it', async () => {
    const { port } = await startEchoing();
    expect((await echo(port, { host: 'shop.test:8080' })).value('forwarded')).toBe(
      'for=127.0.0.1;host="shop.test:8080";proto=http',
    );
  });

  test('adds to the Via that it came with', async () => {
    const { port } = await startEchoing();
    const seen = await echo(port, { fields: [['Via', '1.0 first']] });
    expect(seen.values('via').join(', ')).toMatch(/^1\.0 first, 1\.1 \S+$/);
  });

  test('says the version of the protocol that it was received in', async () => {
    const { port } = await startEchoing();
    const seen = await echo(port, { version: '1.0' });
    expect(seen.value('via')).toMatch(/^1\.0 \S+$/);
    expect(seen.httpVersion).toBe('1.1');
  });

  test('does not believe a client that nobody trusts', async () => {
    const { port } = await startEchoing();
    const seen = await echo(port, { host: 'shop.test', fields: LIES });
    expect(seen.values('x-forwarded-for')).toEqual(['127.0.0.1']);
    expect(seen.values('x-forwarded-proto')).toEqual(['http']);
    expect(seen.values('x-forwarded-host')).toEqual(['shop.test']);
    expect(seen.values('forwarded')).toEqual(['for=127.0.0.1;host=shop.test;proto=http']);
    for (const name of ['x-forwarded-port', 'x-forwarded-prefix', 'x-real-ip'])
      expect(seen.value(name) ?? '').not.toMatch(/443|evil|6\.6/);
  });

  test('goes on from what a trusted proxy says', async () => {
    const { port } = await startEchoing(['127.0.0.0/8']);
    const seen = await echo(port, { host: 'inner.test', fields: LIES });
    expect(seen.value('x-forwarded-for')).toBe('6.6.6.6, 127.0.0.1');
    expect(seen.value('x-forwarded-proto')).toBe('https');
    expect(seen.value('x-forwarded-host')).toBe('evil.test');
    expect(seen.value('forwarded')).toBe(
      'for=6.6.6.6;host=evil.test;proto=https, for=127.0.0.1;host=inner.test;proto=http',
    );
    expect(seen.value('x-real-ip')).toBe('6.6.6.6');
  });

  test('joins the lines of a trusted proxy in their order', async () => {
    const { port } = await startEchoing(['127.0.0.1/32']);
    const lines = [
      ['X-Forwarded-For', '1.1.1.1'],
      ['X-Forwarded-For', '2.2.2.2'],
    ] as const;
    expect((await echo(port, { fields: lines })).values('x-forwarded-for').join(', ')).toBe(
      '1.1.1.1, 2.2.2.2, 127.0.0.1',
    );
  });

  test('trusts by the address of the peer, not by what it says', async () => {
    const { port } = await startEchoing(['6.6.6.0/24', '10.0.0.0/8']);
    expect((await echo(port, { fields: LIES })).value('x-forwarded-for')).toBe('127.0.0.1');
  });

  test('has lost what is for this hop alone', async () => {
    const { port } = await startEchoing();
    const seen = await echo(port, {
      fields: [
        ['Connection', 'keep-alive, X-Private'],
        ['X-Private', 'x'],
        ['Keep-Alive', 'timeout=5'],
        ['Proxy-Connection', 'keep-alive'],
        ['Proxy-Authorization', 'Basic eA=='],
        ['TE', 'gzip'],
        ['HTTP2-Settings', 'x'],
        ['X-Public', 'y'],
      ],
    });
    for (const name of [
      'x-private',
      'keep-alive',
      'proxy-connection',
      'proxy-authorization',
      'te',
      'http2-settings',
      'upgrade',
    ]) {
      expect(seen.value(name), name).toBeNull();
    }
    expect(seen.value('connection') ?? '').not.toContain('X-Private');
    expect(seen.value('x-public')).toBe('y');
  });

  test('keeps its own fields in their order and spelling', async () => {
    const { port } = await startEchoing();
    const fields = [
      ['X-One', '1'],
      ['cookie', 'a=1; b="2"'],
      ['X-ONE', '3'],
      ['Authorization', 'Bearer x'],
    ] as const;
    const seen = await echo(port, { fields });
    expect(seen.fields.filter(([name]) => /^(x-one|cookie|authorization)$/i.test(name))).toEqual(fields);
  });
});

describe('the request id', () => {
  test('is new for every request that brings none', async () => {
    const { port } = await startEchoing();
    const ids = await Promise.all([1, 2, 3].map(async () => (await echo(port)).value('x-request-id')));
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^\S{8,128}$/);
  });

  test('is kept where a client has one of its own', async () => {
    const { port } = await startEchoing();
    expect((await echo(port, { fields: [['X-Request-Id', 'trace-42']] })).values('x-request-id')).toEqual(['trace-42']);
  });

  test('is that of an answer in the place of the application, too', async () => {
    const target = await startRawBackend('silence');
    const limits = { requestBody: '1B' };
    const proxy = await startProxy({ services: appService({ only: { version: '', url: target.url } }, { limits }) });
    const fields = [['X-Request-Id', 'trace-43']] as const;
    const refused = await ask(proxy.port, { method: 'POST', body: 'ab', fields });
    expect([refused.status, refused.field('x-request-id')]).toEqual([413, 'trace-43']);
    const dots = await ask(proxy.port, { path: '/a/../b' });
    expect(dots.status).toBe(400);
    expect(dots.field('x-request-id')).not.toBe('trace-43');
  });

  test.each([
    ['too long', 'a'.repeat(500)],
    ['with blanks in it', 'a b'],
    ['that would break a log line', 'a"}{"'],
    ['empty', ''],
  ])('is replaced where that is %s', async (_, given) => {
    const { port } = await startEchoing();
    const id = (await echo(port, { fields: [['X-Request-Id', given]] })).values('x-request-id');
    expect(id).toHaveLength(1);
    expect(id[0]).not.toBe(given);
    expect(id[0]).toMatch(/^[A-Za-z0-9_.-]{8,128}$/);
  });

  test("is in the proxy's own answers, in the head and in the body", async () => {
    const proxy = await startProxy({ services: { none: { match: { hosts: ['only.test'] }, pools: { empty: {} } } } });
    const response = await ask(proxy.port, { host: 'other.test' });
    expect(response.status).toBe(404);
    expect(response.body.toString()).toContain(response.field('x-request-id'));
  });
});

describe("the proxy's own answers", () => {
  test('say it in JSON to whoever takes JSON', async () => {
    const proxy = await startProxy({ services: {} });
    const response = await ask(proxy.port, { fields: [['Accept', 'application/json']] });
    expect(response.field('content-type')).toMatch(/^application\/json/);
    expect(JSON.parse(response.body.toString())).toMatchObject({ status: 404 });
  });

  test('say it in plain text to anyone else', async () => {
    const proxy = await startProxy({ services: {} });
    const response = await ask(proxy.port, { fields: [['Accept', 'text/html,*/*']] });
    expect(response.field('content-type')).toMatch(/^text\/plain/);
  });

  test('say nothing about the inside', async () => {
    const gone = await startBackend('gone');
    const { target } = gone;
    await gone.close();
    const proxy = await startProxy({ services: appService({ secretpool: { version: 'x', url: `http://${target}` } }) });
    const response = await ask(proxy.port);
    expect(response.status).toBe(502);
    expect(response.message.head + response.body.toString()).not.toMatch(
      new RegExp(`secretpool|${target}|ECONN|app\\b`),
    );
  });

  test('have no body for HEAD', async () => {
    const proxy = await startProxy({ services: {} });
    const response = await ask(proxy.port, { method: 'HEAD' });
    expect(response.status).toBe(404);
    expect(response.body.length).toBe(0);
    expect(Number(response.field('content-length'))).toBeGreaterThan(0);
  });

  test('leave the connection open for the next request, where that can be found', async () => {
    const backend = await startBackend('v1');
    const proxy = await startProxy({
      services: { app: { match: { hosts: ['app.test'] }, pools: { only: { targets: [{ url: backend.url }] } } } },
    });
    const client = await startClient(proxy.port);
    expect((await client.request({ host: 'nobody.test' })).status).toBe(404);
    expect((await client.request({ host: 'app.test' })).status).toBe(200);
  });
});

describe('a response that arrives at the client', () => {
  test('has lost what was for the hop before', async () => {
    const target = await startRawBackend({
      response:
        'HTTP/1.1 200 OK\r\nConnection: close, X-Private\r\nX-Private: x\r\nKeep-Alive: timeout=9\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nX-Public: y\r\nContent-Length: 2\r\n\r\nok',
    });
    const proxy = await startProxy({ services: appService({ only: { version: '', url: target.url } }) });
    const response = await ask(proxy.port);
    for (const name of ['x-private', 'keep-alive', 'proxy-connection', 'upgrade'])
      expect(response.field(name), name).toBeNull();
    expect(response.field('connection') ?? '').not.toMatch(/close|X-Private/);
    expect(response.field('x-public')).toBe('y');
  });

  test('keeps its status, its reason, and its fields on lines of their own', async () => {
    const target = await startRawBackend({
      response:
        'HTTP/1.1 299 Fine By Me\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n',
    });
    const proxy = await startProxy({ services: appService({ only: { version: '', url: target.url } }) });
    const { message } = await ask(proxy.port);
    expect(message.startLine).toBe('HTTP/1.1 299 Fine By Me');
    expect(message.fields.filter(([name]) => name === 'Set-Cookie')).toEqual([
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
    ]);
    expect(message.fields.filter(([name]) => name.toLowerCase() === 'date')).toEqual([
      ['Date', 'Thu, 01 Jan 1970 00:00:00 GMT'],
    ]);
  });
});

describe('the service is found', () => {
  const hosts = { exact: ['shop.test'], wildcard: ['*.shop.test'], deep: ['*.eu.shop.test'] };

  async function startServices() {
    const names = ['exact', 'api', 'apiv2', 'wildcard', 'deep', 'rest'] as const;
    const backends = await Promise.all(names.map((name) => startBackend(name)));
    const pools = Object.fromEntries(
      names.map((name, index) => [name, { only: { targets: [{ url: backends[index]?.url ?? '' }] } }]),
    );
    const only = (name: (typeof names)[number]) => ({
      pools: pools[name] as Record<string, { targets: { url: string }[] }>,
    });
    return startProxy({
      services: {
        exact: { match: { hosts: hosts.exact }, ...only('exact') },
        api: { match: { hosts: hosts.exact, pathPrefix: '/api' }, ...only('api') },
        apiv2: { match: { hosts: hosts.exact, pathPrefix: '/api/v2' }, ...only('apiv2') },
        wildcard: { match: { hosts: hosts.wildcard }, ...only('wildcard') },
        deep: { match: { hosts: hosts.deep }, ...only('deep') },
        rest: { match: { pathPrefix: '/open' }, ...only('rest') },
      },
    });
  }

  test.each([
    ['by its exact host', 'shop.test', '/', 'exact'],
    ['by a host in any case', 'SHOP.Test', '/', 'exact'],
    ['by a host with a port', 'shop.test:8080', '/', 'exact'],
    ['by a host with the dot of the root', 'shop.test.', '/', 'exact'],
    ['by a wildcard', 'a.shop.test', '/', 'wildcard'],
    ['by a wildcard, at any depth', 'a.b.shop.test', '/', 'wildcard'],
    ['by the longest wildcard', 'a.eu.shop.test', '/', 'deep'],
    ['by its path', 'shop.test', '/api', 'api'],
    ['by its path and what is below it', 'shop.test', '/api/v1/x?y', 'api'],
    ['by the longest path', 'shop.test', '/api/v2/x', 'apiv2'],
    ['at the border of a segment only', 'shop.test', '/apis', 'exact'],
    ['without the query', 'shop.test', '/?/api/v2', 'exact'],
    ['by its path, whatever the host', 'unknown.test', '/open/x', 'rest'],
  ])('%s', async (_, host, path, version) => {
    const { port } = await startServices();
    expect((await ask(port, { host, path })).field('x-version')).toBe(version);
  });

  test.each([
    ['for a host that ends like one', 'evilshop.test', '/'],
    ['for a host that begins like one', 'shop.test.evil.test', '/'],
    ['for a path outside of every prefix', 'unknown.test', '/closed'],
    ['for a path that only looks like a prefix', 'unknown.test', '/opened'],
  ])('never %s', async (_, host, path) => {
    const { port } = await startServices();
    expect((await ask(port, { host, path })).status).toBe(404);
  });
});
