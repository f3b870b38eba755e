/**
 * What is known of a target besides what its operator set: how much it has to do, and how soon it answers. It belongs
 * to the target and outlives balancers, of which a new one is made whenever health, admin state or weight changes.
 *
 * A balancer that goes by these numbers watches them; where none does, telling costs a null check.
 */

/** Hears of each change of `inFlight`. */
export interface LoadWatcher {
  loadChanged(load: TargetLoad): void;
}

/** Hears how requests end. Times in milliseconds; `nowMs` is the exact monotonic time. */
export interface LatencyWatcher {
  /** A head came, so long after the request was whole. */
  answered(load: TargetLoad, latencyMs: number, nowMs: number): void;
  /** The target failed, so long after it was asked. */
  failed(load: TargetLoad, latencyMs: number, nowMs: number): void;
  /** Nobody waits any longer: it would have taken at least so long. */
  abandoned(load: TargetLoad, waitedMs: number, nowMs: number): void;
}

export class TargetLoad {
  inFlight = 0;
  /** What asking it costs in time, as of `latencyAtMs`: answers, failures and waits given up. */
  latencyMs = 0;
  /** When that was last observed, on the monotonic clock; -1: never. */
  latencyAtMs = -1;
  /** What its answers alone usually take; -1: it never answered. */
  answerMs = -1;
  /** Index in the list of the balancer that watches. */
  place = -1;
  watcher: LoadWatcher | null = null;
  latencyWatcher: LatencyWatcher | null = null;

  /** One more request is under way to the target. */
  enter(): void {
    this.inFlight++;
    if (this.watcher !== null) {
      this.watcher.loadChanged(this);
    }
  }

  leave(): void {
    this.inFlight--;
    if (this.watcher !== null) {
      this.watcher.loadChanged(this);
    }
  }

  /** No balancer has it any longer. */
  release(): void {
    this.place = -1;
    this.watcher = null;
    this.latencyWatcher = null;
  }

  /** Takes the numbers of another, as they are now: for asking what another balancer would do. */
  imitate(other: TargetLoad): void {
    this.inFlight = other.inFlight;
    this.latencyMs = other.latencyMs;
    this.latencyAtMs = other.latencyAtMs;
    this.answerMs = other.answerMs;
  }
}
