/**
 * A connection's way through, where its listener passes bytes as they are: that of a request (pipeline.ts) without all that
 * asks for a head.
 *
 *   accepted ─► service (listener) ─► its rate; a pause ─► pool (rules, split) ─► target (algorithm)
 *            ─► counted in flight ─► exchange: connection, bytes both ways, outcome
 *
 * All of `begin` runs in one synchronous stretch, as there: a connection is under way on the old pool when the routing is
 * replaced, and seen by the drain, or it is routed by the new one.
 */
import type { Clock } from '../base/clock.ts';
import { findTcpService, hashKeyOf } from './arrival.ts';
import { ConnectionFacts } from './connection-facts.ts';
import { TCP_METHOD } from './counters.ts';
import { decide } from './decide.ts';
import { type FailureCode, failureOf } from './errors.ts';
import { type MustWait, Placement } from './forward/placement.ts';
import type { HeldRequest } from './hold/held-request.ts';
import { outcomeOf } from './outcome.ts';
import type { PipelineContext } from './pipeline.ts';
import { placeIn } from './place.ts';
import type { Pool } from './pool.ts';
import type { BoundService, Routing } from './routing.ts';
import { rateKey } from './service-gates.ts';
import type { TunnelClient } from './tunnel/tunnel-client.ts';
import { TunnelExchange } from './tunnel/tunnel-exchange.ts';

/** Nothing has come before the connection is routed. */
const NO_BYTES = Buffer.alloc(0);

export class ConnectionPipeline {
  readonly #context: PipelineContext;
  readonly #facts: ConnectionFacts;
  readonly #clock: Clock;

  constructor(context: PipelineContext) {
    this.#context = context;
    this.#clock = context.clock;
    this.#facts = new ConnectionFacts(context.clock);
  }

  /**
   * Routes a connection and sends it on its way, or lets it wait. A code where it goes nowhere; null where it was ended here,
   * and accounted for. `isResumed`: its wait for the end of a pause is over.
   */
  begin(client: TunnelClient, isResumed: boolean): TunnelExchange | HeldRequest | FailureCode | null {
    const routing = this.#context.routing();
    const service = findTcpService(routing, client.origin.listener, client.serverName);
    if (service === null) {
      return 'no_service';
    }
    this.#log(routing, service, client);
    const facts = this.#facts.of(client.origin, client.clientAddress);
    const gate = service.live === null ? 'open' : this.#passGates(service, client, isResumed);
    if (gate !== 'open') {
      return gate;
    }
    const { pool } = decide(service, facts, null, this.#context);
    if (pool === null) {
      return 'no_target';
    }
    const place = this.#place(routing, service, client, pool);
    return place === null ? null : this.#send(service, client, place);
  }

  #log({ generation }: Routing, { spec }: BoundService, client: TunnelClient): void {
    const { accessLog, newRequestId } = this.#context;
    client.isTaken = true;
    client.entry =
      accessLog !== null && spec.accessLog
        ? accessLog.beginConnection(client, newRequestId(), spec.name, generation)
        : null;
  }

  #passGates(
    { spec, live }: BoundService,
    client: TunnelClient,
    isResumed: boolean,
  ): 'open' | HeldRequest | FailureCode {
    const { rateLimit, pause } = spec;
    const limiter = live?.rateLimiter ?? null;
    if (rateLimit !== null && limiter !== null && !isResumed) {
      if (limiter.take(rateKey(rateLimit, this.#facts), this.#clock.monotonicMs()) > 0) {
        return 'rate_limited';
      }
    }
    const hold = live?.hold ?? null;
    return pause === null || hold === null ? 'open' : (hold.take(client, NO_BYTES, true) ?? 'hold_full');
  }

  /** The target, or the place to wait for one. Null: there is none, and the connection was ended. */
  #place(routing: Routing, service: BoundService, client: TunnelClient, pool: Pool): Placement | null {
    const hashKey = hashKeyOf(service, this.#facts, null, null);
    const chosen = pool.pick(null, hashKey);
    if (chosen === null) {
      return this.#turnAway(routing, client, pool, 'no_target');
    }
    let target = chosen;
    let mustWait: MustWait = 'no';
    if (pool.guard !== null) {
      const found = placeIn(pool, pool.guard, chosen, false, hashKey);
      if ('code' in found) {
        return this.#turnAway(routing, client, pool, found.code);
      }
      ({ target, mustWait } = found);
    }
    return new Placement(pool, pool.cohort(routing.ledger), target, false, mustWait, hashKey, this.#clock);
  }

  /** Counts the connection in flight and starts it. */
  #send({ spec }: BoundService, client: TunnelClient, place: Placement): TunnelExchange | null {
    const exchange = new TunnelExchange(client, spec, place, this.#context);
    place.cohort.enter(exchange);
    try {
      exchange.start();
    } catch (error) {
      // A mistake of ours: it costs this connection, and it is accounted for like every other.
      exchange.abandon();
      this.#context.onError(error);
      return null;
    }
    return exchange;
  }

  /** Ends a connection that came to a pool and to no target of it. */
  #turnAway({ ledger }: Routing, client: TunnelClient, pool: Pool, code: FailureCode): null {
    ledger.enter();
    ledger.leave(outcomeOf(code));
    pool.failures.add(code);
    pool.live.count(TCP_METHOD, failureOf(code).status, 0);
    client.entry?.refuse(code, pool);
    client.abort();
    return null;
  }
}
