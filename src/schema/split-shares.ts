import type { Split } from './service.ts';

/** Basis points of the whole. */
export const SHARES_ALL = 10_000;

/**
 * A split in basis points (1/100 of a percent), by pool; pools without a share are left out. Percents are decimal
 * fractions, which binary numbers only come close to: everything is summed and compared as these whole numbers.
 */
export function splitShares(split: Readonly<Split>): Map<string, number> {
  const shares = new Map<string, number>();
  for (const [pool, percent] of Object.entries(split)) {
    const share = Math.round(percent * 100);
    if (share > 0) shares.set(pool, share);
  }
  return shares;
}

/** The inverse: percents by pool. */
export function splitPercents(shares: ReadonlyMap<string, number>): Split {
  return Object.fromEntries([...shares].map(([pool, share]) => [pool, share / 100]));
}
