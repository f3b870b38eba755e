import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { splitTag } from '../../../src/control/state/resource-tags.ts';
import { MemoryStore } from '../../../src/control/store/memory-store.ts';
import type { Commit } from '../../../src/control/store/store.ts';
import { FakeHealth } from '../../helpers/fake-health.ts';
import { manualClock } from '../../helpers/manual-clock.ts';
import { SHOP, caller, configOf, makeControl, startControl, startControlWith } from '../../helpers/start-control.ts';

describe('a change', () => {
  it('is answered only when the data plane has applied it', async () => {
    const { control, dataPlane } = await startControl();
    const { promise: barrier, resolve: open } = Promise.withResolvers<void>();
    dataPlane.barrier = barrier;
    let isAnswered = false;
    const answer = control.cutover('shop', { to: 'green' }, caller()).then(() => (isAnswered = true));
    for (let turn = 0; turn < 10; turn++) await setImmediate();
    expect(isAnswered).toBe(false);
    open();
    await answer;
    expect(dataPlane.generation).toBe(2);
  });

  it('waits for those before it: a hundred at once make a hundred generations in a row', async () => {
    const { control, dataPlane } = await startControl();
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, i) => control.cutover('shop', { to: i % 2 === 0 ? 'green' : 'blue' }, caller())),
    );
    const steps = outcomes.map(({ receipts: [receipt] }) => receipt?.generation);
    expect(steps).toEqual(Array.from({ length: 100 }, (_, i) => ({ before: i + 1, after: i + 2 })));
    expect(dataPlane.updates.map(({ generation }) => generation)).toEqual(Array.from({ length: 101 }, (_, i) => i + 1));
    expect(new Set(outcomes.map(({ receipts: [receipt] }) => receipt?.id)).size).toBe(100);
  });

  it('is made by one of a hundred that have seen the same state', async () => {
    const { control } = await startControl();
    const shop = control.state.services.get('shop');
    const ifMatch = shop === undefined ? [] : [splitTag(shop)];
    const context = caller({ preconditions: { ifMatch, ifNoneMatch: null } });
    const results = await Promise.allSettled(
      Array.from({ length: 100 }, () => control.cutover('shop', { to: 'green' }, context)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'precondition-failed' });
    }
    expect(control.state.generation).toBe(2);
  });

  it('changes nothing when it is invalid, and all that is wrong is said', async () => {
    const { control, dataPlane } = await startControl();
    const broken = {
      pools: { blue: { targets: [{ url: 'ftp://x' }, { url: 'http://y', weight: -1 }] } },
      colour: 'red',
    };
    await expect(control.putService('shop', broken, caller())).rejects.toMatchObject({
      code: 'invalid',
      problems: expect.arrayContaining([
        expect.objectContaining({ path: '/colour' }),
        expect.objectContaining({ path: '/pools/blue/targets/0/url' }),
        expect.objectContaining({ path: '/pools/blue/targets/1/weight' }),
      ]),
    });
    expect(control.state.generation).toBe(1);
    expect(dataPlane.updates).toHaveLength(1);
  });

  it('changes nothing when the store does not keep it', async () => {
    const store = new FailingStore();
    const { control, dataPlane, errors } = await startControlWith({ shop: SHOP }, { clock: manualClock(), store });
    store.isFailing = true;
    await expect(control.cutover('shop', { to: 'green' }, caller())).rejects.toMatchObject({ code: 'store-failed' });
    expect(dataPlane.generation).toBe(1);
    expect(control.state.services.get('shop')?.document.split).toEqual({ blue: 100 });
    expect(errors).toContain('the store did not keep a change');
    store.isFailing = false;
    expect((await control.cutover('shop', { to: 'green' }, caller())).state.generation).toBe(2);
  });

  it('travels with the next one when the data plane failed to apply it', async () => {
    const shops = { shop: SHOP, cart: { ...SHOP, match: { hosts: ['cart.example.com'] } } };
    const { control, dataPlane } = await startControlWith(shops, { clock: manualClock() });
    dataPlane.failNextApply = new Error('broken pipe');
    await expect(control.cutover('shop', { to: 'green' }, caller())).rejects.toMatchObject({ code: 'apply-failed' });
    await control.cutover('cart', { to: 'green' }, caller());
    const last = dataPlane.updates.at(-1);
    expect(last?.generation).toBe(3);
    expect(last?.changed.map(({ name }) => name).toSorted()).toEqual(['cart', 'shop']);
    expect(dataPlane.services.get('shop')?.slots).toEqual([{ pool: 'green', from: 0, to: 10_000 }]);
  });

  it('that changes nothing makes no generation', async () => {
    const { control, dataPlane } = await startControl();
    const outcome = await control.putService('shop', { ...SHOP }, caller());
    expect(outcome.state.generation).toBe(1);
    expect(dataPlane.updates).toHaveLength(1);
  });

  it('is kept with who asked for it and what it changed', async () => {
    const { control, store } = await startControl();
    await control.cutover('shop', { to: 'green' }, caller({ requestId: 'r7' }));
    expect(await store.generation(2)).toMatchObject({
      number: 2,
      kind: 'cutover',
      actor: { kind: 'api', name: 'tester' },
      changes: [{ service: 'shop', before: { split: { blue: 100 } }, after: { split: { green: 100 } } }],
    });
    expect((await store.audit(1))[0]).toMatchObject({
      requestId: 'r7',
      kind: 'cutover',
      service: 'shop',
      result: 'applied',
      generation: { before: 1, after: 2 },
    });
  });

  it('that was refused is in the audit with its reason', async () => {
    const { control, store } = await startControl();
    await control.cutover('shop', { to: 'red' }, caller()).catch(() => {});
    expect((await store.audit(1))[0]).toMatchObject({
      kind: 'cutover',
      result: 'refused',
      problem: 'invalid',
      generation: { before: 1, after: 1 },
    });
  });

  it('is counted by what became of it, and a made-up service is not', async () => {
    const { control, health } = await startControl();
    await control.cutover('shop', { to: 'green' }, caller());
    health.set('shop', 'blue', '127.0.0.1:3001', false);
    await control.rollback('shop', {}, caller()).catch(() => {});
    await control.cutover('made-up', { to: 'green' }, caller()).catch(() => {});
    expect(control.gauges().cutovers).toEqual([
      { service: 'shop', result: 'applied', count: 1 },
      { service: 'shop', result: 'refused', count: 1 },
    ]);
    expect(control.gauges().barrier?.count).toBe(1);
  });

  it('is refused once the proxy ends', async () => {
    const { control } = await startControl();
    await control.close();
    await expect(control.cutover('shop', { to: 'green' }, caller())).rejects.toMatchObject({ code: 'shutting-down' });
  });
});

