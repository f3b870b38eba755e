import { eventually } from '../helpers/eventually.ts';
import type { FaultWorld } from './fault-world.ts';
import type { SteadyLoad } from './steady-load.ts';

export interface LoadAccount {
  /** Ids of requests without a whole answer of an application, with what came instead. */
  readonly failed: readonly string[];
  /** Answered, and no application knows of them. */
  readonly lost: readonly string[];
  /** Answered, and more than one arrival at an application; or not idempotent, and more than one. */
  readonly duplicated: readonly string[];
  /** Answered by another version than the one that got them. */
  readonly wrongPool: readonly string[];
  /** Taken for whole by the client, and not what the application sent. */
  readonly truncated: readonly string[];
  /** At an application, and of no client or without an end. */
  readonly orphaned: readonly string[];
}

/** What an account is when nothing went wrong. */
export const CLEAN: LoadAccount = {
  failed: [],
  lost: [],
  duplicated: [],
  wrongPool: [],
  truncated: [],
  orphaned: [],
};

/** Both sides of the account of a load that has been stopped. */
export async function accountOf(load: SteadyLoad, { blue, green }: FaultWorld): Promise<LoadAccount> {
  const arrivals = [...blue.requests, ...green.requests];
  // That its client has gone reaches an application by way of the proxy.
  await eventually(() => {
    if (arrivals.some(({ outcome }) => outcome === 'open')) throw new Error('an application has not ended a request');
  }, 3_000).catch(() => {});
  const { failed, lost, duplicated, wrongPool, truncated } = load.ledger.balance([blue, green]);
  const orphans = arrivals.filter(({ id, outcome }) => outcome === 'open' || !load.ledger.entries.has(id));
  return { failed, lost, duplicated, wrongPool, truncated, orphaned: orphans.map(({ id }) => id) };
}
