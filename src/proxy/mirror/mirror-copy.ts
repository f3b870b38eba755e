/**
 * A copy of one request for a pool whose answer nobody sees. It never holds up the request it is a copy of: it has
 * connections of its own, waits for nothing, and is dropped and counted where it would need more than it may have.
 *
 * The body is gathered while it passes, up to a limit, and sent once it is whole: a request that was broken off is not
 * shown to the shadow. Nothing is sent twice, so that what the shadow counts is what was copied.
 */
import type { Clock } from '../../base/clock.ts';
import type { MirrorSpec } from '../../snapshot/types.ts';
import { type Deadlines, type Expiring, NEVER } from '../deadlines.ts';
import type { BoundMirror } from '../decide-mirror.ts';
import type { FailureCode } from '../errors.ts';
import { GatheredBytes } from '../http1/gathered-bytes.ts';
import type { Framing } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { Pool } from '../pool.ts';
import type { CopyUnderWay, MirrorDropReason } from '../shadow-traffic.ts';
import type { ConnectionUser, TargetConnection } from '../upstream/target-connection.ts';
import type { Target } from '../upstream/target.ts';
import { shadowHead } from './shadow-head.ts';

export interface CopiedRequest {
  readonly method: string;
  readonly methodIndex: number;
  readonly head: string;
  readonly framing: Framing;
}

export class MirrorCopy implements ConnectionUser, Expiring, CopyUnderWay {
  readonly upgrade = '';
  readonly copiedBytesMax = Number.POSITIVE_INFINITY;
  method = 'GET';
  deadlineAt = NEVER;
  deadlineSlot = -1;
  readonly #mirror: BoundMirror;
  readonly #hashKey: string;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  #request: CopiedRequest | null = null;
  #body: GatheredBytes | null = null;
  /** Of the request's body, as long as they are held here or on their way. */
  #bytesHeld = 0;
  #target: Target | null = null;
  #connection: TargetConnection | null = null;
  #startedAtMs = 0;
  #status = 0;
  #answerBytes = 0;
  #phase: 'gathering' | 'sent' | 'over' = 'gathering';

  constructor(mirror: BoundMirror, hashKey: string, clock: Clock, deadlines: Deadlines) {
    this.#mirror = mirror;
    this.#hashKey = hashKey;
    this.#clock = clock;
    this.#deadlines = deadlines;
  }

  get #pool(): Pool {
    return this.#mirror.pool;
  }

  get #spec(): MirrorSpec {
    return this.#mirror.spec;
  }

  // --- the request -------------------------------------------------------------------------------------------------

  begin(request: CopiedRequest, isComplete: boolean): void {
    this.#request = request;
    this.method = request.method;
    if (isComplete) {
      this.end();
    }
  }

  body(chunk: Buffer): void {
    if (this.#phase !== 'gathering') {
      return;
    }
    const { bodyBytesMax, concurrencyMax } = this.#spec;
    const { shadow } = this.#pool;
    if (this.#bytesHeld + chunk.length > bodyBytesMax) {
      return this.#giveUp('body-too-large');
    }
    // Bodies that come slowly are held for as long as they take: of any number of them no more than what may be sent.
    if (shadow.bytesHeld + chunk.length > bodyBytesMax * shadow.partOf(concurrencyMax)) {
      return this.#giveUp('busy');
    }
    this.#body ??= new GatheredBytes();
    this.#body.add(chunk, 0, chunk.length);
    this.#bytesHeld += chunk.length;
    shadow.bytesHeld += chunk.length;
  }

  /** The request is whole: the copy goes its own way. */
  end(): void {
    if (this.#phase !== 'gathering') {
      return;
    }
    const { shadow } = this.#pool;
    if (shadow.underWay.size >= shadow.partOf(this.#spec.concurrencyMax)) {
      return this.#giveUp('busy');
    }
    const target = this.#pool.pick(null, this.#hashKey);
    if (target === null) {
      return this.#giveUp('no-target');
    }
    if (target.shadowRest.isResting(this.#deadlines.nowMs)) {
      return this.#giveUp('resting');
    }
    this.#sendTo(target);
  }

  #sendTo(target: Target): void {
    this.#target = target;
    this.#phase = 'sent';
    this.#pool.shadow.underWay.add(this);
    this.#startedAtMs = this.#clock.monotonicMs();
    this.deadlineAt = this.#deadlines.nowMs + this.#spec.timeoutMs;
    this.#deadlines.add(this);
    // As for a request that must not be sent twice: a copy that dies with a kept connection is a shadow's failure for nothing.
    const kept = target.shadowConnections.takeIdle(false);
    this.#connection = kept ?? target.shadowConnections.open();
    this.#connection.claim(this);
    if (kept !== null) {
      this.onConnected();
    }
  }

  /** The request that this is a copy of is over; a copy that was not sent by then never will be. */
  abandon(): void {
    if (this.#phase === 'gathering') {
      this.#phase = 'over';
      this.#letGoOfBody();
    }
  }

  // --- the shadow --------------------------------------------------------------------------------------------------

  onConnected(): void {
    const connection = this.#connection;
    const request = this.#request;
    if (connection === null || request === null) {
      return;
    }
    connection.request(shadowHead(request.head, this.#mirror.withheld), request.framing, this.#spec.timeoutMs);
    if (this.#body !== null) {
      connection.body(this.#body.buffer.subarray(0, this.#body.length));
      this.#body = null;
    }
    // Its time is that of the whole copy.
    connection.end('', NEVER);
    connection.flush();
  }

  onInterim(): void {}

  onResponse(head: ResponseHead): void {
    this.#status = head.status;
    this.#target?.shadowRest.answered();
    if (head.framing === 'length') {
      this.#limitAnswer(head.contentLength);
    }
  }

  onBody(chunk: Buffer): null {
    this.#answerBytes += chunk.length;
    this.#limitAnswer(this.#answerBytes);
    return null;
  }

  #limitAnswer(bytes: number): void {
    if (bytes > this.#spec.answerBytesMax) {
      this.#pool.shadow.dropped.add('answer-too-large');
      this.#connection?.destroy();
      this.#finish();
    }
  }

  onEnd(): void {
    this.#connection?.release(true);
    this.#finish();
  }

  onTurnEnd(): void {}

  onDrain(): void {}

  onFailure(code: FailureCode): void {
    this.#pool.shadow.failures.add(code);
    if (this.#status === 0) {
      this.#target?.shadowRest.failed(this.#deadlines.nowMs);
    }
    this.#finish();
  }

  expire(): void {
    this.#connection?.destroy();
    this.onFailure('total_timeout');
  }

  cut(): void {
    this.#connection?.destroy();
    this.onFailure('cut');
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  #giveUp(reason: MirrorDropReason): void {
    this.#phase = 'over';
    this.#letGoOfBody();
    this.#pool.shadow.dropped.add(reason);
  }

  #finish(): void {
    const { shadow } = this.#pool;
    this.#phase = 'over';
    this.#connection = null;
    this.#letGoOfBody();
    shadow.underWay.delete(this);
    this.#deadlines.remove(this);
    if (this.#request !== null) {
      shadow.traffic.count(this.#request.methodIndex, this.#status, this.#clock.monotonicMs() - this.#startedAtMs);
    }
  }

  #letGoOfBody(): void {
    this.#body = null;
    this.#pool.shadow.bytesHeld -= this.#bytesHeld;
    this.#bytesHeld = 0;
  }
}
