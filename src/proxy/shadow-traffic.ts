/** What is copied to one pool: how much of it is under way, and what became of the rest. */
import { Tally, TrafficCounters } from './counters.ts';
import type { FailureCode } from './errors.ts';

/** Why a copy was not sent, or its answer not read to its end. */
export type MirrorDropReason =
  /** As many are under way, or as many bytes are held, as may be. */
  | 'busy'
  | 'body-too-large'
  | 'no-target'
  /** The target has not answered the copies before. */
  | 'resting'
  /** A condition that is user code failed. */
  | 'user-code-failed'
  | 'answer-too-large';

/** A copy that was sent. */
export interface CopyUnderWay {
  cut(): void;
}

export class ShadowTraffic {
  readonly traffic = new TrafficCounters();
  readonly dropped = new Tally<MirrorDropReason>();
  /** Copies that were sent and got no whole answer. */
  readonly failures = new Tally<FailureCode>();
  readonly underWay = new Set<CopyUnderWay>();
  /** Of bodies, by copies that gather them or are under way. */
  bytesHeld = 0;
  readonly #workers: number;

  /** `workers` share what is limited as a whole. */
  constructor(workers: number) {
    this.#workers = workers;
  }

  get isUnused(): boolean {
    return this.traffic.isUnused && this.dropped.isEmpty;
  }

  /** What this worker may have under way of so many in all. */
  partOf(concurrencyMax: number): number {
    return Math.ceil(concurrencyMax / this.#workers);
  }

  /** Ends what is under way. */
  cutAll(): void {
    for (const copy of this.underWay) {
      copy.cut();
    }
  }
}
