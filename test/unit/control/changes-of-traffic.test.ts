import { describe, expect, it } from 'vitest';

import type { ServiceDocument } from '../../../src/schema/service.ts';
import { SHOP, caller, startControl } from '../../helpers/start-control.ts';

describe('cutover', () => {
  it('gives all slots to the pool, in a generation of its own, and answers with a receipt', async () => {
    const { control, dataPlane } = await startControl();
    const {
      receipts: [receipt],
    } = await control.cutover('shop', { to: 'green' }, caller());
    expect(dataPlane.services.get('shop')?.slots).toEqual([{ pool: 'green', from: 0, to: 10_000 }]);
    expect(dataPlane.generation).toBe(2);
    expect(receipt).toMatchObject({
      kind: 'cutover',
      service: 'shop',
      from: { blue: 100 },
      to: { green: 100 },
      generation: { before: 1, after: 2 },
      requestedAt: '2030-01-01T00:00:00.000Z',
      workers: { total: 1, applied: 1, fenced: 0 },
      drainTimeout: null,
    });
    expect(receipt?.id).toMatch(/^co_[a-z0-9]{16}$/);
    expect(receipt?.barrierMs).toBeGreaterThanOrEqual(0);
  });

  it('tracks the pools that lose all their share, and no others', async () => {
    const { control, dataPlane } = await startControl({ shop: withPools('blue', 'green', 'red') });
    await control.setSplit('shop', { weights: { blue: 50, green: 50 } }, caller());
    expect(dataPlane.tracked).toEqual([]);
    await control.cutover('shop', { to: 'green' }, caller());
    expect(dataPlane.tracked.map(({ pools }) => pools)).toEqual([[{ service: 'shop', pool: 'blue' }]]);
  });

  it('counts the requests of before down until none is left', async () => {
    const { control, dataPlane } = await startControl();
    dataPlane.setInFlight('shop', 'blue', 17);
    const {
      receipts: [receipt],
    } = await control.cutover('shop', { to: 'green' }, caller());
    const id = receipt?.id ?? '';
    expect(receipt?.drain).toMatchObject({ state: 'draining', inFlightAtFlip: 17, completed: 0, remaining: 17 });
    dataPlane.finish(id, 12);
    expect((await control.receipt(id))?.drain).toMatchObject({ state: 'draining', completed: 12, remaining: 5 });
    dataPlane.finish(id, 5);
    expect((await control.receipt(id))?.drain).toMatchObject({ state: 'drained', completed: 17, remaining: 0 });
    expect((await control.receipts('shop', 10))[0]?.drain.state).toBe('drained');
  });

  it('cuts what is left after the drain timeout, and says how many', async () => {
    const { control, dataPlane, clock } = await startControl();
    dataPlane.setInFlight('shop', 'blue', 3);
    const {
      receipts: [receipt],
    } = await control.cutover('shop', { to: 'green', drainTimeout: '30s' }, caller());
    const id = receipt?.id ?? '';
    dataPlane.finish(id, 1);
    clock.advance(30_000);
    await Promise.resolve();
    expect(await control.receipt(id)).toMatchObject({
      drainTimeout: '30s',
      drain: { state: 'cut', completed: 1, cut: 2, remaining: 0 },
    });
  });

  it.each<[name: string, targets: ServiceDocument['pools'][string]['targets']]>([
    ['has no targets', []],
    [
      'has only targets that are drained or in maintenance',
      [
        { url: 'http://127.0.0.1:1', state: 'drain' },
        { url: 'http://127.0.0.1:2', state: 'maint' },
      ],
    ],
    ['has only targets of weight 0', [{ url: 'http://127.0.0.1:1', weight: 0 }]],
  ])('is refused when the pool %s', async (_name, targets = []) => {
    const { control, dataPlane } = await startControl({
      shop: { ...SHOP, pools: { ...SHOP.pools, green: { targets } } },
    });
    await expect(control.cutover('shop', { to: 'green' }, caller())).rejects.toMatchObject({
      code: 'no-healthy-target',
    });
    expect(dataPlane.generation).toBe(1);
    expect(control.state.generation).toBe(1);
  });

  it('is refused when no target of the pool is up, unless it is forced', async () => {
    const { control, health, dataPlane } = await startControl();
    health.set('shop', 'green', '127.0.0.1:3002', false);
    await expect(control.cutover('shop', { to: 'green' }, caller())).rejects.toMatchObject({
      code: 'no-healthy-target',
      problems: [{ path: '/pools/green', message: 'has 1 ready target, of which none is up' }],
    });
    await control.cutover('shop', { to: 'green', force: true }, caller());
    expect(dataPlane.services.get('shop')?.slots).toEqual([{ pool: 'green', from: 0, to: 10_000 }]);
  });

  it('names the pools where it is sent to one that does not exist', async () => {
    const { control } = await startControl();
    await expect(control.cutover('shop', { to: 'gren' }, caller())).rejects.toMatchObject({
      code: 'invalid',
      problems: [{ path: '/to', message: 'there is no pool "gren"; did you mean "green"?' }],
    });
    await expect(control.cutover('nope', { to: 'green' }, caller())).rejects.toMatchObject({ code: 'not-found' });
  });

  it('makes a generation even to where the traffic is already, and nothing to roll back to', async () => {
    const { control } = await startControl();
    const {
      receipts: [receipt],
    } = await control.cutover('shop', { to: 'blue' }, caller());
    expect(receipt).toMatchObject({ from: { blue: 100 }, to: { blue: 100 }, drain: { state: 'drained' } });
    expect(receipt?.generation).toEqual({ before: 1, after: 2 });
    await expect(control.rollback('shop', {}, caller())).rejects.toMatchObject({ code: 'no-earlier-split' });
  });
});

