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
 */
import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { BufferSpec, KeptIn } from '../../snapshot/buffer-spec.ts';
import type { RetrySpec } from '../../snapshot/protection-spec.ts';
import type { ServiceLimits, ServiceSpec, ServiceTimeouts } from '../../snapshot/types.ts';
import type { ServiceBuffers } from '../buffer/service-buffers.ts';
import { type Deadlines, type Expiring, NEVER } from '../deadlines.ts';
import type { Downstream, UpstreamBound } from '../downstream.ts';
import { type FailureCode, failureOf } from '../errors.ts';
import type { FieldSection } from '../http1/field-section.ts';
import { GatheredBytes } from '../http1/gathered-bytes.ts';
import { passingTrailers } from '../http1/passing-fields.ts';
import type { Framing } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { ResponseEdits } from '../http1/response-writer.ts';
import type { Cohort, CohortMember } from '../ledger.ts';
import { type Outcome, outcomeOf } from '../outcome.ts';
import type { Applicant, Ticket } from '../limit/admission.ts';
import type { Pool, RetryReason } from '../pool.ts';
import type { ConnectionUser, FailureContext, TargetConnection } from '../upstream/target-connection.ts';
import type { Target } from '../upstream/target.ts';
import { UNWANTED_MS_MAX, UnwantedBody } from '../upstream/unwanted-body.ts';
import { BufferedRequest, type BufferedRequestUser } from './buffered-request.ts';
import { BufferedResponse, type BufferedResponseUser } from './buffered-response.ts';
import { endingOf, endingOfTry, isTargetsFailure } from './ending.ts';
import { FurtherTries, reasonAfterFailure, reasonAfterStatus } from './further-tries.ts';

/** Body bytes held for a connection that is being made, or for a second try; above it the client is not read. */
const HELD_BYTES_MAX = 65_536;

export interface ExchangeRequest {
  readonly method: string;
  readonly methodIndex: number;
  /** As it goes on the wire. */
  readonly head: string;
  readonly framing: Framing;
  readonly upgrade: string;
  readonly requestId: string;
  /** Lower-case names of fields that do not pass, in trailers either. */
  readonly withheld: ReadonlySet<string>;
  /** It may be processed twice (RFC 9110 section 9.2.2). */
  readonly isIdempotent: boolean;
  /** How the body is kept until it is whole; null: it passes as it comes. */
  readonly kept: BufferSpec | null;
}

/** A copy of the request that goes elsewhere: it is told what passes and never waited for. */
export interface RequestCopy {
  begin(request: ExchangeRequest, isComplete: boolean): void;
  body(chunk: Buffer): void;
  end(): void;
  /** The request is over; a copy that was not whole by then is not sent. */
  abandon(): void;
}

/** User code that sees the response. */
export interface ResponseEditor {
  /** What goes to the client otherwise than it came; `null`: it failed, and has been reported. */
  edit(head: ResponseHead): ResponseEdits | null;
}

/** Fields that the service adds to the answer. */
export interface AnswerFields {
  /** Complete lines, for an answer of the target with this id. */
  of(targetId: string): string;
}

/** Where a request goes, and by whose settings. */
export interface ExchangeRoute {
  readonly pool: Pool;
  readonly target: Target;
  /** The request's session is bound to the target. */
  readonly isBound: boolean;
  /** The target has no room: it waits for that, or for any other's. */
  readonly mustWait: 'no' | 'for-any' | 'for-this';
  /** What of the request decides on a target, where the algorithm asks. */
  readonly hashKey: string;
  readonly cohort: Cohort;
  /** null: nothing is kept until it is whole. */
  readonly buffers: ServiceBuffers | null;
  readonly settings: Pick<ServiceSpec, 'timeouts' | 'limits' | 'retries'>;
}

export interface ExchangeExtras {
  /** Gives a user its id: complete lines; "" for none. */
  readonly userField: string;
  /** Binds the session to the target; "" for none. */
  readonly sessionField: string;
  /** The same for another target, where the request may have to wait for one. */
  readonly sessionFieldFor: ((target: Target) => string) | null;
  /** null: none. */
  readonly answerFields: AnswerFields | null;
  readonly mirror: RequestCopy | null;
  /** null: no user code sees the response. */
  readonly editor: ResponseEditor | null;
}

