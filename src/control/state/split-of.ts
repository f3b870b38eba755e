import type { ServiceDocument, Split } from '../../schema/service.ts';
import { splitPercents, splitShares } from '../../schema/split-shares.ts';

/** The split in force: the one that was set, or all to the only pool. Pools without a share are left out. */
export function splitOf(document: ServiceDocument): Split {
  const [only] = Object.keys(document.pools);
  const split = document.split ?? (only === undefined ? {} : { [only]: 100 });
  return splitPercents(splitShares(split));
}

/** Pools whose share grows from one split to the other, or that have one for the first time. */
export function raisedPools(from: Readonly<Split>, to: Readonly<Split>): string[] {
  return Object.keys(to).filter((pool) => (to[pool] ?? 0) > (from[pool] ?? 0));
}

/** Pools that lose all of their share. */
export function leftPools(from: Readonly<Split>, to: Readonly<Split>): string[] {
  return Object.keys(from).filter((pool) => (from[pool] ?? 0) > 0 && (to[pool] ?? 0) === 0);
}
