import type { TargetHealth } from '../../snapshot/data-plane.ts';
import { lookupKey, type LookupSpec } from '../../snapshot/lookup-spec.ts';
import type { ServiceSpec, SnapshotUpdate } from '../../snapshot/types.ts';
import { ServedModules } from './served-modules.ts';

/** Everything that is served, as the last generation left it: what workers to come are sent. */
export class ServedState {
  readonly modules = new ServedModules();
  readonly #services = new Map<string, ServiceSpec>();
  readonly #lookups = new Map<string, LookupSpec>();
  readonly #health = new Map<string, TargetHealth>();
  #generation = 0;

  get generation(): number {
    return this.#generation;
  }

  get services(): Iterable<ServiceSpec> {
    return this.#services.values();
  }

  add({ generation, removed, changed, lookups, health = [] }: SnapshotUpdate): void {
    this.#generation = generation;
    for (const name of removed) this.#services.delete(name);
    for (const service of changed) this.#services.set(service.name, service);
    for (const key of lookups?.removed ?? []) this.#lookups.delete(key);
    for (const spec of lookups?.changed ?? []) this.#lookups.set(lookupKey(spec.kind, spec.name), spec);
    this.modules.keepNamed(this.services);
    this.setHealth(health);
  }

  setHealth(changes: readonly TargetHealth[]): void {
    for (const change of changes) this.#health.set(`${change.service}\n${change.pool}\n${change.target}`, change);
  }

  /** All of it, as the change from nothing. */
  asUpdate(): SnapshotUpdate {
    return {
      generation: this.#generation,
      changed: [...this.#services.values()],
      removed: [],
      health: [...this.#health.values()],
      lookups: { changed: [...this.#lookups.values()], removed: [] },
    };
  }
}
