import type { ValidateFunction } from 'ajv';
import type { TSchema } from 'typebox';

import { assert } from '../base/assert.ts';
import { createAjv } from './ajv.ts';
import { ConfigSchema } from './config.ts';
import { ListenerSchema } from './listener.ts';
import { MirrorSchema } from './mirror.ts';
import { PoolSchema } from './pool.ts';
import { ServiceSchema } from './service.ts';
import type { Config, ConfigDocument } from './config.ts';
import type { ListenerConfig, ListenerDocument } from './listener.ts';
import type { MirrorConfig, MirrorDocument } from './mirror.ts';
import type { PoolConfig, PoolDocument } from './pool.ts';
import type { ServiceConfig, ServiceDocument } from './service.ts';

/*
 * Defaults are a step of their own, after validation and after storing: what is stored and shown is what the operator
 * wrote, and what runs is complete.
 */

/** The whole configuration, complete; `document` must be valid and stays as it is. */
export function withDefaults(document: ConfigDocument): Config {
  const config = fillConfig(document) as Config & { services: Record<string, ServiceConfig> };
  for (const [name, service] of Object.entries(config.services)) config.services[name] = withSplit(service);
  return config;
}

/** One service, complete; `document` must be valid and stays as it is. */
export function serviceWithDefaults(document: ServiceDocument): ServiceConfig {
  return withSplit(fillService(document) as ServiceConfig);
}

/** One pool, complete. */
export function poolWithDefaults(document: PoolDocument): PoolConfig {
  return fillPool(document) as PoolConfig;
}

/** One mirror, complete. */
export function mirrorWithDefaults(document: MirrorDocument): MirrorConfig {
  return fillMirror(document) as MirrorConfig;
}

/** One listener, complete. */
export function listenerWithDefaults(document: ListenerDocument): ListenerConfig {
  return fillListener(document) as ListenerConfig;
}

const ajv = createAjv({ fillDefaults: true, allErrors: false });
const fillConfig = filler(ConfigSchema);
const fillService = filler(ServiceSchema);
const fillPool = filler(PoolSchema);
const fillMirror = filler(MirrorSchema);
const fillListener = filler(ListenerSchema);

function filler(schema: TSchema): (document: unknown) => unknown {
  // When the first document comes, as in find-problems.ts.
  let validate: ValidateFunction | null = null;
  return (document) => {
    validate ??= ajv.compile(schema);
    // Through JSON, which a document is by definition: unlike a structured clone it keeps no two places one object.
    const copy: unknown = JSON.parse(JSON.stringify(document));
    assert(validate(copy), `defaults were asked for an invalid document: ${ajv.errorsText(validate.errors)}`);
    return copy;
  };
}

/** The only pool takes all traffic without being told to. */
function withSplit(service: ServiceConfig | Omit<ServiceConfig, 'split'>): ServiceConfig {
  if ('split' in service) return service;
  const pools = Object.keys(service.pools);
  assert(pools.length === 1, 'a service of several pools without a split has passed validation');
  return { ...service, split: { [pools[0] ?? '']: 100 } };
}
