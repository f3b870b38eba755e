/** What is explained of a request is what a real one then meets; and explaining leaves no trace. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { slotOf } from '../../src/base/hash.ts';
import type { Explanation } from '../../src/schema/explain.ts';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { eventually } from '../helpers/eventually.ts';
import { startAdmin } from '../helpers/start-admin.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { type TestProxy, startProxy } from '../helpers/start-proxy.ts';
import { SHOP } from '../helpers/start-control.ts';

interface Asked {
  readonly path?: string;
  readonly host?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly cookies?: Record<string, string>;
  readonly clientIp?: string;
}

async function explain(proxy: TestProxy, asked: Asked = {}, proposed?: object): Promise<Explanation> {
  const { path = '/', host = 'localhost', ...request } = asked;
  const body = {
    request: { url: `http://${host}${path}`, ...request },
    ...(proposed === undefined ? {} : { proposed }),
  };
  return (await proxy.admin.must('POST', '/v1/explain', body)).json as Explanation;
}

const targetOf = ({ url }: { readonly url: string }): string => new URL(url).host;

/** `count` backends, half of them in each of two pools. */
async function startWorld(more: Omit<ServiceDocument, 'pools'> = {}, count = 4) {
  const backends = await Promise.all(Array.from({ length: count }, (_, i) => startBackend(`t${i}`)));
  const half = count / 2;
  const pools = {
    blue: { version: '1', targets: backends.slice(0, half).map(({ url }, i) => ({ url, weight: i + 1 })) },
    green: { version: '2', targets: backends.slice(half).map(({ url }) => ({ url })) },
  };
  const app: ServiceDocument = { split: { blue: 100 }, ...more, pools };
  const proxy = await startProxy({ services: { app } });
  const targets = backends.map(targetOf);
  return { backends, proxy, app, targets };
}

