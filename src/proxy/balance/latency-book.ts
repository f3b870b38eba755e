/**
 * How soon each target answers: a moving average of the time to the response head, in which what was seen `decayMs` ago
 * counts a third (1/e) of what is seen now.
 *
 * Three things would make such a number lie, and each has its answer here.
 * - A target that fails answers fast. A failure therefore counts as an answer that took ten times what is usual in this
 *   pool, a second at least, and does so at once. A request that its client gave up waiting for counts as that wait.
 * - A target that looks slow is not asked, and would look slow for ever. What is known of it therefore fades: it looks
 *   faster the longer it is not asked, until it is tried again.
 * - A target that nobody knows looks infinitely fast. It therefore counts as the mean of those that have answered.
 *
 * As all fade by the same factor, time passing changes nobody's order; `logCost` is made of that.
 */
import type { LatencyWatcher, TargetLoad } from '../target-load.ts';
import type { Candidate } from './balancer.ts';

/** A failure counts as so many times the pool's mean: no target may win by failing. */
const FAILURE_FACTOR = 10;
/** At least; in a pool that answers within microseconds ten times the mean is soon forgotten. */
const FAILURE_MS_MIN = 1_000;
/** Below what the clock can tell apart; above 0, because logarithms are taken. */
const LATENCY_MS_MIN = 0.01;
/** How much one answer moves what a target usually takes, failures left out: what failures are measured by. */
const ANSWER_WEIGHT = 1 / 8;
/** As long as nothing is known at all, all targets are equal, and any number will do. */
const UNKNOWN_MS = 1;

export interface LatencyRule {
  readonly decayMs: number;
  /** An answer slower than the average counts whole at once, and only fades: quick to leave a target, slow to return. */
  readonly keepsPeaks: boolean;
}

export class LatencyBook implements LatencyWatcher {
  readonly #rule: LatencyRule;
  readonly #time: { readonly nowMs: number };
  /** Hears when an estimate has changed; `all`: those of all targets that nothing is known of. */
  readonly #onChange: ((load: TargetLoad, all: boolean) => void) | null;
  /** Of what the targets that have answered take. */
  #sumMs = 0;
  #answeringCount = 0;

  constructor(
    candidates: readonly Candidate[],
    rule: LatencyRule,
    time: { readonly nowMs: number },
    onChange: ((load: TargetLoad, all: boolean) => void) | null,
  ) {
    this.#rule = rule;
    this.#time = time;
    this.#onChange = onChange;
    for (const { load } of candidates) {
      load.latencyWatcher = this;
      if (load.answerMs >= 0) {
        this.#sumMs += load.answerMs;
        this.#answeringCount++;
      }
    }
  }

  /** What an answer usually takes in this pool, in milliseconds. */
  get meanMs(): number {
    return this.#answeringCount === 0 ? UNKNOWN_MS : Math.max(this.#sumMs / this.#answeringCount, LATENCY_MS_MIN);
  }

  /** What the target would take now, in milliseconds. */
  estimateMs(load: TargetLoad): number {
    if (load.latencyAtMs < 0) {
      return this.meanMs;
    }
    // The coarse time may be behind that of the last observation.
    const ageMs = Math.max(0, this.#time.nowMs - load.latencyAtMs);
    return load.latencyMs * Math.exp(-ageMs / this.#rule.decayMs);
  }

  /** Logarithm of the estimate, on a scale that fades with it: of two targets' values the order never changes by itself. */
  logCost(load: TargetLoad): number {
    const atMs = load.latencyAtMs < 0 ? this.#time.nowMs : load.latencyAtMs;
    const latencyMs = load.latencyAtMs < 0 ? this.meanMs : load.latencyMs;
    return Math.log(latencyMs) + atMs / this.#rule.decayMs;
  }

  answered(load: TargetLoad, latencyMs: number, nowMs: number): void {
    const before = load.answerMs;
    load.answerMs = before < 0 ? latencyMs : before + (latencyMs - before) * ANSWER_WEIGHT;
    this.#sumMs += load.answerMs - Math.max(before, 0);
    if (before < 0) {
      this.#answeringCount++;
    }
    const isFirst = before < 0 && this.#answeringCount === 1;
    this.#observe(load, latencyMs, nowMs, this.#rule.keepsPeaks, isFirst);
  }

  failed(load: TargetLoad, latencyMs: number, nowMs: number): void {
    const costMs = Math.max(latencyMs, FAILURE_MS_MIN, this.meanMs * FAILURE_FACTOR);
    this.#observe(load, costMs, nowMs, true, false);
  }

  abandoned(load: TargetLoad, waitedMs: number, nowMs: number): void {
    // It might have answered the moment after: only a wait longer than the average says anything.
    if (waitedMs > this.estimateMs(load)) {
      this.#observe(load, waitedMs, nowMs, true, false);
    }
  }

  #observe(load: TargetLoad, latencyMs: number, nowMs: number, keepsPeaks: boolean, all: boolean): void {
    const costMs = load.latencyAtMs < 0 ? latencyMs : this.#average(load, latencyMs, nowMs, keepsPeaks);
    load.latencyMs = Math.max(LATENCY_MS_MIN, costMs);
    load.latencyAtMs = nowMs;
    this.#onChange?.(load, all);
  }

  #average(load: TargetLoad, latencyMs: number, nowMs: number, keepsPeaks: boolean): number {
    const weight = Math.exp((load.latencyAtMs - nowMs) / this.#rule.decayMs);
    const faded = load.latencyMs * weight;
    if (keepsPeaks && latencyMs > faded) {
      return latencyMs;
    }
    return faded + latencyMs * (1 - weight);
  }
}
