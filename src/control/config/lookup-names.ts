/** The names of what rules may look things up in. */
export interface LookupNames {
  readonly addressSets: ReadonlySet<string>;
  readonly regions: ReadonlySet<string>;
  readonly jwtKeys: ReadonlySet<string>;
}

export const NO_LOOKUP_NAMES: LookupNames = { addressSets: new Set(), regions: new Set(), jwtKeys: new Set() };
