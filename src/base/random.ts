/** Chance as a dependency; not for secrets. */
export interface Random {
  /** Evenly drawn from [0, 1). */
  next(): number;
}

export const systemRandom: Random = { next: () => Math.random() };

/**
 * The same numbers for the same seed, for tests and simulations.
 *
 * SplitMix32: a counter with an odd step, so that it visits all 2^32 states, put through the finalizer of MurmurHash3.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x9e3779b9) >>> 0;
      let mixed = state;
      mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
      mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
      return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
    },
  };
}
