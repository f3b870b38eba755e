/** How the pools of a service choose a target, as plain data. */
import type { AlgorithmName } from '../schema/algorithm.ts';
import type { AffinityKey } from './types.ts';

/** Those that come with the program. */
export type { AlgorithmName };

export interface AlgorithmSpec {
  /** Of the table of algorithms (src/proxy/balance/algorithms.ts), or `user`. */
  readonly name: string;
  /** For `user`: reference of the function that makes the algorithm; null with every other. */
  readonly function: string | null;
  /** What of a request decides where it goes; null: the algorithm does not ask. */
  readonly key: HashKey | null;
  /** Time in which what was observed of a target fades to a third (1/e). */
  readonly decayMs: number;
  /** Null: zones make no difference. */
  readonly zone: ZoneSpec | null;
}

export type HashKey = AffinityKey | { readonly kind: 'path' };

export interface ZoneSpec {
  /** Share of the weight of the proxy's own zone, from 0 to 1, below which requests go to other zones too. */
  readonly enough: number;
}
