/**
 * Makes the targets of a pool warm before they get traffic: requests that the operator names go to each of them, on
 * connections that stay for the traffic to come, and their answers are judged.
 */
import type { Clock } from '../../base/clock.ts';
import type { WarmedTarget } from '../../snapshot/data-plane.ts';
import type { WarmUpRequestSpec, WarmUpSpec } from '../../snapshot/wellness-spec.ts';
import { methodIndexOf } from '../counters.ts';
import { type Deadlines, type Expiring, NEVER } from '../deadlines.ts';
import type { FailureCode } from '../errors.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { Pool } from '../pool.ts';
import type { ConnectionUser, FailureContext, TargetConnection } from '../upstream/target-connection.ts';
import type { Target } from '../upstream/target.ts';

const GET = methodIndexOf('GET');

export interface WarmUpContext {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Those that have not come to their end. */
  readonly underWay: Set<WarmUpUnderWay>;
}

export interface WarmUpUnderWay {
  /** Ends it without a result: who waits for that is rejected. */
  cut(): void;
}

/** Resolves with what became of each target of the pool that is ready and well; rejects where one of them was cut. */
export function warmUp(pool: Pool, spec: WarmUpSpec, context: WarmUpContext): Promise<WarmedTarget[]> {
  const targets = [...pool.targets.values()].filter((target) => target.isWell);
  return Promise.all(targets.map((target) => new TargetWarmUp(pool, target, spec, context).run()));
}

/** All requests to one target. The first that does not pass ends it. */
class TargetWarmUp implements Expiring, WarmUpUnderWay {
  readonly pool: Pool;
  readonly target: Target;
  readonly spec: WarmUpSpec;
  readonly clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #underWay: Set<WarmUpUnderWay>;
  readonly #lanes: Lane[] = [];
  readonly #ended = Promise.withResolvers<WarmedTarget>();
  #begun = 0;
  #passed = 0;
  deadlineAt = NEVER;
  deadlineSlot = -1;

  constructor(pool: Pool, target: Target, spec: WarmUpSpec, { clock, deadlines, underWay }: WarmUpContext) {
    this.pool = pool;
    this.target = target;
    this.spec = spec;
    this.clock = clock;
    this.#deadlines = deadlines;
    this.#underWay = underWay;
  }

  run(): Promise<WarmedTarget> {
    this.deadlineAt = this.#deadlines.nowMs + this.spec.timeoutMs;
    this.#deadlines.add(this);
    this.#underWay.add(this);
    for (let i = 0; i < Math.min(this.spec.connections, this.spec.perTarget); i++) {
      this.#lanes.push(new Lane(this));
    }
    for (const lane of this.#lanes) {
      lane.next();
    }
    return this.#ended.promise;
  }

  /** Null: all have been begun. */
  take(): WarmUpRequestSpec | null {
    if (this.#begun >= this.spec.perTarget) {
      return null;
    }
    return this.spec.requests[this.#begun++ % this.spec.requests.length] ?? null;
  }

  passed(): void {
    this.#passed++;
    if (this.#passed === this.spec.perTarget) {
      this.#end(null);
    }
  }

  failed(why: string): void {
    this.#end(why);
  }

  expire(): void {
    this.#end(`not done within ${this.spec.timeoutMs} ms`);
  }

  cut(): void {
    this.#stop();
    this.#ended.reject(new Error('the proxy ends before its targets are warm'));
  }

  #end(failure: string | null): void {
    this.#stop();
    this.#ended.resolve({ target: this.target.id, requests: this.#passed, failure });
  }

  #stop(): void {
    this.#deadlines.remove(this);
    this.#underWay.delete(this);
    for (const lane of this.#lanes) {
      lane.stop();
    }
  }
}

/** One request after the other, on one connection at a time. */
class Lane implements ConnectionUser {
  readonly method = 'GET';
  readonly upgrade = '';
  readonly copiedBytesMax = Number.POSITIVE_INFINITY;
  readonly #warmUp: TargetWarmUp;
  #connection: TargetConnection | null = null;
  #request: WarmUpRequestSpec | null = null;
  #startedAtMs = 0;
  #status = 0;
  #isStopped = false;

  constructor(warmUp: TargetWarmUp) {
    this.#warmUp = warmUp;
  }

  next(): void {
    this.#request = this.#isStopped ? null : this.#warmUp.take();
    if (this.#request !== null) {
      this.#startedAtMs = this.#warmUp.clock.monotonicMs();
      this.#status = 0;
      this.#send(this.#warmUp.target.connections.takeIdle(true));
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#connection?.destroy();
    this.#connection = null;
  }

  #send(kept: TargetConnection | null): void {
    this.#connection = kept ?? this.#warmUp.target.connections.open();
    this.#connection.claim(this);
    if (kept !== null) {
      this.onConnected();
    }
  }

  onConnected(): void {
    const connection = this.#connection;
    const request = this.#request;
    if (connection === null || request === null) {
      return;
    }
    const { target, spec } = this.#warmUp;
    connection.request(headOf(request, target.id), 'none', spec.timeoutMs);
    connection.end('', spec.timeoutMs);
    connection.flush();
  }

  onInterim(): void {}

  onResponse({ status }: ResponseHead): void {
    this.#status = status;
    if (!this.#request?.statuses.some(({ from, to }) => from <= status && status <= to)) {
      this.#count();
      this.#warmUp.failed(`${this.#request?.path} was answered ${status}`);
      return;
    }
    this.#connection?.limitSilence(this.#warmUp.spec.timeoutMs);
  }

  onBody(): null {
    return null;
  }

  onEnd(): void {
    this.#connection?.release(true);
    this.#connection = null;
    this.#count();
    this.#warmUp.passed();
    this.next();
  }

  onTurnEnd(): void {}

  onDrain(): void {}

  onFailure(code: FailureCode, { reused, unanswered }: FailureContext): void {
    this.#connection = null;
    if (reused && unanswered) {
      // Closed while it rested: that says nothing of the target.
      this.#send(null);
      return;
    }
    this.#count();
    this.#warmUp.failed(`${this.#request?.path}: ${code}`);
  }

  #count(): void {
    this.#warmUp.pool.probed.count(GET, this.#status, this.#warmUp.clock.monotonicMs() - this.#startedAtMs);
  }
}

function headOf({ path, headers }: WarmUpRequestSpec, authority: string): string {
  const host = headers.find(([name]) => name === 'host')?.[1] ?? authority;
  const rest = headers.filter(([name]) => name !== 'host').map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nuser-agent: cutover-warm-up\r\naccept: */*\r\n${rest.join('')}\r\n`;
}
