import type { PoolDocument } from '../../schema/pool.ts';
import type { ServiceDocument } from '../../schema/service.ts';
import { type Problem, pointerOf } from '../../schema/problem.ts';
import { ControlError } from '../control-error.ts';
import { type Change, type ChangeContext, editDocument } from '../state/change.ts';
import { requirePreconditions } from '../state/entity-tag.ts';
import { findPool, findService } from '../state/find-in-state.ts';
import { poolTag } from '../state/resource-tags.ts';
import { keepSplit } from './service-changes.ts';
import { withoutName } from './written-document.ts';
import { locateBelow } from './locate-below.ts';

/** Creates the pool, or replaces it whole. A new pool has no share, unless a split names it already. */
export function putPool(service: string, name: string, body: unknown, { preconditions }: ChangeContext): Change {
  return {
    kind: 'pool.put',
    service,
    locate: locateBelow(pointerOf('pools', name)),
    edit(state) {
      const record = findService(state, service);
      const { pools } = record.document;
      const before = Object.hasOwn(pools, name) ? pools[name] : undefined;
      requirePreconditions(preconditions, () => (before === undefined ? [] : [poolTag(before)]));
      const pool = withoutName(body, name) as PoolDocument;
      const document = keepSplit(record, { ...record.document, pools: { ...pools, [name]: pool } });
      const summary = `${before === undefined ? 'creates' : 'replaces'} the pool ${name} of ${service}`;
      return editDocument(record, document, summary);
    },
  };
}

/** Refused as long as anything sends requests there. */
export function deletePool(service: string, name: string, { preconditions }: ChangeContext): Change {
  return {
    kind: 'pool.delete',
    service,
    edit(state) {
      const record = findService(state, service);
      const pool = findPool(record, name);
      requirePreconditions(preconditions, () => [poolTag(pool)]);
      const uses = usesOf(name, record.document);
      if (uses.length > 0) {
        throw new ControlError(
          'pool-in-use',
          `The pool "${name}" of "${service}" is in use; nothing was changed.`,
          uses,
        );
      }
      return editDocument(record, withoutPool(name, record.document), `deletes the pool ${name} of ${service}`);
    },
  };
}

/** Paths count from the service. */
function usesOf(pool: string, { pools, split, rules = [], mirror }: ServiceDocument): Problem[] {
  const uses: Problem[] = [];
  const percent = split === undefined && Object.keys(pools).length === 1 ? 100 : (split?.[pool] ?? 0);
  if (percent > 0) uses.push({ path: pointerOf('split', pool), message: `gives it ${percent} %; give it 0 first` });
  rules.forEach((rule, i) => {
    if (rule.pool === pool) uses.push({ path: pointerOf('rules', i), message: `the rule "${rule.name}" chooses it` });
  });
  if (mirror?.pool === pool) uses.push({ path: '/mirror', message: 'copies go to it; delete the mirror first' });
  return uses;
}

function withoutPool(name: string, document: ServiceDocument): ServiceDocument {
  const { [name]: _pool, ...pools } = document.pools;
  if (document.split === undefined) return { ...document, pools };
  const { [name]: _share, ...split } = document.split;
  return { ...document, pools, split };
}
