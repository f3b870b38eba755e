import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { startAdmin } from '../helpers/start-admin.ts';

describe('a cutover', () => {
  it('answers with its receipt (201), which is found at its Location', async () => {
    const { call, dataPlane } = await startAdmin();
    dataPlane.setInFlight('shop', 'blue', 17);
    const { status, headers, json } = await call('POST', '/v1/services/shop/cutovers', { body: { to: 'green' } });
    expect(status).toBe(201);
    expect(json).toMatchObject({
      service: 'shop',
      from: { blue: 100 },
      to: { green: 100 },
      generation: { before: 1, after: 2 },
      workers: { total: 1, applied: 1, fenced: 0 },
      drain: { state: 'draining', inFlightAtFlip: 17, completed: 0, cut: 0, remaining: 17, longLived: 0 },
    });
    expect(json.barrierMs).toBeTypeOf('number');
    expect(Date.parse(json.appliedAt)).toBeGreaterThanOrEqual(Date.parse(json.requestedAt));
    expect(headers.get('location')).toBe(`/v1/services/shop/cutovers/${json.id}`);
    expect(headers.get('cutover-generation')).toBe('2');
    dataPlane.finish(json.id, 12);
    const later = await call('GET', headers.get('location') ?? '');
    expect(later.json.drain).toMatchObject({ state: 'draining', completed: 12, remaining: 5 });
    dataPlane.finish(json.id, 5);
    expect((await call('GET', headers.get('location') ?? '')).json.drain).toMatchObject({
      state: 'drained',
      completed: 17,
    });
  });

  it('is not answered before its barrier', async () => {
    const { call, dataPlane } = await startAdmin();
    const { promise: barrier, resolve: open } = Promise.withResolvers<void>();
    dataPlane.barrier = barrier;
    let isAnswered = false;
    const answer = call('POST', '/v1/services/shop/cutovers', { body: { to: 'green' } }).finally(
      () => (isAnswered = true),
    );
    await setTimeout(50);
    expect(isAnswered).toBe(false);
    open();
    expect((await answer).status).toBe(201);
  });

  it('to a pool that is not well is refused (409), unless it is forced', async () => {
    const { call, health, dataPlane } = await startAdmin();
    health.set('shop', 'green', '127.0.0.1:3002', false);
    const refused = await call('POST', '/v1/services/shop/cutovers', { body: { to: 'green' } });
    expect([refused.status, refused.json.type]).toEqual([409, 'urn:cutover:problem:no-healthy-target']);
    expect(dataPlane.generation).toBe(1);
    const forced = await call('POST', '/v1/services/shop/cutovers', { body: { to: 'green', force: true } });
    expect(forced.status).toBe(201);
  });

  it.each<[name: string, body: unknown, pointer: string]>([
    ['to a pool that does not exist', { to: 'red' }, '/to'],
    ['to nowhere', {}, '/to'],
    ['with a drain timeout that is none', { to: 'green', drainTimeout: 30 }, '/drainTimeout'],
    ['with an unknown field', { to: 'green', drain: '1s' }, '/drain'],
    ['with force as a text', { to: 'green', force: 'true' }, '/force'],
  ])('%s is refused (422)', async (_name, body, pointer) => {
    const { call, dataPlane } = await startAdmin();
    const { status, json } = await call('POST', '/v1/services/shop/cutovers', { body });
    expect([status, json.errors[0].pointer]).toEqual([422, pointer]);
    expect(dataPlane.generation).toBe(1);
  });

  it('of a service that does not exist is not found (404), and neither is a receipt of another service', async () => {
    const { call } = await startAdmin();
    expect((await call('POST', '/v1/services/nope/cutovers', { body: { to: 'green' } })).status).toBe(404);
    const { json } = await call('POST', '/v1/services/shop/cutovers', { body: { to: 'green' } });
    expect((await call('GET', `/v1/services/nope/cutovers/${json.id}`)).status).toBe(404);
    expect((await call('GET', '/v1/services/shop/cutovers/co_nope')).status).toBe(404);
  });

  it('cuts what is left after its drain timeout', async () => {
    const { call, dataPlane } = await startAdmin();
    dataPlane.setInFlight('shop', 'blue', 3);
    const body = { to: 'green', drainTimeout: '50ms' };
    const { json } = await call('POST', '/v1/services/shop/cutovers', { body, headers: { prefer: 'wait=10' } });
    expect(json.drain).toEqual({ state: 'cut', inFlightAtFlip: 3, completed: 0, cut: 3, remaining: 0, longLived: 0 });
  });

  it('is listed with the others, newest first', async () => {
    const { call } = await startAdmin();
    for (const to of ['green', 'blue', 'green']) await call('POST', '/v1/services/shop/cutovers', { body: { to } });
    const { json } = await call('GET', '/v1/services/shop/cutovers');
    expect(json.items.map((receipt: { generation: object }) => receipt.generation)).toEqual([
      { before: 3, after: 4 },
      { before: 2, after: 3 },
      { before: 1, after: 2 },
    ]);
    expect((await call('GET', '/v1/services/shop/cutovers?limit=2')).json.items).toHaveLength(2);
  });
});

