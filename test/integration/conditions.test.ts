/** Every kind of condition, by what a client sees: the pool that answers. */
import { expect, test } from 'vitest';
import type { ConditionDocument } from '../../src/schema/condition.ts';
import { type ClientRequest, HttpClient } from '../helpers/http-client.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';

const MOBILE = 'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Mobile Safari/537.36';
const field = (name: string, value: string): ClientRequest => ({ fields: [[name, value]] });

/** A condition, a request that it lets through, and one that it does not. */
const CASES: Readonly<Record<string, readonly [ConditionDocument, ClientRequest, ClientRequest]>> = {
  method: [{ method: ['DELETE', 'PUT'] }, { method: 'PUT', body: 'x' }, { method: 'POST', body: 'x' }],
  'exact path': [{ path: '/a' }, { path: '/a?b=c' }, { path: '/a/' }],
  'path prefix': [{ path: { prefix: '/a' } }, { path: '/a/b' }, { path: '/ab' }],
  'path glob': [{ path: { glob: '/*/edit' } }, { path: '/7/edit' }, { path: '/7/8/edit' }],
  'path regex': [{ path: { regex: '/v[0-9]+$' } }, { path: '/api/v12' }, { path: '/api/v12/x' }],
  header: [{ headers: { 'x-group': 'beta' } }, field('X-Group', 'beta'), field('X-Group', 'Beta')],
  'header of two lines': [
    { headers: { 'x-group': { contains: 'a, b' } } },
    {
      fields: [
        ['X-Group', 'a'],
        ['x-group', 'b'],
      ],
    },
    field('X-Group', 'a'),
  ],
  'header that is missing': [{ headers: { 'x-group': { present: false } } }, {}, field('X-Group', '')],
  cookie: [{ cookies: { beta: '1' } }, field('Cookie', 'a=b; beta=1'), field('Cookie', 'a="beta=1"')],
  query: [{ query: { q: 'a b' } }, { path: '/?x&q=a+b' }, { path: '/?Q=a+b' }],
  'client address': [{ clientIp: ['127.0.0.0/8'] }, {}, field('X-Forwarded-For', '127.0.0.1')],
  'device by hint': [{ device: 'mobile' }, field('Sec-CH-UA-Mobile', '?1'), field('Sec-CH-UA-Mobile', '?0')],
  'device by browser': [{ device: 'mobile' }, field('User-Agent', MOBILE), field('User-Agent', 'curl/8')],
  'group by header': [
    { userGroup: { header: 'x-groups', in: ['beta'] } },
    field('X-Groups', 'staff,beta'),
    field('X-Groups', 'betas'),
  ],
  'group by cookie': [
    { userGroup: { cookie: 'group', in: ['beta', 'staff'] } },
    field('Cookie', 'group=staff'),
    field('Cookie', 'groups=staff'),
  ],
  'moment that has come': [{ path: '/a', time: { from: '2001-01-01T00:00:00Z' } }, { path: '/a' }, { path: '/b' }],
  all: [{ all: [{ path: '/a' }, { headers: { 'x-a': '1' } }] }, { path: '/a', ...field('x-a', '1') }, { path: '/a' }],
  any: [{ any: [{ path: '/a' }, { headers: { 'x-a': '1' } }] }, field('x-a', '1'), { path: '/b' }],
  not: [{ path: { prefix: '/a' }, not: { path: '/a/b' } }, { path: '/a/c' }, { path: '/a/b' }],
};

test('every kind of condition lets through what it says, and nothing else', async () => {
  const [blue, green] = [await startBackend('blue'), await startBackend('green')];
  const services = Object.fromEntries(
    Object.values(CASES).map(([when], index) => {
      const rules = [{ name: 'r', when: when as never, pool: 'green' }];
      const match = { hosts: [`case-${index}.test`] };
      return [`case-${index}`, { ...appService({ blue, green }, { rules, match }).app }];
    }),
  );
  const proxy = await startProxy({ services, trustedProxies: [] });
  // From an address that only one of the cases is about.
  const [client, other] = [
    await HttpClient.connect(proxy.port, { localAddress: '127.0.0.9' }),
    await HttpClient.connect(proxy.port),
  ];
  const seen: Record<string, (string | null)[]> = {};
  for (const [index, [name, [, through, not]]] of Object.entries(CASES).entries()) {
    const host = `case-${index}.test`;
    const answers = [await client.request({ ...through, host }), await other.request({ ...not, host })];
    seen[name] = answers.map((answer) => answer.field('x-version'));
  }
  const wanted = Object.fromEntries(Object.keys(CASES).map((name) => [name, ['green', 'blue']]));
  // Whoever is not trusted is at the address that they come from, whatever they say.
  expect(seen).toEqual({ ...wanted, 'client address': ['green', 'green'] });
  expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  client.close();
  other.close();
});

test('a moment that has passed lets nothing through', async () => {
  const [blue, green] = [await startBackend('blue'), await startBackend('green')];
  const when = { time: { to: '2001-01-01T00:00:00Z' } };
  const proxy = await startProxy({
    services: appService({ blue, green }, { rules: [{ name: 'r', when, pool: 'green' }] }),
  });
  const client = await HttpClient.connect(proxy.port);
  expect((await client.request()).field('x-version')).toBe('blue');
  client.close();
});
