import { describe, expect, it } from 'vitest';

import { redacted } from '../../../src/control/changes/written-document.ts';
import type { ServiceDocument } from '../../../src/schema/service.ts';
import { SHOP, caller, configOf, startControl } from '../../helpers/start-control.ts';

const CART: ServiceDocument = { ...SHOP, match: { hosts: ['cart.example.com'] } };

describe('another configuration file', () => {
  it('is applied in one generation, and only what differs travels', async () => {
    const { control, dataPlane } = await startControl({ shop: SHOP, cart: CART });
    const blog = { ...SHOP, match: { hosts: ['blog.example.com'] } };
    const shop = { ...SHOP, algorithm: 'least-connections' as const };
    const answer = await control.applyConfig(configOf({ shop, blog }), 'keep', control.fileContext('cutover.yaml'));
    expect(answer).toEqual({ generation: 2, changed: ['shop', 'blog'], removed: ['cart'], kept: [], dropped: [] });
    expect(dataPlane.updates.at(-1)).toMatchObject({ generation: 2, removed: ['cart'] });
  });

  it('that says the same makes no generation', async () => {
    const { control, dataPlane } = await startControl();
    const answer = await control.applyConfig(configOf({ shop: SHOP }), 'keep', control.fileContext('cutover.yaml'));
    expect(answer).toMatchObject({ generation: 1, changed: [] });
    expect(dataPlane.updates).toHaveLength(1);
  });

  it('leaves what was changed at run time, and says what', async () => {
    const { control, dataPlane } = await startControl({ shop: SHOP, cart: CART });
    await control.cutover('shop', { to: 'green' }, caller());
    const target = { service: 'cart', pool: 'blue', target: '127.0.0.1:3001' };
    await control.patchTarget(target, { state: 'drain' }, caller());
    const answer = await control.applyConfig(
      configOf({ shop: { ...SHOP, algorithm: 'least-connections' }, cart: CART }),
      'keep',
      control.fileContext('cutover.yaml'),
    );
    expect(answer).toMatchObject({
      changed: ['shop'],
      kept: ['/services/shop/split', '/services/cart/pools/blue/targets/127.0.0.1:3001/state'],
    });
    expect(dataPlane.services.get('shop')).toMatchObject({
      algorithm: { name: 'least-connections' },
      slots: [{ pool: 'green', from: 0, to: 10_000 }],
    });
  });

  it('is all there is where run-time changes are discarded', async () => {
    const { control, dataPlane } = await startControl();
    await control.cutover('shop', { to: 'green' }, caller());
    await control.putService('cart', CART, caller());
    const answer = await control.applyConfig(configOf({ shop: SHOP }), 'discard', control.fileContext('cutover.yaml'));
    expect(answer).toMatchObject({ changed: ['shop'], removed: ['cart'], kept: [] });
    expect(dataPlane.services.get('shop')?.slots).toEqual([{ pool: 'blue', from: 0, to: 10_000 }]);
  });

  it('does not touch services that the API made', async () => {
    const { control } = await startControl();
    await control.putService('cart', CART, caller());
    await control.applyConfig(configOf({ shop: { ...SHOP, split: { green: 100 } } }), 'keep', control.fileContext('f'));
    expect(control.state.services.get('cart')?.document).toEqual(CART);
  });

  it('does not bring back a service that was deleted at run time, until it stops naming it', async () => {
    const { control } = await startControl({ shop: SHOP, cart: CART });
    const apply = (services: Record<string, ServiceDocument>) =>
      control.applyConfig(configOf(services), 'keep', control.fileContext('f'));
    await control.deleteService('cart', caller());
    expect((await apply({ shop: SHOP, cart: CART })).kept).toEqual(['/services/cart']);
    expect(control.state.services.has('cart')).toBe(false);
    await apply({ shop: SHOP });
    await apply({ shop: SHOP, cart: CART });
    expect(control.state.services.has('cart')).toBe(true);
  });

  it('changes nothing where one service is wrong in the end, and says where', async () => {
    const { control, dataPlane } = await startControl();
    await control.putService('cart', CART, caller());
    const blog = { ...SHOP, match: { hosts: ['cart.example.com'] } };
    const services = { shop: { ...SHOP, split: { green: 100 } }, blog };
    await expect(control.applyConfig(configOf(services), 'keep', control.fileContext('f'))).rejects.toMatchObject({
      code: 'invalid',
      problems: [{ path: expect.stringMatching(/^\/services\/(cart|blog)\/match/) }],
    });
    expect(control.state.generation).toBe(2);
    expect(dataPlane.services.get('shop')?.slots).toEqual([{ pool: 'blue', from: 0, to: 10_000 }]);
  });

  it('that wants other listeners is refused before anything changes', async () => {
    const { control } = await startControl();
    const config = { ...configOf({ shop: { ...SHOP, split: { green: 100 } } }), trustedProxies: ['10.0.0.0/8'] };
    await expect(control.applyConfig(config, 'keep', control.fileContext('f'))).rejects.toMatchObject({
      code: 'restart-required',
      problems: [{ path: '/trustedProxies' }],
    });
    expect(control.state.services.get('shop')?.document.split).toEqual({ blue: 100 });
  });

  it('may say a default that it left out before', async () => {
    const { control } = await startControl();
    const config = { ...configOf({ shop: SHOP }), trustedProxies: [] };
    expect((await control.applyConfig(config, 'keep', control.fileContext('f'))).generation).toBe(1);
  });
});

