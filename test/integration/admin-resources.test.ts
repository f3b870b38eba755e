import { describe, expect, it } from 'vitest';

import { startAdmin } from '../helpers/start-admin.ts';
import { SHOP } from '../helpers/start-control.ts';

const CART = { ...SHOP, match: { hosts: ['cart.example.com'] } };

describe('services', () => {
  it('are listed with their names', async () => {
    const { call } = await startAdmin({ shop: SHOP, cart: CART });
    const { status, json } = await call('GET', '/v1/services');
    expect(status).toBe(200);
    expect(json).toEqual({
      items: [
        { name: 'shop', ...SHOP },
        { name: 'cart', ...CART },
      ],
    });
  });

  it('are shown as they were written, without defaults', async () => {
    const { call } = await startAdmin();
    expect((await call('GET', '/v1/services/shop')).json).toEqual({ name: 'shop', ...SHOP });
  });

  it('are created by PUT (201, Location) and replaced by it (200), with the generation that serves', async () => {
    const { call, dataPlane } = await startAdmin();
    const created = await call('PUT', '/v1/services/cart', { body: CART });
    expect(created.status).toBe(201);
    expect(created.headers.get('location')).toBe('/v1/services/cart');
    expect(created.headers.get('cutover-generation')).toBe('2');
    expect(created.json).toEqual({ name: 'cart', ...CART });
    const replaced = await call('PUT', '/v1/services/cart', { body: { ...CART, split: { green: 100 } } });
    expect(replaced.status).toBe(200);
    expect(replaced.headers.get('cutover-generation')).toBe('3');
    expect(dataPlane.services.get('cart')?.slots).toEqual([{ pool: 'green', from: 0, to: 10_000 }]);
  });

  it('can be sent back as they were read', async () => {
    const { call, dataPlane } = await startAdmin();
    const { text } = await call('GET', '/v1/services/shop');
    const { status, headers } = await call('PUT', '/v1/services/shop', { body: text });
    expect(status).toBe(200);
    expect(headers.get('cutover-generation')).toBe('1');
    expect(dataPlane.updates).toHaveLength(1);
  });

  it('refuse a name that is not that of the path', async () => {
    const { call } = await startAdmin();
    const { status, json } = await call('PUT', '/v1/services/shop', { body: { ...SHOP, name: 'cart' } });
    expect(status).toBe(422);
    expect(json.errors).toEqual([{ pointer: '/name', detail: expect.stringContaining('"shop"') }]);
  });

  it('are changed in part by a merge patch', async () => {
    const { call } = await startAdmin();
    const body = { algorithm: 'least-connections', match: null, pools: { green: { version: '1.6.0' } } };
    const headers = { 'content-type': 'application/merge-patch+json' };
    const { status, json } = await call('PATCH', '/v1/services/shop', { body, headers });
    expect(status).toBe(200);
    expect(json.algorithm).toBe('least-connections');
    expect(json.match).toBeUndefined();
    expect(json.pools.green).toEqual({ version: '1.6.0', targets: [{ url: 'http://127.0.0.1:3002' }] });
  });

  it('are removed (204), and then not found (404)', async () => {
    const { call, dataPlane } = await startAdmin();
    const { status, text } = await call('DELETE', '/v1/services/shop');
    expect([status, text]).toEqual([204, '']);
    expect(dataPlane.services.size).toBe(0);
    expect((await call('GET', '/v1/services/shop')).status).toBe(404);
    expect((await call('DELETE', '/v1/services/shop')).status).toBe(404);
  });

  it('are refused with a pointer to each wrong field, and nothing changes', async () => {
    const { call, dataPlane } = await startAdmin();
    const body = { pools: { blue: { targets: [{ url: 'https://x' }, { url: 'http://y:1', wieght: 2 }] } }, colour: 1 };
    const { status, headers, json } = await call('PUT', '/v1/services/cart', { body });
    expect(status).toBe(422);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(json).toMatchObject({ type: 'urn:cutover:problem:invalid', status: 422 });
    expect(json.errors.map(({ pointer }: { pointer: string }) => pointer).toSorted()).toEqual([
      '/colour',
      '/pools/blue/targets/0/url',
      '/pools/blue/targets/1/wieght',
    ]);
    expect(dataPlane.updates).toHaveLength(1);
  });

  it('must have names that fit into a path, a label and a file name', async () => {
    const { call } = await startAdmin();
    for (const name of ['Shop', '-shop', 'a b', 'x'.repeat(64), 'constructor', '__proto__']) {
      const { status } = await call('PUT', `/v1/services/${encodeURIComponent(name)}`, { body: CART });
      expect([name, status]).toEqual([name, 400]);
    }
  });

  it.each(['__proto__', 'constructor', 'toString', 'nope'])('called %s are not there', async (name) => {
    const { call } = await startAdmin();
    expect((await call('GET', `/v1/services/${name}`)).status).toBe(404);
    expect((await call('GET', `/v1/services/shop/pools/${name}`)).status).toBe(404);
  });

  it('show no secret, wherever they are shown', async () => {
    const secret = '0123456789abcdef';
    const accepted = 'fedcba9876543210';
    const sticky = { cookie: 'c', secret, acceptedSecrets: [accepted] };
    const { call } = await startAdmin({ shop: { ...SHOP, sticky } });
    await call('PATCH', '/v1/services/shop', { body: { algorithm: 'least-connections' } });
    for (const path of [
      '/v1/services',
      '/v1/services/shop',
      '/v1/config',
      '/v1/generations/2',
      '/v1/status',
      '/v1/audit',
    ]) {
      const { text } = await call('GET', path);
      expect(text, path).not.toContain(secret);
      expect(text, path).not.toContain(accepted);
    }
  });
});

