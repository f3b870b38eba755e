/**
 * A request's way through, in order. This file is the order; each stage is a folder of its own and knows nothing of
 * the others.
 *
 *   head parsed ─► service (route) ─► pool (rules, split) ─► filters ─► target (session, algorithm)
 *              ─► counted in flight ─► head rewritten ─► mirror ─► exchange: connection, body both ways, outcome
 *
 * All of `begin` runs in one synchronous stretch. That is what makes a cutover's promise true: a request is routed by
 * one snapshot and counted on the pool that this snapshot gave it before anything else can happen, so that every
 * request is either under way on the old pool when the routing is replaced, and seen by the drain, or routed by the
 * new one.
 */
import type { CidrSet } from '../base/cidr.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { UserCodeError } from '../modules/user-code-error.ts';
import type { AccessLog } from './access-log.ts';
import { type Arrival, findService, hashKeyOf, refusalOf, upgradeOf } from './arrival.ts';
import { boundTarget, sessionCookieOf, sessionField, userField } from './client-binding.ts';
import { methodIndexOf, type TrafficCounters } from './counters.ts';
import type { Deadlines } from './deadlines.ts';
import { decide, type Decision } from './decide.ts';
import { type BoundMirror, isDrawnForMirror, mirrorBar } from './decide-mirror.ts';
import type { Downstream } from './downstream.ts';
import type { FailureCode } from './errors.ts';
import { failureOf } from './errors.ts';
import { RequestReading } from './filters/request-reading.ts';
import type { PickedRequest } from './filters/user-algorithm.ts';
import { FilteredRequest } from './filters/filtered-request.ts';
import type { FilterChain } from './filters/filter-chain.ts';
import { Exchange } from './forward/exchange.ts';
import type { ExchangeRequest } from './forward/exchange-input.ts';
import { type MustWait, Placement } from './forward/placement.ts';
import { type ResponseEditor, ResponseRelay } from './forward/response-relay.ts';
import type { HeldRequest } from './hold/held-request.ts';
import type { OwnAnswer } from './http1/own-answer.ts';
import { provenanceOf } from './http1/provenance.ts';
import type { RequestHead } from './http1/request-head.ts';
import { withheldNames } from './http1/passing-fields.ts';
import { mergedEdits, type RequestEdits, requestIdOf, writeRequestHead } from './http1/request-writer.ts';
import { MirrorCopy } from './mirror/mirror-copy.ts';
import { HeadFacts } from './head-facts.ts';
import type { Origin } from './origin.ts';
import { outcomeOf } from './outcome.ts';
import { placeIn } from './place.ts';
import { ServiceGates } from './service-gates.ts';
import type { Pool } from './pool.ts';
import type { BoundService, Routing } from './routing.ts';
import type { CompiledRule } from './rules/rule-set.ts';
import { RequestValues } from './shape/request-values.ts';
import type { User } from './split/slots.ts';
import { type Session, sessionResult } from './split/sticky.ts';
import type { Target } from './upstream/target.ts';

export interface PipelineContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
  readonly trustedProxies: CidrSet;
  /** The one reference that a cutover replaces. */
  readonly routing: () => Routing;
  readonly newRequestId: () => string;
  /** An id that nobody can guess, for a user who has none. */
  readonly newUserId: () => string;
  /** null: requests are not logged. */
  readonly accessLog: AccessLog | null;
  /** Hears of a mistake of ours. */
  readonly onError: (error: unknown) => void;
  /** Hears of user code that has cost a request a 500. */
  readonly onUserCodeError: (error: UserCodeError) => void;
  /** Where algorithms of user code find the request. */
  readonly pickedRequest: PickedRequest;
}