export interface ExchangeContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
}

export class Exchange
  implements
    ConnectionUser,
    CohortMember,
    UpstreamBound,
    Expiring,
    Applicant<Target>,
    BufferedRequestUser,
    BufferedResponseUser
{
  readonly method: string;
  readonly upgrade: string;
  readonly #request: ExchangeRequest;
  readonly #downstream: Downstream;
  readonly #pool: Pool;
  /** What of the request decides on a target, where the algorithm asks. */
  readonly #hashKey: string;
  readonly #cohort: Cohort;
  readonly #timeouts: ServiceTimeouts;
  readonly #limits: ServiceLimits;
  readonly #retries: RetrySpec;
  readonly #context: ExchangeContext;
  readonly #startedAtMs: number;
  readonly #isIdempotent: boolean;

  next: CohortMember | null = null;
  previous: CohortMember | null = null;
  isTunnel = false;
  /** Of the whole exchange, or of one try; NEVER without a limit on either. */
  deadlineAt = NEVER;
  /** Of the whole exchange. */
  #endsAt = NEVER;
  /** `deadlineAt` is that of one try. */
  #isTryTimed = false;

  #target: Target;
  #connection: TargetConnection | null = null;
  #isConnected = false;
  #connectStartedAtMs = 0;
  /** Since when a target has had the whole request; as long as it is being connected to, since when that is tried. */
  #waitingSinceMs = 0;
  #tries: FurtherTries | null = null;
  readonly #mustWait: ExchangeRoute['mustWait'];
  readonly #isBound: boolean;
  /** Its place in the line, while it waits for a target with room. */
  #ticket: Ticket<Target> | null = null;

  /** Body bytes that may have to be sent: for the first time, or again. */
  #held: GatheredBytes | null = null;
  /** No byte of the body that came was let go of. */
  #isWholeHeld = true;
  #bodyBytes = 0;
  #isBodyComplete: boolean;
  #trailers = '';

  readonly #buffers: ServiceBuffers | null;
  /** Keeps the request until it is whole; null: it passes as it comes. */
  readonly #bufferedRequest: BufferedRequest | null;
  /** Keeps the response until it is whole; null: it passes as it comes, or there is none yet. */
  #bufferedResponse: BufferedResponse | null = null;
  /** The target is occupied with this request. */
  #isAtTarget = false;

  readonly #userField: string;
  #sessionField: string;
  readonly #sessionFieldFor: ((target: Target) => string) | null;
  readonly #answerFields: AnswerFields | null;
  /** What the target has answered; 0: nothing yet. */
  #targetStatus = 0;
  /** What the client is told; 0: nothing yet. */
  #status = 0;
  #hasInterim = false;
  #isFinished = false;
  #clientEndedTunnel = false;
  #targetEndedTunnel = false;
  readonly #mirror: RequestCopy | null;
  readonly #editor: ResponseEditor | null;

  constructor(
    request: ExchangeRequest,
    downstream: Downstream,
    route: ExchangeRoute,
    extras: ExchangeExtras,
    context: ExchangeContext,
  ) {
    this.#request = request;
    this.method = request.method;
    this.upgrade = request.upgrade;
    this.#downstream = downstream;
    this.#pool = route.pool;
    this.#target = route.target;
    this.#hashKey = route.hashKey;
    this.#cohort = route.cohort;
    this.#timeouts = route.settings.timeouts;
    this.#limits = route.settings.limits;
    this.#retries = route.settings.retries;
    this.#mustWait = route.mustWait;
    this.#isBound = route.isBound;
    this.#userField = extras.userField;
    this.#sessionField = extras.sessionField;
    this.#answerFields = extras.answerFields;
    this.#sessionFieldFor = extras.sessionFieldFor;
    this.#mirror = extras.mirror;
    this.#editor = extras.editor;
    this.#context = context;
    this.#startedAtMs = context.clock.monotonicMs();
    this.#waitingSinceMs = this.#startedAtMs;
    this.#isIdempotent = request.isIdempotent;
    this.#isBodyComplete = request.framing === 'none';
    this.#buffers = route.buffers;
    this.#bufferedRequest =
      route.buffers === null || request.kept === null
        ? null
        : new BufferedRequest(request.kept, route.buffers.spool, this);
  }

  get requestBodyIdleMs(): number {
    return this.#timeouts.requestBodyIdleMs;
  }

  get responseBodyIdleMs(): number {
    return this.#timeouts.responseBodyIdleMs;
  }

  /** Sends the request on its way. It was counted in flight before. */
  start(): void {
    if (this.#timeouts.totalMs > 0 || this.#retries.perTryMs > 0) {
      this.#endsAt = this.#timeouts.totalMs > 0 ? this.#context.deadlines.nowMs + this.#timeouts.totalMs : NEVER;
      this.deadlineAt = this.#endsAt;
      this.#context.deadlines.add(this);
    }
    this.#mirror?.begin(this.#request, this.#isBodyComplete);
    if (this.#bufferedRequest === null) {
      this.#begin(this.#mustWait);
    }
  }

  /** Goes to its target, or waits for one that has room. */
  #begin(mustWait: ExchangeRoute['mustWait']): void {
    if (mustWait !== 'no') {
      const wanted = mustWait === 'for-this' ? this.#target : null;
      this.#ticket = this.#pool.guard?.admission?.join(this, wanted) ?? null;
    }
    if (this.#ticket === null) {
      this.#enterTarget();
      this.#connect(this.#target.connections.takeIdle(this.#isIdempotent));
    }
  }

  #enterTarget(): void {
    this.#isAtTarget = true;
    this.#target.load.enter();
  }

  /** Its turn has come. */
  onRoom(target: Target): void {
    this.#ticket = null;
    this.#choose(target);
    this.#enterTarget();
    this.#waitingSinceMs = this.#context.clock.monotonicMs();
    this.#connectOutOfTurn();
  }

  /** Another target than the one that was chosen first. */
  #choose(target: Target): void {
    if (target !== this.#target) {
      this.#target = target;
      this.#sessionField = this.#tries === null ? (this.#sessionFieldFor?.(target) ?? '') : '';
    }
  }

  onWaitedTooLong(): void {
    this.#fail('queue_timeout');
  }

  /** Connects while no turn of the client's is going on, at whose end what it causes would be written. */
  #connectOutOfTurn(): void {
    this.#connect(this.#target.connections.takeIdle(this.#isIdempotent));
    this.#downstream.resumeRequest();
    this.onClientTurnEnd();
  }

  #connect(kept: TargetConnection | null): void {
    this.#isConnected = false;
    if (this.#retries.perTryMs > 0) {
      const tryEndsAt = this.#context.deadlines.nowMs + this.#retries.perTryMs;
      this.#isTryTimed = tryEndsAt < this.#endsAt;
      this.deadlineAt = this.#isTryTimed ? tryEndsAt : this.#endsAt;
    }
    if (kept === null) {
      this.#connectStartedAtMs = this.#context.clock.monotonicMs();
      this.#connection = this.#target.connections.open();
      this.#connection.claim(this);
    } else {
      this.#connection = kept;
      kept.claim(this);
      this.#send(kept);
    }
  }

  onConnected(): void {
    const connection = this.#connection;
    assert(connection !== null, 'only the connection of an exchange connects for it');
    const nowMs = this.#context.clock.monotonicMs();
    this.#target.connects.observe(nowMs - this.#connectStartedAtMs);
    // The first request on a connection would make its target look slow.
    this.#waitingSinceMs = nowMs;
    this.#send(connection);
    connection.flush();
    this.#downstream.resumeRequest();
  }

  #send(connection: TargetConnection): void {
    this.#isConnected = true;
    connection.request(this.#request.head, this.#request.framing, this.#timeouts.requestBodyIdleMs);
    if (this.#bufferedRequest !== null) {
      return this.#bufferedRequest.sendOn(connection);
    }
    const held = this.#held;
    if (held !== null) {
      connection.body(held.buffer.subarray(0, held.length));
      if (!this.#isResendable(held.length)) {
        this.#letGo();
      }
    }
    if (this.#isBodyComplete) {
      connection.end(this.#trailers, this.#timeouts.responseHeadMs);
    }
  }

  // --- the client's side -------------------------------------------------------------------------------------------

  requestBody(chunk: Buffer): void {
    if (this.isTunnel) {
      this.#connection?.body(chunk);
      this.#connection?.touch();
      return;
    }
    this.#bodyBytes += chunk.length;
    if (this.#limits.requestBodyBytesMax > 0 && this.#bodyBytes > this.#limits.requestBodyBytesMax) {
      return this.onClientFault('body_too_large');
    }
    this.#mirror?.body(chunk);
    if (this.#bufferedRequest !== null) {
      this.#keepRequest(this.#bufferedRequest, chunk);
    } else if (this.#isConnected) {
      this.#connection?.body(chunk);
      this.#holdToResend(chunk);
    } else if (this.#hold(chunk) > HELD_BYTES_MAX) {
      this.#downstream.pauseRequest();
    }
  }

  #keepRequest(request: BufferedRequest, chunk: Buffer): void {
    const result = request.add(chunk);
    if (result !== 'kept') {
      this.onClientFault(result === 'too-long' ? 'body_too_large' : 'buffer_unavailable');
    } else if (request.isBehind) {
      this.#downstream.pauseRequest();
    }
  }

  #holdToResend(chunk: Buffer): void {
    if (!this.#isWholeHeld) {
      return;
    }
    if (this.#isResendable((this.#held?.length ?? 0) + chunk.length)) {
      this.#hold(chunk);
    } else {
      this.#letGo();
    }
  }

  /** Returns how much is held. */
  #hold(chunk: Buffer): number {
    this.#held ??= new GatheredBytes();
    this.#held.add(chunk, 0, chunk.length);
    return this.#held.length;
  }

  #isResendable(bodyBytes: number): boolean {
    return this.#isIdempotent && this.#isWholeHeld && bodyBytes <= HELD_BYTES_MAX;
  }

  #letGo(): void {
    this.#held = null;
    this.#isWholeHeld = false;
  }

  requestEnd(trailers: FieldSection | null): void {
    this.#isBodyComplete = true;
    this.#trailers = passingTrailers(trailers, this.#request.withheld);
    if (this.#target.load.latencyWatcher !== null) {
      // The time that a client takes for its body is not the target's.
      this.#waitingSinceMs = this.#context.clock.monotonicMs();
    }
    this.#mirror?.end();
    if (this.#bufferedRequest !== null) {
      this.#bufferedRequest.end();
    } else if (this.#isConnected) {
      this.#connection?.end(this.#trailers, this.#timeouts.responseHeadMs);
    }
  }

  onClientTurnEnd(): void {
    const connection = this.#connection;
    if (connection !== null && this.#isConnected) {
      connection.flush();
      if (connection.isBlocked) {
        this.#downstream.pauseRequest();
      }
    }
  }

  onClientDrain(): void {
    this.#connection?.resume();
    this.#bufferedResponse?.resume();
  }

  /** Could not be begun. The caller answers the client. */
  abandon(): void {
    this.#drop();
    this.#pool.failures.add('internal');
    this.#finish('proxyFailed', failureOf('internal').status);
  }

  onClientGone(): void {
    this.#drop();
    if (!this.isTunnel && !this.#isFinished) {
      this.#pool.failures.add('client_closed');
      if (this.#status === 0) {
        this.#observe('abandoned');
      }
    }
    this.#finish(this.isTunnel ? 'completed' : 'clientAborted', this.isTunnel ? this.#status : 499);
  }

  onClientFault(code: FailureCode): void {
    this.#drop();
    this.#fail(code);
  }

  onTunnelEnd(): void {
    this.#clientEndedTunnel = true;
    this.#connection?.endTunnel();
    this.#finishTunnel();
  }

  // --- the target's side -------------------------------------------------------------------------------------------

  onInterim(head: ResponseHead): void {
    this.#hasInterim = true;
    this.#downstream.interim(head);
  }

  onResponse(head: ResponseHead): void {
    if (this.#retries.onStatus.length > 0 && this.#tryAgainAfter(head.status)) {
      return;
    }
    this.#timeAll();
    this.#targetStatus = head.status;
    this.#status = head.status;
    if (this.#target.load.latencyWatcher !== null) {
      this.#observe(isTargetsFailure(head.status) ? 'failed' : 'answered');
    }
    // Nothing is sent again once it is being answered.
    this.#letGo();
    if (head.status === 101) {
      this.isTunnel = true;
      this.#cohort.tunnels++;
      this.#connection?.limitSilence(this.#timeouts.tunnelIdleMs);
      this.#downstream.switchProtocols(head);
      return;
    }
    if (this.#editor !== null) {
      return this.#respondEdited(head, this.#editor);
    }
    this.#respond(head, null);
  }

  #respond(head: ResponseHead, edits: ResponseEdits | null): void {
    if (!this.#downstream.respond(head, this.#extraFields, edits) && head.framing !== 'none') {
      return this.#endReplaced();
    }
    this.#connection?.limitSilence(this.#timeouts.responseBodyIdleMs);
    const spec = this.#buffers === null ? null : this.#buffers.ofResponse(head);
    if (spec !== null && this.#buffers !== null) {
      this.#bufferedResponse = new BufferedResponse(spec, this.#buffers.spool, this.#downstream, this);
      if (head.framing === 'length' && !this.#bufferedResponse.takes(head.contentLength)) {
        this.#drop();
        this.#fail('response_too_large');
      }
    }
  }

  /** The client has a whole answer, and waits for nothing that the target may still send. */
  #endReplaced(): void {
    const connection = this.#connection;
    this.#connection = null;
    connection?.passTo(new UnwantedBody(connection, this.#isRequestSent), UNWANTED_MS_MAX);
    this.#finish('completed', this.#status);
    this.#downstream.end(null);
  }

  /** What the client is told, and not what the target said, is what is counted. */
  #respondEdited(head: ResponseHead, editor: ResponseEditor): void {
    this.#status = 0;
    const edits = editor.edit(head);
    if (edits === null) {
      this.#drop();
      return this.#fail('user_code_failed');
    }
    this.#status = edits.status;
    this.#respond(head, edits);
  }

  get #extraFields(): string {
    const fields = this.#userField + this.#sessionField;
    return this.#answerFields === null ? fields : fields + this.#answerFields.of(this.#target.id);
  }

  onBody(chunk: Buffer): boolean {
    return this.#bufferedResponse === null
      ? this.#downstream.body(chunk)
      : this.#keepResponse(this.#bufferedResponse, chunk);
  }

  #keepResponse(response: BufferedResponse, chunk: Buffer): false {
    this.#downstream.expectMore();
    const result = response.add(chunk);
    if (result !== 'kept') {
      this.#drop();
      this.#fail(result === 'too-long' ? 'response_too_large' : 'buffer_unavailable');
    }
    return false;
  }

  onEnd(trailers: FieldSection | null): void {
    if (this.isTunnel) {
      this.#targetEndedTunnel = true;
      this.#downstream.endTunnel();
      this.#finishTunnel();
      return;
    }
    // Released before the client is told, whose next request may be waiting for just this connection.
    this.#connection?.release(this.#isRequestSent);
    this.#connection = null;
    if (this.#bufferedResponse !== null) {
      this.#leaveTarget();
      this.#pool.guard?.admission?.roomAt(this.#target);
      this.#bufferedResponse.end(trailers);
      return;
    }
    this.#finish('completed', this.#status);
    this.#downstream.end(trailers);
  }

  onTurnEnd(): void {
    if (this.#bufferedResponse !== null) {
      if (this.#bufferedResponse.isBehind) {
        this.#connection?.pause();
      }
      return;
    }
    this.#downstream.flush();
    if (this.#downstream.isBlocked) {
      this.#connection?.pause();
    }
  }

  onDrain(): void {
    this.#bufferedRequest?.resume();
    this.#downstream.resumeRequest();
  }

  onFailure(code: FailureCode, how: FailureContext): void {
    this.#connection = null;
    this.#isConnected = false;
    if (!this.#isFinished && !this.#tryAgain(this.#reasonAfter(code, how), failureOf(code).source === 'upstream')) {
      this.#fail(code);
    }
  }

  /** Tells the algorithm what the target took for this request, up to its response head. */
  #observe(how: 'answered' | 'failed' | 'abandoned'): void {
    const { load } = this.#target;
    // A target that answers before it has heard everything says nothing about its speed.
    if (load.latencyWatcher !== null && this.#isAtTarget && (this.#isBodyComplete || how === 'failed')) {
      const nowMs = this.#context.clock.monotonicMs();
      load.latencyWatcher[how](load, nowMs - this.#waitingSinceMs, nowMs);
    }
  }

  // --- further tries -----------------------------------------------------------------------------------------------

  #reasonAfter(code: FailureCode, how: FailureContext): RetryReason | null {
    return this.#status === 0
      ? reasonAfterFailure(this.#retries, code, how, this.#isRepeatable, this.#isWholeHeld)
      : null;
  }

  /** It may be processed twice, all of it is at hand, and the client has heard nothing of it. */
  get #isRepeatable(): boolean {
    return this.#isIdempotent && this.#isWholeHeld && this.#status === 0 && !this.#hasInterim;
  }

  #tryAgainAfter(status: number): boolean {
    const reason = reasonAfterStatus(this.#retries, status, this.#isRepeatable);
    const connection = this.#connection;
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
    this.#tries ??= new FurtherTries(this.#retries, this.#pool, this.#hashKey);
    if (!this.#tries.begin(reason, this.#target)) {
      return false;
    }
    this.#connection = null;
    this.#isConnected = false;
    this.#bufferedRequest?.stop();
    if (reason === 'reused-connection') {
      this.#connect(null);
      return true;
    }
    if (isTargets) {
      this.#observe('failed');
      this.#pool.guard?.record(this.#target, true);
      this.#pool.wellness?.record(this.#target, endingOfTry(reason));
    }
    if (reason === 'connect') {
      this.#tryElsewhere(this.#tries);
    } else {
      this.#tryLater(this.#tries);
    }
    return true;
  }

  /** No try is going on, or it has been answered: what is left of the time is that of the whole exchange. */
  #timeAll(): void {
    this.deadlineAt = this.#endsAt;
    this.#isTryTimed = false;
  }

  #tryLater(tries: FurtherTries): void {
    this.#timeAll();
    const pauseMs = tries.pauseMs(this.#context.random.next());
    tries.pause = this.#context.clock.setTimer(pauseMs, () => this.#tryElsewhere(tries));
  }

  #tryElsewhere(tries: FurtherTries): void {
    const before = this.#target;
    const other = tries.nextTarget(before);
    if (other === null && this.#waitForOther(before)) {
      return;
    }
    if (other !== null && other !== before) {
      before.load.leave();
      this.#target = other;
      this.#waitingSinceMs = this.#context.clock.monotonicMs();
      other.load.enter();
      // A session that was about to be bound to the first one is not bound to another behind its back.
      this.#sessionField = '';
    }
    this.#connectOutOfTurn();
    if (this.#target !== before) {
      this.#pool.guard?.admission?.roomAt(before);
    }
  }

  /** All the other targets have as many requests as they may: false where there is none to wait for. */
  #waitForOther(before: Target): boolean {
    const admission = this.#pool.guard?.admission ?? null;
    const ticket = admission?.joinForOther(this, before) ?? null;
    if (ticket === null) {
      return false;
    }
    this.#ticket = ticket;
    this.#timeAll();
    this.#isAtTarget = false;
    before.load.leave();
    admission?.roomAt(before);
    return true;
  }

  // --- messages that are kept until they are whole -----------------------------------------------------------------

  /** Only now it is settled where it goes: the client may have taken its time, and the target be gone or busy. */
  onRequestKept(keptIn: KeptIn): void {
    this.#pool.kept.add(`request ${keptIn}`);
    this.#waitingSinceMs = this.#context.clock.monotonicMs();
    const chosen = this.#target;
    const isThere = chosen.keepsSessions && this.#pool.targets.get(chosen.id) === chosen;
    if (!isThere) {
      this.#choose(this.#pool.pick(null, this.#hashKey) ?? chosen);
    }
    const admission = this.#pool.guard === null ? null : this.#pool.guard.admission;
    const isBound = this.#isBound && isThere;
    const free = admission === null ? this.#target : admission.place(this.#target, isBound);
    if (free === null && admission?.isFull === true) {
      return this.#fail('queue_full');
    }
    this.#choose(free ?? this.#target);
    this.#begin(free !== null ? 'no' : isBound ? 'for-this' : 'for-any');
    this.onClientTurnEnd();
  }

  onRequestRoom(): void {
    this.#downstream.resumeRequest();
  }

  onRequestSent(connection: TargetConnection): void {
    this.#waitingSinceMs = this.#context.clock.monotonicMs();
    connection.end(this.#trailers, this.#timeouts.responseHeadMs);
    connection.flush();
  }

  /** It is still under way: the target has nothing more to do with it, but the client has not got it. */
  onResponseKept(keptIn: KeptIn): void {
    this.#pool.kept.add(`response ${keptIn}`);
  }

  onResponseRoom(): void {
    this.#connection?.resume();
  }

  onDelivered(trailers: FieldSection | null): void {
    this.#finish('completed', this.#status);
    this.#downstream.end(trailers);
  }

  onBufferFailure(): void {
    this.#drop();
    this.#fail('buffer_unavailable');
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  /** Its time is up, or that of one try. */
  expire(): void {
    const wasConnected = this.#isConnected;
    this.#drop();
    if (!this.#isTryTimed) {
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

  /** A drain's time is up. */
  cut(): void {
    this.#drop();
    this.#fail('cut');
  }

  #drop(): void {
    this.#bufferedRequest?.stop();
    this.#connection?.destroy();
    this.#connection = null;
  }

  #fail(code: FailureCode): void {
    if (this.#isFinished) {
      return;
    }
    const hasAnswered = this.#status !== 0;
    const hasResponded = hasAnswered && (this.#bufferedResponse === null || this.#bufferedResponse.isDelivering);
    if (!hasAnswered && failureOf(code).source === 'upstream') {
      this.#observe(code === 'total_timeout' ? 'abandoned' : 'failed');
    }
    this.#pool.failures.add(code);
    this.#finish(outcomeOf(code), hasResponded ? this.#status : failureOf(code).status);
    if (hasResponded) {
      this.#downstream.abort();
    } else {
      if (hasAnswered) {
        this.#downstream.withdraw();
      }
      this.#downstream.answer(code, this.#request.requestId);
    }
  }

  /** A target may have answered before it was sent all that the client has sent. */
  get #isRequestSent(): boolean {
    return this.#bufferedRequest === null ? this.#isBodyComplete : this.#bufferedRequest.isSent;
  }

  #finishTunnel(): void {
    if (this.#clientEndedTunnel && this.#targetEndedTunnel) {
      this.#connection?.release(false);
      this.#connection = null;
      this.#finish('completed', this.#status);
    }
  }

  #finish(outcome: Outcome, status: number): void {
    if (this.#isFinished) {
      return;
    }
    this.#isFinished = true;
    this.#held = null;
    this.#bufferedRequest?.close();
    this.#bufferedResponse?.close();
    if (this.#timeouts.totalMs > 0 || this.#retries.perTryMs > 0) {
      this.#context.deadlines.remove(this);
    }
    this.#tries?.close();
    this.#leaveTarget();
    this.#mirror?.abandon();
    this.#pool.live.count(this.#request.methodIndex, status, this.#context.clock.monotonicMs() - this.#startedAtMs);
    this.#cohort.leave(this, outcome);
    if (this.#pool.guard !== null || this.#pool.wellness !== null) {
      this.#tellPool(outcome);
    }
  }

  #leaveTarget(): void {
    if (this.#isAtTarget) {
      this.#isAtTarget = false;
      this.#target.load.leave();
    } else if (this.#ticket !== null) {
      this.#pool.guard?.admission?.leave(this.#ticket);
      this.#ticket = null;
    }
  }

  /** What this request tells of its target, and whose turn it is now. */
  #tellPool(outcome: Outcome): void {
    const { guard, wellness } = this.#pool;
    const ending = endingOf(outcome, this.#targetStatus, this.#isBodyComplete);
    if (ending !== null) {
      wellness?.record(this.#target, ending);
      guard?.record(this.#target, ending !== 'well');
      guard?.recordEnd(ending !== 'well');
    }
    guard?.admission?.roomAt(this.#target);
  }
}
