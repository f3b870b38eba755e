/**
 * A copy of one request for a pool whose answer nobody sees. It never holds up the request it is a copy of: it has
 * connections of its own, waits for nothing, and is dropped and counted where it would need more than it may have.
 *
 * The body is gathered while it passes, up to a limit, and sent once it is whole: a request that was broken off is not
 * shown to the shadow.
 */
import type { Clock } from '../../base/clock.ts';
import type { MirrorSpec } from '../../snapshot/types.ts';
import { type Deadlines, type Expiring, NEVER } from '../deadlines.ts';
import { GatheredBytes } from '../http1/gathered-bytes.ts';
import type { Framing } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { MirrorDropReason, Pool } from '../pool.ts';
import type { ConnectionUser, TargetConnection } from '../upstream/target-connection.ts';
import type { Target } from '../upstream/target.ts';

/** Tells the shadow that nobody will see its answer. */
const SHADOW_FIELD = 'X-Shadow-Request: 1\r\n';

export interface CopiedRequest {
  readonly method: string;
  readonly methodIndex: number;
  readonly head: string;
  readonly framing: Framing;
}

export class MirrorCopy implements ConnectionUser, Expiring {
  readonly upgrade = '';
  method = 'GET';
  deadlineAt = NEVER;
  readonly #pool: Pool;
  readonly #spec: MirrorSpec;
  readonly #hashKey: string;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  #request: CopiedRequest | null = null;
  #body: GatheredBytes | null = null;
  #target: Target | null = null;
  #connection: TargetConnection | null = null;
  #startedAtMs = 0;
  #status = 0;
  #phase: 'gathering' | 'sent' | 'over' = 'gathering';

  constructor(pool: Pool, spec: MirrorSpec, hashKey: string, clock: Clock, deadlines: Deadlines) {
    this.#pool = pool;
    this.#spec = spec;
    this.#hashKey = hashKey;
    this.#clock = clock;
    this.#deadlines = deadlines;
  }

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
    this.#body ??= new GatheredBytes();
    if (this.#body.length + chunk.length > this.#spec.bodyBytesMax) {
      return this.#giveUp('body-too-large');
    }
    this.#body.add(chunk, 0, chunk.length);
  }

  /** The request is whole: the copy goes its own way. */
  end(): void {
    if (this.#phase !== 'gathering') {
      return;
    }
    if (this.#pool.mirrorsInFlight >= this.#spec.concurrencyMax) {
      return this.#giveUp('busy');
    }
    const target = this.#pool.pick(null, this.#hashKey);
    if (target === null) {
      return this.#giveUp('no-target');
    }
    if (target.shadowRest.isResting(this.#deadlines.nowMs)) {
      return this.#giveUp('resting');
    }
    this.#target = target;
    this.#phase = 'sent';
    this.#pool.mirrorsInFlight++;
    this.#startedAtMs = this.#clock.monotonicMs();
    this.deadlineAt = this.#deadlines.nowMs + this.#spec.timeoutMs;
    this.#deadlines.add(this);
    const kept = target.shadowConnections.takeIdle(true);
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
      this.#body = null;
    }
  }

  onConnected(): void {
    const connection = this.#connection;
    const request = this.#request;
    if (connection === null || request === null) {
      return;
    }
    connection.request(`${request.head.slice(0, -2)}${SHADOW_FIELD}\r\n`, request.framing, this.#spec.timeoutMs);
    if (this.#body !== null) {
      connection.body(this.#body.buffer.subarray(0, this.#body.length));
    }
    this.#body = null;
    connection.end('', this.#spec.timeoutMs);
    connection.flush();
  }

  onInterim(): void {}

  onResponse(head: ResponseHead): void {
    this.#status = head.status;
    this.#target?.shadowRest.answered();
    this.#connection?.limitSilence(this.#spec.timeoutMs);
  }

  onBody(): boolean {
    return false;
  }

  onEnd(): void {
    this.#connection?.release(true);
    this.#finish();
  }

  onTurnEnd(): void {}

  onDrain(): void {}

  onFailure(): void {
    this.#pool.mirrorDropped.add('failed');
    if (this.#status === 0) {
      this.#target?.shadowRest.failed(this.#deadlines.nowMs);
    }
    this.#finish();
  }

  expire(): void {
    this.#connection?.destroy();
    this.onFailure();
  }

  #giveUp(reason: MirrorDropReason): void {
    this.#phase = 'over';
    this.#body = null;
    this.#pool.mirrorDropped.add(reason);
  }

  #finish(): void {
    this.#phase = 'over';
    this.#connection = null;
    this.#pool.mirrorsInFlight--;
    this.#deadlines.remove(this);
    if (this.#request !== null) {
      this.#pool.mirrored.count(this.#request.methodIndex, this.#status, this.#clock.monotonicMs() - this.#startedAtMs);
    }
  }
}
