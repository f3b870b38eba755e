/**
 * One request and its answer, between a client and a target. It owns what becomes of the request: the connection it
 * travels on, whether it may be sent again, and the one outcome it is counted with.
 *
 *   start ─► (waiting) ─► connecting ─► sending ─► responding ─► finished
 *                 ▲           │            │           └─ 101 ─► tunnel ─► finished
 *                 └───────────┴── retry ───┘
 *
 * `waiting`: until a target has room for it, or until a further try is due. What may be tried again is decided in
 * further-tries.ts; nothing is, once the client has got a byte of an answer.
 *
 * Its parts: where the request is (placement.ts), what the client sends (request-body.ts), and what the target answers
 * (response-relay.ts). What few requests need is made when they need it: further-tries.ts, time-limits.ts, tunnel.ts. Data
 * flows past the exchange; what follows from one part's events for the others, is decided in it.
 */
import { assert } from '../../base/assert.ts';
import type { KeptIn } from '../../snapshot/buffer-spec.ts';
import type { RetrySpec } from '../../snapshot/protection-spec.ts';
import type { ServiceTimeouts } from '../../snapshot/types.ts';
import type { Downstream, UpstreamBound } from '../downstream.ts';
import { type FailureCode, failureOf } from '../errors.ts';
import type { FieldSection } from '../http1/field-section.ts';
import type { CohortMember } from '../ledger.ts';
import type { Applicant } from '../limit/admission.ts';
import { type Outcome, outcomeOf } from '../outcome.ts';
import type { RetryReason } from '../pool.ts';
import type { Sender } from '../read-buffers.ts';
import type { FailureContext, TargetConnection } from '../upstream/target-connection.ts';
import type { Target } from '../upstream/target.ts';
import { isTargetsFailure } from './ending.ts';
import type { ExchangeContext, ExchangeRequest, ExchangeService, RequestCopy } from './exchange-input.ts';
import { FurtherTries, reasonAfterFailure, reasonAfterStatus, type TriedExchange } from './further-tries.ts';
import type { Placement } from './placement.ts';
import { RequestBody, type RequestBodyUser } from './request-body.ts';
import type { RelayUser, ResponseRelay } from './response-relay.ts';
import { type TimedExchange, TimeLimits } from './time-limits.ts';

