import type { PoolDocument, TargetDocument } from '../../schema/pool.ts';
import { parseTargetUrl } from '../../schema/target-url.ts';
import { ControlError } from '../control-error.ts';
import type { ControlState, ServiceRecord } from './control-state.ts';

/** Throws a `ControlError` where there is none of that name. */
export function findService(state: ControlState, name: string): ServiceRecord {
  const record = state.services.get(name);
  if (record === undefined) throw new ControlError('not-found', `There is no service "${name}".`);
  return record;
}

/** Throws a `ControlError` where there is none of that name. */
export function findPool(record: ServiceRecord, name: string): PoolDocument {
  const { pools } = record.document;
  const pool = Object.hasOwn(pools, name) ? pools[name] : undefined;
  if (pool === undefined) {
    const names = Object.keys(pools).map((other) => `"${other}"`);
    const detail = `The service "${record.name}" has no pool "${name}"; its pools are ${names.join(', ')}.`;
    throw new ControlError('not-found', detail);
  }
  return pool;
}

export interface FoundTarget {
  /** Where it stands in the pool's document. */
  readonly index: number;
  readonly target: TargetDocument;
}

/** `id` is "host:port". Throws a `ControlError` where the pool has no such target. */
export function findTarget(record: ServiceRecord, pool: string, id: string): FoundTarget {
  const targets = findPool(record, pool).targets ?? [];
  const index = targets.findIndex((target) => isCalled(target, id));
  const target = targets[index];
  if (target === undefined) {
    const detail = `The pool "${pool}" of "${record.name}" has no target "${id}"; targets are called host:port.`;
    throw new ControlError('not-found', detail);
  }
  return { index, target };
}

/** `null`: the pool, which is there, has none of that name. */
export function targetCalled(record: ServiceRecord, pool: string, id: string): TargetDocument | null {
  return findPool(record, pool).targets?.find((target) => isCalled(target, id)) ?? null;
}

function isCalled(target: TargetDocument, id: string): boolean {
  const address = parseTargetUrl(target.url);
  return !('problem' in address) && address.id === id;
}
