import type { Clock, Timer } from '../../base/clock.ts';
import { printable } from '../../base/printable.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import type { Actor, AuditEntry } from '../../schema/api.ts';
import type { Log } from '../log.ts';
import type { ProblemCode } from './problems.ts';

/** Refused calls that are kept one by one: so many at once, and so many an hour over time. */
export const REFUSALS_BURST = 100;
const REFUSALS_PER_HOUR = 60;

/** How often those beyond that are summed up in one entry. */
export const SUMMARY_INTERVAL_MS = 600_000;

/** Longest request that is repeated, in characters: method and path. */
const REQUEST_CHARS_MAX = 200;
const DETAIL_CHARS_MAX = 500;

/** A call that was refused before the control plane heard of it. */
export interface RefusedCall {
  readonly actor: Actor;
  readonly requestId: string;
  /** Method and path as they were sent; the query is left out, since people put secrets there. */
  readonly request: string;
  readonly service: string | null;
  readonly code: ProblemCode;
  readonly detail: string;
  /** Whether it was our fault. */
  readonly isFailure: boolean;
}

export interface RefusalJournalOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Keeps an entry; must not reject. */
  readonly keep: (entry: Omit<AuditEntry, 'at' | 'generation'>) => Promise<void>;
}

/**
 * Refused calls for audit and log.
 *
 * Whoever reaches the API can be refused as often as they like. So that a flood neither fills the disk nor pushes out
 * what was there before, only the first of many are kept one by one; of the others there is one entry every ten
 * minutes that says how many they were, of which kinds, and shows the last. At worst that is 66 entries an hour, of
 * the 10,000 that the store keeps; changes that were made are in the journal of generations besides, where nothing is
 * pushed out by refusals.
 */
export class RefusalJournal {
  readonly #options: RefusalJournalOptions;
  readonly #bucket: TokenBucket;
  readonly #untold = new Map<ProblemCode, number>();
  #last: RefusedCall | null = null;
  #summary: Timer | null = null;

  constructor(options: RefusalJournalOptions) {
    this.#options = options;
    this.#bucket = new TokenBucket(options.clock, { perSecond: REFUSALS_PER_HOUR / 3_600, burst: REFUSALS_BURST });
  }

  async record(call: RefusedCall): Promise<void> {
    if (this.#bucket.take()) return this.#keep(call, `${call.request}: ${call.detail}`);
    this.#untold.set(call.code, (this.#untold.get(call.code) ?? 0) + 1);
    this.#last = call;
    this.#summary ??= this.#options.clock.setTimer(SUMMARY_INTERVAL_MS, () => void this.close());
  }

  /** Tells what is untold. */
  async close(): Promise<void> {
    this.#summary?.cancel();
    this.#summary = null;
    const last = this.#last;
    if (last === null) return;
    const kinds = [...this.#untold].map(([code, count]) => `${code} ${count}`).join(', ');
    const count = [...this.#untold.values()].reduce((sum, one) => sum + one, 0);
    this.#untold.clear();
    this.#last = null;
    await this.#keep(last, `${count} further calls were refused (${kinds}); the last: ${last.request}`, count);
  }

  async #keep(call: RefusedCall, text: string, count?: number): Promise<void> {
    const { log, keep } = this.#options;
    const { actor, requestId, service, code, isFailure } = call;
    const detail = printable(text, REQUEST_CHARS_MAX + DETAIL_CHARS_MAX);
    const fields = { requestId, actor, problem: code, detail, ...(count === undefined ? {} : { count }) };
    log.warn(fields, 'a call of the admin API was refused');
    await keep({
      actor,
      requestId,
      kind: 'request',
      service: service === null ? null : printable(service, REQUEST_CHARS_MAX),
      result: isFailure ? 'failed' : 'refused',
      problem: code,
      detail,
      ...(count === undefined ? {} : { count }),
    });
  }
}

/** Method and path of a request as the journal shows them. */
export function requestLine(method: string, url: string): string {
  const path = url.split(/[?#]/, 1)[0] ?? '';
  return printable(`${method} ${path}`, REQUEST_CHARS_MAX);
}
