import { isIPv6 } from 'node:net';

import ipaddr from 'ipaddr.js';

import type { Clock } from '../../base/clock.ts';
import { TokenBucket } from '../../base/token-bucket.ts';

/** Wrong guesses that an address has before it is made to wait. */
export const FREE_FAILURES = 10;

/** The first wait; each further wrong guess doubles it, up to the longest. */
export const WAIT_MS_MIN = 1_000;
export const WAIT_MS_MAX = 60_000;

/** After so long without a wrong guess an address starts afresh. */
const FORGET_MS = 300_000;

/** Wrong guesses of all addresses together: so many at once, and so many a second over time. */
export const FAILURES_BURST = 200;
const FAILURES_PER_SECOND = 20;

/** Addresses that are remembered; the one that was silent for longest is forgotten first. */
const ADDRESSES_MAX = 10_000;
const KNOWN_MAX = 1_000;

interface Guesser {
  failures: number;
  lastAtMs: number;
  waitsUntilMs: number;
}

/**
 * Makes guessing slow: for each address, and for all together, since addresses are cheap.
 *
 * Waiting must not lock out those who have a right to come in: behind one address there may be a pipeline with a stale
 * token and an operator with a good one. So whoever has come in from an address before does not wait there; that a
 * guesser cannot use, who would have to come in first.
 */
export class AuthThrottle {
  readonly #clock: Clock;
  readonly #all: TokenBucket;
  readonly #guessers = new Map<string, Guesser>();
  /** "address name" of those who have come in. */
  readonly #known = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#all = new TokenBucket(clock, { perSecond: FAILURES_PER_SECOND, burst: FAILURES_BURST });
  }

  /** How long whoever calls from `address` has to wait; 0: not at all. `name`: who it is, where that is known. */
  waitMs(address: string, name: string | null): number {
    const from = networkOf(address);
    if (name !== null && this.#known.has(`${from} ${name}`)) return 0;
    const waitsUntilMs = this.#guessers.get(from)?.waitsUntilMs ?? 0;
    const waitMs = Math.max(0, waitsUntilMs - this.#clock.monotonicMs());
    return waitMs === 0 && this.#all.isEmpty ? WAIT_MS_MIN : waitMs;
  }

  /** A wrong guess. */
  failed(address: string): void {
    const from = networkOf(address);
    const nowMs = this.#clock.monotonicMs();
    const before = this.#guessers.get(from);
    const isFresh = before === undefined || nowMs - before.lastAtMs > FORGET_MS;
    const failures = isFresh ? 1 : before.failures + 1;
    const doublings = failures - FREE_FAILURES;
    const waitMs = doublings < 0 ? 0 : Math.min(WAIT_MS_MAX, WAIT_MS_MIN * 2 ** doublings);
    this.#all.take();
    this.#guessers.delete(from);
    this.#guessers.set(from, { failures, lastAtMs: nowMs, waitsUntilMs: nowMs + waitMs });
    forgetOldest(this.#guessers, ADDRESSES_MAX);
  }

  succeeded(address: string, name: string): void {
    const key = `${networkOf(address)} ${name}`;
    this.#known.delete(key);
    this.#known.add(key);
    forgetOldest(this.#known, KNOWN_MAX);
  }

  /** Others may have their names now. */
  forgetKnown(): void {
    this.#known.clear();
  }
}

/** Whoever has one IPv6 address has all 2^64 of its network. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const parsed = ipaddr.parse(address.split('%', 1)[0] ?? address);
  if (parsed instanceof ipaddr.IPv6 && !parsed.isIPv4MappedAddress()) {
    return `${parsed.parts
      .slice(0, 4)
      .map((part) => part.toString(16))
      .join(':')}::/64`;
  }
  return ipaddr.process(address).toString();
}

/** Maps and sets keep the order of insertion: their first is the oldest. */
function forgetOldest(remembered: Map<string, unknown> | Set<string>, sizeMax: number): void {
  for (const oldest of remembered.keys()) {
    if (remembered.size <= sizeMax) return;
    remembered.delete(oldest);
  }
}