describe('what is explained', () => {
  const algorithms = [
    'round-robin',
    'least-connections',
    'random',
    { name: 'rendezvous', key: 'header:x-tenant' },
  ] as const;

  test('is what a real request then meets: service, rule, pool and target', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          algorithm: fc.constantFrom(...algorithms),
          green: fc.integer({ min: 0, max: 100 }),
          sticky: fc.boolean(),
          drained: fc.integer({ min: -1, max: 3 }),
          requests: fc.array(
            fc.record({
              uid: fc.string({ minLength: 1, maxLength: 8, unit: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f') }),
              group: fc.constantFrom('beta', 'other'),
              tenant: fc.constantFrom('', 'a', 'b', 'c'),
              path: fc.constantFrom('/', '/cart?x=1', '/a/b'),
            }),
            { minLength: 4, maxLength: 8 },
          ),
        }),
        async ({ algorithm, green, sticky, drained, requests }) => {
          const { backends, proxy, targets } = await startWorld({
            algorithm: algorithm as NonNullable<ServiceDocument['algorithm']>,
            split: { blue: 100 - green, green },
            rules: [{ name: 'testers', when: { headers: { 'x-group': 'beta' } }, pool: 'green' }],
            affinity: { key: ['cookie:uid'] },
            ...(sticky ? { sticky: { cookie: 'session' } } : {}),
          });
          if (drained >= 0) {
            const pool = drained < 2 ? 'blue' : 'green';
            await proxy.admin.must('PATCH', `/v1/services/app/pools/${pool}/targets/${targets[drained]}`, {
              state: 'drain',
            });
          }
          let session: string | null = null;
          for (const { uid, group, tenant, path } of requests) {
            const cookies = { uid, ...(session === null ? {} : { session }) };
            const headers = { 'x-group': group, ...(tenant === '' ? {} : { 'x-tenant': tenant }) };
            const told = await explain(proxy, { path, headers, cookies });
            const cookie = Object.entries(cookies).map(([name, value]) => `${name}=${value}`);
            const fields = [...Object.entries(headers), ['Cookie', cookie.join('; ')] as [string, string]];
            const answer = await ask(proxy.port, { path, host: 'localhost', fields });
            const served = backends.findIndex(({ version }) => version === answer.field('x-version'));
            expect([told.service?.name, told.choice?.target]).toEqual(['app', targets[served]]);
            expect(told.pool?.name).toBe(served < 2 ? 'blue' : 'green');
            expect(told.pool?.by === 'rule').toBe(group === 'beta');
            session = /session=([^;]+)/.exec(answer.field('set-cookie') ?? '')?.[1] ?? session;
          }
          await proxy.close();
        },
      ),
      { numRuns: 6 },
    );
  });

  test('leaves no trace: nothing is counted, no turn is taken, nothing is sent', async () => {
    const { backends, proxy } = await startWorld({ split: { green: 100 }, mirror: { pool: 'blue' } });
    const client = await startClient(proxy.port);
    const sequence: (string | null)[] = [];
    for (let n = 0; n < 6; n++) {
      await explain(proxy);
      await explain(
        proxy,
        {},
        { changes: [{ method: 'PATCH', path: '/v1/services/app', body: { algorithm: 'random' } }] },
      );
      sequence.push((await client.request({})).field('x-version'));
    }
    expect(new Set(sequence)).toEqual(new Set(['t2', 't3']));
    expect(sequence).toEqual([...sequence.slice(0, 2), ...sequence.slice(0, 2), ...sequence.slice(0, 2)]);
    await eventually(async () => {
      expect(await proxy.admin.metric('cutover_requests_total', { pool: 'green', traffic: 'live' })).toBe(6);
    });
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
    await eventually(() => expect(backends.flatMap(({ requests }) => requests)).toHaveLength(12));
    expect((await proxy.admin.must('GET', '/v1/generations')).json.items).toHaveLength(1);
  });

  test('says why at each point', async () => {
    const { proxy, targets } = await startWorld({
      match: { hosts: ['*.example.com', 'shop.example.com'], pathPrefix: '/shop' },
      split: { blue: 60, green: 40 },
      affinity: { key: ['cookie:uid', 'client-ip'] },
      rules: [
        { name: 'testers', when: { headers: { 'x-group': 'beta' } }, pool: 'green' },
        { name: 'office', when: { clientIp: ['203.0.113.0/24'] }, pool: 'green' },
        { name: 'last', when: { headers: { 'x-last': '1' } }, pool: 'blue' },
      ],
      mirror: { pool: 'green', percent: 10 },
    });
    await proxy.admin.must('PATCH', `/v1/services/app/pools/blue/targets/${targets[0]}`, { state: 'maint' });
    const asked = { host: 'shop.example.com', path: '/shop/cart' };
    const byRule = await explain(proxy, { ...asked, clientIp: '203.0.113.9', headers: { 'x-group': 'gamma' } });
    expect(byRule.request).toEqual({
      method: 'GET',
      host: 'shop.example.com',
      path: '/shop/cart',
      clientAddress: '203.0.113.9',
      scheme: 'http',
    });
    expect(byRule.service?.why).toContain('its own "shop.example.com"');
    expect(byRule.rules.map(({ rule, outcome }) => [rule, outcome])).toEqual([
      ['testers', 'fails'],
      ['office', 'matches'],
      ['last', 'not-asked'],
    ]);
    expect(byRule.rules[0]?.why).toContain('"gamma"');
    expect(byRule.pool).toMatchObject({ name: 'green', version: '2', by: 'rule' });
    expect(byRule.mirror).toMatchObject({ pool: 'green', outcome: 'not-copied' });

    const bySplit = await explain(proxy, { ...asked, host: 'x.example.com', cookies: { uid: 'somebody' } });
    expect(bySplit.service?.why).toContain('"*.example.com"');
    expect(bySplit.user).toMatchObject({ key: 'cookie:uid', isNew: false });
    expect(JSON.stringify(bySplit)).not.toContain('somebody');
    expect(bySplit.split).toMatchObject({ isDrawn: false, shares: { blue: 60, green: 40 } });
    expect(bySplit.pool?.by).toBe('split');
    // Whoever comes without the cookie is told by the address.
    expect((await explain(proxy, asked)).user?.key).toBe('client-ip');

    const inBlue = await explain(proxy, { ...asked, headers: { 'x-last': '1' } });
    expect(inBlue.targets).toMatchObject([
      { target: targets[0], state: 'maint', isEligible: false, score: null, why: 'it is in maint' },
      { target: targets[1], state: 'ready', isEligible: true, why: 'it may be chosen' },
    ]);
    expect(inBlue.choice).toMatchObject({ target: targets[1], by: 'algorithm', algorithm: 'round-robin' });
    const isCopied = slotOf('app mirror', '127.0.0.1') < 1_000;
    expect(inBlue.mirror).toMatchObject({ percent: 10, outcome: isCopied ? 'copied' : 'not-copied' });
    const posted = await explain(proxy, { ...asked, headers: { 'x-last': '1' }, method: 'POST' });
    expect(posted.mirror).toMatchObject({ outcome: 'not-copied' });
  });

  test('is also what a rule answers in the place of a target, and that it changes what a target is asked for', async () => {
    const { proxy } = await startWorld({
      rules: [
        { name: 'moved', when: { path: { prefix: '/old' } }, redirect: { location: '/new{rest}', status: 308 } },
        { name: 'api', when: { path: { prefix: '/v2' } }, rewrite: { stripPrefix: '/v2' } },
      ],
    } as Omit<ServiceDocument, 'pools'>);
    const told = await explain(proxy, { path: '/old/cart' });
    expect(told).toMatchObject({ answer: { status: 308 }, pool: null, choice: null, refusal: null });
    const real = await ask(proxy.port, { path: '/old/cart', host: 'localhost' });
    expect([real.status, real.field('location')]).toEqual([308, told.answer?.location]);
    const rewritten = await explain(proxy, { path: '/v2/cart' });
    expect(rewritten.rules.map(({ rule, outcome }) => [rule, outcome])).toEqual([
      ['moved', 'fails'],
      ['api', 'matches'],
    ]);
    expect(rewritten.rules[1]?.why).toContain('changes what the target is asked for');
    expect(rewritten.pool).toMatchObject({ name: 'blue', by: 'only' });
  });

  test('says of a mirror which condition bars a copy', async () => {
    const { proxy } = await startWorld({ mirror: { pool: 'green', when: { headers: { 'x-copy': 'yes' } } } });
    expect((await explain(proxy, { headers: { 'x-copy': 'yes' } })).mirror).toMatchObject({ outcome: 'copied' });
    const { mirror } = await explain(proxy, { headers: { 'x-copy': 'no' } });
    expect(mirror).toMatchObject({ outcome: 'not-copied', why: '/headers/x-copy wants "yes"; the request has "no"' });
  });

  test('says that a copy is drawn for whom nothing tells', async () => {
    const { proxy } = await startWorld({ mirror: { pool: 'green', percent: 10 } });
    expect((await explain(proxy)).mirror).toMatchObject({ percent: 10, outcome: 'drawn' });
  });

  test('says that a slot is drawn for whom nothing tells', async () => {
    const { proxy } = await startWorld({ split: { blue: 50, green: 50 } });
    const { split, user, pool } = await explain(proxy);
    expect([user, split?.slot, split?.isDrawn]).toEqual([null, null, true]);
    expect(['blue', 'green']).toContain(pool?.name);
  });

  test('follows a session to its target, and says why where it does not', async () => {
    const { proxy, targets } = await startWorld({ sticky: { cookie: 'session' } });
    const answer = await ask(proxy.port, { host: 'localhost' });
    const session = /session=([^;]+)/.exec(answer.field('set-cookie') ?? '')?.[1] ?? '';
    const target = targets[Number(answer.field('x-version')?.slice(1))] ?? '';
    const cookies = { session };
    const bound = await explain(proxy, { cookies });
    expect(bound.session).toMatchObject({ cookie: 'session', target: `blue ${target}` });
    expect(bound.choice).toMatchObject({ target, by: 'session' });
    await proxy.admin.must('PATCH', `/v1/services/app/pools/blue/targets/${target}`, { state: 'maint' });
    const gone = await explain(proxy, { cookies });
    expect(gone.session?.why).toContain('maint');
    expect(gone.choice?.by).toBe('algorithm');
    expect((await explain(proxy, { cookies: { session: 'forged' } })).session).toMatchObject({ target: null });
  });

  test.each<[what: string, asked: Asked, code: string, status: number]>([
    ['a path that can be read in two ways', { path: '/a/../b' }, 'ambiguous_path', 400],
    ['a body that is too large', { method: 'POST', headers: { 'content-length': '2000' } }, 'body_too_large', 413],
    ['two lengths', { headers: { 'content-length': '1', 'transfer-encoding': 'chunked' } }, 'ambiguous_length', 400],
    ['a host that is none', { host: 'a_b:99999' }, 'bad_host', 400],
    ['a method that nobody knows', { method: 'FETCH' }, 'unknown_method', 501],
    ['a service that is not there', { path: '/elsewhere' }, 'no_service', 404],
  ])('is that %s goes nowhere', async (_what, asked, code, status) => {
    const { proxy } = await startWorld({ match: { pathPrefix: '/a' }, limits: { requestBody: '1KiB' } });
    const told = await explain(proxy, { path: '/a', ...asked });
    expect(told.refusal).toMatchObject({ code, status });
    expect(told.refusal?.why).not.toBe('');
    expect(told.choice).toBeNull();
  });

  test('is that a pool without a target that may serve answers 503', async () => {
    const { proxy, targets } = await startWorld();
    for (const target of targets.slice(0, 2)) {
      await proxy.admin.must('PATCH', `/v1/services/app/pools/blue/targets/${target}`, { weight: 0 });
    }
    const told = await explain(proxy);
    expect(told.refusal).toMatchObject({ code: 'no_target', status: 503 });
    expect(told.targets.map(({ why }) => why)).toEqual(['its weight is 0', 'its weight is 0']);
  });
});

