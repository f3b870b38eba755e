import { describe, expect, it } from 'vitest';

import { checkLookupNames } from '../../../../src/control/config/check-rules.ts';
import { checkMirror, checkService, checkSplit } from '../../../../src/control/config/check-service.ts';
import { NO_LOOKUP_NAMES } from '../../../../src/control/config/lookup-names.ts';
import type { ServiceDocument } from '../../../../src/schema/service.ts';

const SHOP: ServiceDocument = {
  pools: { blue: { targets: [{ url: 'http://127.0.0.1:3001' }] }, green: {} },
  split: { blue: 100 },
};

function withTarget(url: string): ServiceDocument {
  return { pools: { blue: { targets: [{ url }] } } };
}

describe('a service', () => {
  it('that is sound has no problems, alone or among others', () => {
    expect(checkService('shop', SHOP)).toEqual([]);
    const other: ServiceDocument = { ...SHOP, match: { hosts: ['other.example.com'] } };
    expect(
      checkService('shop', SHOP, { services: { shop: SHOP, other }, listeners: { web: { listen: '0.0.0.0:80' } } }),
    ).toEqual([]);
  });

  it('does not conflict with the version of itself that it replaces', () => {
    expect(checkService('shop', { ...SHOP, split: { green: 100 } }, { services: { shop: SHOP } })).toEqual([]);
  });

  it('conflicts with another one for the same requests', () => {
    expect(checkService('copy', SHOP, { services: { shop: SHOP } })).toMatchObject([{ path: '/match' }]);
  });

  it('names what its rules and its mirror look things up in, and what of that is gone', () => {
    const when = { any: [{ clientIp: ['office'] }, { path: '/' }] };
    const service = { ...SHOP, rules: [{ name: 'r', when, pool: 'green' }], mirror: { pool: 'green', when } };
    const paths = ['/rules/0/when/any/0/clientIp/0', '/mirror/when/any/0/clientIp/0'];
    expect(checkLookupNames(service, NO_LOOKUP_NAMES).map(({ path }) => path)).toEqual(paths);
    expect(checkService('shop', service).map(({ path }) => path)).toEqual(paths);
    const lookups = { ...NO_LOOKUP_NAMES, addressSets: new Set(['office']) };
    expect([...checkLookupNames(service, lookups), ...checkService('shop', service, { lookups })]).toEqual([]);
  });

  it('has problems whose paths count from itself', () => {
    const problems = checkService('shop', { ...SHOP, split: { blue: 50, gren: 50 }, mirror: { pool: 'red' } });
    expect(problems.map(({ path }) => path)).toEqual(['/split/gren', '/mirror/pool']);
  });

  it.each([
    ['0.0.0.0:80', 'http://127.0.0.1:80'],
    ['0.0.0.0:80', 'http://127.9.9.9'],
    ['0.0.0.0:80', 'http://localhost'],
    ['[::]:80', 'http://127.0.0.1'],
    ['[::]:80', 'http://[::1]'],
    ['127.0.0.1:80', 'http://127.0.0.1'],
    ['127.0.0.1:80', 'http://localhost'],
    ['localhost:80', 'http://[::1]'],
    ['app:80', 'http://APP'],
  ])('must not have the listener at %s as its target %s', (listen, url) => {
    expect(checkService('shop', withTarget(url), { listeners: { web: { listen } } })).toMatchObject([
      { path: '/pools/blue/targets/0/url', message: expect.stringContaining('of this proxy itself') },
    ]);
  });

  it.each([
    ['0.0.0.0:80', 'http://127.0.0.1:81'],
    ['0.0.0.0:80', 'http://[::1]:80'],
    ['0.0.0.0:80', 'http://10.0.0.1:80'],
    ['127.0.0.1:80', 'http://127.0.0.2:80'],
    ['127.0.0.1:0', 'http://127.0.0.1:80'],
  ])('may, beside a listener at %s, have the target %s', (listen, url) => {
    expect(checkService('shop', withTarget(url), { listeners: { web: { listen } } })).toEqual([]);
  });

  it('must not have the admin API as its target', () => {
    expect(
      checkService('shop', withTarget('http://localhost:9900'), { admin: { listen: '127.0.0.1:9900' } }),
    ).toHaveLength(1);
    expect(
      checkService('shop', withTarget('http://localhost:9900'), { admin: { listen: 'unix:/run/x.sock' } }),
    ).toEqual([]);
  });

  it.each([
    '0.0.0.0',
    '169.254.169.254',
    '224.0.0.1',
    '255.255.255.255',
    '[::]',
    '[fe80::1]',
    '[ff02::1]',
    '[fd00:ec2::254]',
    '[::ffff:a9fe:a9fe]',
  ])('must not have a target at %s', (host) => {
    expect(checkService('shop', withTarget(`http://${host}:80`))).toMatchObject([
      { path: '/pools/blue/targets/0/url' },
    ]);
  });

  it('may have the same target in two pools', () => {
    const pool = { targets: [{ url: 'http://127.0.0.1:3001' }] };
    expect(checkService('shop', { pools: { blue: pool, green: pool }, split: { blue: 100 } })).toEqual([]);
  });
});

describe('a split', () => {
  it.each([
    [{ blue: 100 }],
    [{ blue: 33.33, green: 66.67 }],
    [{ blue: 99.99, green: 0.01 }],
    [{ blue: 0, green: 100 }],
    [{ blue: 0.1, green: 99.9 }],
  ])('of %j is whole', (split) => {
    expect(checkSplit(split, SHOP)).toEqual([]);
  });

  it.each([[{ blue: 99.99 }], [{ blue: 100, green: 0.01 }], [{ blue: 0 }]])('of %j is not', (split) => {
    expect(checkSplit(split, SHOP)).toMatchObject([{ path: '', message: expect.stringContaining('must sum to 100') }]);
  });

  it('does not take what objects have by themselves for a pool', () => {
    expect(checkSplit({ tostring: 100 }, SHOP)).toMatchObject([{ path: '/tostring' }]);
    expect(checkMirror({ pool: 'constructor' }, SHOP)).toMatchObject([{ path: '/pool' }]);
  });
});
