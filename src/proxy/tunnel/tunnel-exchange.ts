/**
 * One client's connection and the one that was made for it to a target: bytes pass both ways as they are, each side ends by
 * itself, and a side that breaks breaks the other.
 *
 *   start ─► (waiting) ─► connecting ─► open ─► finished
 *                 ▲           │
 *                 └── retry ──┘
 *
 * In the ledger it is one request. It counts as a tunnel as long as it is open, and its end says how it went: in order when
 * both sides have closed, after each has sent all that it had.
 */
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { RetrySpec } from '../../snapshot/protection-spec.ts';
import type { ProxyHeaderVersion, ServiceSpec } from '../../snapshot/types.ts';
import type { AccessEntry } from '../access-log.ts';
import { TCP_METHOD } from '../counters.ts';
import { type Deadlines, type Expiring, NEVER } from '../deadlines.ts';
import { type FailureCode, failureOf } from '../errors.ts';
import { FurtherTries, reasonAfterFailure, type TriedExchange } from '../forward/further-tries.ts';
import type { Placement } from '../forward/placement.ts';
import { GatheredBytes } from '../http1/gathered-bytes.ts';
import type { CohortMember } from '../ledger.ts';
import type { Applicant } from '../limit/admission.ts';
import { type Outcome, outcomeOf } from '../outcome.ts';
import type { FailureContext } from '../upstream/target-connection.ts';
import type { Target } from '../upstream/target.ts';
import type { PassedBytes } from '../passed-bytes.ts';
import { type Sender, UNKNOWN_SENDER } from '../read-buffers.ts';
import { writeProxyHeader } from './proxy-header.ts';
import type { TunnelClient } from './tunnel-client.ts';
import { TunnelTarget, type TunnelTargetUser } from './tunnel-target.ts';

export interface TunnelContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
}

/** Of a connection that was never made nothing can have been sent. */
const UNCONNECTED: FailureContext = { unconnected: true, reused: false, unsent: true, unanswered: true };

export class TunnelExchange implements CohortMember, Applicant<Target>, TriedExchange, Expiring, TunnelTargetUser {
  readonly #client: TunnelClient;
  readonly #entry: AccessEntry | null;
  readonly #place: Placement;
  readonly #retries: RetrySpec;
  readonly #connectMs: number;
  readonly #idleMs: number;
  /** How the target is told who the client is; null: it is not. */
  readonly #proxyProtocol: ProxyHeaderVersion | null;
  readonly #context: TunnelContext;
  readonly #deadlines: Deadlines;
  readonly #passed: PassedBytes;

  next: CohortMember | null = null;
  previous: CohortMember | null = null;
  deadlineAt = NEVER;
  deadlineSlot = -1;

  #target: TunnelTarget | null = null;
  #tries: FurtherTries | null = null;
  /** What the client has sent before there was a connection to a target: no more than one read. */
  #early: GatheredBytes | null = null;
  #connectStartedAtMs = 0;
  #isOpen = false;
  #hasClientEnded = false;
  #hasTargetEnded = false;
  #isClientClosed = false;
  #isTargetClosed = false;
  #isFinished = false;

  constructor(
    client: TunnelClient,
    { timeouts, retries, proxyProtocol }: Pick<ServiceSpec, 'timeouts' | 'retries' | 'proxyProtocol'>,
    place: Placement,
    context: TunnelContext,
  ) {
    this.#client = client;
    this.#entry = client.entry;
    this.#place = place;
    this.#retries = retries;
    this.#connectMs = timeouts.connectMs;
    this.#idleMs = timeouts.tunnelIdleMs;
    this.#proxyProtocol = proxyProtocol;
    this.#context = context;
    this.#deadlines = context.deadlines;
    this.#passed = place.pool.passed;
    place.begin();
  }

  get isTunnel(): boolean {
    return this.#isOpen;
  }

  /** Bytes of the client can pass on. */
  get takesBytes(): boolean {
    return this.#isOpen && this.#target?.isBlocked === false;
  }

  /** Goes to its target, or waits for one that has room. It was counted in flight before. */
  start(): void {
    this.#deadlines.add(this);
    if (this.#place.take(this)) {
      this.connect();
    }
  }

  // --- to a target -------------------------------------------------------------------------------------------------

  onRoom(target: Target): void {
    this.#place.enterFromLine(target);
    this.connect();
  }

  onWaitedTooLong(): void {
    this.onFault('queue_timeout');
  }

  connectOutOfTurn(): void {
    this.connect();
  }

  connect(): void {
    this.#connectStartedAtMs = this.#context.clock.monotonicMs();
    this.deadlineAt = this.#deadlines.nowMs + this.#connectMs;
    if (this.#entry !== null) {
      this.#entry.tries++;
      this.#entry.sent();
    }
    this.#target = new TunnelTarget(this.#place.target.connections, this.#client.readBuffer, this);
  }