describe('targets that come while the proxy runs', () => {
  const checked = { ...SHOP, health: { path: '/healthz' } };
  const red = { targets: [{ url: 'http://127.0.0.1:3003' }] };

  it('start down where the service has checks, in the very update that brings them', async () => {
    const { control, dataPlane, health } = await startControl({ shop: checked });
    await control.putPool('shop', 'red', red, caller());
    expect(health.isUp('shop', 'red', '127.0.0.1:3003')).toBe(false);
    expect(dataPlane.updates.at(-1)?.health).toEqual([
      { service: 'shop', pool: 'red', target: '127.0.0.1:3003', up: false },
    ]);
    await expect(control.cutover('shop', { to: 'red' }, caller())).rejects.toMatchObject({ code: 'no-healthy-target' });
    health.set('shop', 'red', '127.0.0.1:3003', true);
    await control.cutover('shop', { to: 'red' }, caller());
  });

  it('start up where it has none', async () => {
    const { control, dataPlane } = await startControl();
    await control.putPool('shop', 'red', red, caller());
    expect(dataPlane.updates.at(-1)?.health).toEqual([
      { service: 'shop', pool: 'red', target: '127.0.0.1:3003', up: true },
    ]);
  });

  it('are told their health once more when they have arrived: a check may have ended meanwhile', async () => {
    const { control, dataPlane, health } = await startControl({ shop: checked });
    const { promise: barrier, resolve: open } = Promise.withResolvers<void>();
    dataPlane.barrier = barrier;
    const answer = control.putPool('shop', 'red', red, caller());
    await setImmediate();
    health.set('shop', 'red', '127.0.0.1:3003', true);
    open();
    await answer;
    expect(dataPlane.health.get('shop/red/127.0.0.1:3003')).toBe(true);
  });

  it('of the start-up configuration start as it says', async () => {
    const down = { ...SHOP, health: { initialState: 'down' as const } };
    const { dataPlane } = await startControl({ shop: checked, cart: { ...down, match: { hosts: ['cart'] } } });
    expect(dataPlane.health.get('shop/blue/127.0.0.1:3001')).toBe(true);
    expect(dataPlane.health.get('cart/blue/127.0.0.1:3001')).toBe(false);
  });

  it('are watched no more when their service goes', async () => {
    const { control, health } = await startControl();
    await control.deleteService('shop', caller());
    expect(health.wanted.get('shop')).toEqual([]);
  });
});

describe('a restart', () => {
  it('goes on where the store has it: splits, services of the API, generation, users, secrets', async () => {
    const store = new MemoryStore();
    const sticky = { ...SHOP, sticky: { cookie: 'c' } };
    const first = await startControlWith({ shop: sticky }, { clock: manualClock(), store });
    await first.control.setSplit('shop', { weights: { blue: 80, green: 20 } }, caller());
    await first.control.setSplit('shop', { weights: { blue: 90, green: 10 } }, caller());
    await first.control.putService('cart', { ...SHOP, match: { hosts: ['cart'] } }, caller());
    const before = first.control.state;

    const second = makeControl({ clock: manualClock(), store, health: new FakeHealth() });
    await second.control.start(configOf({ shop: sticky }), 'cutover.yaml');
    expect(second.control.state.generation).toBe(before.generation + 1);
    expect([...second.dataPlane.services.keys()].toSorted()).toEqual(['cart', 'shop']);
    const [was, is] = [before.services.get('shop')?.spec, second.dataPlane.services.get('shop')];
    expect(is?.slots).toEqual(was?.slots);
    expect(is?.sticky).toEqual(was?.sticky);
    expect((await second.control.rollback('shop', {}, caller())).receipts[0]?.to).toEqual({ blue: 80, green: 20 });
  });
});

class FailingStore extends MemoryStore {
  isFailing = false;

  override async commit(commit: Commit): Promise<void> {
    if (this.isFailing) throw new Error('disk full');
    return super.commit(commit);
  }
}