describe('split', () => {
  it('sends only the changed service', async () => {
    const { control, dataPlane } = await startControl({
      shop: SHOP,
      cart: { ...SHOP, match: { hosts: ['cart.example.com'] } },
    });
    await control.setSplit('shop', { weights: { blue: 90, green: 10 } }, caller());
    expect(dataPlane.updates.at(-1)?.changed.map(({ name }) => name)).toEqual(['shop']);
    expect(dataPlane.updates.at(-1)?.removed).toEqual([]);
  });

  it('moves no more users than it must', async () => {
    const { control, dataPlane } = await startControl();
    for (const green of [1, 5, 20]) {
      await control.setSplit('shop', { weights: { blue: 100 - green, green } }, caller());
      const slots = dataPlane.services.get('shop')?.slots.filter(({ pool }) => pool === 'green');
      expect(slots).toEqual([{ pool: 'green', from: 10_000 - green * 100, to: 10_000 }]);
    }
  });

  it.each<[weights: Record<string, number>, path: string, message: RegExp]>([
    [{ blue: 90 }, '/weights', /sum to 100/],
    [{ blue: 90, gren: 10 }, '/weights/gren', /no pool "gren"/],
  ])('refuses %j and points to %s', async (weights, path, message) => {
    const { control } = await startControl();
    await expect(control.setSplit('shop', { weights }, caller())).rejects.toMatchObject({
      code: 'invalid',
      problems: [{ path, message: expect.stringMatching(message) }],
    });
  });

  it('is refused when a share grows of a pool that is not well', async () => {
    const { control, health } = await startControl();
    health.set('shop', 'green', '127.0.0.1:3002', false);
    const weights = { blue: 99, green: 1 };
    await expect(control.setSplit('shop', { weights }, caller())).rejects.toMatchObject({ code: 'no-healthy-target' });
    await control.setSplit('shop', { weights, force: true }, caller());
    // A share that shrinks is a way out, and never refused.
    health.set('shop', 'green', '127.0.0.1:3002', false);
    await control.setSplit('shop', { weights: { blue: 100 } }, caller());
  });
});

describe('rollback', () => {
  it('goes back to the split before, and from there forth again', async () => {
    const { control } = await startControl();
    await control.setSplit('shop', { weights: { blue: 90, green: 10 } }, caller());
    await control.cutover('shop', { to: 'green' }, caller());
    const back = await control.rollback('shop', {}, caller());
    expect(back.receipts[0]).toMatchObject({ kind: 'rollback', from: { green: 100 }, to: { blue: 90, green: 10 } });
    const forth = await control.rollback('shop', {}, caller());
    expect(forth.receipts[0]?.to).toEqual({ green: 100 });
  });

  it('is refused where there was no other split', async () => {
    const { control } = await startControl();
    await expect(control.rollback('shop', {}, caller())).rejects.toMatchObject({ code: 'no-earlier-split' });
  });

  it('is refused to a pool that is gone, and to one that is not well', async () => {
    const { control, health } = await startControl();
    await control.cutover('shop', { to: 'green' }, caller());
    health.set('shop', 'blue', '127.0.0.1:3001', false);
    await expect(control.rollback('shop', {}, caller())).rejects.toMatchObject({ code: 'no-healthy-target' });
    await control.deletePool('shop', 'blue', caller());
    await expect(control.rollback('shop', { force: true }, caller())).rejects.toMatchObject({
      code: 'no-earlier-split',
      message: expect.stringContaining('blue'),
    });
  });

  it('undoes a split that came with a whole new document', async () => {
    const { control } = await startControl();
    await control.putService('shop', { ...SHOP, split: { green: 100 } }, caller());
    expect((await control.rollback('shop', {}, caller())).receipts[0]?.to).toEqual({ blue: 100 });
  });
});

function withPools(...names: string[]): ServiceDocument {
  const pools = names.map((name, i) => [name, { targets: [{ url: `http://127.0.0.1:${4_000 + i}` }] }]);
  return { pools: Object.fromEntries(pools), split: { [names[0] ?? '']: 100 } };
}
