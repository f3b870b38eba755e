import { expect } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import type { FaultWorld } from './fault-world.ts';
import type { SteadyLoad } from './steady-load.ts';

interface LoadAccount {
  /** Ids of requests without a whole answer of an application, with what came instead. */
  readonly failed: readonly string[];
  /** Answered, and no application knows of them. */
  readonly lost: readonly string[];
  /** That reached an application more than once. */
  readonly duplicated: readonly string[];
  /** Answered by another version than the one that got them. */
  readonly wrongPool: readonly string[];
  /** Taken for whole by the client, and not what the application sent. */
  readonly truncated: readonly string[];
  /** At an application, and of no client or without an end. */
  readonly orphaned: readonly string[];
}

/** What an account is when nothing went wrong. */
const CLEAN: LoadAccount = {
  failed: [],
  lost: [],
  duplicated: [],
  wrongPool: [],
  truncated: [],
  orphaned: [],
};

/** Both sides of the account of a load that has been stopped. */
async function accountOf(load: SteadyLoad, { blue, green }: FaultWorld): Promise<LoadAccount> {
  const arrivals = [...blue.requests, ...green.requests];
  // That its client has gone reaches an application by way of the proxy.
  await eventually(() => {
    if (arrivals.some(({ outcome }) => outcome === 'open')) throw new Error('an application has not ended a request');
  }, 3_000).catch(() => {});
  const { failed, lost, duplicated, wrongPool, truncated } = load.ledger.balance([blue, green]);
  const orphans = arrivals.filter(({ id, outcome }) => outcome === 'open' || !load.ledger.entries.has(id));
  return { failed, lost, duplicated, wrongPool, truncated, orphaned: orphans.map(({ id }) => id) };
}

/** Of failed requests. */
const SHOWN_MAX = 20;

interface Besides {
  /** Ids of requests that were made besides the load. */
  readonly others?: readonly string[];
  /** Ids of those that had to fail. */
  readonly excused?: readonly string[];
}

/** Stops a load, all of which must have been served well. */
export async function expectServedWell(
  load: SteadyLoad,
  world: FaultWorld,
  { others = [], excused = [] }: Besides = {},
): Promise<void> {
  await load.stop();
  const { failed, orphaned, ...account } = await accountOf(load, world);
  const unexcused = failed.filter((failure) => !excused.includes(failure.slice(0, failure.indexOf(':'))));
  if (unexcused.length > SHOWN_MAX) unexcused.splice(SHOWN_MAX, Infinity, `and ${unexcused.length - SHOWN_MAX} more`);
  expect({
    ...account,
    failed: unexcused,
    orphaned: orphaned.filter((id) => !others.includes(id)),
  }).toEqual(CLEAN);
}

/** As `expectServedWell`, and the account that the proxy keeps itself must balance. */
export async function expectClean(load: SteadyLoad, world: FaultWorld, besides: Besides = {}): Promise<void> {
  await expectServedWell(load, world, besides);
  expect(await world.admin.metric('cutover_ledger_imbalance')).toBe(0);
}
