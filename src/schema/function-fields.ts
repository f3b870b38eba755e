/** Where functions of user code may be named in a service's document. */
import { pointerOf } from './problem.ts';
import type { ServiceConfig, ServiceDocument } from './service.ts';

/** Gives what is to stand in the place of a reference. `pointer` counts from the service. */
export type MapReference = (reference: string, pointer: string) => string;

/**
 * Below each field, the fields that lead to functions; "*" is every entry of a list, `null` a function's reference. Names
 * that operators choose, such as those of header fields, are nowhere among them.
 */
interface Places {
  readonly [field: string]: Places | null;
}

const CONDITION: Places = {
  function: null,
  get all() {
    return { '*': CONDITION };
  },
  get any() {
    return { '*': CONDITION };
  },
  get not() {
    return CONDITION;
  },
};

const HOOK: Places = { function: null };

const PLACES: Places = {
  rules: { '*': { when: CONDITION } },
  algorithm: HOOK,
  mirror: { when: CONDITION },
  filters: { '*': { onRequest: HOOK, onResponse: HOOK } },
};

/** The document with every reference mapped; the very same document where nothing differs. */
export function mapFunctions<Service extends ServiceDocument | ServiceConfig>(
  service: Service,
  map: MapReference,
): Service {
  return mapBelow(service, PLACES, '', map) as Service;
}

function mapBelow(value: unknown, places: Places | null, pointer: string, map: MapReference): unknown {
  if (places === null) return typeof value === 'string' ? map(value, pointer) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return mapList(value, places['*'] ?? {}, pointer, map);
  let copy: Record<string, unknown> | null = null;
  for (const field of Object.keys(places)) {
    if (!Object.hasOwn(value, field)) continue;
    const before = (value as Readonly<Record<string, unknown>>)[field];
    const after = mapBelow(before, places[field] ?? null, pointer + pointerOf(field), map);
    if (after === before) continue;
    copy ??= { ...value };
    copy[field] = after;
  }
  return copy ?? value;
}

function mapList(list: readonly unknown[], places: Places, pointer: string, map: MapReference): unknown {
  const mapped = list.map((item, index) => mapBelow(item, places, pointer + pointerOf(index), map));
  return mapped.every((item, index) => item === list[index]) ? list : mapped;
}