/** Methods that may be processed twice (RFC 9110 section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

export class Pipeline {
  readonly #context: PipelineContext;
  readonly #facts: HeadFacts;
  readonly #gates: ServiceGates;

  constructor(context: PipelineContext) {
    this.#context = context;
    this.#facts = new HeadFacts(context.clock);
    this.#gates = new ServiceGates(context.clock);
  }

  /**
   * Routes a request and sends it on its way, or lets it wait. A code where there is no service that could take it; null
   * where it was answered here, and accounted for.
   */
  begin(downstream: Downstream, origin: Origin, head: RequestHead): Exchange | HeldRequest | FailureCode | null {
    const routing = this.#context.routing();
    const service = findService(routing, head, origin.listener);
    if (service === null) {
      return 'no_service';
    }
    const arrival = this.#receive(routing, service, downstream, origin, head);
    const refusal = refusalOf(service, head);
    if (refusal !== null) {
      return refused(arrival, refusal);
    }
    const gate = service.live === null ? 'open' : this.#gates.pass(service.spec, service.live, arrival);
    if (gate !== 'open') {
      return typeof gate === 'string' ? refused(arrival, gate) : gate;
    }
    const cookie = sessionCookieOf(service, arrival.facts);
    const session = cookie === null ? null : (service.sessions?.get(cookie) ?? null);
    const decision = this.#decide(arrival, session);
    if (decision === null) {
      // No pool was chosen: it is accounted for as what no service takes.
      return refused(arrival, 'user_code_failed');
    }
    const { pool, rule } = decision;
    if (rule !== null && rule.action.answer !== null) {
      return this.#answerBy(rule.action.answer.for(arrival.facts), service.answered, arrival);
    }
    if (pool === null) {
      return refused(arrival, 'no_target');
    }
    const filtered = service.filters === null ? null : this.#filter(service.filters, arrival, pool);
    if (filtered === 'answered') {
      return null;
    }
    if (service.sessions !== null) {
      pool.sessions.add(sessionResult(cookie, session, pool));
    }
    const place = this.#place(arrival, pool, boundTarget(session, pool), decision.user);
    return place === null ? null : this.#send(arrival, decision, filtered, place);
  }

  /** Who asks, and by what name the request is known. From here on it is answered in the words of its service. */
  #receive(
    routing: Routing,
    service: BoundService,
    downstream: Downstream,
    origin: Origin,
    head: RequestHead,
  ): Arrival {
    const authority = head.authority === '' ? origin.localAuthority : head.authority;
    const from = provenanceOf(head, origin, authority, this.#context.trustedProxies);
    const requestId = requestIdOf(head, this.#context.newRequestId);
    downstream.serveAs(service.shape, from, requestId);
    const facts = this.#facts.of(head, origin, from);
    const { accessLog } = this.#context;
    const { accessLog: isLogged, name } = service.spec;
    const entry =
      accessLog !== null && isLogged ? accessLog.begin(origin, head, from, requestId, name, routing.generation) : null;
    const { isTrusted } = origin;
    return { routing, service, downstream, head, from, facts, requestId, authority, isTrusted, entry };
  }

  /** Null: user code has failed. */
  #decide({ service, facts }: Arrival, session: Session | null): Decision | null {
    try {
      return decide(service, facts, session, this.#context);
    } catch (error) {
      this.#reportUserCode(error);
      return null;
    }
  }

  /** What filters make of the request. Where one has answered it, or failed, which is answered too, it ends here. */
  #filter(filters: FilterChain, arrival: Arrival, pool: Pool): FilteredRequest | 'answered' {
    const request = new FilteredRequest(arrival.head, arrival.facts, pool.name, arrival.service.spec.ambiguousPaths);
    let answer: OwnAnswer | null;
    try {
      answer = filters.request(request);
    } catch (error) {
      request.seal(false);
      this.#reportUserCode(error);
      this.#turnAway(arrival, pool, 'user_code_failed');
      return 'answered';
    }
    request.seal(filters.seesResponses);
    if (answer === null) {
      return request;
    }
    this.#answerBy(answer, pool.live, arrival, pool);
    return 'answered';
  }

  /** The target, or the place to wait for one. Null: there is none, which was answered. */
  #place(arrival: Arrival, pool: Pool, bound: Target | null, user: User | null): Placement | null {
    const { routing, service } = arrival;
    const isBound = bound !== null;
    const hashKey = hashKeyOf(service, arrival.facts, user, arrival.head);
    const chosen = bound ?? this.#choose(arrival, pool, hashKey);
    if (chosen === null || typeof chosen === 'string') {
      return this.#turnAway(arrival, pool, chosen ?? 'no_target');
    }
    let target = chosen;
    let mustWait: MustWait = 'no';
    if (pool.guard !== null) {
      const found = placeIn(pool, pool.guard, chosen, isBound, hashKey);
      if ('code' in found) {
        return this.#turnAway(arrival, pool, found.code, found.waitMs);
      }
      ({ target, mustWait } = found);
    }
    const cohort = pool.cohort(routing.ledger);
    return new Placement(pool, cohort, target, isBound, mustWait, hashKey, this.#context.clock);
  }

  /** What the algorithm chooses. One that is user code can read the request while it chooses, and not after. */
  #choose({ service, head, facts }: Arrival, pool: Pool, hashKey: string): Target | 'user_code_failed' | null {
    if (service.spec.algorithm.function === null) {
      return pool.pick(null, hashKey);
    }
    const { pickedRequest } = this.#context;
    const request = new RequestReading(head, facts);
    pickedRequest.current = request;
    try {
      return pool.pick(null, hashKey);
    } catch (error) {
      this.#reportUserCode(error);
      return 'user_code_failed';
    } finally {
      pickedRequest.current = null;
      request.end();
    }
  }

  /** Counts the request in flight and starts it. */
  #send(
    arrival: Arrival,
    { rule, user }: Decision,
    filtered: FilteredRequest | null,
    place: Placement,
  ): Exchange | FailureCode {
    const { routing, service, downstream, head, from, requestId } = arrival;
    const { pool, target, isBound, mustWait, cohort } = place;
    const { shape } = service;
    const values = shape.needsValues ? new RequestValues(head, from, requestId, pool, routing.generation) : null;
    const request = outgoing(arrival, editsOf(rule, filtered, arrival), values);
    const mayMove = mustWait !== 'no' || request.kept !== null;
    place.bindBy(
      isBound ? '' : sessionField(service, pool, target, from),
      mayMove ? (other) => sessionField(service, pool, other, from) : null,
    );
    const relay = new ResponseRelay(
      request,
      downstream,
      place,
      service.buffers,
      user?.isNew === true ? userField(service, user, from) : '',
      shape.answerFields(values),
      filtered === null ? null : this.#editorOf(service, filtered),
    );
    const mirror = service.mirror === null ? null : this.#copyFor(service.mirror, arrival, user, place);
    const exchange = new Exchange(request, downstream, service, place, relay, mirror, this.#context);
    cohort.enter(exchange);
    if (request.kept !== null && head.expectsContinue) {
      downstream.proceed();
    }
    try {
      exchange.start();
    } catch (error) {
      // A mistake of ours: it costs this request, and it is accounted for like every other.
      exchange.abandon();
      this.#context.onError(error);
      return 'internal';
    }
    return exchange;
  }

  /** Answers in a target's place. The request is counted first: what follows may begin the next one. */
  #answerBy(answer: OwnAnswer, counters: TrafficCounters, arrival: Arrival, pool: Pool | null = null): null {
    const { routing, downstream, head, requestId, entry } = arrival;
    routing.ledger.enter();
    routing.ledger.leave('completed');
    counters.count(methodIndexOf(head.method), answer.status, 0);
    entry?.end(answer.status, pool, null);
    downstream.answerWith(answer, requestId);
    return null;
  }

  /** Answers a request that came to a pool and to no target of it. It is counted first, as above. */
  #turnAway(arrival: Arrival, pool: Pool, code: FailureCode, waitMs = 0): null {
    const { routing, downstream, head, requestId, entry } = arrival;
    routing.ledger.enter();
    routing.ledger.leave(outcomeOf(code));
    pool.failures.add(code);
    pool.live.count(methodIndexOf(head.method), failureOf(code).status, 0);
    entry?.refuse(code, pool);
    downstream.answer(code, requestId, Math.ceil(waitMs / 1000));
    return null;
  }

  /** Runs `begin`, in which a request that has waited is begun anew. */
  resume(begin: () => void): void {
    this.#gates.isResuming = true;
    try {
      begin();
    } catch (error) {
      this.#context.onError(error);
    } finally {
      this.#gates.isResuming = false;
    }
  }

  #editorOf({ filters }: BoundService, request: FilteredRequest): ResponseEditor | null {
    if (filters === null || !filters.seesResponses) {
      return null;
    }
    return {
      edit: (head) => {
        try {
          return filters.response(head, request);
        } catch (error) {
          this.#reportUserCode(error);
          return null;
        }
      },
    };
  }

  /** A mistake of ours is not told as one of theirs. */
  #reportUserCode(error: unknown): void {
    if (!(error instanceof UserCodeError)) {
      throw error;
    }
    this.#context.onUserCodeError(error);
  }

  /** A copy for the shadow pool; null: none is due, or nothing would be sent of it. */
  #copyFor(mirror: BoundMirror, arrival: Arrival, user: User | null, place: Placement): MirrorCopy | null {
    const { service, head, facts } = arrival;
    const { clock, deadlines, random } = this.#context;
    try {
      const isDrawn = isDrawnForMirror(service, mirror.spec, facts, user, random);
      if (!isDrawn || mirrorBar(mirror, facts, place.pool, upgradeOf(service, head)) !== null) {
        return null;
      }
    } catch (error) {
      // It costs the copy, and not the request.
      this.#reportUserCode(error);
      mirror.pool.shadow.dropped.add('user-code-failed');
      return null;
    }
    if (head.contentLength > mirror.spec.bodyBytesMax) {
      mirror.pool.shadow.dropped.add('body-too-large');
      return null;
    }
    return new MirrorCopy(mirror, place.hashKey, clock, deadlines);
  }
}

