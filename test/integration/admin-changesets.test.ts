/** Several changes in one generation: all of them, or none. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { ACCESS_TABLE } from '../../src/control/admin/access-table.ts';
import { CONTAINED_CHANGES } from '../../src/control/admin/contained-changes.ts';
import { SET_CHANGES_MAX, type SetChange } from '../../src/schema/change-set.ts';
import type { Role } from '../../src/schema/roles.ts';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { type AdminWorld, type CallOptions, startAdmin } from '../helpers/start-admin.ts';
import { SHOP } from '../helpers/start-control.ts';

const CART: ServiceDocument = {
  match: { hosts: ['cart.example.com'] },
  pools: {
    old: { targets: [{ url: 'http://127.0.0.1:3011' }] },
    new: { targets: [{ url: 'http://127.0.0.1:3012' }] },
  },
  split: { old: 100 },
};

const SERVICES = { shop: SHOP, cart: CART };
const MOVE_BOTH: readonly SetChange[] = [
  { method: 'POST', path: '/v1/services/shop/cutovers', body: { to: 'green' } },
  { method: 'PUT', path: '/v1/services/cart/split', body: { weights: { old: 40, new: 60 } } },
];

async function startWorld(): Promise<AdminWorld> {
  return startAdmin({ ...SERVICES });
}

function send({ call }: AdminWorld, changes: readonly unknown[], more: object = {}, options: CallOptions = {}) {
  return call('POST', '/v1/changesets', { ...options, body: { changes, ...more } });
}

const pointersOf = (json: { errors: { pointer: string }[] }): string[] => json.errors.map(({ pointer }) => pointer);

describe('a set of changes', () => {
  it('is one generation behind one barrier, with a receipt for each change of traffic', async () => {
    const world = await startWorld();
    world.dataPlane.setInFlight('shop', 'blue', 3);
    const { status, headers, json } = await send(world, MOVE_BOTH);
    expect([status, headers.get('cutover-generation')]).toEqual([200, '2']);
    expect(world.dataPlane.updates).toHaveLength(2);
    expect(world.dataPlane.updates[1]?.changed.map(({ name }) => name)).toEqual(['shop', 'cart']);
    expect(json.generation).toEqual({ before: 1, after: 2 });
    expect(json.receipts).toMatchObject([
      {
        kind: 'cutover',
        service: 'shop',
        from: { blue: 100 },
        to: { green: 100 },
        generation: { before: 1, after: 2 },
      },
      {
        kind: 'split',
        service: 'cart',
        from: { old: 100 },
        to: { old: 40, new: 60 },
        generation: { before: 1, after: 2 },
      },
    ]);
    expect(json.receipts.map(({ drain }: { drain: object }) => drain)).toMatchObject([
      { state: 'draining', inFlightAtFlip: 3 },
      { state: 'drained', inFlightAtFlip: 0 },
    ]);
  });

  it('counts the drain of each receipt by itself', async () => {
    const world = await startWorld();
    world.dataPlane.setInFlight('shop', 'blue', 3);
    world.dataPlane.setInFlight('cart', 'old', 5);
    const { json } = await send(world, [
      MOVE_BOTH[0],
      { method: 'POST', path: '/v1/services/cart/cutovers', body: { to: 'new', drainTimeout: '30s' } },
    ]);
    const [shop, cart] = json.receipts as { id: string }[];
    world.dataPlane.finish(cart?.id ?? '', 5);
    const drainOf = async (service: string, id = '') =>
      (await world.call('GET', `/v1/services/${service}/cutovers/${id}`)).json.drain;
    expect(await drainOf('shop', shop?.id)).toMatchObject({ state: 'draining', inFlightAtFlip: 3, remaining: 3 });
    expect(await drainOf('cart', cart?.id)).toMatchObject({ state: 'drained', inFlightAtFlip: 5, completed: 5 });
  });

  it('holds its answer until every drain has ended, where the client would wait', async () => {
    const world = await startWorld();
    world.dataPlane.setInFlight('shop', 'blue', 1);
    const held = send(world, MOVE_BOTH, {}, { headers: { prefer: 'wait=10' } });
    while (world.dataPlane.tracked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    world.dataPlane.finish(world.dataPlane.tracked[0]?.id ?? '', 1);
    const { headers, json } = await held;
    expect(json.receipts.map(({ drain }: { drain: { state: string } }) => drain.state)).toEqual(['drained', 'drained']);
    expect(headers.get('preference-applied')).toBe('wait=10');
  });

  it('sees later changes from where earlier ones lead', async () => {
    const world = await startWorld();
    const { status, json } = await send(world, [
      { method: 'PUT', path: '/v1/services/tea', body: { ...SHOP, match: { hosts: ['tea'] } } },
      { method: 'PUT', path: '/v1/services/tea/pools/red', body: { targets: [{ url: 'http://127.0.0.1:3021' }] } },
      { method: 'PATCH', path: '/v1/services/tea/pools/red/targets/127.0.0.1:3021', body: { weight: 7 } },
      { method: 'PUT', path: '/v1/services/tea/mirror', body: { pool: 'green' } },
      { method: 'DELETE', path: '/v1/services/tea/mirror' },
      { method: 'POST', path: '/v1/services/tea/cutovers', body: { to: 'red' } },
      { method: 'DELETE', path: '/v1/services/tea/pools/green' },
      { method: 'DELETE', path: '/v1/services/cart' },
    ]);
    expect(status).toBe(200);
    expect(json.receipts).toMatchObject([{ service: 'tea', from: {}, to: { red: 100 } }]);
    expect([...world.dataPlane.services.keys()].toSorted()).toEqual(['shop', 'tea']);
    const tea = world.dataPlane.services.get('tea');
    expect(tea?.pools.map(({ name }) => name)).toEqual(['blue', 'red']);
    expect(tea?.pools[1]?.targets[0]?.weight).toBe(7);
    expect(tea?.slots).toEqual([{ pool: 'red', from: 0, to: 10_000 }]);
    expect(world.dataPlane.generation).toBe(2);
  });

  it('moves no traffic to a pool that came with it and is to be checked first', async () => {
    const world = await startWorld();
    const health = { path: '/healthz', interval: '1s' };
    const changes = [
      { method: 'PUT', path: '/v1/services/tea', body: { ...SHOP, match: { hosts: ['tea'] }, health } },
      { method: 'POST', path: '/v1/services/tea/cutovers', body: { to: 'green' } },
    ];
    const { status, json } = await send(world, changes);
    expect([status, json.type]).toEqual([409, 'urn:cutover:problem:no-healthy-target']);
  });

  it('lets two services swap their hosts, which one call after the other cannot', async () => {
    const world = await startWorld();
    const swap = [
      { method: 'PATCH', path: '/v1/services/shop', body: { match: { hosts: ['cart.example.com'] } } },
      { method: 'PATCH', path: '/v1/services/cart', body: { match: { hosts: ['shop.example.com'] } } },
    ];
    const half = await send(world, swap.slice(0, 1));
    expect([half.status, pointersOf(half.json)]).toEqual([422, ['/changes/0/body/match/hosts/0']]);
    expect((await send(world, swap)).status).toBe(200);
    expect(world.dataPlane.services.get('cart')?.match.hosts).toEqual(['shop.example.com']);
  });

  it('is in journal, audit and events as one change', async () => {
    const world = await startWorld();
    await send(world, MOVE_BOTH);
    const summary = 'at once: moves all traffic of shop to green; splits the traffic of cart old 40 %, new 60 %';
    const generation = (await world.call('GET', '/v1/generations/2')).json;
    expect(generation).toMatchObject({ kind: 'changeset', summary, services: ['shop', 'cart'] });
    expect(generation.changes[1]).toMatchObject({
      before: { split: { old: 100 } },
      after: { split: { old: 40, new: 60 } },
    });
    const [entry] = (await world.call('GET', '/v1/audit')).json.items;
    expect(entry).toMatchObject({ kind: 'changeset', service: null, result: 'applied', detail: summary });
    const { events } = world.control.events.after('before all');
    expect(events.slice(-3).map(({ type }) => type)).toEqual(['generation', 'receipt', 'receipt']);
  });

  it('makes no user move who need not: what is half-way is not served', async () => {
    const world = await startWorld();
    await send(world, [{ method: 'PUT', path: '/v1/services/shop/split', body: { weights: { blue: 70, green: 30 } } }]);
    const before = world.dataPlane.services.get('shop')?.slots;
    await send(world, [
      { method: 'PATCH', path: '/v1/services/shop', body: { split: { blue: 20, green: 80 } } },
      { method: 'PUT', path: '/v1/services/shop/split', body: { weights: { blue: 70, green: 30 } } },
    ]);
    expect(world.dataPlane.services.get('shop')?.slots).toEqual(before);
  });

  it('is remembered by a rollback as one step', async () => {
    const world = await startWorld();
    await send(world, [
      { method: 'PATCH', path: '/v1/services/shop', body: { split: { blue: 20, green: 80 } } },
      { method: 'POST', path: '/v1/services/shop/cutovers', body: { to: 'green' } },
    ]);
    const { json } = await send(world, [{ method: 'POST', path: '/v1/services/shop/rollback' }]);
    expect(json.receipts[0].to).toEqual({ blue: 100 });
  });

  it('that differs in nothing makes no generation', async () => {
    const world = await startWorld();
    const same = [{ method: 'PATCH', path: '/v1/services/shop', body: { split: { blue: 100 } } }];
    const { status, json } = await send(world, same);
    expect([status, json.generation, json.services]).toEqual([200, { before: 1, after: 1 }, []]);
  });

  it('is made once under an Idempotency-Key', async () => {
    const world = await startWorld();
    const headers = { 'idempotency-key': 'release-7' };
    const first = await send(world, MOVE_BOTH, {}, { headers });
    const again = await send(world, MOVE_BOTH, {}, { headers });
    expect([again.status, again.text, world.dataPlane.generation]).toEqual([200, first.text, 2]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
  });
});

describe('a refused set', () => {
  const refusals: readonly [
    what: string,
    changes: readonly unknown[],
    status: number,
    code: string,
    pointers: string[],
  ][] = [
    [
      'a pool that is not well',
      [MOVE_BOTH[1], { method: 'POST', path: '/v1/services/shop/cutovers', body: { to: 'green' } }],
      409,
      'no-healthy-target',
      ['/changes/1'],
    ],
    [
      'a service that is not there',
      [MOVE_BOTH[1], { method: 'DELETE', path: '/v1/services/nope' }],
      404,
      'not-found',
      ['/changes/1'],
    ],
    [
      'a split that does not add up',
      [MOVE_BOTH[1], { method: 'PUT', path: '/v1/services/shop/split', body: { weights: { blue: 90 } } }],
      422,
      'invalid',
      ['/changes/1/body/weights'],
    ],
    [
      'a pool that something uses',
      [MOVE_BOTH[1], { method: 'DELETE', path: '/v1/services/cart/pools/new' }],
      409,
      'pool-in-use',
      ['/changes/1'],
    ],
    [
      'several bodies of the wrong form: all are named',
      [
        { method: 'PUT', path: '/v1/services/shop/split', body: { weight: { blue: 100 } } },
        MOVE_BOTH[1],
        { method: 'POST', path: '/v1/services/shop/cutovers' },
        { method: 'DELETE', path: '/v1/services/shop/mirror', body: {} },
        { method: 'PUT', path: '/v1/services/Shop', body: SHOP },
        { method: 'PUT', path: '/v1/services/tea', body: { ...SHOP, name: 7 }, ifMatch: 'abc' },
      ],
      422,
      'invalid',
      [
        '/changes/0/body/weights',
        '/changes/0/body/weight',
        '/changes/2/body',
        '/changes/3/body',
        '/changes/4/path',
        '/changes/5/body/name',
        '/changes/5/ifMatch',
      ],
    ],
    [
      'paths and methods that are none',
      [
        { method: 'PUT', path: '/v1/services/shop/splits', body: {} },
        { method: 'PATCH', path: '/v1/services/shop/split', body: {} },
        { method: 'POST', path: '/v1/config', body: {} },
        { method: 'PUT', path: '/v1/services/shop/split?x=1', body: {} },
        { method: 'PUT', path: '/v1/services//split', body: {} },
      ],
      422,
      'invalid',
      ['/changes/0/path', '/changes/1/method', '/changes/2/path', '/changes/3/path', '/changes/4/path'],
    ],
    [
      'the traffic of one service moved twice',
      [MOVE_BOTH[0], { method: 'POST', path: '/v1/services/shop/rollback' }],
      422,
      'invalid',
      ['/changes/1'],
    ],
    ['a field that is unknown', [{ ...MOVE_BOTH[0], op: 'move' }], 422, 'invalid', ['/changes/0/op']],
    ['nothing', [], 422, 'invalid', ['/changes']],
    [
      'more than are taken',
      Array.from({ length: SET_CHANGES_MAX + 1 }, () => MOVE_BOTH[0]),
      422,
      'invalid',
      ['/changes'],
    ],
  ];

  it.each(refusals)('for %s changes nothing, and says where; a dry run says the same', async (...refusal) => {
    const [, changes, status, code, pointers] = refusal;
    const world = await startWorld();
    world.health.set('shop', 'green', '127.0.0.1:3002', false);
    const answer = await send(world, changes);
    expect([answer.status, answer.json.type]).toEqual([status, `urn:cutover:problem:${code}`]);
    expect(pointersOf(answer.json)).toEqual(pointers);
    const dry = await send(world, changes, { dryRun: true });
    expect({ ...dry.json, instance: '' }).toEqual({ ...answer.json, instance: '' });
    expect([world.dataPlane.generation, world.dataPlane.updates.length]).toEqual([1, 1]);
    expect(world.control.state.generation).toBe(1);
  });

  it('names what was meant', async () => {
    const world = await startWorld();
    const { json } = await send(world, [{ method: 'PUT', path: '/v1/services/shop/splits', body: {} }]);
    expect(json.errors[0].detail).toContain('did you mean "/v1/services/shop/split"?');
  });

  it('is counted for each service whose traffic it would have moved', async () => {
    const world = await startWorld();
    world.health.set('shop', 'green', '127.0.0.1:3002', false);
    await send(world, MOVE_BOTH);
    const counts = world.control.gauges().cutovers;
    expect(counts).toEqual([
      { service: 'shop', result: 'refused', count: 1 },
      { service: 'cart', result: 'refused', count: 1 },
    ]);
  });
});

describe('a dry run', () => {
  it('answers with what differs, before and after, and changes nothing', async () => {
    const world = await startWorld();
    const changes = [
      ...MOVE_BOTH,
      {
        method: 'PUT',
        path: '/v1/services/cart/pools/new',
        body: { version: '2', targets: [{ url: 'http://127.0.0.1:3013' }] },
      },
      { method: 'PATCH', path: '/v1/services/shop', body: { algorithm: 'least-connections' } },
    ];
    const { status, headers, json } = await send(world, changes, { dryRun: true });
    expect([status, headers.get('cutover-generation')]).toEqual([200, '1']);
    expect(json).toEqual({
      dryRun: true,
      generation: { before: 1, after: 1 },
      services: [
        {
          service: 'shop',
          differences: [
            { pointer: '/split/blue', before: 100, after: null },
            { pointer: '/split/green', before: null, after: 100 },
            { pointer: '/algorithm', before: null, after: 'least-connections' },
          ],
        },
        {
          service: 'cart',
          differences: [
            { pointer: '/pools/new/targets/0/url', before: 'http://127.0.0.1:3012', after: 'http://127.0.0.1:3013' },
            { pointer: '/pools/new/version', before: null, after: '2' },
            { pointer: '/split/old', before: 100, after: 40 },
            { pointer: '/split/new', before: null, after: 60 },
          ],
        },
      ],
      receipts: [],
    });
    expect(world.dataPlane.updates).toHaveLength(1);
    expect(world.control.state.generation).toBe(1);
    expect((await world.call('GET', '/v1/generations')).json.items).toHaveLength(1);
    const real = await send(world, changes);
    expect(real.json.services).toEqual(json.services);
  });

  it('does not use up its Idempotency-Key', async () => {
    const world = await startWorld();
    const headers = { 'idempotency-key': 'k' };
    await send(world, MOVE_BOTH, { dryRun: true }, { headers });
    expect(
      (await send(world, MOVE_BOTH, { dryRun: true }, { headers })).headers.get('idempotency-replayed'),
    ).toBeNull();
  });

  it('shows no secret', async () => {
    const world = await startWorld();
    const sticky = { cookie: 'target', secret: 'a secret that nobody is to see' };
    const { text } = await send(world, [{ method: 'PATCH', path: '/v1/services/shop', body: { sticky } }], {
      dryRun: true,
    });
    expect(text).toContain('[redacted');
    expect(text).not.toContain('nobody');
  });
});

describe('the conditions of a set', () => {
  const tagOf = async (world: AdminWorld, path: string) => (await world.call('GET', path)).headers.get('etag') ?? '';

  it('speak of what was there before it, whatever earlier changes of the set do', async () => {
    const world = await startWorld();
    const ifMatch = await tagOf(world, '/v1/services/shop');
    const changes = [
      { method: 'PATCH', path: '/v1/services/shop', body: { algorithm: 'least-connections' } },
      { ...MOVE_BOTH[0], ifMatch },
      { method: 'PUT', path: '/v1/services/tea', body: { ...SHOP, match: { hosts: ['tea'] } }, ifNoneMatch: '*' },
      { method: 'PUT', path: '/v1/services/tea/pools/red', body: {}, ifNoneMatch: '*' },
    ];
    expect((await send(world, changes)).status).toBe(200);
    const again = await send(world, changes);
    expect([again.status, pointersOf(again.json)]).toEqual([412, ['/changes/1']]);
  });

  it.each([
    ['PUT', '/v1/services/shop', SHOP, '/v1/services/shop'],
    ['PATCH', '/v1/services/shop', {}, '/v1/services/shop'],
    ['DELETE', '/v1/services/shop', undefined, '/v1/services/shop'],
    ['PUT', '/v1/services/shop/pools/green', {}, '/v1/services/shop/pools/green'],
    ['DELETE', '/v1/services/shop/pools/green', undefined, '/v1/services/shop/pools/green'],
    [
      'PATCH',
      '/v1/services/shop/pools/green/targets/127.0.0.1:3002',
      { weight: 2 },
      '/v1/services/shop/pools/green/targets/127.0.0.1:3002',
    ],
    ['PUT', '/v1/services/shop/split', { weights: { blue: 100 } }, '/v1/services/shop/split'],
    ['POST', '/v1/services/shop/cutovers', { to: 'green' }, '/v1/services/shop/split'],
    ['POST', '/v1/services/shop/rollback', { force: true }, '/v1/services/shop'],
    ['PUT', '/v1/services/shop/mirror', { pool: 'green' }, '/v1/services/shop/mirror'],
    ['DELETE', '/v1/services/shop/mirror', undefined, '/v1/services/shop/mirror'],
    ['PUT', '/v1/services/shop/pause', {}, '/v1/services/shop/pause'],
    ['DELETE', '/v1/services/shop/pause', undefined, '/v1/services/shop/pause'],
  ])('hold for %s %s', async (method, path, body, tagged) => {
    const world = await startAdmin({ shop: { ...SHOP, mirror: { pool: 'blue' }, pause: {} }, cart: CART });
    await world.call('POST', '/v1/services/shop/cutovers', { body: { to: 'green' } });
    await world.call('POST', '/v1/services/shop/cutovers', { body: { to: 'blue' } });
    const change = { method, path, ...(body === undefined ? {} : { body }) };
    const stale = await send(world, [{ ...change, ifMatch: '"another"' }], { dryRun: true });
    expect([stale.status, pointersOf(stale.json)]).toEqual([412, ['/changes/0']]);
    const right = await send(world, [{ ...change, ifMatch: await tagOf(world, tagged) }], { dryRun: true });
    expect([right.status, right.json.errors]).toEqual([200, undefined]);
  });

  it('may be one of all services, as If-Match of the call', async () => {
    const world = await startWorld();
    const headers = { 'if-match': await tagOf(world, '/v1/config') };
    expect((await send(world, MOVE_BOTH, {}, { headers })).status).toBe(200);
    expect((await send(world, MOVE_BOTH, {}, { headers })).status).toBe(412);
  });
});

describe('who may make a set', () => {
  const secretOf = (name: string): string => `ctv_${name}`;
  const token = (name: string, role: Role, scopes?: string[]) => ({
    name,
    role,
    sha256: createHash('sha256').update(secretOf(name)).digest('hex'),
    ...(scopes === undefined ? {} : { scopes }),
  });
  const TOKENS = [
    token('shop-deploy', 'deploy', ['shop']),
    token('shop-admin', 'admin', ['shop']),
    token('all-deploy', 'deploy'),
    token('all-read', 'read'),
  ];
  const as = (name: string): CallOptions => ({ headers: { authorization: `Bearer ${secretOf(name)}` } });
  const configureShop = { method: 'PATCH', path: '/v1/services/shop', body: { algorithm: 'least-connections' } };
  const configureOther = { method: 'PUT', path: '/v1/services/new', body: { ...SHOP, match: { hosts: ['new'] } } };

  it.each<[who: string, changes: readonly unknown[], pointer: string]>([
    ['shop-deploy', MOVE_BOTH, '/changes/1'],
    ['shop-admin', MOVE_BOTH, '/changes/1'],
    ['shop-admin', [configureShop, configureOther], '/changes/1'],
    [
      'shop-admin',
      [{ method: 'PUT', path: '/v1/services/c%61rt/split', body: { weights: { old: 100 } } }],
      '/changes/0',
    ],
    ['shop-admin', [{ method: 'PUT', path: '/v1/services/cart/split', body: 'wrong as well' }], '/changes/0'],
    ['shop-deploy', [MOVE_BOTH[0], configureShop], '/changes/1'],
    ['all-deploy', [MOVE_BOTH[0], configureShop], '/changes/1'],
  ])('%s may not make one with a change that it may not make alone', async (who, changes, pointer) => {
    const world = await startAdmin({ ...SERVICES }, undefined, { admin: { tokens: [...TOKENS] } });
    for (const more of [{}, { dryRun: true }]) {
      const { status, json } = await send(world, changes, more, as(who));
      expect([status, json.type, pointersOf(json)]).toEqual([403, 'urn:cutover:problem:forbidden', [pointer]]);
    }
    expect(world.dataPlane.generation).toBe(1);
  });

  it('may make one whose every change it may make', async () => {
    const world = await startAdmin({ ...SERVICES }, undefined, { admin: { tokens: [...TOKENS] } });
    expect((await send(world, [MOVE_BOTH[0]], {}, as('shop-deploy'))).status).toBe(200);
    expect((await send(world, [configureShop], {}, as('shop-admin'))).status).toBe(200);
    expect((await send(world, [MOVE_BOTH[1]], {}, as('all-deploy'))).status).toBe(200);
    expect((await send(world, MOVE_BOTH, { dryRun: true }, as('all-read'))).status).toBe(403);
  });

  it('hears of a set of others only what is about its own services', async () => {
    const world = await startAdmin({ ...SERVICES }, undefined, { admin: { tokens: [...TOKENS] } });
    const watching = await fetch(`${world.admin.url}/v1/events`, { headers: as('shop-deploy').headers ?? {} });
    const reader = watching.body?.getReader();
    await send(world, MOVE_BOTH, {}, as('all-deploy'));
    let seen = '';
    while (!seen.includes('event: receipt')) seen += Buffer.from((await reader?.read())?.value ?? []).toString();
    await reader?.cancel();
    expect(seen).toContain('"services":["shop"]');
    expect(seen).not.toContain('cart');
  });
});

it('a set may hold every change of a service that the API has', () => {
  const routes = Object.entries(ACCESS_TABLE).flatMap(([route, methods]) =>
    route.startsWith('/v1/services/') ? Object.keys(methods).map((method) => `${method} ${route}`) : [],
  );
  const changing = routes.filter((route) => !route.startsWith('GET '));
  expect(CONTAINED_CHANGES.map(({ method, route }) => `${method} ${route}`).toSorted()).toEqual(changing.toSorted());
});
