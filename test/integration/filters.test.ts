/** Filters: user code that sees requests and responses on their way. What the application and the client see of it. */
import { describe, expect, test } from 'vitest';

import { type RequestFilter, type ResponseFilter, respond } from '../../src/index.ts';
import { echo } from '../helpers/echo.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy, type TestProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';

interface Filter {
  readonly onRequest?: RequestFilter;
  readonly onResponse?: ResponseFilter;
}

async function startFiltered(...filters: readonly Filter[]) {
  const backend = await startBackend('v1');
  const proxy = await startProxy({ services: { app: { ...appService({ blue: backend }).app, filters } } });
  return { proxy, port: proxy.port, backend };
}

describe('a request filter', () => {
  test('reads what the client sent', async () => {
    const seen: unknown[] = [];
    const { port } = await startFiltered({
      onRequest(request) {
        seen.push(request.method, request.path, request.query, request.host, request.clientAddress, request.pool);
        seen.push(request.header('X-Group'), request.header('x-none'), request.cookie('uid'), request.parameter('q'));
      },
    });
    const fields = [
      ['X-Group', 'a'],
      ['x-group', 'b'],
      ['Cookie', 'a=1; uid=u7'],
    ] as const;
    await echo(port, { method: 'PUT', path: '/echo/x?q=a%20b&r', host: 'Shop.test:81', fields });
    expect(seen).toEqual(['PUT', '/echo/x', 'q=a%20b&r', 'shop.test', '127.0.0.1', 'blue', 'a, b', null, 'u7', 'a b']);
  });

  test('changes path, query, host and fields for the application, in order', async () => {
    const first: RequestFilter = (request) => {
      request.setPath('/echo/v2/items');
      request.setHost('inner.test:8080');
      request.setHeader('X-Tenant', 'acme');
      request.removeHeader('Cookie');
    };
    const second: RequestFilter = (request) => {
      request.setQuery(`from=${request.path}&tenant=${request.header('x-tenant')}&host=${request.host}`);
      request.setHeader('x-tenant', `${request.header('x-tenant')}-2`);
    };
    const { port } = await startFiltered({ onRequest: first }, { onRequest: second });
    const fields = [
      ['Cookie', 'secret=1'],
      ['X-TENANT', 'forged'],
      ['x-tenant', 'twice'],
      ['X-Kept', '1'],
    ] as const;
    const seen = await echo(port, { path: '/echo/v1?old', host: 'shop.test', fields });
    expect(seen.url).toBe('/echo/v2/items?from=/echo/v2/items&tenant=acme&host=inner.test');
    expect(seen.values('host')).toEqual(['inner.test:8080']);
    expect(seen.values('x-tenant')).toEqual(['acme-2']);
    expect(seen.values('cookie')).toEqual([]);
    expect(seen.values('x-kept')).toEqual(['1']);
    expect(seen.values('x-forwarded-host')).toEqual(['shop.test']);
  });

  test('answers in the place of the application, and the connection goes on', async () => {
    const { port, backend, proxy } = await startFiltered({
      onRequest: (request) =>
        request.path === '/closed' ? respond(451, { 'X-Why': 'law' }, 'Nicht verfügbar.') : undefined,
    });
    const client = await startClient(port);
    const answer = await client.request({ path: '/closed' });
    expect([answer.status, answer.field('x-why'), answer.body.toString()]).toEqual([451, 'law', 'Nicht verfügbar.']);
    expect(answer.field('content-type')).toBe('text/plain; charset=utf-8');
    const head = await client.request({ path: '/closed', method: 'HEAD' });
    expect([head.status, head.field('content-length'), head.body.length]).toEqual([451, '17', 0]);
    expect((await client.request({ path: '/echo' })).status).toBe(200);
    expect(backend.requests.map(({ url }) => url)).toEqual(['/echo']);
    expect(await metric(proxy, 'cutover_requests_total{[^}]*code="451"')).toBe(2);
    expect(await metric(proxy, 'cutover_ledger_imbalance')).toBe(0);
  });

  test('ends the connection behind an answer to a request whose body it has not read', async () => {
    const { port } = await startFiltered({ onRequest: () => respond(403) });
    const pieces = { bytes: [Buffer.alloc(10), Buffer.alloc(10)], gapMs: 20, framing: 'chunked' } as const;
    const answer = await ask(port, { method: 'POST', pieces });
    expect([answer.status, answer.field('connection')]).toEqual([403, 'close']);
  });
});

describe('a response filter', () => {
  test('changes status and fields for the client, in the order turned round', async () => {
    const target = await startRawBackend({
      response:
        'HTTP/1.1 200 OK\r\nServer: x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-N: 1\r\nContent-Length: 2\r\n\r\nok',
    });
    const more =
      (name: string): ResponseFilter =>
      (response, request) => {
        response.setHeader('x-n', `${response.header('X-N')},${name}:${request.header('x-id')}:${request.path}`);
      };
    const last: ResponseFilter = (response) => {
      response.setStatus(response.status === 200 ? 299 : 500);
      response.removeHeader('server');
      response.appendHeader('Set-Cookie', 'c=3');
    };
    const filters = [{ onResponse: more('first') }, { onResponse: more('second') }, { onResponse: last }];
    const proxy = await startProxy({
      services: { app: { ...appService({ only: { version: '', url: target.url } }).app, filters } },
    });
    const answer = await ask(proxy.port, { path: '/p', fields: [['X-Id', '7']] });
    expect([answer.status, answer.body.toString()]).toEqual([299, 'ok']);
    expect(answer.field('x-n')).toBe('1,second:7:/p,first:7:/p');
    expect(answer.field('server')).toBeNull();
    const cookies = answer.message.fields.filter(([name]) => name.toLowerCase() === 'set-cookie');
    expect(cookies.map(([, value]) => value)).toEqual(['a=1', 'b=2', 'c=3']);
    expect(await metric(proxy, 'cutover_requests_total{[^}]*code="299"')).toBe(1);
  });
});

