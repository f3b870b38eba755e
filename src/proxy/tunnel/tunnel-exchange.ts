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
import type { CohortMember } from '../ledger.ts';
import type { Applicant } from '../limit/admission.ts';
import { type Outcome, outcomeOf } from '../outcome.ts';
import type { FailureContext } from '../upstream/target-connection.ts';
import type { Target } from '../upstream/target.ts';
import type { PassedBytes } from '../passed-bytes.ts';
import { INLINE_BYTES_MAX, type Sender } from '../read-buffers.ts';
import { writeProxyHeader } from './proxy-header.ts';
import type { TunnelClient } from './tunnel-client.ts';
import type { TunnelEnd } from './tunnel-end.ts';
import { TunnelTarget, type TunnelTargetUser } from './tunnel-target.ts';

export interface TunnelContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
}

/** Both sides are probed once nothing has passed for so long: most connections are over before, and need none. */
const PROBED_AFTER_MS = 10_000;

/** Of a connection that was never made nothing can have been sent. */
const UNCONNECTED: FailureContext = { unconnected: true, reused: false, unsent: true, unanswered: true };

export class TunnelExchange implements CohortMember, Applicant<Target>, TriedExchange, Expiring, TunnelTargetUser {
  readonly #client: TunnelClient;
  readonly #entry: AccessEntry | null;
  readonly #place: Placement;
  readonly #retries: RetrySpec;
  readonly #connectMs: number;
  readonly #idleMs: number;
  /** The silence after which something is done: until both sides are probed, it may be shorter than what ends it. */
  #quietMs: number;
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
  /** What the client has sent before there was a connection to a target, a character for each byte: at most two pieces. */
  #early = '';
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
    this.#quietMs = Math.min(PROBED_AFTER_MS, this.#idleMs);
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
    return this.#isOpen && this.#target?.wire.isBlocked === false;
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
    this.#target = new TunnelTarget(this.#place.target.connections, this.#client.memory, this);
  }

  onConnected(): void {
    this.#place.target.connects.observe(this.#context.clock.monotonicMs() - this.#connectStartedAtMs);
    this.#place.tellConnected();
    this.#entry?.answered();
    this.#isOpen = true;
    this.#place.cohort.tunnels++;
    this.#client.becomeTunnel();
    this.#touch();
    const { wire } = this.#target as TunnelTarget;
    this.#sendFirst(wire);
    if (this.#hasClientEnded) {
      wire.end();
    } else if (wire.isBlocked) {
      this.#client.wire.pause();
    } else {
      this.#client.wire.resume();
    }
  }

  /** Who the client is, where the target wants to know, and what it has said so far. */
  #sendFirst(wire: TunnelEnd): void {
    const early = this.#early;
    this.#early = '';
    this.#countFromClient(early.length);
    const header =
      this.#proxyProtocol === null
        ? ''
        : writeProxyHeader(this.#proxyProtocol, this.#client.addresses).toString('latin1');
    wire.writeText(header + early);
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

  fromClient(buffer: Buffer, count: number): Sender | null {
    const target = this.#target;
    if (!this.#isOpen || target === null) {
      this.#keepEarly(buffer, count);
      return null;
    }
    this.#touch();
    this.#countFromClient(count);
    const holder = target.wire.write(buffer, count);
    if (target.wire.isBlocked) {
      this.#client.wire.pause();
    }
    return holder;
  }

  fromTarget(buffer: Buffer, count: number): Sender | null {
    this.#touch();
    this.#passed.toClients += count;
    if (this.#entry !== null) {
      this.#entry.bytesOut += count;
    }
    const holder = this.#client.wire.write(buffer, count);
    if (this.#client.wire.isBlocked) {
      this.#target?.wire.pause();
    }
    return holder;
  }

  #countFromClient(count: number): void {
    this.#passed.fromClients += count;
    if (this.#entry !== null) {
      this.#entry.bytesIn += count;
    }
  }

  #keepEarly(buffer: Buffer, count: number): void {
    // A short piece is nearly always all that comes so soon: to stop reading and go on again would cost more.
    if (this.#early !== '' || count > INLINE_BYTES_MAX) {
      this.#client.wire.pause();
    }
    this.#early += buffer.toString('latin1', 0, count);
  }

  onClientDrain(): void {
    this.#touch();
    this.#target?.wire.resume();
  }

  onTargetDrain(): void {
    this.#touch();
    this.#client.wire.resume();
  }

  onClientEnd(): void {
    this.#hasClientEnded = true;
    if (this.#isOpen) {
      this.#touch();
      this.#target?.wire.end();
    }
  }

  onTargetEnd(): void {
    this.#hasTargetEnded = true;
    this.#touch();
    this.#client.wire.end();
  }

  #touch(): void {
    this.deadlineAt = this.#deadlines.nowMs + this.#quietMs;
  }

  // --- of a client that had to wait for the end of a pause ---------------------------------------------------------

  requestBody(chunk: Buffer): Sender | null {
    return this.fromClient(chunk, chunk.length);
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
    if (this.#quietMs < this.#idleMs) {
      return this.#probe();
    }
    const { wire: client } = this.#client;
    const { wire: target } = this.#target as TunnelTarget;
    if (!client.hasPending && !target.hasPending) {
      return this.onFault('connection_idle');
    }
    // A side that takes what waits for it byte by byte is not idle, which only its socket can tell.
    this.#touch();
    if (client.hasPending) {
      client.watch(this.#idleMs);
    }
    if (target.hasPending) {
      target.watch(this.#idleMs);
    }
  }

  /** The silence goes on until it has lasted as long as it may. */
  #probe(): void {
    this.deadlineAt += this.#idleMs - this.#quietMs;
    this.#quietMs = this.#idleMs;
    this.#client.wire.probe();
    this.#target?.wire.probe();
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
