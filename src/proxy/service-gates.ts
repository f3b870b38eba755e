/** What stops a request at its service, before a pool is chosen for it: a rate that was exceeded, and a pause. */
import { clientNetwork } from '../base/client-network.ts';
import type { Clock } from '../base/clock.ts';
import type { PauseSpec, RateLimitSpec } from '../snapshot/protection-spec.ts';
import type { ServiceSpec } from '../snapshot/types.ts';
import type { Arrival } from './arrival.ts';
import type { FailureCode } from './errors.ts';
import type { HeldRequest } from './hold/held-request.ts';
import type { Hold } from './hold/hold.ts';
import type { RequestHead } from './http1/request-head.ts';
import type { LiveService } from './live-service.ts';
import { cookieOf, type RequestFacts } from './split/request-facts.ts';

export class ServiceGates {
  readonly #clock: Clock;
  /** A request is begun anew that has waited for the end of a pause: its rate was counted when it came. */
  isResuming = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** "open": nothing stands in the way. A request that waits; a code to answer with; null: it was answered. */
  pass(
    { rateLimit, pause }: ServiceSpec,
    { rateLimiter, hold }: LiveService,
    arrival: Arrival,
  ): 'open' | HeldRequest | FailureCode | null {
    const { facts, head, downstream, entry } = arrival;
    const isCounted = this.isResuming;
    // An answer at once begins the request behind it, which has not been counted.
    this.isResuming = false;
    if (pause !== null && isHealthCheck(pause, head)) {
      return 'pause_health';
    }
    if (rateLimit !== null && rateLimiter !== null && !isCounted) {
      const waitMs = rateLimiter.take(rateKey(rateLimit, facts), this.#clock.monotonicMs());
      if (waitMs > 0) {
        entry?.refuse('rate_limited');
        downstream.refuse('rate_limited', Math.ceil(waitMs / 1000));
        return null;
      }
    }
    return pause === null || hold === null ? 'open' : held(hold, arrival);
  }
}

function held(hold: Hold, { head, downstream, entry }: Arrival): HeldRequest | FailureCode {
  const waiting = hold.take(downstream, head.copyBytes(), head.expectsContinue);
  if (waiting === null) {
    return 'hold_full';
  }
  waiting.entry = entry;
  return waiting;
}

/** What a balancer in front asks, who must not take this proxy for ill. */
export function isHealthCheck({ healthPath }: PauseSpec, head: RequestHead): boolean {
  return (
    healthPath !== '' &&
    (head.method === 'GET' || head.method === 'HEAD') &&
    head.framing === 'none' &&
    (head.target === healthPath || head.target.substring(0, head.pathEnd) === healthPath)
  );
}

/** Whom a request is counted for. Kinds are told apart, so that no field can name somebody else's address. */
export function rateKey({ kind, name }: RateLimitSpec, facts: RequestFacts): string {
  const value =
    kind === 'header' ? facts.field(name) : kind === 'cookie' ? cookieOf(facts.field('cookie'), name) : null;
  return value === null || value === '' ? clientNetwork(facts.clientAddress) : `=${value}`;
}
