/**
 * What keeps others out of the admin API: web pages that a person on this machine opens (DNS rebinding, cross-site
 * requests), and bodies that mean one thing to whoever checks them and another to whoever acts on them.
 */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';

import { type AdminWorld, startAdmin } from '../helpers/start-admin.ts';

const CUTOVERS = '/v1/services/shop/cutovers';
const BODY = '{"to":"green"}';
const JSON_TYPE = { 'content-type': 'application/json' };

interface Plain {
  readonly status: number;
  readonly type: string | undefined;
  readonly code: string;
  readonly headers: NodeJS.Dict<string | string[]>;
}

/** A request with exactly these fields: `fetch` would refuse to send some of them. */
async function plain(
  { admin }: AdminWorld,
  method: string,
  path: string,
  headers: Record<string, string | string[]> = {},
  body = '',
): Promise<Plain> {
  const { hostname, port } = new URL(admin.url);
  const sent = request({ host: hostname, port, method, path, headers, agent: false });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const isProblem = response.headers['content-type'] === 'application/problem+json';
  const code = isProblem && text !== '' ? String(JSON.parse(text).type).replace('urn:cutover:problem:', '') : '';
  return { status: response.statusCode ?? 0, type: response.headers['content-type'], code, headers: response.headers };
}

/** The first bytes of the answer to these bytes. */
async function raw({ admin }: AdminWorld, bytes: string): Promise<string> {
  const { hostname, port } = new URL(admin.url);
  const socket = connect(Number(port), hostname);
  socket.write(bytes);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

describe('the Host', () => {
  it.each(['127.0.0.1', 'localhost', '[::1]', 'LOCALHOST'])('%s with the port of the API is served', async (name) => {
    const world = await startAdmin();
    const { port } = new URL(world.admin.url);
    expect((await plain(world, 'GET', '/v1/status', { host: `${name}:${port}` })).status).toBe(200);
  });

  it.each([
    'evil.example',
    'localhost.evil.example',
    'localhost',
    '127.0.0.1:1',
    '127.0.0.1.nip.io',
    'localhost:PORT.evil.example',
    'user@localhost:PORT',
    '0.0.0.0:PORT',
  ])('%s is refused (421), for reading and metrics too', async (host) => {
    const world = await startAdmin();
    const named = host.replace('PORT', new URL(world.admin.url).port);
    for (const path of ['/v1/status', '/metrics', '/healthz', '/nowhere']) {
      const { status, code } = await plain(world, 'GET', path, { host: named });
      expect([path, status, code]).toEqual([path, 421, 'wrong-host']);
    }
    expect((await plain(world, 'POST', CUTOVERS, { host: named, ...JSON_TYPE }, BODY)).status).toBe(421);
    expect(world.dataPlane.generation).toBe(1);
  });

  it('that is missing is refused (400)', async () => {
    const world = await startAdmin();
    expect(await raw(world, 'GET /v1/status HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('another site', () => {
  it.each([
    'http://evil.example',
    'https://localhost:PORT',
    'http://localhost:1',
    'null',
    'http://localhost:PORT.evil',
  ])('with the Origin %s is refused (403)', async (origin) => {
    const world = await startAdmin();
    const named = origin.replace('PORT', new URL(world.admin.url).port);
    for (const [method, path] of [
      ['GET', '/v1/status'],
      ['POST', CUTOVERS],
      ['DELETE', '/v1/services/shop'],
    ] as const) {
      const body = method === 'POST' ? BODY : '';
      const { status, code, headers } = await plain(world, method, path, { origin: named, ...JSON_TYPE }, body);
      expect([method, status, code]).toEqual([method, 403, 'foreign-origin']);
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
    expect(world.dataPlane.generation).toBe(1);
  });

  it.each(['cross-site', 'same-site', 'anything'])('with Sec-Fetch-Site: %s is refused (403)', async (site) => {
    const world = await startAdmin();
    expect((await plain(world, 'GET', '/v1/status', { 'sec-fetch-site': site })).status).toBe(403);
  });

  it('is not what our own pages and programs are', async () => {
    const world = await startAdmin();
    const own = { origin: world.admin.url, 'sec-fetch-site': 'same-origin' };
    expect((await plain(world, 'POST', CUTOVERS, { ...own, ...JSON_TYPE }, BODY)).status).toBe(201);
    expect((await plain(world, 'GET', '/v1/status', { 'sec-fetch-site': 'none' })).status).toBe(200);
  });

  it('is never allowed by a CORS preflight', async () => {
    const world = await startAdmin();
    const headers = { 'access-control-request-method': 'PUT' };
    const { status, headers: answered } = await plain(world, 'OPTIONS', '/v1/services/shop', headers);
    expect(status).toBe(405);
    expect(Object.keys(answered).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('the content type', () => {
  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'json',
  ])('%s is refused (415)', async (type) => {
    const world = await startAdmin();
    const { status, code } = await plain(world, 'POST', CUTOVERS, { 'content-type': type }, BODY);
    expect([status, code]).toEqual([415, 'unsupported-media-type']);
    expect(world.dataPlane.generation).toBe(1);
  });

  it('may have parameters, and any case', async () => {
    const world = await startAdmin();
    const headers = { 'content-type': 'Application/JSON; charset=utf-8' };
    expect((await plain(world, 'POST', CUTOVERS, headers, BODY)).status).toBe(201);
  });

  it('must be said (415), but for a request that has no body and needs none', async () => {
    const world = await startAdmin();
    expect((await plain(world, 'POST', CUTOVERS, {}, BODY)).status).toBe(415);
    expect((await plain(world, 'POST', CUTOVERS)).status).toBe(415);
    expect((await plain(world, 'PUT', '/v1/services/shop')).status).toBe(415);
    expect((await plain(world, 'POST', '/v1/services/shop/rollback', {}, '{}')).status).toBe(415);
    expect((await plain(world, 'POST', '/v1/services/shop/rollback')).status).toBe(409);
    expect((await plain(world, 'DELETE', '/v1/services/shop')).status).toBe(204);
  });

  it('is YAML for a configuration alone', async () => {
    const world = await startAdmin();
    const headers = { 'content-type': 'application/yaml' };
    expect((await plain(world, 'POST', CUTOVERS, headers, 'to: green')).status).toBe(415);
    expect((await plain(world, 'POST', '/v1/config', headers, 'to: green')).status).toBe(422);
  });
});

describe('the body', () => {
  it.each<[name: string, body: string]>([
    ['is empty', ''],
    ['is not JSON', '{to:"green"}'],
    ['has a key twice', '{"to":"green","to":"blue"}'],
    ['has __proto__ in it', '{"to":"green","__proto__":{"force":true}}'],
    ['has constructor in it', '{"to":"green","constructor":1}'],
    ['is nested too deeply', `{"to":${'['.repeat(20)}${']'.repeat(20)}}`],
    ['is two documents', '{"to":"green"}{"to":"blue"}'],
  ])('that %s is refused (400)', async (_name, body) => {
    const world = await startAdmin();
    const { status, code } = await plain(world, 'POST', CUTOVERS, JSON_TYPE, body);
    expect([status, code]).toEqual([400, 'malformed-body']);
    expect(world.dataPlane.generation).toBe(1);
  });

  it('that is too large is refused (413), with a length and without', async () => {
    const world = await startAdmin();
    const large = JSON.stringify({ to: 'green', pad: 'x'.repeat(256 * 1024) });
    const withLength = { ...JSON_TYPE, 'content-length': String(large.length) };
    expect(await plain(world, 'POST', CUTOVERS, withLength, large)).toMatchObject({
      status: 413,
      code: 'body-too-large',
    });
    const chunked = { ...JSON_TYPE, 'transfer-encoding': 'chunked' };
    expect(await plain(world, 'POST', CUTOVERS, chunked, large)).toMatchObject({ status: 413, code: 'body-too-large' });
  });
});

describe('the address', () => {
  it.each(['/v1/nope', '/v2/services', '/v1', '/v1/services/shop/pools', '//v1/status'])(
    '%s is unknown (404)',
    async (path) => {
      const world = await startAdmin();
      const { status, code } = await plain(world, 'GET', path);
      expect([status, code]).toEqual([404, 'no-such-path']);
    },
  );

  it.each([
    '/v1/status?verbose=1',
    '/v1/services/shop?a',
    '/healthz?x=1',
    '/v1/audit?limit=0',
    '/v1/audit?limit=ten',
    '/v1/audit?limit=1&limit=2',
  ])('%s has a parameter that it does not take, or not so (400)', async (path) => {
    const world = await startAdmin();
    const { status, code } = await plain(world, 'GET', path);
    expect([status, code]).toEqual([400, 'invalid-parameter']);
  });

  it('that cannot be decoded is refused (400)', async () => {
    const world = await startAdmin();
    const { status, type } = await plain(world, 'GET', '/v1/services/%zz');
    expect([status, type]).toEqual([400, 'application/problem+json']);
  });

  it.each<[method: string, path: string, allow: string]>([
    ['POST', '/v1/services', 'GET, HEAD'],
    ['POST', '/v1/services/shop', 'DELETE, GET, HEAD, PATCH, PUT'],
    ['DELETE', '/v1/services/shop/split', 'GET, HEAD, PUT'],
    ['PUT', CUTOVERS, 'GET, HEAD, POST'],
    ['GET', '/v1/services/shop/rollback', 'POST'],
    ['POST', '/metrics', 'GET, HEAD'],
    ['HEAD', '/v1/events', 'GET'],
  ])('does not know %s on %s, and says what it knows (405, Allow)', async (method, path, allow) => {
    const world = await startAdmin();
    const { status, headers } = await plain(world, method, path);
    expect([status, headers['allow']]).toEqual([405, allow]);
  });
});

describe('every answer', () => {
  it.each<[status: number, method: string, path: string]>([
    [200, 'GET', '/v1/status'],
    [404, 'GET', '/v1/services/nope'],
    [404, 'GET', '/nowhere'],
    [405, 'PUT', '/v1/status'],
    [415, 'PUT', '/v1/services/shop'],
  ])('(%i) names its request, is not stored, and is taken for what it says', async (expected, method, path) => {
    const world = await startAdmin();
    const { status, headers } = await plain(world, method, path);
    expect(status).toBe(expected);
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('to a mistake of ours says nothing about the inside', async () => {
    const world = await startAdmin();
    world.dataPlane.report = () => Promise.reject(new Error('secret path /etc/shadow'));
    const { status, json, text } = await world.call('GET', '/v1/status');
    expect([status, json.type]).toEqual([500, 'urn:cutover:problem:internal']);
    expect(text).not.toContain('shadow');
    expect(world.errors).toContain('a call of the admin API failed');
  });
});

describe('bytes that are no request', () => {
  it.each<[name: string, bytes: string, status: number]>([
    ['nonsense', 'hello\r\n\r\n', 400],
    ['a field without a colon', 'GET /v1/status HTTP/1.1\r\nHost localhost\r\n\r\n', 400],
    ['two lengths', `POST ${CUTOVERS} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`, 400],
    ['a head of 20 KiB', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
  ])('get a problem: %s', async (_name, bytes, status) => {
    const world = await startAdmin();
    const answer = await raw(world, bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain('Content-Type: application/problem+json');
  });

  it('that stop in the middle of a request get a problem after the timeout (408)', async () => {
    const world = await startAdmin(undefined, undefined, { requestTimeoutMs: 100 });
    const answer = await raw(world, 'POST /v1/config HTTP/1.1\r\nHost: x\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('urn:cutover:problem:request-timeout');
  });
});