describe('a proposal', () => {
  test('is explained as if it were in force, and is not', async () => {
    const { proxy, app, targets } = await startWorld();
    const changes = [{ method: 'POST', path: '/v1/services/app/cutovers', body: { to: 'green' } }];
    const told = await explain(proxy, {}, { changes });
    expect(told).toMatchObject({ generation: 2, isProposed: true, pool: { name: 'green', by: 'only' } });
    expect(targets.slice(2)).toContain(told.choice?.target);
    const config = {
      listeners: { web: { listen: '127.0.0.1:0' } },
      admin: { listen: '127.0.0.1:0' },
      state: { path: 'memory' },
      workers: 0,
      trustedProxies: [],
      services: { app: { ...app, rules: [{ name: 'all', when: { clientIp: ['127.0.0.0/8'] }, pool: 'green' }] } },
    };
    expect((await explain(proxy, {}, { config })).pool).toMatchObject({ name: 'green', by: 'rule' });
    const now = await explain(proxy);
    expect(now).toMatchObject({ generation: 1, isProposed: false, pool: { name: 'blue' } });
    expect((await ask(proxy.port, { host: 'localhost' })).field('x-version')).toMatch(/t[01]/);
  });

  test('leaves live targets alone: one that it takes away goes on, with its connections', async () => {
    const { backends, proxy } = await startWorld({}, 2);
    const client = await startClient(proxy.port);
    await client.request({});
    const changes = [
      { method: 'PUT', path: '/v1/services/app/pools/blue', body: { targets: [{ url: 'http://127.0.0.1:9' }] } },
    ];
    expect((await explain(proxy, {}, { changes })).choice?.target).toBe('127.0.0.1:9');
    for (let n = 0; n < 5; n++) expect((await client.request({})).status).toBe(200);
    expect(backends[0]?.connectionsTotal).toBe(1);
  });

  test('sees live health and load, and takes no new target for up that is to be checked', async () => {
    const { proxy, targets } = await startWorld();
    const [url] = targets.slice(0, 1).map((target) => `http://${target}`);
    const health = { path: '/', interval: '60s' };
    const service = { match: { hosts: ['new'] }, pools: { only: { targets: [{ url }] } } };
    const checked = [{ method: 'PUT', path: '/v1/services/new', body: { ...service, health } }];
    expect((await explain(proxy, { host: 'new' }, { changes: checked })).refusal?.code).toBe('no_target');
    const unchecked = [{ method: 'PUT', path: '/v1/services/new', body: service }];
    expect((await explain(proxy, { host: 'new' }, { changes: unchecked })).choice?.target).toBe(targets[0]);
    const held = startClient(proxy.port).then((client) => client.request({ path: '/slow?ms=1500' }));
    await eventually(async () => {
      const inFlight = (await explain(proxy, {}, { changes: unchecked })).targets.map((target) => target.inFlight);
      expect(inFlight.reduce((sum, one) => sum + one, 0)).toBe(1);
    });
    const same = [{ method: 'PATCH', path: '/v1/services/app', body: { algorithm: 'least-connections' } }];
    expect((await explain(proxy, {}, { changes: same })).targets.map(({ inFlight }) => inFlight)).toContain(1);
    await held;
  });

  test.each<[what: string, proposed: unknown, status: number, pointer: string]>([
    [
      'changes and a configuration',
      { changes: [{ method: 'DELETE', path: '/v1/services/app' }], config: {} },
      422,
      '/proposed',
    ],
    ['nothing', {}, 422, '/proposed'],
    ['a change that is wrong', { changes: [{ method: 'PUT', path: '/v1/nope' }] }, 422, '/proposed/changes/0/path'],
    [
      'a change that would be refused',
      { changes: [{ method: 'PUT', path: '/v1/services/app/split', body: { weights: { blue: 1 } } }] },
      422,
      '/proposed/changes/0/body/weights',
    ],
    [
      'a change of what is not there',
      { changes: [{ method: 'DELETE', path: '/v1/services/nope' }] },
      404,
      '/proposed/changes/0',
    ],
    ['a configuration that is wrong', { config: { services: {} } }, 422, '/proposed/config/listeners'],
  ])('of %s is refused', async (_what, proposed, status, pointer) => {
    const { proxy } = await startWorld({}, 2);
    const answer = await proxy.admin.call('POST', '/v1/explain', { request: { url: 'http://x/' }, proposed });
    expect([answer.status, answer.json.errors[0].pointer]).toEqual([status, pointer]);
  });
});

