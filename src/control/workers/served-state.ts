import type { ListenerCredentials } from '../../snapshot/credential-spec.ts';
import type { TargetHealth } from '../../snapshot/data-plane.ts';
import { lookupKey, type LookupSpec } from '../../snapshot/lookup-spec.ts';
import type { ServiceSpec, SnapshotUpdate } from '../../snapshot/types.ts';
import { ServedModules } from './served-modules.ts';

/** Everything that is served, as the last generation left it: what workers to come are sent. */
export class ServedState {
  readonly modules = new ServedModules();
  credentials: ListenerCredentials = { ticketKeys: '', certificates: {} };
  readonly #services = new Map<string, ServiceSpec>();
  readonly #lookups = new Map<string, LookupSpec>();
  /** By service, then by pool and target. */
  readonly #health = new Map<string, Map<string, TargetHealth>>();
  #generation = 0;

  get generation(): number {
    return this.#generation;
  }

  get services(): Iterable<ServiceSpec> {
    return this.#services.values();
  }

  add({ generation, removed, changed, lookups, health = [] }: SnapshotUpdate): void {
    this.#generation = generation;
    for (const name of removed) {
      this.#services.delete(name);
      this.#health.delete(name);
    }
    for (const service of changed) {
      this.#services.set(service.name, service);
      this.#forgetGone(service);
    }
    for (const key of lookups?.removed ?? []) this.#lookups.delete(key);
    for (const spec of lookups?.changed ?? []) this.#lookups.set(lookupKey(spec.kind, spec.name), spec);
    this.modules.keepNamed(this.services);
    this.setHealth(health);
  }

  setHealth(changes: readonly TargetHealth[]): void {
    for (const change of changes) {
      const known = this.#health.get(change.service) ?? new Map<string, TargetHealth>();
      known.set(keyOf(change.pool, change.target), change);
      this.#health.set(change.service, known);
    }
  }

  /** Where targets come and go with every deployment, those that have gone would else be kept for ever. */
  #forgetGone({ name, pools }: ServiceSpec): void {
    const known = this.#health.get(name);
    if (known === undefined) return;
    const there = new Set(pools.flatMap((pool) => pool.targets.map(({ id }) => keyOf(pool.name, id))));
    for (const key of known.keys()) if (!there.has(key)) known.delete(key);
  }

  /** All of it, as the change from nothing. */
  asUpdate(): SnapshotUpdate {
    return {
      generation: this.#generation,
      changed: [...this.#services.values()],
      removed: [],
      health: [...this.#health.values()].flatMap((known) => [...known.values()]),
      lookups: { changed: [...this.#lookups.values()], removed: [] },
    };
  }
}

function keyOf(pool: string, target: string): string {
  return `${pool}\n${target}`;
}
