/** The examples of `config/` that are modules, as they are served: with the tests' own targets, and else unchanged. */
import path from 'node:path';
import { describe, expect, test } from 'vitest';

import apiVersions from '../../config/api-versions.ts';
import betaByGroup from '../../config/beta-by-group.ts';
import tenantPinning from '../../config/tenant-pinning.ts';
import { loadConfig } from '../../src/control/config/load.ts';
import type { Configuration } from '../../src/index.ts';
import type { Backend } from '../helpers/backend.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask } from '../helpers/start-client.ts';
import { startProxy } from '../helpers/start-proxy.ts';

/** The example's only service, with a backend for each target that it names. */
async function startExample(config: Configuration) {
  const [[name, service] = []] = Object.entries(config.services ?? {});
  if (name === undefined || service === undefined) throw new Error('an example has a service');
  const backends: Record<string, Backend[]> = {};
  const pools: Record<string, { version?: string; targets: { url: string; zone?: string }[] }> = {};
  for (const [pool, { targets = [], ...rest }] of Object.entries(service.pools)) {
    const started = await Promise.all(targets.map(() => startBackend(pool)));
    backends[pool] = started;
    pools[pool] = { ...rest, targets: started.map(({ url }, index) => ({ ...targets[index], url })) };
  }
  const { port, admin } = await startProxy({ services: { [name]: { ...service, pools } } });
  return { port, admin, backends };
}

test.each(['api-versions.ts', 'beta-by-group.ts', 'tenant-pinning.ts'])('%s can be checked', async (name) => {
  const file = path.join(import.meta.dirname, '../../config', name);
  expect((await loadConfig(file)).problems).toEqual([]);
});

describe('api-versions.ts', () => {
  test('serves each version as its application wants it, and refuses others', async () => {
    const { port, backends } = await startExample(apiVersions);
    const request = { path: '/echo/items?all' };
    const [one, two, three] = [
      await ask(port, request),
      await ask(port, { ...request, fields: [['Api-Version', '2']] }),
      await ask(port, { ...request, fields: [['Api-Version', '3']] }),
    ];
    expect(backends['v1']?.[0]?.requests.map(({ url }) => url)).toEqual(['/v1/echo/items?all']);
    expect(backends['v2']?.[0]?.requests.map(({ url }) => url)).toEqual(['/echo/items?all']);
    expect(backends['v2']?.[0]?.requests[0]?.fields.some(([name]) => name.toLowerCase() === 'api-version')).toBe(false);
    expect([one.field('api-version'), one.field('vary')]).toEqual(['1', 'Api-Version']);
    expect([two.field('api-version'), two.field('vary')]).toEqual(['2', 'Api-Version']);
    expect([three.status, three.field('content-type'), three.body.toString()]).toEqual([
      400,
      'application/json',
      '{"versions":["1","2"]}',
    ]);
  });
});

describe('beta-by-group.ts', () => {
  test('sends the beta group to the canary, but not to pay', async () => {
    const { port, backends } = await startExample(betaByGroup);
    const fields = [['Cookie', 'uid=1; groups=beta']] as const;
    for (const path of ['/echo', '/echo/cart', '/checkout']) await ask(port, { path, fields });
    expect(backends['canary']?.[0]?.requests.map(({ url }) => url)).toEqual(['/echo', '/echo/cart']);
    expect(backends['stable']?.[0]?.requests.map(({ url }) => url)).toEqual(['/checkout']);
  });
});

describe('tenant-pinning.ts', () => {
  test('sends each pinned tenant to its own server, and to another one while that is away', async () => {
    const { port, backends, admin } = await startExample(tenantPinning);
    const all = backends['main'] ?? [];
    const as = (tenant: string) => ask(port, { fields: [['X-Tenant', tenant]] });
    for (const tenant of ['acme', 'globex', 'globex', 'acme', 'acme']) await as(tenant);
    expect(all.map(({ requests }) => requests.length)).toEqual([3, 2, 0]);
    await admin.must('PATCH', `/v1/services/app/pools/main/targets/${all[0]?.target}`, { state: 'maint' });
    expect((await as('acme')).status).toBe(200);
    expect(all[0]?.requests).toHaveLength(3);
  });

  test('sends tenants that are not pinned where there is least to do', async () => {
    const { port, backends } = await startExample(tenantPinning);
    const all = backends['main'] ?? [];
    const held = Array.from({ length: 3 }, () => ask(port, { path: '/hold', fields: [['X-Tenant', 'other']] }));
    await expect.poll(() => all.map((backend) => backend.held)).toEqual([1, 1, 1]);
    for (const backend of all) backend.release();
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200]);
  });
});
