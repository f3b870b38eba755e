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
import { type AffinityKey, type MirrorSpec, SLOT_COUNT } from '../snapshot/types.ts';
import { methodIndexOf } from './counters.ts';
import type { Deadlines } from './deadlines.ts';
import { decide, type Decision } from './decide.ts';
import type { Downstream } from './downstream.ts';
import type { FailureCode } from './errors.ts';
import { failureOf } from './errors.ts';
import { RequestReading } from './filters/request-reading.ts';
import type { PickedRequest } from './filters/user-algorithm.ts';
import { FilteredRequest } from './filters/filtered-request.ts';
import type { FilterChain } from './filters/filter-chain.ts';
import { Exchange, type ExchangeRoute, type ResponseEditor } from './forward/exchange.ts';
import type { HeldRequest } from './hold/held-request.ts';
import { FIELD } from './http1/fields.ts';
import type { OwnAnswer } from './http1/own-answer.ts';
import { provenanceOf } from './http1/provenance.ts';
import type { RequestHead } from './http1/request-head.ts';
import { mergedEdits, type RequestEdits, requestIdOf, writeRequestHead } from './http1/request-writer.ts';
import { MirrorCopy } from './mirror/mirror-copy.ts';
import { HeadFacts } from './head-facts.ts';
import type { Origin, Provenance } from './origin.ts';
import { outcomeOf } from './outcome.ts';
import { placeIn } from './place.ts';
import { ServiceGates } from './service-gates.ts';
import type { Pool } from './pool.ts';
import type { BoundService, Routing } from './routing.ts';
import type { CompiledRule } from './rules/rule-set.ts';
import { RequestValues } from './shape/request-values.ts';
import { cookieOf, type RequestFacts } from './split/request-facts.ts';
import { setCookieLine } from './split/set-cookie.ts';
import { type User, userBy } from './split/slots.ts';
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
  /** Hears of a mistake of ours. */
  readonly onError: (error: unknown) => void;
  /** Hears of user code that has cost a request a 500. */
  readonly onUserCodeError: (error: UserCodeError) => void;
  /** Where algorithms of user code find the request. */
  readonly pickedRequest: PickedRequest;
}

