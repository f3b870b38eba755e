import { moduleId } from '../../base/function-reference.ts';
import type { UserModule } from '../../snapshot/data-plane.ts';
import type { ServiceSpec } from '../../snapshot/types.ts';

/** The user code that workers need, for those to come: what services name, and what a change that is under way will. */
export class ServedModules {
  readonly #modules = new Map<string, UserModule>();

  /** Every function that was ever asked of a module: a service of the API may name one that the file no longer does. */
  add(modules: readonly UserModule[]): void {
    for (const module of modules) {
      const id = idOf(module);
      const functions = new Set([...(this.#modules.get(id)?.functions ?? []), ...module.functions]);
      this.#modules.set(id, { ...module, functions: [...functions] });
    }
  }

  /** Keeps only what is named by a service that is served. */
  keepNamed(services: Iterable<ServiceSpec>): void {
    if (this.#modules.size === 0) return;
    const named = new Set<string>();
    for (const { modules } of services) for (const id of modules) named.add(id);
    for (const id of this.#modules.keys()) if (!named.has(id)) this.#modules.delete(id);
  }

  get all(): UserModule[] {
    return [...this.#modules.values()];
  }
}

function idOf({ file, version }: UserModule): string {
  return moduleId(file, version);
}
