/**
 * The requests of one service that wait while it is paused.
 *
 * Whoever waits here is not routed yet: it belongs to no generation and no pool, and is counted only when its wait ends.
 * Resumed, it is routed by what is in force then, as if it had just come. The pause itself is part of the routing that a
 * request is routed by, so that there is no moment between finding a service not paused and being counted on its pool.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { PauseSpec } from '../../snapshot/protection-spec.ts';
import { Tally } from '../counters.ts';
import type { Deadlines } from '../deadlines.ts';
import { WaitingLine } from '../limit/waiting-line.ts';
import { HeldRequest, type HeldBy, type HeldDownstream } from './held-request.ts';

/** How a wait ended: counted under these words. */
export type HoldResult = 'resumed' | 'timed-out' | 'full' | 'client-gone' | 'cut';

/** How often some of the waiting requests are let go after a resume. */
const RELEASE_STEP_MS = 20;

export interface HoldContext {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Runs what begins waiting requests anew. */
  readonly resume: (begin: () => void) => void;
}

export class Hold implements HeldBy {
  readonly #context: HoldContext;
  readonly #line = new WaitingLine<HeldRequest>();
  #timeoutMs = 0;
  #resumeOverMs = 0;
  #requestsMax = 0;
  #bytesMax = 0;
  #bytes = 0;
  #releasing: Timer | null = null;
  readonly #results = new Tally<HoldResult>();
  /** Requests that wait. */
  waiting = 0;

  constructor(context: HoldContext) {
    this.#context = context;
  }

  /** Takes a pause: whoever was about to be let go waits on. This worker has one of `workers` parts of its bounds. */
  pause(spec: PauseSpec, workers: number): void {
    this.#timeoutMs = spec.timeoutMs;
    this.#resumeOverMs = spec.resumeOverMs;
    this.#requestsMax = Math.ceil(spec.requestsMax / workers);
    this.#bytesMax = Math.ceil(spec.bytesMax / workers);
    this.#releasing?.cancel();
    this.#releasing = null;
  }

  /** Lets everybody go, evenly over the time that the pause names; those who come from now on do not wait behind them. */
  resume(): void {
    if (this.#releasing === null && this.waiting > 0) {
      const steps = Math.max(1, Math.ceil(this.#resumeOverMs / RELEASE_STEP_MS));
      this.#release(steps);
    }
  }

  /** Lets everybody go now: there is nothing left to spare. */
  resumeAtOnce(): void {
    this.#releasing?.cancel();
    this.#release(1);
  }

  #release(stepsLeft: number): void {
    this.#releasing = null;
    for (let count = Math.ceil(this.waiting / stepsLeft); count > 0; count--) {
      const first = this.#line.first;
      if (first !== null) {
        this.end(first, 'resumed');
        this.#context.resume(() => first.goOn());
      }
    }
    // One of those just begun may have ended a pause; only one row of steps goes on.
    if (this.waiting > 0 && this.#releasing === null) {
      this.#releasing = this.#context.clock.setTimer(RELEASE_STEP_MS, () => this.#release(Math.max(1, stepsLeft - 1)));
    }
  }

  /** Makes a request wait, of which this is the head as it came; null: there is no room for it. */
  take(downstream: HeldDownstream, head: Buffer, awaitsContinue: boolean): HeldRequest | null {
    if (this.waiting >= this.#requestsMax || !this.reserve(head.length)) {
      this.#results.add('full');
      return null;
    }
    const deadlineAt = this.#context.deadlines.nowMs + this.#timeoutMs;
    const held = new HeldRequest(downstream, head, awaitsContinue, this, deadlineAt);
    this.#line.join(held);
    this.waiting++;
    this.#context.deadlines.add(held);
    return held;
  }

  reserve(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) {
      return false;
    }
    this.#bytes += bytes;
    return true;
  }

  end(held: HeldRequest, result: HoldResult): void {
    this.#line.leave(held);
    this.waiting--;
    this.#bytes -= held.heldBytes;
    this.#context.deadlines.remove(held);
    this.#results.add(result);
  }

  /** Ends every wait: the process is about to end. */
  cutAll(): void {
    this.#releasing?.cancel();
    this.#releasing = null;
    for (let held = this.#line.first; held !== null; held = this.#line.first) {
      held.refuse('cut', 'cut');
    }
  }

  /** Waits that have ended, by how. */
  report(): Record<string, number> {
    return this.#results.report();
  }
}
