import type { CutoverRequest, RollbackRequest, SplitRequest } from '../../schema/api.ts';
import type { Split } from '../../schema/service.ts';
import { closestName } from '../../base/closest-name.ts';
import { pointerOf } from '../../schema/problem.ts';
import { ControlError } from '../control-error.ts';
import type { HealthView } from '../health-view.ts';
import { type Change, type ChangeContext, type Edits, editDocument } from '../state/change.ts';
import type { ServiceRecord } from '../state/control-state.ts';
import { requirePreconditions } from '../state/entity-tag.ts';
import { findService } from '../state/find-in-state.ts';
import { serviceTag, splitTag } from '../state/resource-tags.ts';
import { raisedPools, splitOf } from '../state/split-of.ts';
import { locateBelow } from './locate-below.ts';

/** Which targets the health checks let have traffic. */
export type Wellness = Pick<HealthView, 'isUp' | 'knows'>;

/** All traffic to one pool, at once. */
export function cutover(service: string, request: CutoverRequest, context: ChangeContext, health: Wellness): Change {
  return {
    kind: 'cutover',
    service,
    receipts: [{ kind: 'cutover', service, drainTimeout: request.drainTimeout ?? null }],
    warms: request.force === true ? [] : [service],
    edit(state) {
      const record = findRecord(state.services, service, context);
      requirePool(record, request.to);
      requireWell(record, [request.to], request.force ?? false, health);
      return editSplit(record, { [request.to]: 100 }, `moves all traffic of ${service} to ${request.to}`);
    },
  };
}

export function setSplit(service: string, request: SplitRequest, context: ChangeContext, health: Wellness): Change {
  return {
    kind: 'split',
    service,
    receipts: [{ kind: 'split', service, drainTimeout: request.drainTimeout ?? null }],
    warms: request.force === true ? [] : [service],
    locate: locateBelow('/split', '/weights'),
    edit(state) {
      const record = findRecord(state.services, service, context);
      requireWell(record, raisedPools(splitOf(record.document), request.weights), request.force ?? false, health);
      return editSplit(record, request.weights, `splits the traffic of ${service} ${wordsOf(request.weights)}`);
    },
  };
}

/**
 * Back to the split before. That one becomes the split before in its turn, so that a second rollback undoes the first: what
 * an operator wants who rolled back too early.
 */
export function rollback(service: string, request: RollbackRequest, context: ChangeContext, health: Wellness): Change {
  return {
    kind: 'rollback',
    service,
    receipts: [{ kind: 'rollback', service, drainTimeout: request.drainTimeout ?? null }],
    edit(state) {
      const record = findRecord(state.services, service, context);
      const split = earlierSplit(record);
      requireWell(record, raisedPools(splitOf(record.document), split), request.force ?? false, health);
      return editSplit(record, split, `takes the traffic of ${service} back to ${wordsOf(split)}`);
    },
  };
}

/** A change of traffic is one of the split and of the service: `If-Match` may name either. */
function findRecord(
  services: ReadonlyMap<string, ServiceRecord>,
  name: string,
  { preconditions }: ChangeContext,
): ServiceRecord {
  const record = findService({ services, generation: 0, deleted: new Set() }, name);
  requirePreconditions(preconditions, () => [splitTag(record), serviceTag(record)]);
  return record;
}

function editSplit(record: ServiceRecord, split: Split, summary: string): Edits {
  return editDocument(record, { ...record.document, split }, summary);
}

function requirePool(record: ServiceRecord, pool: string): void {
  const { pools } = record.document;
  if (Object.hasOwn(pools, pool)) return;
  const names = Object.keys(pools);
  const meant = closestName(pool, names);
  const right =
    meant === null ? `the pools are ${names.map((name) => `"${name}"`).join(', ')}` : `did you mean "${meant}"?`;
  const problem = { path: '/to', message: `there is no pool "${pool}"; ${right}` };
  throw new ControlError('invalid', `The service "${record.name}" has no pool "${pool}".`, [problem]);
}

/** Traffic is sent to a pool only when at least one of its targets can take it: found out, never guessed. */
function requireWell(record: ServiceRecord, pools: readonly string[], force: boolean, health: Wellness): void {
  if (force) return;
  const problems = pools.flatMap((name) => {
    const pool = record.spec.pools.find((candidate) => candidate.name === name);
    // A pool that does not exist is a mistake in the request, and named as one.
    if (pool === undefined) return [];
    const ready = pool.targets.filter((target) => target.state === 'ready' && target.weight > 0);
    if (ready.some((target) => isWell(record, name, target.id, health))) return [];
    const count = ready.length === 1 ? '1 ready target' : `${ready.length} ready targets`;
    const why = ready.length === 0 ? 'no target in state ready with a weight' : `${count}, of which none is up`;
    return [{ path: pointerOf('pools', name), message: `has ${why}` }];
  });
  if (problems.length === 0) return;
  const names = problems.map(({ path }) => path.slice('/pools/'.length)).join(', ');
  const detail = `No healthy target in state ready: ${names}. Traffic stays where it is; "force": true moves it all the same.`;
  throw new ControlError('no-healthy-target', detail, problems);
}

/** A target that came with the same set of changes is watched by nobody yet; where nothing is checked, it counts as up. */
function isWell({ name, document }: ServiceRecord, pool: string, target: string, health: Wellness): boolean {
  return health.isUp(name, pool, target) || (document.health === undefined && !health.knows(name, pool, target));
}

function earlierSplit(record: ServiceRecord): Split {
  const split = record.earlierSplits.at(-1);
  if (split === undefined) {
    throw new ControlError(
      'no-earlier-split',
      `The service "${record.name}" has had no other split; there is nothing to go back to.`,
    );
  }
  const gone = Object.keys(split).filter((pool) => !Object.hasOwn(record.document.pools, pool));
  if (gone.length > 0) {
    const detail = `The split before, ${wordsOf(split)}, names pools that are gone: ${gone.join(', ')}.`;
    throw new ControlError('no-earlier-split', detail);
  }
  return split;
}

function wordsOf(split: Readonly<Split>): string {
  return Object.entries(split)
    .map(([pool, percent]) => `${pool} ${percent} %`)
    .join(', ');
}
