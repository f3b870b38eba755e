import type { TargetPatch } from '../../schema/api.ts';
import { type Change, type ChangeContext, editDocument } from '../state/change.ts';
import { requirePreconditions } from '../state/entity-tag.ts';
import { findPool, findService, findTarget } from '../state/find-in-state.ts';
import { targetTag } from '../state/resource-tags.ts';

export interface TargetPath {
  readonly service: string;
  readonly pool: string;
  /** "host:port" */
  readonly target: string;
}

export function patchTarget(path: TargetPath, patch: TargetPatch, { preconditions }: ChangeContext): Change {
  return {
    kind: 'target.patch',
    service: path.service,
    edit(state) {
      const record = findService(state, path.service);
      const pool = findPool(record, path.pool);
      const { index, target } = findTarget(record, path.pool, path.target);
      requirePreconditions(preconditions, () => [targetTag(target)]);
      const targets = (pool.targets ?? []).with(index, { ...target, ...patch });
      const pools = { ...record.document.pools, [path.pool]: { ...pool, targets } };
      const settings = Object.entries(patch).map(([field, value]) => `${field} ${value}`);
      const summary = `sets ${settings.join(', ')} on ${path.target} in ${path.pool} of ${path.service}`;
      return editDocument(record, { ...record.document, pools }, summary);
    },
  };
}
