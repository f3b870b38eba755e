/** What becomes of targets that fail, and of those that have just come or are about to: as a data plane gets it. */

/** When requests that failed take a target out of balancing. */
export interface EjectionSpec {
  /** In a row; 0: never. */
  readonly unreachableMax: number;
  /** In a row; 0: never. */
  readonly failuresMax: number;
  /** 0: no share is too much. */
  readonly failurePercent: number;
  /** Requests within the window below which no share is looked at. */
  readonly minimum: number;
  readonly windowMs: number;
  /** The first time; each further one is so much longer. */
  readonly durationMs: number;
  readonly durationMsMax: number;
  /** Of the pool's ready targets. */
  readonly maxPercent: number;
}

export interface SlowStartSpec {
  readonly durationMs: number;
  readonly aggression: number;
  /** Above 0, at most 1. */
  readonly minShare: number;
}

/** One round of requests that make a pool's targets warm, of each worker. */
export interface WarmUpSpec {
  readonly requests: readonly WarmUpRequestSpec[];
  readonly perTarget: number;
  readonly connections: number;
  readonly timeoutMs: number;
}

export interface WarmUpRequestSpec {
  readonly path: string;
  /** Lower-case names. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Answers that pass, both bounds included. */
  readonly statuses: readonly { readonly from: number; readonly to: number }[];
}
