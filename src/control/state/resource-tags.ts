import type { PoolDocument, TargetDocument } from '../../schema/pool.ts';
import { entityTag } from './entity-tag.ts';
import type { ControlState, ServiceRecord } from './control-state.ts';
import { splitOf } from './split-of.ts';

/*
 * The entity tag of each resource, over what its operator set and nothing else: health, counts and drains change without
 * it.
 */

export function serviceTag(record: ServiceRecord): string {
  return entityTag(record.document);
}

export function poolTag(pool: PoolDocument): string {
  return entityTag(pool);
}

export function targetTag(target: TargetDocument): string {
  return entityTag({ weight: 1, zone: '', state: 'ready', ...target });
}

export function splitTag(record: ServiceRecord): string {
  return entityTag(splitOf(record.document));
}

export function mirrorTag(record: ServiceRecord): string | null {
  return record.document.mirror === undefined ? null : entityTag(record.document.mirror);
}

/** Of all services together. */
export function configTag(state: ControlState): string {
  return entityTag([...state.services].map(([name, record]) => [name, record.document]));
}
