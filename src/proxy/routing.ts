/**
 * What a data plane routes by: one immutable value behind one reference. A change makes a new one, which shares with
 * the one before whatever did not change, and takes its place by a single assignment.
 */
import type { ServiceSpec, SnapshotUpdate } from '../snapshot/types.ts';
import type { ServiceBuffers } from './buffer/service-buffers.ts';
import type { TrafficCounters } from './counters.ts';
import type { BoundMirror } from './decide-mirror.ts';
import type { FilterChain } from './filters/filter-chain.ts';
import type { GenerationLedger } from './ledger.ts';
import type { LiveService } from './live-service.ts';
import type { Pool } from './pool.ts';
import { RouteTable } from './route/route-table.ts';
import { keysOf, type Lookups, nextLookups } from './rules/lookups.ts';
import { compileCondition } from './rules/compile-condition.ts';
import { lookupsOf, RuleSet } from './rules/rule-set.ts';
import { ServiceShape } from './shape/service-shape.ts';
import { type Session, sessionsOf } from './split/sticky.ts';

export interface Routing {
  readonly generation: number;
  readonly ledger: GenerationLedger;
  /** From host and path to the service's name, of those that name no listener. */
  readonly table: RouteTable<string>;
  /** The same of those that name one, by its name; null: none does. */
  readonly ofListener: ReadonlyMap<string, RouteTable<string>> | null;
  readonly services: ReadonlyMap<string, BoundService>;
  /** What the rules of all services look things up in. */
  readonly lookups: Lookups;
}

/** A service with the live pools that its specification names. */
export interface BoundService {
  readonly spec: ServiceSpec;
  readonly pools: ReadonlyMap<string, Pool>;
  /** Null where there are none. */
  readonly rules: RuleSet | null;
  /** Of requests that rules answered, and that went to no pool. */
  readonly answered: TrafficCounters;
  /** The pool that has all the traffic, where there is only one: saves looking for a slot. */
  readonly only: Pool | null;
  /** Null: nothing is copied. */
  readonly mirror: BoundMirror | null;
  /** What it changes of messages on their way. */
  readonly shape: ServiceShape;
  /** Null where neither rates are limited nor requests held. */
  readonly live: LiveService | null;
  /** null: no message is kept until it is whole. */
  readonly buffers: ServiceBuffers | null;
  /** By the value of the session's cookie; null where sessions are not bound. */
  readonly sessions: ReadonlyMap<string, Session> | null;
  /** `null`: no user code sees its requests. */
  readonly filters: FilterChain | null;
}

/** What a specification only names. */
export interface LiveParts {
  /** The live pool of a service's pool, made where there is none. */
  readonly pool: (service: ServiceSpec, poolIndex: number) => Pool;
  /** The counters of what a service's rules answer. */
  readonly answered: (service: string) => TrafficCounters;
  /** What a service has besides its pools, made where there is none; null where it needs nothing. */
  readonly live: (service: ServiceSpec) => LiveService | null;
  /** What of a service's messages is kept until it is whole. */
  readonly buffers: (service: ServiceSpec) => ServiceBuffers | null;
  /** The filters of a service. */
  readonly filters: (service: ServiceSpec) => FilterChain | null;
}

export function nextRouting(
  current: Routing,
  update: SnapshotUpdate,
  ledger: GenerationLedger,
  parts: LiveParts,
): Routing {
  const { lookups: lookupUpdate = null } = update;
  const lookups = lookupUpdate === null ? current.lookups : nextLookups(current.lookups, lookupUpdate);
  const services = new Map(current.services);
  for (const name of update.removed) {
    services.delete(name);
  }
  for (const spec of update.changed) {
    services.set(spec.name, bindService(spec, lookups, parts));
  }
  if (lookupUpdate !== null) {
    rebindLookups(services, lookups, keysOf(lookupUpdate));
  }
  const isSame = !changesMatches(current, update);
  const table = isSame ? current.table : routeTable(services, null);
  const ofListener = isSame ? current.ofListener : tablesOfListeners(services);
  return { generation: update.generation, ledger, table, ofListener, services, lookups };
}