/** Logs a request that its service did not take; the caller answers and counts it. */
function refused({ entry }: Arrival, code: FailureCode): FailureCode {
  entry?.refuse(code);
  return code;
}

/** What the rule and the filters, which come after it, change of the request; null: nothing. */
function editsOf(
  rule: CompiledRule | null,
  filtered: FilteredRequest | null,
  { facts, head }: Arrival,
): RequestEdits | null {
  const later = filtered === null ? null : filtered.edits;
  if (rule === null || rule.action.rewrite === null) {
    return later;
  }
  return mergedEdits(rule.action.rewrite.for(facts), later, head.target);
}

/**
 * The request as the target gets it. Rules and user code have seen what the client asked for; what the service makes of
 * every request is made of what they have left.
 */
function outgoing(arrival: Arrival, edits: RequestEdits | null, values: RequestValues | null): ExchangeRequest {
  const { head, from, requestId, isTrusted } = arrival;
  const { shape, spec, buffers } = arrival.service;
  const { method, framing } = head;
  const upgrade = upgradeOf(arrival.service, head);
  const passage = shape.requestPassage(isTrusted);
  const kept = buffers === null ? null : buffers.ofRequest(head);
  const text = writeRequestHead(head, {
    target: shape.paths.toTarget(edits?.target ?? head.target),
    authority: edits?.authority || shape.host || arrival.authority,
    from,
    passage,
    extraFields: shape.request === null ? '' : shape.request.lines(head, isTrusted, values),
    requestId,
    upgrade,
    edits,
    mayExpect: kept === null,
  });
  return {
    method,
    methodIndex: methodIndexOf(method),
    head: text,
    framing,
    upgrade,
    requestId,
    withheld: withheldNames(passage, edits?.dropped ?? null),
    isIdempotent: isIdempotent(head, spec.retries.idempotencyKey),
    kept,
    entry: arrival.entry,
  };
}

function isIdempotent(head: RequestHead, byKey: boolean): boolean {
  return IDEMPOTENT.has(head.method) || (byKey && head.fields.get('idempotency-key') !== null);
}
