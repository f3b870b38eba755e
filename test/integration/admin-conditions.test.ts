import { describe, expect, it } from 'vitest';

import { type AdminWorld, startAdmin } from '../helpers/start-admin.ts';
import { SHOP } from '../helpers/start-control.ts';

const RESOURCES = {
  service: '/v1/services/shop',
  pool: '/v1/services/shop/pools/blue',
  target: '/v1/services/shop/pools/blue/targets/127.0.0.1:3001',
  split: '/v1/services/shop/split',
  mirror: '/v1/services/shop/mirror',
  pause: '/v1/services/shop/pause',
  config: '/v1/config',
};

const MIRRORED = { ...SHOP, mirror: { pool: 'green' }, pause: {} };

async function tagOf({ call }: AdminWorld, path: string): Promise<string> {
  return (await call('GET', path)).headers.get('etag') ?? '';
}

describe('the ETag', () => {
  it.each(Object.entries(RESOURCES))('of the %s is strong, and known to be unchanged (304)', async (_name, path) => {
    const world = await startAdmin({ shop: MIRRORED });
    const tag = await tagOf(world, path);
    expect(tag).toMatch(/^"[\w-]+"$/);
    const known = await world.call('GET', path, { headers: { 'if-none-match': `"other", W/${tag}` } });
    expect([known.status, known.text, known.headers.get('etag')]).toEqual([304, '', tag]);
  });

  it.each(Object.entries(RESOURCES))(
    'of the %s does not change with health, traffic and drains',
    async (_name, path) => {
      const world = await startAdmin({ shop: MIRRORED });
      const tag = await tagOf(world, path);
      world.health.set('shop', 'blue', '127.0.0.1:3001', false);
      world.control.healthChanged([{ service: 'shop', pool: 'blue', target: '127.0.0.1:3001', up: false }]);
      world.dataPlane.setInFlight('shop', 'blue', 9);
      expect(await tagOf(world, path)).toBe(tag);
    },
  );

  it('of a part does not change with another part', async () => {
    const world = await startAdmin();
    const tags = await Promise.all([RESOURCES.pool, RESOURCES.target].map((path) => tagOf(world, path)));
    await world.call('POST', '/v1/services/shop/cutovers', { body: { to: 'green' } });
    expect(await Promise.all([RESOURCES.pool, RESOURCES.target].map((path) => tagOf(world, path)))).toEqual(tags);
  });

  it('in the answer to a change is the one of the next reading', async () => {
    const world = await startAdmin();
    const changes: readonly [method: string, path: string, body: unknown][] = [
      ['PUT', RESOURCES.service, { ...SHOP, algorithm: 'least-connections' }],
      ['PATCH', RESOURCES.service, { algorithm: null }],
      ['PUT', RESOURCES.pool, { version: '9', targets: [{ url: 'http://127.0.0.1:3001' }] }],
      ['PATCH', RESOURCES.target, { weight: 9 }],
      ['PUT', RESOURCES.split, { weights: { green: 100 } }],
      ['PUT', RESOURCES.mirror, { pool: 'green' }],
      ['PUT', RESOURCES.pause, { timeout: '1s' }],
    ];
    for (const [method, path, body] of changes) {
      const before = await tagOf(world, path);
      const { headers } = await world.call(method, path, { body });
      expect(headers.get('etag'), `${method} ${path}`).toBe(await tagOf(world, path));
      expect(headers.get('etag')).not.toBe(before);
    }
  });
});

describe('If-Match', () => {
  const changes: readonly [method: string, path: string, body: unknown, tagOf: string][] = [
    ['PUT', RESOURCES.service, MIRRORED, RESOURCES.service],
    ['PATCH', RESOURCES.service, { algorithm: 'least-connections' }, RESOURCES.service],
    ['DELETE', RESOURCES.service, undefined, RESOURCES.service],
    ['PUT', RESOURCES.pool, { targets: [] }, RESOURCES.pool],
    ['PATCH', RESOURCES.target, { weight: 2 }, RESOURCES.target],
    ['PUT', RESOURCES.split, { weights: { green: 100 } }, RESOURCES.split],
    ['PUT', RESOURCES.split, { weights: { green: 100 } }, RESOURCES.service],
    ['POST', '/v1/services/shop/cutovers', { to: 'green' }, RESOURCES.split],
    ['POST', '/v1/services/shop/cutovers', { to: 'green' }, RESOURCES.service],
    ['PUT', RESOURCES.mirror, { pool: 'green', percent: 5 }, RESOURCES.mirror],
    ['DELETE', RESOURCES.mirror, undefined, RESOURCES.mirror],
    ['PUT', RESOURCES.pause, { timeout: '1s' }, RESOURCES.pause],
    ['DELETE', RESOURCES.pause, undefined, RESOURCES.pause],
  ];

  it.each(changes)(
    '%s %s is carried out under the ETag that was read, and refused (412) under another',
    async (method, path, body, tagPath) => {
      const world = await startAdmin({ shop: MIRRORED });
      const tag = await tagOf(world, tagPath);
      for (const wrong of ['"other"', `W/${tag}`]) {
        const refused = await world.call(method, path, { body, headers: { 'if-match': wrong } });
        expect([refused.status, refused.json.type]).toEqual([412, 'urn:cutover:problem:precondition-failed']);
      }
      expect(world.dataPlane.generation).toBe(1);
      const done = await world.call(method, path, { body, headers: { 'if-match': `"other", ${tag}` } });
      expect(done.status).toBeLessThan(300);
    },
  );

  it('is honoured by the configuration as a whole', async () => {
    const world = await startAdmin();
    const body = { listeners: { web: { listen: '127.0.0.1:0' } }, admin: { listen: '127.0.0.1:0' }, services: {} };
    const tag = await tagOf(world, RESOURCES.config);
    const post = (ifMatch: string) => world.call('POST', '/v1/config', { body, headers: { 'if-match': ifMatch } });
    expect((await post('"other"')).status).toBe(412);
    expect((await post(tag)).status).toBe(200);
  });

  it('"*" asks only for something to be there', async () => {
    const { call } = await startAdmin();
    const headers = { 'if-match': '*' };
    expect((await call('PUT', '/v1/services/cart', { body: { pools: { a: {} } }, headers })).status).toBe(412);
    expect((await call('PUT', '/v1/services/shop', { body: MIRRORED, headers })).status).toBe(200);
  });

  it('that cannot be read is refused (400)', async () => {
    const { call } = await startAdmin();
    const { status, json } = await call('DELETE', '/v1/services/shop', { headers: { 'if-match': 'no-quotes' } });
    expect([status, json.type]).toEqual([400, 'urn:cutover:problem:malformed-header']);
  });
});

describe('If-None-Match: *', () => {
  it('creates, and does not replace (412)', async () => {
    const { call } = await startAdmin();
    const cart = { ...SHOP, match: { hosts: ['cart'] } };
    const headers = { 'if-none-match': '*' };
    expect((await call('PUT', '/v1/services/cart', { body: cart, headers })).status).toBe(201);
    expect((await call('PUT', '/v1/services/cart', { body: cart, headers })).status).toBe(412);
    expect((await call('PUT', '/v1/services/cart/pools/red', { body: {}, headers })).status).toBe(201);
    expect((await call('PUT', '/v1/services/cart/pools/red', { body: {}, headers })).status).toBe(412);
  });
});