describe('user code that fails', () => {
  const requestFailures: readonly (readonly [what: string, filter: (request: any) => unknown])[] = [
    [
      'throws',
      () => {
        throw new Error('boom');
      },
    ],
    [
      'throws nothing',
      () => {
        throw undefined;
      },
    ],
    ['is asynchronous', async () => {}],
    [
      'is asynchronous and rejects',
      async () => {
        throw new Error('late');
      },
    ],
    ['returns something else', () => true],
    ['answers with an interim status', () => respond(101)],
    ['answers with a body where there is none', () => respond(204, {}, 'x')],
    ['answers with a line end in a field', () => respond(200, { 'X-A': 'a\r\nSet-Cookie: b=1' })],
    ['answers with a length of its own', () => respond(200, { 'Content-Length': '5' }, 'x')],
    ['sets a line end in a field', (request) => request.setHeader('x-a', 'a\nb')],
    ['sets a field whose name is none', (request) => request.setHeader('x a', 'b')],
    ['sets a character that is no byte', (request) => request.setHeader('x-a', '€')],
    ['sets no text', (request) => request.setHeader('x-a', 5)],
    ['sets the framing', (request) => request.setHeader('Transfer-Encoding', 'chunked')],
    ['sets the length', (request) => request.setHeader('content-length', '0')],
    ['sets the connection', (request) => request.setHeader('Connection', 'x-a')],
    ['sets the host as a field', (request) => request.setHeader('Host', 'a')],
    ['sets who the client is', (request) => request.setHeader('X-Forwarded-For', '1.2.3.4')],
    ['sets it by another name for the same', (request) => request.setHeader('x_forwarded_for', '1.2.3.4')],
    ['sets a path with a space', (request) => request.setPath('/a b')],
    ['sets a path with a query', (request) => request.setPath('/a?b')],
    ['sets a path that leads up', (request) => request.setPath('/a/../b')],
    ['sets no path', (request) => request.setPath('a')],
    ['sets a query with a line end', (request) => request.setQuery('a\r\n')],
    ['sets a host that is none', (request) => request.setHost('a b')],
  ];
  test.each(requestFailures)('costs its request a 500 where it %s, and the next one works', async (_what, filter) => {
    const { port, proxy, backend } = await startFiltered({
      onRequest: (request) => (request.path === '/bad' ? (filter(request) as undefined) : undefined),
    });
    const client = await startClient(port);
    expect((await client.request({ path: '/bad' })).status).toBe(500);
    expect((await client.request({ path: '/echo' })).status).toBe(200);
    expect(backend.requests).toHaveLength(1);
    await expectOneFailure(proxy);
  });

  const responseFailures: readonly (readonly [what: string, filter: (response: any, request: any) => unknown])[] = [
    [
      'throws',
      () => {
        throw new Error('boom');
      },
    ],
    ['is asynchronous', async () => {}],
    ['returns something', () => respond(200)],
    ['takes the body away', (response) => response.setStatus(204)],
    ['gives an interim status', (response) => response.setStatus(101)],
    ['sets the framing', (response) => response.setHeader('Transfer-Encoding', 'chunked')],
    ['sets a line end', (response) => response.appendHeader('x-a', 'a\r\nb: c')],
    ['changes the request', (_response, request) => request.setHeader('x-a', 'b')],
  ];
  test.each(responseFailures)('costs its request a 500 where the one of responses %s', async (_what, filter) => {
    const { port, proxy } = await startFiltered({
      onResponse: (response, request) =>
        request.path === '/echo/bad' ? (filter(response, request) as void) : undefined,
    });
    const client = await startClient(port);
    expect((await client.request({ path: '/echo/bad' })).status).toBe(500);
    expect((await client.request({ path: '/echo/good' })).status).toBe(200);
    await expectOneFailure(proxy);
  });

  test('cannot read a request that is over', async () => {
    let kept: { header(name: string): string | null } | null = null;
    const { port } = await startFiltered({
      onRequest(request) {
        kept = request;
      },
    });
    await ask(port, { fields: [['X-Id', '1']] });
    expect(() => kept?.header('x-id')).toThrow('after the function had returned');
  });
});

async function expectOneFailure(proxy: TestProxy): Promise<void> {
  expect(await metric(proxy, 'cutover_failures_total{[^}]*reason="user_code_failed"')).toBe(1);
  expect(await metric(proxy, 'cutover_requests_total{[^}]*code="500"')).toBe(1);
  expect(await metric(proxy, 'cutover_ledger_imbalance')).toBe(0);
}

/** The sum of a metric's values where its line begins as `pattern` says. */
async function metric(proxy: TestProxy, pattern: string): Promise<number> {
  const { text } = await proxy.admin.call('GET', '/metrics');
  const lines = text.split('\n').filter((line) => new RegExp(`^${pattern}`).test(line));
  if (lines.length === 0) throw new Error(`no metric matches ${pattern}`);
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