describe('Prefer: wait', () => {
  it('holds the answer to a cutover until the drain has ended', async () => {
    const { call, dataPlane } = await startAdmin();
    dataPlane.setInFlight('shop', 'blue', 1);
    const held = call('POST', '/v1/services/shop/cutovers', { body: { to: 'green' }, headers: { prefer: 'wait=10' } });
    while (dataPlane.tracked.length === 0) await setTimeout(5);
    dataPlane.finish(dataPlane.tracked[0]?.id ?? '', 1);
    const { status, headers, json } = await held;
    expect([status, json.drain.state]).toEqual([201, 'drained']);
    expect(headers.get('preference-applied')).toBe('wait=10');
  });

  it('holds the answer to a reading no longer than it says', async () => {
    const { call, dataPlane } = await startAdmin();
    dataPlane.setInFlight('shop', 'blue', 1);
    const { headers } = await call('POST', '/v1/services/shop/cutovers', { body: { to: 'green' } });
    const startedMs = performance.now();
    const { json } = await call('GET', headers.get('location') ?? '', { headers: { prefer: 'respond-async, wait=1' } });
    expect(json.drain.state).toBe('draining');
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(950);
  });

  it('holds nothing where there is nothing to wait for', async () => {
    const { call } = await startAdmin();
    const options = { body: { to: 'green' }, headers: { prefer: 'wait=300' } };
    expect((await call('POST', '/v1/services/shop/cutovers', options)).json.drain.state).toBe('drained');
  });
});

describe('a split', () => {
  it('is shown, and set with a receipt', async () => {
    const { call, dataPlane } = await startAdmin();
    expect((await call('GET', '/v1/services/shop/split')).json).toEqual({ weights: { blue: 100 } });
    const { status, json } = await call('PUT', '/v1/services/shop/split', {
      body: { weights: { blue: 90, green: 10 } },
    });
    expect(status).toBe(200);
    expect(json).toMatchObject({ kind: 'split', from: { blue: 100 }, to: { blue: 90, green: 10 } });
    expect(dataPlane.services.get('shop')?.slots).toEqual([
      { pool: 'blue', from: 0, to: 9_000 },
      { pool: 'green', from: 9_000, to: 10_000 },
    ]);
    expect((await call('GET', `/v1/services/shop/cutovers/${json.id}`)).json).toEqual(json);
  });

  it.each<[weights: unknown, pointer: string]>([
    [{ blue: 90 }, '/weights'],
    [{ blue: 90, red: 10 }, '/weights/red'],
    [{ blue: '100' }, '/weights/blue'],
    [{ blue: 101 }, '/weights/blue'],
    [{}, '/weights'],
  ])('of %j is refused (422)', async (weights, pointer) => {
    const { call } = await startAdmin();
    const { status, json } = await call('PUT', '/v1/services/shop/split', { body: { weights } });
    expect([status, json.errors[0].pointer]).toEqual([422, pointer]);
  });
});

describe('a rollback', () => {
  it('goes back without a body, and once more forth', async () => {
    const { call } = await startAdmin();
    await call('POST', '/v1/services/shop/cutovers', { body: { to: 'green' } });
    const back = await call('POST', '/v1/services/shop/rollback');
    expect(back.status).toBe(201);
    expect(back.json).toMatchObject({ kind: 'rollback', from: { green: 100 }, to: { blue: 100 } });
    expect((await call('GET', back.headers.get('location') ?? '')).status).toBe(200);
    expect((await call('POST', '/v1/services/shop/rollback', { body: {} })).json.to).toEqual({ green: 100 });
  });

  it('is refused (409) where there is nothing to go back to', async () => {
    const { call } = await startAdmin();
    const { status, json } = await call('POST', '/v1/services/shop/rollback');
    expect([status, json.type]).toEqual([409, 'urn:cutover:problem:no-earlier-split']);
  });
});

describe('a hundred cutovers at once', () => {
  it('all succeed, each between a generation and the next', async () => {
    const { call, dataPlane } = await startAdmin();
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        call('POST', '/v1/services/shop/cutovers', { body: { to: i % 2 === 0 ? 'green' : 'blue' } }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(new Array(100).fill(201));
    const steps = answers.map(({ json }) => json.generation).toSorted((a, b) => a.before - b.before);
    expect(steps).toEqual(Array.from({ length: 100 }, (_, i) => ({ before: i + 1, after: i + 2 })));
    expect(dataPlane.updates.map(({ generation }) => generation)).toEqual(Array.from({ length: 101 }, (_, i) => i + 1));
  });

  it('from one state make one change, and the others are told (412)', async () => {
    const { call, dataPlane } = await startAdmin();
    const tag = (await call('GET', '/v1/services/shop/split')).headers.get('etag') ?? '';
    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        call('POST', '/v1/services/shop/cutovers', { body: { to: 'green' }, headers: { 'if-match': tag } }),
      ),
    );
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([201, ...new Array<number>(99).fill(412)]);
    expect(dataPlane.generation).toBe(2);
  });
});