/** Methods that may be processed twice (RFC 9110 section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** Methods that change nothing at the target (RFC 9110 section 9.2.1): the only ones that are mirrored unasked. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

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
    const service = findService(routing, head);
    if (service === null) {
      return 'no_service';
    }
    const { shape } = service;
    const authority = head.authority === '' ? origin.localAuthority : head.authority;
    const from = provenanceOf(head, origin, authority, this.#context.trustedProxies);
    const requestId = requestIdOf(head, this.#context.newRequestId);
    downstream.serveAs(shape, from, requestId);
    const refusal = refusalOf(service, head);
    if (refusal !== null) {
      return refusal;
    }
    const facts = this.#facts.of(head, origin, from);
    if (service.live !== null) {
      const gate = this.#gates.pass(service.spec, service.live, facts, head, downstream);
      if (gate !== 'open') {
        return gate;
      }
    }
    const cookie = sessionCookieOf(service, facts);
    const session = cookie === null ? null : (service.sessions?.get(cookie) ?? null);
    let decision: Decision;
    try {
      decision = decide(service, facts, session, this.#context);
    } catch (error) {
      // No pool was chosen: it is accounted for as what no service takes.
      this.#reportUserCode(error);
      return 'user_code_failed';
    }
    const { pool, rule, user } = decision;
    if (rule !== null && rule.action.answer !== null) {
      this.#answerBy(rule.action.answer.for(facts), routing, service, downstream, head);
      return null;
    }
    if (pool === null) {
      return 'no_target';
    }
    let filtered: FilteredRequest | null = null;
    if (service.filters !== null) {
      filtered = new FilteredRequest(head, facts, pool.name, service.spec.ambiguousPaths);
      if (this.#isAnsweredBy(service.filters, filtered, routing, pool, downstream)) {
        return null;
      }
    }
    const cohort = pool.cohort(routing.ledger);
    const bound = boundTarget(session, pool);
    if (service.sessions !== null) {
      pool.sessions.add(sessionResult(cookie, session, pool));
    }
    const hashKey = hashKeyOf(service, facts, user, head);
    let target = bound;
    if (target === null && service.spec.algorithm.function === null) {
      target = pool.pick(null, hashKey);
    } else if (target === null) {
      const picked = this.#pickByUserCode(new RequestReading(head, facts), pool, hashKey);
      if (picked === 'failed') {
        countUnserved(routing, pool, head.method, 'user_code_failed');
        downstream.answer('user_code_failed', this.#context.newRequestId());
        return null;
      }
      target = picked;
    }
    if (target === null) {
      countUnserved(routing, pool, head.method, 'no_target');
      return 'no_target';
    }
    let mustWait: ExchangeRoute['mustWait'] = 'no';
    if (pool.guard !== null) {
      const place = placeIn(pool, pool.guard, target, bound !== null, hashKey);
      if ('code' in place) {
        countUnserved(routing, pool, head.method, place.code);
        downstream.answer(place.code, requestId, Math.ceil(place.waitMs / 1000));
        return null;
      }
      ({ target, mustWait } = place);
    }
    const upgrade = service.spec.upgrades.includes(head.upgrade) ? head.upgrade : '';
    const { isTrusted } = origin;
    const values = shape.needsValues ? new RequestValues(head, from, requestId, pool, routing.generation) : null;
    // User code sees what the client asked for; what the service makes of every request is made of what that code has left.
    const edits = editsOf(rule, filtered, facts, head);
    const passage = shape.requestPassage(isTrusted);
    const text = writeRequestHead(head, {
      target: shape.paths.toTarget(edits?.target ?? head.target),
      authority: edits?.authority || shape.host || authority,
      from,
      passage,
      extraFields: shape.request === null ? '' : shape.request.lines(head, isTrusted, values),
      requestId,
      upgrade,
      edits,
    });
    const exchange = new Exchange(
      {
        method: head.method,
        methodIndex: methodIndexOf(head.method),
        head: text,
        framing: head.framing,
        upgrade,
        requestId,
        withheld: passage.listed,
        isIdempotent: isIdempotent(head, service.spec.retries.idempotencyKey),
      },
      downstream,
      {
        pool,
        target,
        mustWait,
        hashKey,
        cohort,
        timeouts: service.spec.timeouts,
        limits: service.spec.limits,
        retries: service.spec.retries,
      },
      {
        userField: user?.isNew === true ? userField(service, user, from) : '',
        sessionField: bound === null ? sessionField(service, pool, target, from) : '',
        sessionFieldFor: mustWait === 'no' ? null : (other) => sessionField(service, pool, other, from),
        answerFields: shape.answerFields(values),
        mirror: this.#mirrorOf(service, pool, head, hashKey),
        editor: filtered === null ? null : this.#editorOf(service, filtered),
      },
      this.#context,
    );
    cohort.enter(exchange);
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

  /** A rule answers. The request is counted first: what follows may begin the next one. */
  #answerBy(
    answer: OwnAnswer,
    routing: Routing,
    service: BoundService,
    downstream: Downstream,
    head: RequestHead,
  ): void {
    routing.ledger.enter();
    routing.ledger.leave('completed');
    service.answered.count(methodIndexOf(head.method), answer.status, 0);
    downstream.answerWith(answer, this.#context.newRequestId());
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

  /** Whether a filter has answered the request, or failed, which is answered too: both end it here. */
  #isAnsweredBy(
    filters: FilterChain,
    request: FilteredRequest,
    routing: Routing,
    pool: Pool,
    downstream: Downstream,
  ): boolean {
    let answer: OwnAnswer | null;
    try {
      answer = filters.request(request);
    } catch (error) {
      request.seal(false);
      this.#reportUserCode(error);
      countUnserved(routing, pool, request.method, 'user_code_failed');
      downstream.answer('user_code_failed', this.#context.newRequestId());
      return true;
    }
    request.seal(filters.seesResponses);
    if (answer === null) {
      return false;
    }
    routing.ledger.enter();
    routing.ledger.leave('completed');
    pool.live.count(methodIndexOf(request.method), answer.status, 0);
    downstream.answerWith(answer, this.#context.newRequestId());
    return true;
  }

  /** The request can be read by the algorithm while it chooses, and not after. */
  #pickByUserCode(request: RequestReading, pool: Pool, hashKey: string): Target | null | 'failed' {
    const { pickedRequest } = this.#context;
    pickedRequest.current = request;
    try {
      return pool.pick(null, hashKey);
    } catch (error) {
      this.#reportUserCode(error);
      return 'failed';
    } finally {
      pickedRequest.current = null;
      request.end();
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

  /** A copy for the shadow pool, where this request is drawn for one. */
  #mirrorOf(service: BoundService, pool: Pool, head: RequestHead, hashKey: string): MirrorCopy | null {
    const spec = service.spec.mirror;
    const { mirrorPool } = service;
    if (spec === null || mirrorPool === null || mirrorBar(spec, pool, head) !== null) {
      return null;
    }
    if (spec.share < SLOT_COUNT && this.#context.random.next() * SLOT_COUNT >= spec.share) {
      return null;
    }
    return new MirrorCopy(mirrorPool, spec, hashKey, this.#context.clock, this.#context.deadlines);
  }
}

/** What the rule and the filters, which come after it, change of the request; null: nothing. */
function editsOf(
  rule: CompiledRule | null,
  filtered: FilteredRequest | null,
  facts: RequestFacts,
  head: RequestHead,
): RequestEdits | null {
  const later = filtered === null ? null : filtered.edits;
  if (rule === null || rule.action.rewrite === null) {
    return later;
  }
  return mergedEdits(rule.action.rewrite.for(facts), later, head.target);
}

/** Accounts for a request that came to a pool and to no target of it. */
function countUnserved(routing: Routing, pool: Pool, method: string, code: FailureCode): void {
  routing.ledger.enter();
  routing.ledger.leave(outcomeOf(code));
  pool.failures.add(code);
  pool.live.count(methodIndexOf(method), failureOf(code).status, 0);
}

export function findService(routing: Routing, head: RequestHead): BoundService | null {
  const name = routing.table.find(head.host, pathOf(head));
  return name === null ? null : (routing.services.get(name) ?? null);
}

function pathOf(head: RequestHead): string {
  return head.pathEnd === head.target.length ? head.target : head.target.substring(0, head.pathEnd);
}

/** What the algorithm wants to know of the request; "" where the request does not have it. */
export function hashKeyOf({ spec }: BoundService, facts: RequestFacts, user: User | null, head: RequestHead): string {
  const { key } = spec.algorithm;
  if (key === null) {
    return '';
  }
  if (key.kind === 'path') {
    return pathOf(head);
  }
  // The client will bring the id that it is given now, and must be where it is already.
  const isGiven = key.kind === 'cookie' && user !== null && user.isNew && isCookie(user.key, key.name);
  return isGiven ? user.id : (userBy(key, facts) ?? '');
}

function isCookie(key: AffinityKey, name: string): boolean {
  return key.kind === 'cookie' && key.name === name;
}

function isIdempotent(head: RequestHead, byKey: boolean): boolean {
  return IDEMPOTENT.has(head.method) || (byKey && head.fields.get('idempotency-key') !== null);
}

/** What the service does not take. */
export function refusalOf({ spec }: BoundService, head: RequestHead): FailureCode | null {
  if (head.ambiguousPath && !spec.ambiguousPaths) {
    return 'ambiguous_path';
  }
  if (spec.limits.requestBodyBytesMax > 0 && head.contentLength > spec.limits.requestBodyBytesMax) {
    return 'body_too_large';
  }
  // RFC 9110 section 7.6.2.
  if (head.method === 'OPTIONS' && /^0+$/.test(head.fields.valueOf(FIELD['max-forwards']))) {
    return 'last_hop';
  }
  return null;
}

/** What the request's cookie says of its session; null where it says nothing, or sessions are not bound. */
export function sessionCookieOf({ spec }: BoundService, facts: RequestFacts): string | null {
  return spec.sticky === null ? null : cookieOf(facts.field('cookie'), spec.sticky.cookie.name);
}

/** The target that the request's session is bound to, where the request goes to its pool and it may serve. */
export function boundTarget(session: Session | null, pool: Pool): Target | null {
  return session !== null && session.pool === pool && session.target.keepsSessions ? session.target : null;
}

/** Why a request is never copied. */
export type MirrorBar = 'same-pool' | 'upgrade' | 'unsafe-method';

/** `pool` is where the request itself goes; null: nothing stands in the way of a copy but chance. */
export function mirrorBar(mirror: MirrorSpec, pool: Pool, head: RequestHead): MirrorBar | null {
  if (mirror.pool === pool.name) {
    return 'same-pool';
  }
  if (head.upgrade !== '') {
    return 'upgrade';
  }
  return mirror.unsafeMethods || SAFE.has(head.method) ? null : 'unsafe-method';
}

/** The field that gives a user the id that the request was routed by. */
function userField({ spec }: BoundService, user: User, { scheme }: Provenance): string {
  const { issue } = spec.affinity;
  return issue === null ? '' : setCookieLine(issue, user.id, scheme === 'https');
}

/** The field that binds the client to the target that was chosen for it; "" where sessions are not bound. */
function sessionField({ spec }: BoundService, pool: Pool, target: Target, { scheme }: Provenance): string {
  const token = pool.sessionTokens.of(target.id)[0];
  if (spec.sticky === null || token === undefined) {
    return '';
  }
  return setCookieLine(spec.sticky.cookie, token, scheme === 'https');
}
