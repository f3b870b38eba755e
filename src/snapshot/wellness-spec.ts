/** What becomes of targets that have just come: as a data plane gets it. */

export interface SlowStartSpec {
  readonly durationMs: number;
  readonly aggression: number;
  /** Above 0, at most 1. */
  readonly minShare: number;
}
