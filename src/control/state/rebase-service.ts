import type { PoolDocument, TargetDocument } from '../../schema/pool.ts';
import type { ServiceDocument, Split } from '../../schema/service.ts';
import { parseTargetUrl } from '../../schema/target-url.ts';
import { checkLookupNames } from '../config/check-rules.ts';
import type { LookupNames } from '../config/lookup-names.ts';
import { isSameJson } from './canonical-json.ts';

/**
 * What becomes of run-time changes when the configuration file changes under them.
 *
 * Three documents meet: `base` is what the file said, `current` what is in force, `next` what the file says now. Where
 * `current` differs from `base`, somebody changed it through the API while the proxy ran, and that wins; everywhere else the file
 * does. "Where" is fine enough that an operator who drains one target does not freeze the whole service: objects are
 * compared field by field, pools by name, targets by "host:port". A split, a list of rules, a mirror is one value, since half of one and half of
 * another would be neither.
 *
 * A run-time change is given up when what it names is gone from the file: the target that was drained, the pool that the
 * split sent traffic to, the address set that a rule looks clients up in.
 */
export interface Rebased {
  readonly document: ServiceDocument;
  /** Where a run-time change stands and the file says otherwise, as JSON pointers into the service. */
  readonly kept: readonly string[];
  /** Where one was given up. */
  readonly dropped: readonly string[];
}

export function rebaseService(
  base: ServiceDocument,
  current: ServiceDocument,
  next: ServiceDocument,
  lookups: LookupNames,
  listeners: ReadonlySet<string>,
): Rebased {
  const trace: Trace = { kept: new Set(), dropped: new Set() };
  const pools = rebasePools(base, current, next, trace);
  const merged = { ...mergeFields(base, current, next, '', trace), pools } as ServiceDocument;
  const named = withoutDanglingNames(merged, next, lookups, trace);
  const document = withoutLostListeners(named, next, listeners, trace);
  return { document, kept: [...trace.kept], dropped: [...trace.dropped] };
}

interface Trace {
  readonly kept: Set<string>;
  readonly dropped: Set<string>;
}

type Fields = Readonly<Record<string, unknown>>;

/** Merged field by field; the others are one value each. */
const NESTED_FIELDS: ReadonlySet<string> = new Set(['match', 'health', 'retries', 'timeouts', 'limits', 'upstream']);

/** Every field but `pools`, in the order of the file. */
function mergeFields(base: Fields, current: Fields, next: Fields, at: string, trace: Trace): Fields {
  const merged: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(next), ...Object.keys(current)])) {
    if (at === '' && name === 'pools') continue;
    const value = mergeField([base[name], current[name], next[name]], name, `${at}/${name}`, trace);
    if (value !== undefined) merged[name] = value;
  }
  return merged;
}

function mergeField(
  [base, current, next]: [unknown, unknown, unknown],
  name: string,
  at: string,
  trace: Trace,
): unknown {
  if (isSameJson(base, current)) return next;
  if (NESTED_FIELDS.has(name) && isFields(base) && isFields(current) && isFields(next)) {
    return mergeFields(base, current, next, at, trace);
  }
  if (!isSameJson(current, next)) trace.kept.add(at);
  return current;
}

