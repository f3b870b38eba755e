import type { PoolDocument, TargetDocument } from '../../schema/pool.ts';
import { entityTag } from './entity-tag.ts';
import { targetCalled } from './find-in-state.ts';
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
  return entityTag({ weight: 1, zone: '', backup: false, state: 'ready', ...target });
}

export function splitTag(record: ServiceRecord): string {
  return entityTag(splitOf(record.document));
}

export function mirrorTag(record: ServiceRecord): string | null {
  return record.document.mirror === undefined ? null : entityTag(record.document.mirror);
}

export function pauseTag(record: ServiceRecord): string | null {
  return record.document.pause === undefined ? null : entityTag(record.document.pause);
}

/*
 * The tags by which a change may be made conditional, by name; none: there is no such thing. A change of traffic is one of
 * the split and of the service, and may name either.
 */

export function serviceTags(state: ControlState, service: string): string[] {
  const record = state.services.get(service);
  return record === undefined ? [] : [serviceTag(record)];
}

export function splitTags(state: ControlState, service: string): string[] {
  const record = state.services.get(service);
  return record === undefined ? [] : [splitTag(record), serviceTag(record)];
}

export function mirrorTags(state: ControlState, service: string): string[] {
  const record = state.services.get(service);
  const tag = record === undefined ? null : mirrorTag(record);
  return tag === null ? [] : [tag];
}

export function pauseTags(state: ControlState, service: string): string[] {
  const record = state.services.get(service);
  const tag = record === undefined ? null : pauseTag(record);
  return tag === null ? [] : [tag];
}

export function poolTags(state: ControlState, service: string, pool: string): string[] {
  const pools = state.services.get(service)?.document.pools ?? {};
  const document = Object.hasOwn(pools, pool) ? pools[pool] : undefined;
  return document === undefined ? [] : [poolTag(document)];
}

export function targetTags(state: ControlState, service: string, pool: string, target: string): string[] {
  const record = state.services.get(service);
  if (record === undefined || poolTags(state, service, pool).length === 0) return [];
  const document = targetCalled(record, pool, target);
  return document === null ? [] : [targetTag(document)];
}

/** Of all services together. */
export function configTag(state: ControlState): string {
  return entityTag([...state.services].map(([name, record]) => [name, record.document]));
}
