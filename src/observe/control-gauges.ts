import type { HistogramReport, TargetHealth } from '../snapshot/data-plane.ts';

/** What the control plane tells the metrics of itself, at the moment of a scrape. */
export interface ControlGauges {
  readonly generation: number;
  readonly splits: readonly { readonly service: string; readonly pool: string; readonly percent: number }[];
  readonly targets: readonly TargetHealth[];
  /** `result` is of a fixed set of words. */
  readonly cutovers: readonly { readonly service: string; readonly result: string; readonly count: number }[];
  /** `null`: no cutover yet. */
  readonly barrier: HistogramReport | null;
  /** Lines of this process's log that nobody took; left out where the log does not know. */
  readonly logLinesDropped?: number;
  /** Left out where no admin API is served. `reason` is of a fixed set of words. */
  readonly adminAuthFailures?: readonly { readonly reason: string; readonly count: number }[];
}