  onConnected(): void {
    const target = this.#target as TunnelTarget;
    this.#place.target.connects.observe(this.#context.clock.monotonicMs() - this.#connectStartedAtMs);
    this.#place.tellConnected();
    this.#entry?.answered();
    this.#isOpen = true;
    this.#place.cohort.tunnels++;
    this.#client.becomeTunnel();
    this.#touch();
    if (this.#proxyProtocol !== null) {
      const header = writeProxyHeader(this.#proxyProtocol, this.#client.addresses);
      target.write(header, header.length);
    }
    const early = this.#early;
    this.#early = null;
    if (early !== null) {
      this.#countFromClient(early.length);
      target.write(early.buffer.subarray(early.start, early.end), early.length);
    }
    if (this.#hasClientEnded) {
      target.end();
    } else if (!target.isBlocked) {
      this.#client.resume();
    }
  }

  onUnconnected(code: FailureCode): void {
    this.#target = null;
    const reason = reasonAfterFailure(this.#retries, code, UNCONNECTED, false, false);
    this.#tries ??= new FurtherTries(this.#retries, this.#place, this.#context, this);
    if (reason === null || !this.#tries.begin(reason, failureOf(code).source === 'upstream', true)) {
      this.onFault(code);
    }
  }

  onTryEnded(): void {
    this.#target = null;
  }

  waitForTry(): void {
    this.deadlineAt = NEVER;
  }

  // --- bytes -------------------------------------------------------------------------------------------------------

  fromClient(buffer: Buffer, count: number): boolean {
    const target = this.#target;
    if (!this.#isOpen || target === null) {
      this.#keepEarly(buffer, count);
      return false;
    }
    this.#touch();
    this.#countFromClient(count);
    const isHeld = target.write(buffer, count);
    if (target.isBlocked) {
      this.#client.pause();
    }
    return isHeld;
  }

  fromTarget(buffer: Buffer, count: number): boolean {
    this.#touch();
    this.#passed.toClients += count;
    if (this.#entry !== null) {
      this.#entry.bytesOut += count;
    }
    const isHeld = this.#client.write(buffer, count);
    if (this.#client.isBlocked) {
      this.#target?.pause();
    }
    return isHeld;
  }

  #countFromClient(count: number): void {
    this.#passed.fromClients += count;
    if (this.#entry !== null) {
      this.#entry.bytesIn += count;
    }
  }

  #keepEarly(buffer: Buffer, count: number): void {
    this.#early ??= new GatheredBytes();
    this.#early.add(buffer, 0, count);
    this.#client.pause();
  }

  onClientDrain(): void {
    this.#touch();
    this.#target?.resume();
  }

  onTargetDrain(): void {
    this.#touch();
    this.#client.resume();
  }

  onClientEnd(): void {
    this.#hasClientEnded = true;
    if (this.#isOpen) {
      this.#touch();
      this.#target?.end();
    }
  }

  onTargetEnd(): void {
    this.#hasTargetEnded = true;
    this.#touch();
    this.#client.end();
  }

  #touch(): void {
    this.deadlineAt = this.#deadlines.nowMs + this.#idleMs;
  }

  // --- of a client that had to wait for the end of a pause ---------------------------------------------------------

  requestBody(chunk: Buffer): Sender | null {
    return this.fromClient(chunk, chunk.length) ? UNKNOWN_SENDER : null;
  }

  requestEnd(): void {
    this.onClientEnd();
  }

  onClientTurnEnd(): void {}

  // --- the end -----------------------------------------------------------------------------------------------------

  expire(): void {
    if (!this.#isOpen) {
      this.#target?.drop();
      return this.onUnconnected('connect_timeout');
    }
    const target = this.#target as TunnelTarget;
    const isPending = this.#client.hasPending || target.hasPending;
    if (!isPending) {
      return this.onFault('connection_idle');
    }
    // A side that takes what waits for it byte by byte is not idle, which only its socket can tell.
    this.#touch();
    if (this.#client.hasPending) {
      this.#client.watch(this.#idleMs);
    }
    if (target.hasPending) {
      target.watch(this.#idleMs);
    }
  }

  onClientClosed(): void {
    if (!this.#hasClientEnded || !this.#hasTargetEnded) {
      return this.onClientBroken();
    }
    this.#isClientClosed = true;
    this.#finishIfClosed();
  }

  onTargetClosed(): void {
    if (!this.#hasClientEnded || !this.#hasTargetEnded) {
      return this.onFault('upstream_closed');
    }
    this.#isTargetClosed = true;
    this.#finishIfClosed();
  }

  #finishIfClosed(): void {
    if (this.#isClientClosed && this.#isTargetClosed) {
      this.#finish('completed', 0);
    }
  }

  onClientBroken(): void {
    this.onFault('client_closed');
  }

  /** A drain's time is up. */
  cut(): void {
    this.onFault('cut');
  }

  /** Could not be begun, by a mistake of ours. */
  abandon(): void {
    this.onFault('internal');
  }

  onFault(code: FailureCode): void {
    if (this.#isFinished) {
      return;
    }
    const { source, status } = failureOf(code);
    this.#place.pool.failures.add(code);
    if (this.#entry !== null) {
      this.#entry.failure = code;
    }
    if (!this.#isOpen && source === 'upstream') {
      this.#place.observe('failed', true);
    }
    this.#finish(outcomeOf(code), status);
    this.#target?.drop();
    this.#client.abort();
  }

  #finish(outcome: Outcome, status: number): void {
    this.#isFinished = true;
    const place = this.#place;
    this.#deadlines.remove(this);
    this.#tries?.close();
    place.leave();
    place.count(TCP_METHOD, status);
    place.cohort.leave(this, outcome);
    this.#entry?.end(status, place.pool, place.target);
    if (this.#isOpen) {
      // What there was to be said of the target was said when it let itself be connected to.
      place.giveRoom(place.target);
    } else {
      place.tellEnd(outcome, 0, true);
    }
  }
}
