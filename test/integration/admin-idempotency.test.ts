import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { startAdmin } from '../helpers/start-admin.ts';

const CUTOVERS = '/v1/services/shop/cutovers';
const key = (value: string): { headers: Record<string, string> } => ({ headers: { 'idempotency-key': value } });

describe('an Idempotency-Key', () => {
  it('gives the same answer again, and makes the change once', async () => {
    const { call, dataPlane } = await startAdmin();
    const first = await call('POST', CUTOVERS, { body: { to: 'green' }, ...key('deploy-1') });
    const again = await call('POST', CUTOVERS, { body: { to: 'green' }, ...key('deploy-1') });
    expect([again.status, again.text]).toEqual([first.status, first.text]);
    expect(again.headers.get('location')).toBe(first.headers.get('location'));
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(dataPlane.generation).toBe(2);
  });

  it('does so after other changes too: the answer is that of then', async () => {
    const { call, dataPlane } = await startAdmin();
    const first = await call('POST', CUTOVERS, { body: { to: 'green' }, ...key('k') });
    await call('POST', CUTOVERS, { body: { to: 'blue' } });
    expect((await call('POST', CUTOVERS, { body: { to: 'green' }, ...key('k') })).text).toBe(first.text);
    expect(dataPlane.services.get('shop')?.slots).toEqual([{ pool: 'blue', from: 0, to: 10_000 }]);
  });

  it('takes the same document in other words for the same body', async () => {
    const { call, dataPlane } = await startAdmin();
    await call('POST', CUTOVERS, { body: '{"to":"green","force":true}', ...key('k') });
    const again = await call('POST', CUTOVERS, { body: '{ "force": true, "to": "green" }', ...key('k') });
    expect([again.status, dataPlane.generation]).toEqual([201, 2]);
  });

  it.each([
    ['another body', CUTOVERS, { to: 'blue' }],
    ['another path', '/v1/services/shop/rollback', { force: true }],
  ])('is refused (422) for %s', async (_name, path, body) => {
    const { call, dataPlane } = await startAdmin();
    await call('POST', CUTOVERS, { body: { to: 'green' }, ...key('k') });
    const { status, json } = await call('POST', path, { body, ...key('k') });
    expect([status, json.type]).toEqual([422, 'urn:cutover:problem:idempotency-key-reused']);
    expect(dataPlane.generation).toBe(2);
  });

  it('is refused (409) while its first request is under way', async () => {
    const { call, dataPlane } = await startAdmin();
    const { promise: barrier, resolve: open } = Promise.withResolvers<void>();
    dataPlane.barrier = barrier;
    const first = call('POST', CUTOVERS, { body: { to: 'green' }, ...key('k') });
    await setTimeout(50);
    const second = await call('POST', CUTOVERS, { body: { to: 'green' }, ...key('k') });
    expect([second.status, second.json.type]).toEqual([409, 'urn:cutover:problem:idempotency-key-in-progress']);
    open();
    expect((await first).status).toBe(201);
    expect((await call('POST', CUTOVERS, { body: { to: 'green' }, ...key('k') })).status).toBe(201);
    expect(dataPlane.generation).toBe(2);
  });

  it('of a refused request is free: what stood in its way may be gone', async () => {
    const { call, health } = await startAdmin();
    health.set('shop', 'green', '127.0.0.1:3002', false);
    expect((await call('POST', CUTOVERS, { body: { to: 'green' }, ...key('k') })).status).toBe(409);
    health.set('shop', 'green', '127.0.0.1:3002', true);
    expect((await call('POST', CUTOVERS, { body: { to: 'green' }, ...key('k') })).status).toBe(201);
  });

  it('of a change whose answer was lost says which generation it made (409), and makes no other', async () => {
    const { call, dataPlane } = await startAdmin();
    dataPlane.failNextApply = new Error('lost');
    expect((await call('POST', CUTOVERS, { body: { to: 'green' }, ...key('k') })).status).toBe(500);
    const { status, json } = await call('POST', CUTOVERS, { body: { to: 'green' }, ...key('k') });
    expect([status, json.type]).toEqual([409, 'urn:cutover:problem:idempotency-key-unfinished']);
    expect(json.detail).toContain('generation 2');
  });

  it('among a hundred at once makes one change', async () => {
    const { call, dataPlane } = await startAdmin();
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => call('POST', CUTOVERS, { body: { to: 'green' }, ...key('k') })),
    );
    const statuses = new Set(answers.map(({ status }) => status));
    expect([...statuses].every((status) => status === 201 || status === 409)).toBe(true);
    expect(statuses.has(201)).toBe(true);
    expect(dataPlane.generation).toBe(2);
  });

  it.each(['a b', '', 'x'.repeat(256), 'ü'])('that is %j is refused (400)', async (value) => {
    const { call } = await startAdmin();
    expect((await call('POST', CUTOVERS, { body: { to: 'green' }, ...key(value) })).status).toBe(400);
  });

  it('works for rollbacks and configurations as well', async () => {
    const { call, dataPlane } = await startAdmin();
    await call('POST', CUTOVERS, { body: { to: 'green' } });
    for (let n = 0; n < 2; n++) expect((await call('POST', '/v1/services/shop/rollback', key('r'))).status).toBe(201);
    expect(dataPlane.generation).toBe(3);
    const body = { listeners: { web: { listen: '127.0.0.1:0' } }, admin: { listen: '127.0.0.1:0' }, services: {} };
    for (let n = 0; n < 2; n++) {
      expect((await call('POST', '/v1/config', { body, ...key('c') })).json).toMatchObject({
        generation: 4,
        removed: ['shop'],
      });
    }
  });
});