test.each<[what: string, request: object, pointer: string]>([
  ['no URL', { url: 'shop.example.com/' }, '/request/url'],
  ['a URL with a line break', { url: 'http://shop/\r\nX: y' }, '/request/url'],
  ['a field with a line break', { url: 'http://shop/', headers: { x: 'a\r\nb: c' } }, '/request/headers/x'],
  ['a field whose name is none', { url: 'http://shop/', headers: { 'x y': 'a' } }, '/request/headers/x y'],
  ['a cookie with a line break', { url: 'http://shop/', cookies: { x: 'a\nb' } }, '/request/cookies/x'],
  ['a client that is no address', { url: 'http://shop/', clientIp: 'office' }, '/request/clientIp'],
  ['a listener that is not there', { url: 'http://shop/', listener: 'wep' }, '/request/listener'],
  ['a method with a space', { url: 'http://shop/', method: 'GET /x' }, '/request/method'],
])('a request with %s is refused (422)', async (_what, request, pointer) => {
  const { call, dataPlane } = await startAdmin();
  const { status, json } = await call('POST', '/v1/explain', { body: { request } });
  expect([status, json.errors[0].pointer]).toEqual([422, pointer]);
  expect(dataPlane.questions).toEqual([]);
});

test('who may see no more than one service hears nothing of another, and proposes nothing for it', async () => {
  const token = (name: string, role: 'read' | 'deploy', scopes: string[]) => {
    return { name, role, scopes, sha256: createHash('sha256').update(`ctv_${name}`).digest('hex') };
  };
  const tokens = [token('reader', 'read', ['shop']), token('deployer', 'deploy', ['shop'])];
  const { call, dataPlane } = await startAdmin({ shop: SHOP }, undefined, { admin: { tokens } });
  const as = (name: string) => ({ authorization: `Bearer ctv_${name}` });
  const request = { url: 'http://shop.example.com/' };
  const move = { changes: [{ method: 'POST', path: '/v1/services/shop/cutovers', body: { to: 'green' } }] };
  const other = { changes: [{ method: 'POST', path: '/v1/services/cart/cutovers', body: { to: 'green' } }] };
  const status = async (name: string, proposed?: object) =>
    (await call('POST', '/v1/explain', { body: { request, ...(proposed && { proposed }) }, headers: as(name) })).status;
  expect(await status('reader')).toBe(200);
  expect(await status('reader', move)).toBe(403);
  expect(await status('deployer', move)).toBe(200);
  expect(await status('deployer', other)).toBe(403);
  expect(await status('deployer', { config: {} })).toBe(403);
  dataPlane.explained = { name: 'cart', filters: [], why: 'it is another' };
  expect(await status('reader')).toBe(403);
});
