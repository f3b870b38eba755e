import type { Clock, Timer } from '../base/clock.ts';
import type { Drain, Receipt } from '../schema/api.ts';
import type { DataPlane, DrainCount } from '../snapshot/data-plane.ts';

/** Between two looks at the drains, while an answer is held for one of them and while none is. */
export const AWAITED_POLL_MS = 20;
export const IDLE_POLL_MS = 500;

/** Drains followed at once. Beyond it the oldest is let go with the counts that it has: nobody can wait for so many. */
export const OPEN_DRAINS_MAX = 1_000;

export interface DrainWatchOptions {
  readonly clock: Clock;
  readonly dataPlane: Pick<DataPlane, 'drainCount' | 'cutDrain' | 'forgetDrain'>;
  /** A drain has come to its end, or is followed no longer. */
  readonly onSettled: (receipt: Receipt) => void;
  /** The data plane failed to answer. */
  readonly onError: (error: unknown) => void;
}

/**
 * Follows the requests that a change of traffic left behind, until none is left or their time is up.
 *
 * The data plane counts, and does not call: whoever asks for a receipt gets fresh counts, and a slow poll finds the
 * end of the drains that nobody asks for.
 */
export class DrainWatch {
  readonly #options: DrainWatchOptions;
  readonly #open = new Map<string, OpenDrain>();
  #poll: { readonly timer: Timer; readonly pollMs: number } | null = null;
  #closed = false;

  constructor(options: DrainWatchOptions) {
    this.#options = options;
  }

  /** `drainTimeoutMs`: after it what is left is cut; `null`: never. */
  follow(receipt: Receipt, drainTimeoutMs: number | null): void {
    if (this.#closed) return;
    const { clock } = this.#options;
    const deadline =
      drainTimeoutMs === null ? null : clock.setTimer(drainTimeoutMs, () => void this.#guard(this.#cut(receipt.id)));
    this.#open.set(receipt.id, { receipt, deadline, waiting: new Set() });
    for (const oldest of this.#open.values()) {
      if (this.#open.size <= OPEN_DRAINS_MAX) break;
      this.#settle(oldest);
    }
    this.#schedulePoll();
  }

  /** The receipt with the counts of this moment; `null`: its drain is not, or no longer, followed. */
  async current(id: string): Promise<Receipt | null> {
    const drain = this.#open.get(id);
    if (drain === undefined) return null;
    this.#update(drain, await this.#options.dataPlane.drainCount(id));
    return drain.receipt;
  }

  /** As `current`, once the drain has come to its end, `waitMs` are over, or `signal` says that nobody waits any more. */
  async settled(id: string, waitMs: number, signal: AbortSignal): Promise<Receipt | null> {
    const drain = this.#open.get(id);
    if (drain === undefined) return null;
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.setTimer(waitMs, wake);
      function wake(): void {
        timer.cancel();
        drain?.waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      }
      drain.waiting.add(wake);
      signal.addEventListener('abort', wake);
      if (signal.aborted) wake();
      this.#schedulePoll();
    });
    return (await this.current(id)) ?? drain.receipt;
  }

  /** Follows nothing any more; held answers go out with the counts that there are. */
  close(): void {
    this.#closed = true;
    this.#poll?.timer.cancel();
    for (const drain of this.#open.values()) this.#settle(drain);
  }

  async #cut(id: string): Promise<void> {
    const count = await this.#options.dataPlane.cutDrain(id);
    const drain = this.#open.get(id);
    if (drain !== undefined) this.#update(drain, count);
  }

  #update(drain: OpenDrain, count: DrainCount | null): void {
    // Settled meanwhile, by the poll or another asker: those counts are final.
    if (count === null || !this.#open.has(drain.receipt.id)) return;
    drain.receipt = { ...drain.receipt, drain: drainOf(count) };
    if (drain.receipt.drain.state !== 'draining') this.#settle(drain);
  }

  #settle(drain: OpenDrain): void {
    this.#open.delete(drain.receipt.id);
    drain.deadline?.cancel();
    this.#options.dataPlane.forgetDrain(drain.receipt.id);
    this.#options.onSettled(drain.receipt);
    for (const wake of drain.waiting) wake();
  }

  #schedulePoll(): void {
    const isAwaited = [...this.#open.values()].some((drain) => drain.waiting.size > 0);
    const pollMs = isAwaited ? AWAITED_POLL_MS : IDLE_POLL_MS;
    // A poll that is due soon enough stays: putting it off for every newcomer would put it off for ever.
    if (this.#closed || this.#open.size === 0 || (this.#poll !== null && this.#poll.pollMs <= pollMs)) return;
    this.#poll?.timer.cancel();
    const timer = this.#options.clock.setTimer(pollMs, () => {
      this.#poll = null;
      void this.#guard(this.#lookAtAll());
    });
    this.#poll = { timer, pollMs };
  }

  async #lookAtAll(): Promise<void> {
    try {
      await Promise.all([...this.#open.keys()].map((id) => this.current(id)));
    } finally {
      this.#schedulePoll();
    }
  }

  async #guard(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#options.onError(error);
    }
  }
}

interface OpenDrain {
  receipt: Receipt;
  readonly deadline: Timer | null;
  /** Wakes those whose answer is held. */
  readonly waiting: Set<() => void>;
}

export function drainOf({ inFlightAtFlip, remaining, cut, longLived }: DrainCount): Drain {
  const state = remaining > 0 ? 'draining' : cut > 0 ? 'cut' : 'drained';
  return { state, inFlightAtFlip, completed: inFlightAtFlip - remaining - cut, cut, remaining, longLived };
}
