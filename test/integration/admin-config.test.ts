import { describe, expect, it } from 'vitest';

import { startAdmin } from '../helpers/start-admin.ts';
import { SHOP, configOf } from '../helpers/start-control.ts';

const YAML = { 'content-type': 'application/yaml' };

const HEAD = `listeners:
  web: { listen: "127.0.0.1:0" }
admin: { listen: "127.0.0.1:0" }
services:
`;

describe('POST /v1/config', () => {
  it('puts a file in force, as YAML and as JSON', async () => {
    const { call, dataPlane } = await startAdmin();
    const body = `${HEAD}  blog:\n    pools: { one: { targets: [ { url: "http://127.0.0.1:3009" } ] } }\n`;
    const yaml = await call('POST', '/v1/config', { body, headers: YAML });
    expect([yaml.status, yaml.json]).toEqual([
      200,
      { generation: 2, changed: ['blog'], removed: ['shop'], kept: [], dropped: [] },
    ]);
    expect([...dataPlane.services.keys()]).toEqual(['blog']);
    const json = await call('POST', '/v1/config', { body: configOf({ shop: SHOP }) });
    expect(json.json).toMatchObject({ generation: 3, changed: ['shop'], removed: ['blog'] });
    expect(json.headers.get('cutover-generation')).toBe('3');
  });

  it('says every problem with its line, and changes nothing', async () => {
    const { call, dataPlane } = await startAdmin();
    const body = `${HEAD}  blog:\n    pools: { one: {} }\n    split: { two: 100 }\n  wiki:\n    pool: {}\n`;
    const { status, json } = await call('POST', '/v1/config', { body, headers: YAML });
    expect([status, json.type]).toEqual([422, 'urn:cutover:problem:invalid']);
    const places = json.errors.map(({ pointer, line }: { pointer: string; line: number }) => [pointer, line]);
    expect(places).toContainEqual(['/services/wiki/pool', 9]);
    expect(places).toContainEqual(['/services/blog/split/two', 7]);
    expect(dataPlane.updates).toHaveLength(1);
  });

  it('keeps what was changed at run time and says so, unless it is to be discarded', async () => {
    const { call } = await startAdmin();
    await call('POST', '/v1/services/shop/cutovers', { body: { to: 'green' } });
    const body = configOf({ shop: { ...SHOP, algorithm: 'least-connections' } });
    expect((await call('POST', '/v1/config', { body })).json.kept).toEqual(['/services/shop/split']);
    expect((await call('GET', '/v1/services/shop/split')).json.weights).toEqual({ green: 100 });
    expect((await call('POST', '/v1/config?runtime=discard', { body })).json.kept).toEqual([]);
    expect((await call('GET', '/v1/services/shop/split')).json.weights).toEqual({ blue: 100 });
    expect((await call('POST', '/v1/config?runtime=drop', { body })).status).toBe(400);
  });

  it('that wants other listeners needs a restart (409)', async () => {
    const { call } = await startAdmin();
    const body = { ...configOf({ shop: SHOP }), listeners: { web: { listen: '127.0.0.1:8081' } } };
    const { status, json } = await call('POST', '/v1/config', { body });
    expect([status, json.type, json.errors[0].pointer]).toEqual([
      409,
      'urn:cutover:problem:restart-required',
      '/listeners',
    ]);
  });

  it('takes up to 4 MiB', async () => {
    const { call } = await startAdmin();
    const padded = (bytes: number) => `${JSON.stringify(configOf({ shop: SHOP }))}${' '.repeat(bytes)}`;
    expect((await call('POST', '/v1/config', { body: padded(1024 * 1024) })).status).toBe(200);
    const { status, json } = await call('POST', '/v1/config', { body: padded(4 * 1024 * 1024) });
    expect([status, json.type]).toEqual([413, 'urn:cutover:problem:body-too-large']);
  });
});

describe('GET /v1/config', () => {
  it('shows the file with what was changed at run time', async () => {
    const { call } = await startAdmin();
    await call('POST', '/v1/services/shop/cutovers', { body: { to: 'green' } });
    expect((await call('GET', '/v1/config')).json).toEqual({ services: { shop: { ...SHOP, split: { green: 100 } } } });
  });
});
