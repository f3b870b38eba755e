/** What a client and a target see of rules that answer and rules that rewrite. */
import { describe, expect, test } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { echo } from '../helpers/echo.ts';
import { HttpClient } from '../helpers/http-client.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';

type Rules = NonNullable<ServiceDocument['rules']>;

async function startRules(
  rules: Rules,
): Promise<{ client: HttpClient; proxy: Awaited<ReturnType<typeof startProxy>> }> {
  const blue = await startBackend('blue');
  const green = await startBackend('green');
  const proxy = await startProxy({ services: appService({ blue, green }, { rules }) });
  return { client: await HttpClient.connect(proxy.port), proxy };
}

describe('a redirect', () => {
  const redirect = (when: Rules[number]['when'], location: string, status?: 301 | 302 | 303 | 307 | 308): Rules => [
    { name: 'moved', when, redirect: status === undefined ? { location } : { location, status } },
  ];

  test.each([
    ['https://{host}{uri}', '/a/b?c=d', 302, 'https://shop.example.com/a/b?c=d'],
    ['/new{rest}?{query}', '/a/b?c=d', 308, '/new/b?c=d'],
    ['{path}', '//elsewhere.example/', 302, '/elsewhere.example/'],
    ['{rest}', '/a//elsewhere.example', 302, '/elsewhere.example'],
    ['https://www.example.com{rest}', '/a', 301, 'https://www.example.com'],
  ] as const)('to %s from %s', async (location, path, status, wanted) => {
    const when = location.includes('{rest}') ? { path: { prefix: '/a' } } : { headers: { host: { present: true } } };
    const { client } = await startRules(redirect(when, location, status));
    const response = await client.request({ path, host: 'shop.example.com' });
    expect([response.status, response.field('location')]).toEqual([status, wanted]);
    expect(response.body.length).toBe(0);
    // The connection goes on.
    expect((await client.request({ path, host: 'shop.example.com' })).status).toBe(status);
    client.close();
  });
});

describe('a fixed answer', () => {
  const RULES: Rules = [
    {
      name: 'closed',
      when: { path: '/closed' },
      respond: { status: 503, body: 'Zurück um 12', headers: { 'retry-after': '60' } },
    },
    { name: 'empty', when: { path: '/empty' }, respond: { status: 204 } },
  ];

  test('has its status, fields and body, and is counted', async () => {
    const { client, proxy } = await startRules(RULES);
    const response = await client.request({ path: '/closed' });
    expect(response.status).toBe(503);
    expect(response.field('retry-after')).toBe('60');
    expect(response.field('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.body.toString('utf8')).toBe('Zurück um 12');
    const empty = await client.request({ path: '/empty' });
    expect([empty.status, empty.field('content-length')]).toEqual([204, null]);
    expect((await client.request({ path: '/closed', method: 'HEAD' })).body.length).toBe(0);
    expect((await client.request({ path: '/' })).field('x-version')).toBe('blue');
    const counted = (code: string): Promise<number> =>
      proxy.admin.metric('cutover_requests_total', { service: 'app', pool: '', code });
    expect([await counted('503'), await counted('204')]).toEqual([2, 1]);
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
    client.close();
  });
});

describe('a rewrite', () => {
  test('changes what the target is asked for, and the split chooses', async () => {
    const { client, proxy } = await startRules([
      {
        name: 'v1',
        when: { path: { prefix: '/v1' } },
        rewrite: {
          stripPrefix: '/v1',
          addPrefix: '/echo',
          host: 'internal.example',
          setHeaders: { 'x-variant': 'b' },
          removeHeaders: ['cookie'],
        },
      },
      {
        name: 'v2',
        when: { path: { prefix: '/v2' } },
        rewrite: { path: '/echo/two{rest}', query: 'a=b' },
        pool: 'green',
      },
    ]);
    const first = await echo(proxy.port, {
      path: '/v1/users?x=1',
      fields: [
        ['Cookie', 'a=b'],
        ['X-Variant', 'a'],
      ],
    });
    expect(first.url).toBe('/echo/users?x=1');
    expect([first.value('host'), first.value('x-variant'), first.value('cookie')]).toEqual([
      'internal.example',
      'b',
      null,
    ]);
    expect((await echo(proxy.port, { path: '/v2/x?c=d' })).url).toBe('/echo/two/x?a=b');
    expect((await client.request({ path: '/v1/x' })).field('x-version')).toBe('blue');
    expect((await client.request({ path: '/v2/x' })).field('x-version')).toBe('green');
    client.close();
  });
});