export class Exchange
  implements UpstreamBound, CohortMember, Applicant<Target>, RequestBodyUser, RelayUser, TriedExchange, TimedExchange
{
  readonly #request: ExchangeRequest;
  readonly #downstream: Downstream;
  readonly #place: Placement;
  readonly #relay: ResponseRelay;
  readonly #mirror: RequestCopy | null;
  readonly #timeouts: ServiceTimeouts;
  readonly #retries: RetrySpec;
  /** 0: as many as there are. */
  readonly #bodyBytesMax: number;
  readonly #context: ExchangeContext;

  next: CohortMember | null = null;
  previous: CohortMember | null = null;

  /** null: the request has none. */
  readonly #body: RequestBody | null;
  #time: TimeLimits | null = null;
  #tries: FurtherTries | null = null;
  /** The head has been sent, in the try that is going on. */
  #isConnected = false;
  #connectStartedAtMs = 0;
  #isFinished = false;

  constructor(
    request: ExchangeRequest,
    downstream: Downstream,
    service: ExchangeService,
    place: Placement,
    relay: ResponseRelay,
    mirror: RequestCopy | null,
    context: ExchangeContext,
  ) {
    const { timeouts, limits, retries } = service.spec;
    this.#request = request;
    this.#downstream = downstream;
    this.#place = place;
    this.#relay = relay;
    relay.user = this;
    this.#mirror = mirror;
    this.#timeouts = timeouts;
    this.#retries = retries;
    this.#bodyBytesMax = limits.requestBodyBytesMax;
    this.#context = context;
    place.begin();
    this.#body =
      request.framing === 'none'
        ? null
        : new RequestBody(request, downstream, place, service.buffers, timeouts.responseHeadMs, this);
  }

  get requestBodyIdleMs(): number {
    return this.#timeouts.requestBodyIdleMs;
  }

  get responseBodyIdleMs(): number {
    return this.#timeouts.responseBodyIdleMs;
  }

  get tunnelIdleMs(): number {
    return this.#timeouts.tunnelIdleMs;
  }

  get isTunnel(): boolean {
    return this.#relay.tunnel !== null;
  }

  /** Sends the request on its way. It was counted in flight before. */
  start(): void {
    if (this.#timeouts.totalMs > 0 || this.#retries.perTryMs > 0) {
      this.#time = new TimeLimits(this.#context.deadlines, this.#timeouts.totalMs, this.#retries.perTryMs, this);
    }
    this.#mirror?.begin(this.#request, this.#isBodyComplete);
    if (this.#body === null || !this.#body.isKept) {
      this.#begin();
    }
  }

  get #isBodyComplete(): boolean {
    return this.#body === null || this.#body.isComplete;
  }

  // --- to a target -------------------------------------------------------------------------------------------------

  /** Goes to its target, or waits for one that has room. */
  #begin(): void {
    if (this.#place.take(this)) {
      this.connect(this.#idleConnection());
    }
  }

  onRequestKept(keptIn: KeptIn): void {
    if (!this.#place.takeKept(keptIn)) {
      return this.#fail('queue_full');
    }
    this.#begin();
    this.onClientTurnEnd();
  }

  /** Its turn has come. */
  onRoom(target: Target): void {
    this.#place.enterFromLine(target);
    this.connectOutOfTurn();
  }

  onWaitedTooLong(): void {
    this.#fail('queue_timeout');
  }

  #idleConnection(): TargetConnection | null {
    return this.#place.target.connections.takeIdle(this.#request.isIdempotent);
  }

  /** Connects while no turn of the client's is going on, at whose end what it causes would be written. */
  connectOutOfTurn(): void {
    this.connect(this.#idleConnection());
    this.#downstream.resumeRequest();
    this.onClientTurnEnd();
  }

  /** `kept` null: by a new connection. */
  connect(kept: TargetConnection | null): void {
    this.#isConnected = false;
    if (this.#request.entry !== null) {
      this.#request.entry.tries++;
    }
    this.#time?.timeTry();
    if (kept === null) {
      this.#connectStartedAtMs = this.#context.clock.monotonicMs();
      this.#relay.claim(this.#place.target.connections.open());
    } else {
      this.#relay.claim(kept);
      this.#send(kept);
    }
  }

  onConnected(connection: TargetConnection): void {
    const nowMs = this.#context.clock.monotonicMs();
    this.#place.target.connects.observe(nowMs - this.#connectStartedAtMs);
    // The first request on a connection would make its target look slow.
    this.#place.waitFrom(nowMs);
    this.#send(connection);
    connection.flush();
    this.#downstream.resumeRequest();
  }

  #send(connection: TargetConnection): void {
    this.#isConnected = true;
    this.#request.entry?.sent();
    connection.request(this.#request.head, this.#request.framing, this.#timeouts.requestBodyIdleMs);
    if (this.#body === null) {
      connection.end('', this.#timeouts.responseHeadMs);
    } else {
      this.#body.sendOn(connection);
    }
  }

  // --- what the client sends ---------------------------------------------------------------------------------------

  requestBody(chunk: Buffer): Sender | null {
    if (this.#request.entry !== null) {
      this.#request.entry.bytesIn += chunk.length;
    }
    const { tunnel } = this.#relay;
    if (tunnel !== null) {
      return tunnel.fromClient(chunk);
    }
    const body = this.#body;
    assert(body !== null, 'only a request with a body has bytes behind its head');
    if (body.count(chunk.length) > this.#bodyBytesMax && this.#bodyBytesMax > 0) {
      this.onFault('body_too_large');
      return null;
    }
    this.#mirror?.body(chunk);
    return body.add(chunk, this.#isConnected, this.#relay.connection);
  }

  requestEnd(trailers: FieldSection | null): void {
    this.#body?.complete(trailers);
    if (this.#place.isTimed) {
      // The time that a client takes for its body is not the target's.
      this.#place.restart();
    }
    this.#mirror?.end();
    this.#body?.end(this.#isConnected, this.#relay.connection);
  }

  get isRequestSent(): boolean {
    return this.#body === null || this.#body.isSent;
  }

  onClientTurnEnd(): void {
    const { connection } = this.#relay;
    if (connection !== null && this.#isConnected) {
      connection.flush();
      if (connection.isBlocked) {
        this.#downstream.pauseRequest();
      }
    }
  }

  onTargetDrain(): void {
    this.#body?.resume();
    this.#downstream.resumeRequest();
  }

  // --- what the target answers -------------------------------------------------------------------------------------

  onAnswered(status: number): boolean {
    this.#request.entry?.answered();
    if (this.#retries.onStatus.length > 0 && this.#tryAgainAfter(status)) {
      return false;
    }
    this.#time?.timeAll();
    if (this.#place.isTimed) {
      this.#place.observe(isTargetsFailure(status) ? 'failed' : 'answered', this.#isBodyComplete);
    }
    // Nothing is sent again once it is being answered.
    this.#body?.letGo();
    return true;
  }

  onSwitched(): void {
    this.#place.cohort.tunnels++;
  }

  onTunnelEnd(): void {
    this.#relay.tunnel?.endByClient();
    this.#relay.finishTunnel();
  }

  onClientDrain(): void {
    this.#relay.resume();
  }

  onReplied(): void {
    this.#finish('completed', this.#relay.status);
  }

  // --- further tries -----------------------------------------------------------------------------------------------

  onFailure(code: FailureCode, how: FailureContext): void {
    this.#isConnected = false;
    if (!this.#isFinished && !this.#tryAgain(this.#reasonAfter(code, how), failureOf(code).source === 'upstream')) {
      this.#fail(code);
    }
  }

  #reasonAfter(code: FailureCode, how: FailureContext): RetryReason | null {
    return this.#relay.status === 0
      ? reasonAfterFailure(this.#retries, code, how, this.#isRepeatable, this.#isWholeHeld)
      : null;
  }

  get #isWholeHeld(): boolean {
    return this.#body === null || this.#body.isWholeHeld;
  }

  /** It may be processed twice, all of it is at hand, and the client has heard nothing of it. */
  get #isRepeatable(): boolean {
    return this.#request.isIdempotent && this.#isWholeHeld && this.#relay.status === 0 && !this.#relay.hasInterim;
  }

  #tryAgainAfter(status: number): boolean {
    const reason = reasonAfterStatus(this.#retries, status, this.#isRepeatable);
    const { connection } = this.#relay;
    if (!this.#tryAgain(reason, true)) {
      return false;
    }
    // What is left of its answer is not waited for.
    connection?.destroy();
    return true;
  }

  /** `isTargets`: what failed was the target, and not this proxy. False: there is no further try. */
  #tryAgain(reason: RetryReason | null, isTargets: boolean): boolean {
    if (reason === null) {
      return false;
    }
    this.#tries ??= new FurtherTries(this.#retries, this.#place, this.#context, this);
    return this.#tries.begin(reason, isTargets, this.#isBodyComplete);
  }

  onTryEnded(): void {
    this.#relay.connection = null;
    this.#isConnected = false;
    this.#body?.stop();
  }

  waitForTry(): void {
    this.#time?.timeAll();
  }

  onTimeUp(isTryTimed: boolean): void {
    const wasConnected = this.#isConnected;
    this.#drop();
    if (!isTryTimed) {
      return this.#fail('total_timeout');
    }
    const reason = wasConnected ? this.#reasonAfterSlowTry() : this.#retries.onConnect ? 'connect' : null;
    if (!this.#tryAgain(reason, true)) {
      this.#fail(wasConnected ? 'response_timeout' : 'connect_timeout');
    }
  }

  /** As if the target had answered 504. */
  #reasonAfterSlowTry(): RetryReason | null {
    return reasonAfterStatus(this.#retries, 504, this.#isRepeatable) === null ? null : 'per-try-timeout';
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  /** Could not be begun. The caller answers the client. */
  abandon(): void {
    this.#drop();
    this.#place.pool.failures.add('internal');
    this.#note('internal');
    this.#finish('proxyFailed', failureOf('internal').status);
  }

  onClientGone(): void {
    this.#drop();
    if (this.isTunnel) {
      return this.#finish('completed', this.#relay.status);
    }
    if (!this.#isFinished) {
      this.#place.pool.failures.add('client_closed');
      this.#note('client_closed');
      if (this.#relay.status === 0) {
        this.#place.observe('abandoned', this.#isBodyComplete);
      }
    }
    this.#finish('clientAborted', 499);
  }

  onClientFault(code: FailureCode): void {
    this.onFault(code);
  }

  /** A drain's time is up. */
  cut(): void {
    this.onFault('cut');
  }

  onFault(code: FailureCode): void {
    this.#drop();
    this.#fail(code);
  }

  #drop(): void {
    this.#body?.stop();
    this.#relay.drop();
  }

  #fail(code: FailureCode): void {
    if (this.#isFinished) {
      return;
    }
    const relay = this.#relay;
    const { status, source } = failureOf(code);
    const { hasReachedClient } = relay;
    if (relay.status === 0 && source === 'upstream') {
      this.#place.observe(code === 'total_timeout' ? 'abandoned' : 'failed', this.#isBodyComplete);
    }
    this.#place.pool.failures.add(code);
    this.#note(code);
    this.#finish(outcomeOf(code), hasReachedClient ? relay.status : status);
    if (hasReachedClient) {
      this.#downstream.abort();
    } else {
      relay.withdraw();
      this.#downstream.answer(code, this.#request.requestId);
    }
  }

  #finish(outcome: Outcome, status: number): void {
    if (this.#isFinished) {
      return;
    }
    this.#isFinished = true;
    this.#body?.close();
    this.#relay.close();
    this.#time?.close();
    this.#tries?.close();
    this.#place.leave();
    this.#mirror?.abandon();
    this.#place.count(this.#request.methodIndex, status);
    this.#place.cohort.leave(this, outcome);
    this.#place.tellEnd(outcome, this.#relay.targetStatus, this.#isBodyComplete);
    this.#request.entry?.end(status, this.#place.pool, this.#place.target);
  }

  /** For the log. */
  #note(code: FailureCode): void {
    if (this.#request.entry !== null) {
      this.#request.entry.failure = code;
    }
  }
}
