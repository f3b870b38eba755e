/** The names of what rules may look things up in. */
export interface LookupNames {
  readonly addressSets: ReadonlySet<string>;
  readonly regions: ReadonlySet<string>;
  readonly jwtKeys: ReadonlySet<string>;
}

export const NO_LOOKUP_NAMES: LookupNames = { addressSets: new Set(), regions: new Set(), jwtKeys: new Set() };

/** Of a configuration, which need not be valid: what is wrong with an entry is told there, and not wherever it is named. */
export function lookupNamesOf(config: unknown): LookupNames {
  const names = (field: keyof LookupNames): Set<string> => {
    const whole = config as Readonly<Record<string, unknown>> | null;
    const entries = typeof whole === 'object' ? whole?.[field] : undefined;
    return new Set(typeof entries === 'object' && entries !== null ? Object.keys(entries) : []);
  };
  return { addressSets: names('addressSets'), regions: names('regions'), jwtKeys: names('jwtKeys') };
}