function isFields(value: unknown): value is Fields {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function rebasePools(
  base: ServiceDocument,
  current: ServiceDocument,
  next: ServiceDocument,
  trace: Trace,
): Record<string, PoolDocument> {
  const pools: Record<string, PoolDocument> = {};
  for (const [name, nextPool] of Object.entries(next.pools)) {
    const pool = rebasePool(base.pools[name], current.pools[name], nextPool, `/pools/${name}`, trace);
    if (pool !== null) pools[name] = pool;
  }
  for (const [name, pool] of Object.entries(current.pools)) {
    const basePool = base.pools[name];
    if (name in next.pools) continue;
    if (basePool === undefined) {
      pools[name] = pool;
      trace.kept.add(`/pools/${name}`);
    } else if (!isSameJson(basePool, pool)) {
      trace.dropped.add(`/pools/${name}`);
    }
  }
  return pools;
}

/** `null`: it was deleted at run time, and stays deleted until the file says something new about it. */
function rebasePool(
  base: PoolDocument | undefined,
  current: PoolDocument | undefined,
  next: PoolDocument,
  at: string,
  trace: Trace,
): PoolDocument | null {
  if (current === undefined) {
    if (base === undefined || !isSameJson(base, next)) return next;
    trace.kept.add(at);
    return null;
  }
  if (base === undefined) {
    if (!isSameJson(current, next)) trace.kept.add(at);
    return current;
  }
  const version = mergeField([base.version, current.version, next.version], 'version', `${at}/version`, trace);
  const targets = rebaseTargets(base, current, next, at, trace);
  return {
    ...(version === undefined ? {} : { version: version as string }),
    ...(targets === undefined ? {} : { targets }),
  };
}

function rebaseTargets(
  base: PoolDocument,
  current: PoolDocument,
  next: PoolDocument,
  at: string,
  trace: Trace,
): TargetDocument[] | undefined {
  if (isSameJson(base.targets, current.targets)) return next.targets;
  const [baseById, currentById, nextById] = [targetsById(base), targetsById(current), targetsById(next)];
  const targets: TargetDocument[] = [];
  for (const [id, nextTarget] of nextById) {
    const [baseTarget, currentTarget] = [baseById.get(id), currentById.get(id)];
    const pointer = `${at}/targets/${id}`;
    if (currentTarget !== undefined) {
      targets.push(mergeFields(baseTarget ?? {}, currentTarget, nextTarget, pointer, trace) as TargetDocument);
    } else if (baseTarget === undefined || !isSameJson(baseTarget, nextTarget)) {
      targets.push(nextTarget);
    } else {
      trace.kept.add(pointer);
    }
  }
  for (const [id, target] of currentById) {
    const baseTarget = baseById.get(id);
    if (nextById.has(id)) continue;
    if (baseTarget === undefined) {
      targets.push(target);
      trace.kept.add(`${at}/targets/${id}`);
    } else if (!isSameJson(baseTarget, target)) {
      trace.dropped.add(`${at}/targets/${id}`);
    }
  }
  return targets;
}

function targetsById(pool: PoolDocument): Map<string, TargetDocument> {
  return new Map((pool.targets ?? []).map((target) => [targetIdOf(target.url), target]));
}

/** "host:port"; a URL that is none stands for itself, since validation will name it. */
function targetIdOf(url: string): string {
  const address = parseTargetUrl(url);
  return 'problem' in address ? url : address.id;
}

/**
 * Gives up run-time values that name a pool which is gone, or look something up that is, and brings back a deleted pool that
 * the file's values need.
 */
function withoutDanglingNames(
  merged: ServiceDocument,
  next: ServiceDocument,
  lookups: LookupNames,
  trace: Trace,
): ServiceDocument {
  const pools = { ...merged.pools };
  const document: Record<string, unknown> = { ...merged, pools };
  if (merged.split !== undefined) document['split'] = withoutIdleNames(merged.split, { ...next.pools, ...pools });
  for (const field of ['split', 'mirror', 'rules'] as const) {
    const isPoolGone = poolsNamedBy(merged, field).some((pool) => !(pool in pools) && !(pool in next.pools));
    if ((isPoolGone || isLookupGone(merged, field, lookups)) && !isSameJson(merged[field], next[field])) {
      trace.kept.delete(`/${field}`);
      trace.dropped.add(`/${field}`);
      if (next[field] === undefined) delete document[field];
      else document[field] = next[field];
    }
  }
  for (const field of ['split', 'mirror', 'rules'] as const) {
    for (const pool of poolsNamedBy(document as ServiceDocument, field)) {
      const nextPool = next.pools[pool];
      if (pool in pools || nextPool === undefined) continue;
      pools[pool] = nextPool;
      trace.kept.delete(`/pools/${pool}`);
      trace.dropped.add(`/pools/${pool}`);
    }
  }
  return document as ServiceDocument;
}

/** Hosts and paths that were changed at run time stay; only where they are listened for is what the file says. */
function withoutLostListeners(
  merged: ServiceDocument,
  next: ServiceDocument,
  listeners: ReadonlySet<string>,
  trace: Trace,
): ServiceDocument {
  const isLost = (merged.match?.listeners ?? []).some((name) => !listeners.has(name));
  if (!isLost || isSameJson(merged.match?.listeners, next.match?.listeners)) return merged;
  trace.kept.delete('/match/listeners');
  trace.dropped.add('/match/listeners');
  const { listeners: _lost, ...rest } = merged.match ?? {};
  const stated = next.match?.listeners;
  return { ...merged, match: stated === undefined ? rest : { ...rest, listeners: stated } };
}

function isLookupGone(document: ServiceDocument, field: 'split' | 'mirror' | 'rules', lookups: LookupNames): boolean {
  return field !== 'split' && checkLookupNames({ [field]: document[field] }, lookups).length > 0;
}

/** A share of nothing for a pool that is gone says nothing. */
function withoutIdleNames(split: Readonly<Split>, pools: Readonly<Record<string, PoolDocument>>): Split {
  return Object.fromEntries(
    Object.entries(split).filter(([pool, percent]) => percent > 0 || Object.hasOwn(pools, pool)),
  );
}

function poolsNamedBy(document: ServiceDocument, field: 'split' | 'mirror' | 'rules'): string[] {
  switch (field) {
    case 'split':
      return Object.entries(document.split ?? {}).flatMap(([pool, percent]) => (percent > 0 ? [pool] : []));
    case 'mirror':
      return document.mirror === undefined ? [] : [document.mirror.pool];
    case 'rules':
      return (document.rules ?? []).flatMap((rule) => rule.pool ?? []);
  }
}