describe('pools', () => {
  it('are shown, created, replaced and removed', async () => {
    const { call, dataPlane } = await startAdmin();
    const red = { version: '2', targets: [{ url: 'http://127.0.0.1:3003' }] };
    expect((await call('GET', '/v1/services/shop/pools/blue')).json).toEqual({ name: 'blue', ...SHOP.pools['blue'] });
    const created = await call('PUT', '/v1/services/shop/pools/red', { body: red });
    expect([created.status, created.json]).toEqual([201, { name: 'red', ...red }]);
    expect(created.headers.get('location')).toBe('/v1/services/shop/pools/red');
    expect((await call('PUT', '/v1/services/shop/pools/red', { body: { ...red, version: '3' } })).status).toBe(200);
    expect((await call('DELETE', '/v1/services/shop/pools/red')).status).toBe(204);
    expect(dataPlane.services.get('shop')?.pools.map(({ name }) => name)).toEqual(['blue', 'green']);
    expect((await call('GET', '/v1/services/shop/pools/red')).status).toBe(404);
    const { generation } = (await call('GET', '/v1/status')).json as { generation: number };
    expect((await call('DELETE', '/v1/services/shop/pools/red')).status).toBe(404);
    expect((await call('GET', '/v1/status')).json).toMatchObject({ generation });
  });

  it('are not removed while they are in use (409)', async () => {
    const { call } = await startAdmin();
    const { status, json } = await call('DELETE', '/v1/services/shop/pools/blue');
    expect(status).toBe(409);
    expect(json.type).toBe('urn:cutover:problem:pool-in-use');
    expect(json.errors[0].pointer).toBe('/split/blue');
  });
});

describe('targets', () => {
  const path = '/v1/services/shop/pools/blue/targets/127.0.0.1:3001';

  it('are shown with their defaults and their health', async () => {
    const { call, health } = await startAdmin();
    health.set('shop', 'blue', '127.0.0.1:3001', false);
    expect((await call('GET', path)).json).toEqual({
      id: '127.0.0.1:3001',
      url: 'http://127.0.0.1:3001',
      weight: 1,
      zone: '',
      backup: false,
      state: 'ready',
      health: { up: false, checked: false, failure: null, since: expect.any(String) },
    });
    expect((await call('GET', path.replace(':3001', '%3A3001'))).status).toBe(200);
    expect((await call('GET', `${path}9`)).status).toBe(404);
  });

  it('take a state and a weight, and nothing else', async () => {
    const { call, dataPlane } = await startAdmin();
    const { status, json } = await call('PATCH', path, { body: { state: 'drain', weight: 2 } });
    expect([status, json.state, json.weight]).toEqual([200, 'drain', 2]);
    expect(dataPlane.services.get('shop')?.pools[0]?.targets[0]).toMatchObject({ state: 'drain', weight: 2 });
    for (const body of [{ state: 'off' }, { weight: -1 }, { weight: '2' }, { url: 'http://x' }, {}, []]) {
      expect((await call('PATCH', path, { body })).status, JSON.stringify(body)).toBe(422);
    }
  });
});

describe('the mirror', () => {
  it('is set (201), changed (200), shown and ended (204)', async () => {
    const { call, dataPlane } = await startAdmin();
    expect((await call('GET', '/v1/services/shop/mirror')).status).toBe(404);
    expect((await call('PUT', '/v1/services/shop/mirror', { body: { pool: 'green', percent: 10 } })).status).toBe(201);
    expect(dataPlane.services.get('shop')?.mirror).toMatchObject({ pool: 'green', share: 1_000 });
    expect((await call('PUT', '/v1/services/shop/mirror', { body: { pool: 'green' } })).status).toBe(200);
    expect((await call('GET', '/v1/services/shop/mirror')).json).toEqual({ pool: 'green' });
    expect((await call('DELETE', '/v1/services/shop/mirror')).status).toBe(204);
    expect(dataPlane.services.get('shop')?.mirror).toBeNull();
    expect((await call('DELETE', '/v1/services/shop/mirror')).status).toBe(404);
  });

  it('points into what was sent', async () => {
    const { call } = await startAdmin();
    const { status, json } = await call('PUT', '/v1/services/shop/mirror', { body: { pool: 'red' } });
    expect([status, json.errors[0].pointer]).toEqual([422, '/pool']);
  });
});