export function emptyRouting(ledger: GenerationLedger, lookups: Lookups): Routing {
  return { generation: 0, ledger, table: new RouteTable<string>([]), ofListener: null, services: new Map(), lookups };
}

/** Services that look into what changed get their rules and their mirror anew, and keep everything else. */
function rebindLookups(services: Map<string, BoundService>, lookups: Lookups, keys: ReadonlySet<string>): void {
  for (const [name, service] of services) {
    const { rules, spec, pools, mirror } = service;
    const when = mirror?.spec.when ?? null;
    const ofMirror = when === null ? [] : lookupsOf(when);
    if ((rules !== null && [...keys].some((key) => rules.lookups.has(key))) || ofMirror.some((key) => keys.has(key))) {
      services.set(name, { ...service, rules: ruleSetOf(spec, lookups), mirror: bindMirror(spec, pools, lookups) });
    }
  }
}

function bindService(spec: ServiceSpec, lookups: Lookups, parts: LiveParts): BoundService {
  const pools = new Map(spec.pools.map((pool, index) => [pool.name, parts.pool(spec, index)]));
  const owners = new Set(spec.slots.map((range) => range.pool));
  return {
    spec,
    pools,
    rules: ruleSetOf(spec, lookups),
    answered: parts.answered(spec.name),
    only: owners.size === 1 ? (pools.get(spec.slots[0]?.pool ?? '') ?? null) : null,
    mirror: bindMirror(spec, pools, lookups),
    shape: new ServiceShape(spec),
    live: parts.live(spec),
    buffers: parts.buffers(spec),
    sessions: spec.sticky === null ? null : sessionsOf(pools.values()),
    filters: parts.filters(spec),
  };
}

function ruleSetOf({ rules }: ServiceSpec, lookups: Lookups): RuleSet | null {
  return rules.length === 0 ? null : new RuleSet(rules, lookups);
}

function bindMirror(
  { mirror: spec }: ServiceSpec,
  pools: ReadonlyMap<string, Pool>,
  lookups: Lookups,
): BoundMirror | null {
  const pool = spec === null ? undefined : pools.get(spec.pool);
  if (spec === null || pool === undefined) {
    return null;
  }
  const when = spec.when === null ? null : compileCondition(spec.when, lookups);
  return { spec, pool, when, withheld: new Set(spec.withheld) };
}

/** A change of splits or targets leaves the table of hosts and paths as it is, however many services there are. */
function changesMatches(current: Routing, update: SnapshotUpdate): boolean {
  return (
    update.removed.length > 0 ||
    update.changed.some((spec) => {
      const before = current.services.get(spec.name)?.spec.match;
      return (
        before === undefined ||
        before.pathPrefix !== spec.match.pathPrefix ||
        before.listeners.join() !== spec.match.listeners.join() ||
        before.hosts.join() !== spec.match.hosts.join()
      );
    })
  );
}

/** Of the services that name `listener`; null: of those that name none. */
function routeTable(services: ReadonlyMap<string, BoundService>, listener: string | null): RouteTable<string> {
  const matches = Array.from(services.values(), ({ spec }) => ({ ...spec.match, service: spec.name }));
  return new RouteTable(
    matches.filter(({ listeners }) => (listener === null ? listeners.length === 0 : listeners.includes(listener))),
  );
}

function tablesOfListeners(
  services: ReadonlyMap<string, BoundService>,
): ReadonlyMap<string, RouteTable<string>> | null {
  const names = new Set([...services.values()].flatMap(({ spec }) => spec.match.listeners));
  return names.size === 0 ? null : new Map([...names].map((name) => [name, routeTable(services, name)]));
}
