/**
 * How many requests each key may make: a token bucket per key, kept as one number.
 *
 * The number is the time at which the bucket will be full again (the generic cell rate algorithm, ITU-T I.371). A request
 * moves it on by the time that one token takes to grow; it is refused where that would take more than a whole bucket.
 * What lies in the past is a full bucket, and says the same as a key that is not there.
 *
 * Keys are kept as 53 bits of a hash, under seeds that nobody outside knows: a client that sends long values, or very
 * many, holds no more memory than the limit on their number says, and cannot look for one that shares a bucket with
 * somebody else's.
 */
import { hash32 } from '../../base/hash.ts';
import type { RateLimitSpec } from '../../snapshot/protection-spec.ts';

/** Two seeds of 32 bits, drawn once per process. */
export type HashSeeds = readonly [number, number];

export class RateLimiter {
  readonly #seeds: HashSeeds;
  /** By key: when its bucket is full again, on the monotonic clock. The key that was seen last stands last. */
  readonly #fullAtMs = new Map<number, number>();
  #tokenMs = 0;
  #burstMs = 0;
  #keysMax = 0;
  /** Requests refused since start. */
  refused = 0;

  constructor(spec: RateLimitSpec, seeds: HashSeeds) {
    this.#seeds = seeds;
    this.update(spec);
  }

  /** Takes another limit; what each key has used stays used. */
  update(spec: RateLimitSpec): void {
    this.#tokenMs = 1000 / spec.perSecond;
    this.#burstMs = spec.burst * this.#tokenMs;
    this.#keysMax = spec.keysMax;
    this.#forgetSurplus();
  }

  /** 0: the request may pass, and is counted. Otherwise the milliseconds after which one of this key may. */
  take(key: string, nowMs: number): number {
    const hash = this.#hashOf(key);
    const fullAtMs = this.#fullAt(hash, nowMs);
    const waitMs = this.#waitMs(fullAtMs, nowMs);
    // Moved to the end: the one at the front is the one not seen for longest.
    this.#fullAtMs.delete(hash);
    if (waitMs > 0) {
      this.#fullAtMs.set(hash, fullAtMs);
      this.refused++;
      return waitMs;
    }
    this.#fullAtMs.set(hash, fullAtMs + this.#tokenMs);
    this.#forgetSurplus();
    return 0;
  }

  /** What `take` would answer; counts nothing. */
  waitMs(key: string, nowMs: number): number {
    return this.#waitMs(this.#fullAt(this.#hashOf(key), nowMs), nowMs);
  }

  /** No bucket is more than empty: one that was emptied under another limit must not take the time of that to fill. */
  #fullAt(hash: number, nowMs: number): number {
    return Math.min(Math.max(this.#fullAtMs.get(hash) ?? 0, nowMs), nowMs + this.#burstMs);
  }

  #waitMs(fullAtMs: number, nowMs: number): number {
    const waitMs = fullAtMs + this.#tokenMs - this.#burstMs - nowMs;
    // A token that is due within a microsecond is due: differences of large numbers are not exact.
    return waitMs > 0.001 ? waitMs : 0;
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#fullAtMs.size;
  }

  #forgetSurplus(): void {
    for (const hash of this.#fullAtMs.keys()) {
      if (this.#fullAtMs.size <= this.#keysMax) {
        return;
      }
      this.#fullAtMs.delete(hash);
    }
  }

  #hashOf(key: string): number {
    const [first, second] = this.#seeds;
    return hash32(key, first) * 2 ** 21 + (hash32(key, second) >>> 11);
  }
}
