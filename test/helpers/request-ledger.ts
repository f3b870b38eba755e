import type { Backend } from './backend.ts';

export interface ClientEntry {
  readonly id: string;
  readonly kind: string;
  /** The version that answered, `null` as long as there is no whole answer. */
  version: string | null;
  /** By the clock of `performance.now()`. */
  startedAt: number;
  headAt: number;
  failure: string | null;
  /** The body is not what the version that answered would have sent. */
  truncated: boolean;
}

export interface Balance {
  readonly requests: number;
  /** Ids of requests without a whole answer of an application. */
  readonly failed: readonly string[];
  /** Answered, and no application knows of them. */
  readonly lost: readonly string[];
  /** That reached an application more than once. */
  readonly duplicated: readonly string[];
  /** Answered by another version than the one that got them. */
  readonly wrongPool: readonly string[];
  readonly truncated: readonly string[];
}

/** Both sides of the account: what clients sent and were answered, and what the applications got. */
export class RequestLedger {
  readonly entries = new Map<string, ClientEntry>();
  #count = 0;

  begin(kind: string): ClientEntry {
    this.#count += 1;
    const id = `${kind}-${this.#count}`;
    const entry = { id, kind, version: null, startedAt: 0, headAt: 0, failure: null, truncated: false };
    this.entries.set(id, entry);
    return entry;
  }

  balance(backends: readonly Backend[]): Balance {
    const arrivals = new Map<string, string[]>();
    for (const backend of backends) {
      for (const { id } of backend.requests) arrivals.set(id, [...(arrivals.get(id) ?? []), backend.version]);
    }
    const entries = [...this.entries.values()];
    const ids = (wrong: (entry: ClientEntry) => boolean) => entries.filter(wrong).map((entry) => entry.id);
    return {
      requests: entries.length,
      failed: entries.filter((entry) => entry.version === null).map((entry) => `${entry.id}: ${entry.failure}`),
      lost: ids((entry) => entry.version !== null && !arrivals.has(entry.id)),
      duplicated: ids((entry) => (arrivals.get(entry.id) ?? []).length > 1),
      wrongPool: ids((entry) => entry.version !== null && !(arrivals.get(entry.id) ?? []).includes(entry.version)),
      truncated: ids((entry) => entry.truncated),
    };
  }
}
