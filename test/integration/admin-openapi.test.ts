import { describe, expect, it } from 'vitest';

import { createAjv } from '../../src/schema/ajv.ts';
import { startAdmin } from '../helpers/start-admin.ts';
import { SHOP, configOf } from '../helpers/start-control.ts';

type Json = Readonly<Record<string, unknown>>;

interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

interface Operation {
  readonly summary?: string;
  readonly parameters?: readonly { readonly name: string; readonly description?: string; readonly schema: Json }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Json }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Json }>> }>
  >;
}

async function describedApi() {
  const world = await startAdmin({ shop: { ...SHOP, mirror: { pool: 'green' }, pause: {} } });
  const { json } = await world.call('GET', '/openapi.json');
  return { world, api: json as OpenApi };
}

describe('/openapi.json', () => {
  it('is OpenAPI 3.1 and has every path of the API', async () => {
    const { api } = await describedApi();
    expect(api.openapi).toBe('3.1.0');
    const operations = Object.entries(api.paths).map(([path, methods]) => `${path} ${Object.keys(methods).join(' ')}`);
    expect(operations.toSorted()).toEqual([
      '/healthz get',
      '/metrics get',
      '/readyz get',
      '/v1/audit get',
      '/v1/changesets post',
      '/v1/config get post',
      '/v1/events get',
      '/v1/explain post',
      '/v1/generations get',
      '/v1/generations/{n} get',
      '/v1/services get',
      '/v1/services/{service} get put patch delete',
      '/v1/services/{service}/cutovers get post',
      '/v1/services/{service}/cutovers/{id} get',
      '/v1/services/{service}/mirror get put delete',
      '/v1/services/{service}/pause get put delete',
      '/v1/services/{service}/pools/{pool} get put delete',
      '/v1/services/{service}/pools/{pool}/targets/{target} get patch',
      '/v1/services/{service}/rollback post',
      '/v1/services/{service}/split get put',
      '/v1/status get',
      '/v1/workers get',
      '/v1/workers/restart post',
    ]);
  });

  it('says which bodies may be left out, who may call, and how callers say who they are', async () => {
    const { api } = await describedApi();
    const of = (path: string, method: string) => api.paths[path]?.[method] as unknown as Json & { requestBody: Json };
    expect(of('/v1/services/{service}/rollback', 'post').requestBody['required']).toBe(false);
    expect(of('/v1/services/{service}/cutovers', 'post').requestBody['required']).toBe(true);
    expect(of('/v1/services/{service}/cutovers', 'post')).toMatchObject({
      'x-cutover-role': 'deploy',
      security: [{ token: [] }, {}],
    });
    expect(of('/healthz', 'get')['security']).toBeUndefined();
    expect(JSON.stringify(api)).not.toContain('x-body-optional');
    expect(api.components).toMatchObject({ securitySchemes: { token: { type: 'http', scheme: 'bearer' } } });
  });

  it('says of every operation and parameter what it is', async () => {
    const { api } = await describedApi();
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        expect(operation.summary, `${method} ${path}`).toBeTruthy();
        for (const { name, description } of operation.parameters ?? [])
          expect(description, `${path} ${name}`).toBeTruthy();
      }
    }
  });

  it('describes every field of every schema', async () => {
    const { api } = await describedApi();
    const bare: string[] = [];
    const visit = (schema: Json, at: string): void => {
      for (const [name, field] of Object.entries((schema['properties'] ?? {}) as Record<string, Json>)) {
        if (field['description'] === undefined && field['$ref'] === undefined) bare.push(`${at}.${name}`);
        visit(field, `${at}.${name}`);
      }
      for (const key of ['items', 'additionalProperties']) {
        const inner = schema[key];
        if (inner !== null && typeof inner === 'object') visit(inner as Json, `${at}.${key}`);
      }
      for (const choice of (schema['anyOf'] ?? []) as Json[]) visit(choice, at);
    };
    for (const [title, schema] of Object.entries(api.components.schemas)) {
      expect(schema['description'], title).toBeTruthy();
      visit(schema, title);
    }
    expect(bare).toEqual([]);
  });

  it('has no schema that does not compile, although each is compiled when it is first needed', async () => {
    const { api } = await describedApi();
    const ajv = createAjv({ fillDefaults: false, allErrors: true });
    ajv.addKeyword('components');
    ajv.addSchema({ $id: 'api', components: { schemas: api.components.schemas } } as object, 'api', false, false);
    const taken = Object.values(api.paths).flatMap((methods) =>
      Object.values(methods).flatMap(({ requestBody, parameters = [] }) => [
        ...Object.values(requestBody?.content ?? {}).map(({ schema }) => schema),
        ...parameters.map(({ schema }) => schema),
      ]),
    );
    expect(taken.length).toBeGreaterThan(30);
    for (const schema of taken) {
      const absolute = JSON.stringify(schema).replaceAll('"#/components', '"api#/components');
      expect(() => ajv.compile(JSON.parse(absolute) as object), absolute).not.toThrow();
    }
  });

  it('tells the truth: every answer is what it says', async () => {
    const { world, api } = await describedApi();
    const service = '/v1/services/{service}';
    const pool = `${service}/pools/{pool}`;
    const calls: readonly [method: string, path: string, real: string, body?: unknown][] = [
      ['get', '/v1/services', '/v1/services'],
      ['get', service, '/v1/services/shop'],
      ['get', service, '/v1/services/nope'],
      ['put', service, '/v1/services/shop', { pools: 1 }],
      ['put', service, '/v1/services/cart', { ...SHOP, match: { hosts: ['cart'] } }],
      ['patch', service, '/v1/services/shop', { algorithm: 'least-connections' }],
      ['get', pool, '/v1/services/shop/pools/blue'],
      ['put', pool, '/v1/services/shop/pools/red', { targets: [] }],
      ['delete', pool, '/v1/services/shop/pools/red'],
      ['delete', pool, '/v1/services/shop/pools/blue'],
      ['get', `${pool}/targets/{target}`, '/v1/services/shop/pools/blue/targets/127.0.0.1:3001'],
      ['patch', `${pool}/targets/{target}`, '/v1/services/shop/pools/blue/targets/127.0.0.1:3001', { weight: 3 }],
      ['get', `${service}/split`, '/v1/services/shop/split'],
      ['put', `${service}/split`, '/v1/services/shop/split', { weights: { blue: 50, green: 50 } }],
      ['post', `${service}/cutovers`, '/v1/services/shop/cutovers', { to: 'green', drainTimeout: '30s' }],
      ['get', `${service}/cutovers`, '/v1/services/shop/cutovers'],
      ['get', `${service}/cutovers/{id}`, '/v1/services/shop/cutovers/co_nope'],
      ['post', `${service}/rollback`, '/v1/services/shop/rollback'],
      ['get', `${service}/mirror`, '/v1/services/shop/mirror'],
      ['put', `${service}/mirror`, '/v1/services/shop/mirror', { pool: 'blue', percent: 1 }],
      ['delete', `${service}/mirror`, '/v1/services/shop/mirror'],
      ['get', `${service}/pause`, '/v1/services/shop/pause'],
      ['put', `${service}/pause`, '/v1/services/shop/pause', { timeout: '5s', requests: 10 }],
      ['delete', `${service}/pause`, '/v1/services/shop/pause'],
      [
        'post',
        '/v1/changesets',
        '/v1/changesets',
        {
          changes: [
            { method: 'PUT', path: '/v1/services/tea', body: { ...SHOP, match: { hosts: ['tea'] } } },
            { method: 'POST', path: '/v1/services/tea/cutovers', body: { to: 'green' } },
            { method: 'PATCH', path: '/v1/services/shop', body: { algorithm: 'round-robin' } },
          ],
        },
      ],
      ['post', '/v1/changesets', '/v1/changesets', { changes: [] }],
      ['post', '/v1/explain', '/v1/explain', { request: { url: 'http://shop.example.com/' } }],
      ['get', '/v1/status', '/v1/status'],
      ['get', '/v1/config', '/v1/config'],
      ['post', '/v1/config', '/v1/config', { services: 3 }],
      ['post', '/v1/config', '/v1/config', configOf({ shop: SHOP })],
      ['get', '/v1/generations', '/v1/generations'],
      ['get', '/v1/generations/{n}', '/v1/generations/1'],
      ['get', '/v1/audit', '/v1/audit'],
      ['delete', service, '/v1/services/shop'],
    ];
    const ajv = createAjv({ fillDefaults: false, allErrors: true });
    ajv.addKeyword('components');
    ajv.addSchema({ $id: 'api', components: { schemas: api.components.schemas } } as object, 'api', false, false);
    for (const [method, path, real, body] of calls) {
      const answer = await world.call(method.toUpperCase(), real, body === undefined ? {} : { body });
      const responses = api.paths[path]?.[method]?.responses ?? {};
      const response = responses[answer.status] ?? (answer.status >= 400 ? responses['4XX'] : undefined);
      const name = `${method} ${real} ${answer.status}`;
      expect(response, name).toBeDefined();
      const mediaType = answer.headers.get('content-type')?.split(';')[0] ?? '';
      const schema = response?.content?.[mediaType]?.schema;
      if (answer.text === '') {
        expect(answer.status).toBe(204);
        continue;
      }
      expect(schema, `${name} ${mediaType}`).toBeDefined();
      const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"api#/components')) as object;
      const validate = ajv.compile(absolute);
      expect(validate(answer.json) ? [] : validate.errors, name).toEqual([]);
    }
  });
});