describe('the pause', () => {
  it('is begun (201), changed (200), shown and ended (204)', async () => {
    const { call, dataPlane } = await startAdmin();
    const path = '/v1/services/shop/pause';
    expect((await call('GET', path)).status).toBe(404);
    expect((await call('PUT', path)).status).toBe(201);
    expect(dataPlane.services.get('shop')?.pause).toMatchObject({ timeoutMs: 30_000, requestsMax: 1_000 });
    expect((await call('GET', '/v1/status')).json.services[0]).toMatchObject({ paused: true, held: 0 });
    const body = { timeout: '5s', requests: 10, bytes: '1MiB', resumeOver: '2s', healthPath: '/up' };
    expect((await call('PUT', path, { body })).status).toBe(200);
    expect((await call('GET', path)).json).toEqual(body);
    expect((await call('DELETE', path)).status).toBe(204);
    expect(dataPlane.services.get('shop')?.pause).toBeNull();
    expect((await call('GET', '/v1/status')).json.services[0]).toMatchObject({ paused: false });
    expect((await call('DELETE', path)).status).toBe(404);
  });

  it('says all that is wrong with it, each with its place', async () => {
    const { call } = await startAdmin();
    const body = { timeout: 'soon', requests: 0, healthPath: 'up', forever: true };
    const { status, json } = await call('PUT', '/v1/services/shop/pause', { body });
    const pointers = json.errors.map((one: { pointer: string }) => one.pointer);
    expect([status, pointers.toSorted()]).toEqual([422, ['/forever', '/healthPath', '/requests', '/timeout']]);
  });
});

describe('the status', () => {
  it('shows what serves: splits, health and requests under way', async () => {
    const { call, dataPlane, health } = await startAdmin();
    dataPlane.setInFlight('shop', 'blue', 3);
    health.set('shop', 'green', '127.0.0.1:3002', false);
    const { json } = await call('GET', '/v1/status');
    expect(json).toMatchObject({ generation: 1, ready: true, workers: { total: 1, applied: 1, fenced: 0 } });
    expect(json.services[0]).toMatchObject({ name: 'shop', origin: 'file', split: { blue: 100 }, mirror: null });
    expect(json.services[0].pools).toMatchObject([
      { name: 'blue', version: '1.4.0', percent: 100, inFlight: 3, targets: [{ health: { up: true } }] },
      { name: 'green', version: '1.5.0', percent: 0, inFlight: 0, targets: [{ health: { up: false } }] },
    ]);
  });

  it('has metrics, a probe of life and one of readiness, which fails when the end is announced', async () => {
    const { call, control } = await startAdmin();
    const metrics = await call('GET', '/metrics');
    expect([metrics.status, metrics.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
    expect((await call('GET', '/healthz')).text).toBe('ok\n');
    expect((await call('GET', '/readyz')).status).toBe(200);
    control.announceEnd();
    expect([(await call('GET', '/readyz')).status, (await call('GET', '/healthz')).status]).toEqual([503, 200]);
  });
});

describe('the history', () => {
  it('says of each generation who made it, when, and what was before and after', async () => {
    const { call } = await startAdmin();
    const { headers } = await call('POST', '/v1/services/shop/cutovers', { body: { to: 'green' } });
    const list = await call('GET', '/v1/generations?limit=1');
    expect(list.json.items).toMatchObject([{ number: 2, kind: 'cutover', services: ['shop'], actor: { kind: 'api' } }]);
    const { json } = await call('GET', '/v1/generations/2');
    expect(json.changes).toMatchObject([
      { service: 'shop', before: { split: { blue: 100 } }, after: { split: { green: 100 } } },
    ]);
    expect((await call('GET', '/v1/generations/99')).status).toBe(404);
    expect((await call('GET', '/v1/generations/x')).status).toBe(404);
    const audit = await call('GET', '/v1/audit');
    expect(audit.json.items[0]).toMatchObject({
      kind: 'cutover',
      result: 'applied',
      requestId: headers.get('x-request-id'),
      actor: { address: '127.0.0.1' },
    });
  });

  it('holds refused calls too', async () => {
    const { call } = await startAdmin();
    await call('POST', '/v1/services/shop/cutovers', { body: { to: 'red' } });
    expect((await call('GET', '/v1/audit?limit=1')).json.items).toMatchObject([
      { result: 'refused', problem: 'invalid' },
    ]);
  });
});