describe('services made at run time', () => {
  it('must not claim what another has', async () => {
    const { control } = await startControl();
    await expect(control.putService('copy', SHOP, caller())).rejects.toMatchObject({
      code: 'invalid',
      problems: [{ path: '/match/hosts/0', message: expect.stringContaining('"shop"') }],
    });
    await control.putService('all', { pools: { only: {} } }, caller());
    await expect(control.putService('all2', { pools: { only: {} } }, caller())).rejects.toMatchObject({
      code: 'invalid',
    });
  });

  it('keep their only pool in charge when a second one comes', async () => {
    const { control, dataPlane } = await startControl({ shop: { pools: { blue: SHOP.pools['blue'] ?? {} } } });
    await control.putPool('shop', 'green', SHOP.pools['green'], caller());
    expect(dataPlane.services.get('shop')?.slots).toEqual([{ pool: 'blue', from: 0, to: 10_000 }]);
    await control.patchService('shop', { pools: { green: null }, split: null }, caller());
    await control.patchService('shop', { pools: { red: {} } }, caller());
    expect(control.state.services.get('shop')?.document.split).toEqual({ blue: 100 });
  });

  it('keep a secret that was read as redacted and written back', async () => {
    const { control } = await startControl({ shop: { ...SHOP, sticky: { cookie: 'c', secret: '0123456789abcdef' } } });
    const shown = redacted(control.state.services.get('shop')?.document ?? SHOP);
    expect(JSON.stringify(shown)).not.toContain('0123456789abcdef');
    await control.putService('shop', { ...shown, algorithm: 'least-connections' }, caller());
    expect(control.state.services.get('shop')?.document.sticky?.secret).toBe('0123456789abcdef');
    await expect(control.putService('cart', { ...shown, match: { hosts: ['cart'] } }, caller())).rejects.toMatchObject({
      problems: [{ path: '/sticky/secret' }],
    });
  });
});

describe('accepted secrets', () => {
  const [one, two] = ['0123456789abcdef', 'fedcba9876543210'];

  it('that were read as redacted and written back are those that stood there', async () => {
    const sticky = { cookie: 'c', acceptedSecrets: [one, two] };
    const { control } = await startControl({ shop: { ...SHOP, sticky } });
    const shown = redacted(control.state.services.get('shop')?.document ?? SHOP);
    expect(JSON.stringify(shown)).not.toMatch(/0123456789abcdef|fedcba9876543210/);
    const [, second = ''] = shown.sticky?.acceptedSecrets ?? [];
    const written = { ...shown, sticky: { cookie: 'c', acceptedSecrets: ['a new one, long enough', second] } };
    await control.putService('shop', written, caller());
    expect(control.state.services.get('shop')?.document.sticky?.acceptedSecrets).toEqual([
      'a new one, long enough',
      two,
    ]);
  });

  it('that stand for none are refused, each at its place', async () => {
    const { control } = await startControl({ shop: { ...SHOP, sticky: { cookie: 'c', acceptedSecrets: [one] } } });
    const shown = redacted(control.state.services.get('shop')?.document ?? SHOP);
    const [first = ''] = shown.sticky?.acceptedSecrets ?? [];
    const written = { ...shown, sticky: { cookie: 'c', acceptedSecrets: [first, first] } };
    await expect(control.putService('shop', written, caller())).rejects.toMatchObject({
      problems: [{ path: '/sticky/acceptedSecrets/1' }],
    });
    expect(control.state.services.get('shop')?.document.sticky?.acceptedSecrets).toEqual([one]);
  });
});

describe('pools and targets', () => {
  it.each<[use: string, more: Partial<ServiceDocument>, path: string]>([
    ['has a share', { split: { blue: 99, green: 1 } }, '/split/green'],
    ['is chosen by a rule', { rules: [{ name: 'r', when: { clientIp: ['10.0.0.0/8'] }, pool: 'green' }] }, '/rules/0'],
    ['gets copies', { mirror: { pool: 'green' } }, '/mirror'],
  ])('are not removed while the pool %s', async (_use, more, path) => {
    const { control } = await startControl({ shop: { ...SHOP, ...more } });
    await expect(control.deletePool('shop', 'green', caller())).rejects.toMatchObject({
      code: 'pool-in-use',
      problems: [expect.objectContaining({ path })],
    });
  });

  it('are removed with their share of nothing', async () => {
    const { control } = await startControl({ shop: { ...SHOP, split: { blue: 100, green: 0 } } });
    await control.deletePool('shop', 'green', caller());
    expect(control.state.services.get('shop')?.document).toMatchObject({ split: { blue: 100 } });
  });

  it('point problems into the pool that was sent', async () => {
    const { control } = await startControl();
    const targets = [{ url: 'http://127.0.0.1:9' }, { url: 'http://127.0.0.1:9' }];
    await expect(control.putPool('shop', 'red', { targets }, caller())).rejects.toMatchObject({
      code: 'invalid',
      problems: [{ path: '/targets/1/url' }],
    });
  });

  it('take state and weight at run time', async () => {
    const { control, dataPlane } = await startControl();
    const path = { service: 'shop', pool: 'blue', target: '127.0.0.1:3001' };
    await control.patchTarget(path, { state: 'drain', weight: 7 }, caller());
    expect(dataPlane.services.get('shop')?.pools[0]?.targets[0]).toMatchObject({ state: 'drain', weight: 7 });
    await expect(
      control.patchTarget({ ...path, target: '127.0.0.1:1' }, { weight: 1 }, caller()),
    ).rejects.toMatchObject({ code: 'not-found' });
  });
});
