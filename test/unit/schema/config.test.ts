import { describe, expect, it } from 'vitest';

import { createAjv } from '../../../src/schema/ajv.ts';
import { ConfigSchema } from '../../../src/schema/config.ts';
import type { ConfigDocument } from '../../../src/schema/config.ts';
import { FORMATS } from '../../../src/schema/formats.ts';
import { serviceWithDefaults, withDefaults } from '../../../src/schema/with-defaults.ts';

const LEAST: ConfigDocument = {
  listeners: { web: { listen: '127.0.0.1:0' } },
  services: {
    shop: {
      pools: { main: { targets: [{ url: 'http://127.0.0.1:3000' }] } },
      health: {},
      mirror: { pool: 'main' },
      rules: [{ name: 'all', redirect: { location: '/' }, when: {} }],
    },
  },
};

interface Field {
  readonly path: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

/** Every field of a schema, down to the leaves. */
function fieldsOf(schema: unknown, path = ''): Field[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const parts = schema as Record<string, object | undefined>;
  const { properties = {}, items, additionalProperties, propertyNames, then, else: otherwise } = parts;
  const named = Object.entries(properties);
  return [
    { path, schema: schema as Record<string, unknown> },
    ...named.flatMap(([name, field]: [string, unknown]) => fieldsOf(field, `${path}/${name}`)),
    ...fieldsOf(items, `${path}/*`),
    ...fieldsOf(additionalProperties, `${path}/*`),
    ...fieldsOf(propertyNames, `${path}/<name>`),
    ...fieldsOf(then, `${path}/<text>`),
    ...fieldsOf(otherwise, path),
  ];
}

const fields = fieldsOf(ConfigSchema);

describe('the schema of the configuration', () => {
  it('describes every field', () => {
    expect(fields.length).toBeGreaterThan(90);
    expect(fields.filter(({ schema }) => typeof schema['description'] !== 'string').map(({ path }) => path)).toEqual(
      [],
    );
  });

  it('refuses unknown fields in every object', () => {
    const objects = fields.filter(({ schema }) => schema['type'] === 'object');
    expect(objects.filter(({ schema }) => !('additionalProperties' in schema)).map(({ path }) => path)).toEqual([]);
  });

  it('names only formats that exist, and has a use for every one of them', () => {
    const used = new Set(fields.map(({ schema }) => schema['format']).filter((name) => name !== undefined));
    expect(used).toEqual(new Set([...Object.keys(FORMATS), 'percent']));
  });

  it('bounds every list, and every text that has no format of a fixed length', () => {
    const unbounded = fields.filter(
      ({ schema }) =>
        (schema['type'] === 'array' && schema['maxItems'] === undefined) ||
        (schema['type'] === 'string' && schema['maxLength'] === undefined && schema['enum'] === undefined),
    );
    expect(unbounded.map(({ path }) => path)).toEqual([]);
  });

  it('has only defaults that it would take from an operator', () => {
    const validate = createAjv({ fillDefaults: false, allErrors: true }).compile(ConfigSchema);
    const whole = JSON.parse(JSON.stringify(withDefaults(LEAST))) as unknown;
    validate(whole);
    expect(validate.errors).toBeNull();
  });
});

describe('defaults', () => {
  it('are filled in at every depth', () => {
    const config = withDefaults(LEAST);
    expect(config.admin.listen).toBe('127.0.0.1:9900');
    expect(config.state.path).toBe('./data');
    expect(config.shutdown.drainTimeout).toBe('30s');
    expect(config.listeners['web']).toMatchObject({
      protocol: 'http',
      timeouts: { keepAlive: '65s' },
      limits: { fields: 128 },
    });
    expect(config.services['shop']).toMatchObject({
      match: { hosts: [], pathPrefix: '/' },
      pools: { main: { version: '', targets: [{ weight: 1, zone: '', state: 'ready' }] } },
      split: { main: 100 },
      algorithm: 'round-robin',
      health: { path: '/', interval: '2s', timeout: '1s', rise: 2, fall: 3, status: ['200-299'], initialState: 'up' },
      rules: [{ when: {}, redirect: { status: 302 } }],
      mirror: {
        percent: 100,
        unsafeMethods: false,
        credentials: 'keep',
        removeHeaders: [],
        concurrency: 64,
        bodyBytes: '64KiB',
        answerBytes: '1MiB',
        timeout: '5s',
      },
      upgrades: ['websocket'],
      ambiguousPaths: false,
    });
  });

  it('leave what has none absent', () => {
    const config = withDefaults({ listeners: LEAST.listeners });
    expect(config).not.toHaveProperty('workers');
    expect(serviceWithDefaults({ pools: { main: {} } })).not.toHaveProperty('health');
  });

  it('leave the document as its operator wrote it', () => {
    const document = structuredClone(LEAST);
    withDefaults(document);
    expect(document).toEqual(LEAST);
  });

  it('never put a value where the operator put one', () => {
    const service = serviceWithDefaults({
      pools: { a: {}, b: {} },
      split: { b: 100 },
      upgrades: [],
      health: { rise: 7 },
    });
    expect(service).toMatchObject({ split: { b: 100 }, upgrades: [], health: { rise: 7, fall: 3 } });
  });

  it('are not mixed up between places that are one object in memory', () => {
    const empty = {};
    const service = serviceWithDefaults({ pools: { main: {} }, timeouts: empty, limits: empty, upstream: empty });
    expect(Object.keys(service.limits).toSorted()).toEqual(['queue', 'requestBody', 'responseFields', 'responseHead']);
  });
});
