/** What conditions look things up in, made ready once and shared by all services; immutable, like the routing it is part of. */
import { AddressTable } from '../../base/address-table.ts';
import {
  type LookupKind,
  lookupKey,
  type LookupSpec,
  type LookupUpdate,
  type RegionMapSpec,
} from '../../snapshot/lookup-spec.ts';
import type { RequestFacts } from '../split/request-facts.ts';
import { JwtVerifier } from './jwt-verifier.ts';

export interface RegionMap {
  readonly header: string;
  readonly labels: readonly string[];
  readonly table: AddressTable;
}

export interface Lookups {
  readonly addressSets: ReadonlyMap<string, AddressTable>;
  readonly regionMaps: ReadonlyMap<string, RegionMap>;
  readonly jwtKeys: ReadonlyMap<string, JwtVerifier>;
  /** The test that a function of the configuration is. */
  readonly userCondition: (reference: string) => (facts: RequestFacts) => boolean;
}

export const NO_LOOKUPS: Lookups = {
  addressSets: new Map(),
  regionMaps: new Map(),
  jwtKeys: new Map(),
  userCondition: (reference) => () => {
    throw new Error(`${reference} is not loaded here`);
  },
};

/** What did not change is shared with the lookups before, with what it remembers. */
export function nextLookups(before: Lookups, { changed, removed }: LookupUpdate): Lookups {
  const gone = new Set(removed);
  const stay = <T>(kind: LookupKind, map: ReadonlyMap<string, T>): Map<string, T> =>
    new Map([...map].filter(([name]) => !gone.has(lookupKey(kind, name))));
  const addressSets = stay('address-set', before.addressSets);
  const regionMaps = stay('region-map', before.regionMaps);
  const jwtKeys = stay('jwt-key', before.jwtKeys);
  for (const spec of changed) {
    switch (spec.kind) {
      case 'address-set':
        addressSets.set(spec.name, new AddressTable(spec.table));
        break;
      case 'region-map':
        regionMaps.set(spec.name, regionMapOf(spec));
        break;
      case 'jwt-key':
        jwtKeys.set(spec.name, new JwtVerifier(spec));
    }
  }
  return { ...before, addressSets, regionMaps, jwtKeys };
}

function regionMapOf({ header, labels, table }: RegionMapSpec): RegionMap {
  return { header, labels, table: new AddressTable(table) };
}

/** The keys of what an update changes. */
export function keysOf({ changed, removed }: LookupUpdate): ReadonlySet<string> {
  return new Set([...removed, ...changed.map(({ kind, name }: LookupSpec) => lookupKey(kind, name))]);
}
