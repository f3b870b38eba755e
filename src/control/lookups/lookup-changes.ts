import { lookupKey, type LookupSpec, type LookupUpdate } from '../../snapshot/lookup-spec.ts';
import type { LookupNames } from '../config/lookup-names.ts';
import { isSameJson } from '../state/canonical-json.ts';

/** By their keys. */
export type LookupMap = ReadonlyMap<string, LookupSpec>;

export function lookupMapOf(specs: readonly LookupSpec[]): LookupMap {
  return new Map(specs.map((spec) => [lookupKey(spec.kind, spec.name), spec]));
}

/** Keys of those that were added, changed or removed. */
export function differingKeys(before: LookupMap, after: LookupMap): string[] {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].filter((key) => !isSameJson(before.get(key), after.get(key)));
}

/** What the data plane is to be told of `keys`; `undefined`: nothing. */
export function lookupUpdateOf(lookups: LookupMap, keys: ReadonlySet<string>): LookupUpdate | undefined {
  if (keys.size === 0) return undefined;
  return {
    changed: [...keys].flatMap((key) => lookups.get(key) ?? []),
    removed: [...keys].filter((key) => !lookups.has(key)),
  };
}

export function namesOf(lookups: LookupMap): LookupNames {
  const names = (kind: LookupSpec['kind']): Set<string> =>
    new Set([...lookups.values()].flatMap((spec) => (spec.kind === kind ? spec.name : [])));
  return { addressSets: names('address-set'), regions: names('region-map'), jwtKeys: names('jwt-key') };
}
