/**
 * The functions of user code that this process can call, by reference. They are loaded before a generation that names
 * them is committed, so that putting it in force is one synchronous step.
 */
import { formatReference } from '../base/function-reference.ts';
import type { ModuleProblem, UserModule } from '../snapshot/data-plane.ts';
import { findFunction } from './find-function.ts';
import { isFunction } from './is-function.ts';
import { loadFailure, ModuleLoader } from './module-loader.ts';
import type { UserFunction } from './user-code.ts';

export class FunctionRegistry {
  readonly #functions = new Map<string, UserFunction>();
  readonly #loader = new ModuleLoader();

  /** Takes a function that is at hand already. */
  add(reference: string, userFunction: UserFunction): void {
    this.#functions.set(reference, userFunction);
  }

  /** `null`: it was never loaded here. */
  find(reference: string): UserFunction | null {
    return this.#functions.get(reference) ?? null;
  }

  /** Loads what is not loaded yet; resolves with everything that is wrong. */
  async prepare(modules: readonly UserModule[]): Promise<ModuleProblem[]> {
    const problems = await Promise.all(modules.map((module) => this.#load(module)));
    return problems.flat();
  }

  async #load(module: UserModule): Promise<ModuleProblem[]> {
    const references = module.functions.map((name) => ({ name, reference: formatReference({ ...module, name }) }));
    const missing = references.filter(({ reference }) => !this.#functions.has(reference));
    if (missing.length === 0) return [];
    let exports: Readonly<Record<string, unknown>>;
    try {
      exports = await this.#loader.load(module);
    } catch (error) {
      const message = loadFailure(error, module);
      return missing.map(({ reference }) => ({ reference, message }));
    }
    return missing.flatMap(({ name, reference }) => {
      const found = findFunction(exports, name);
      if (!isFunction(found)) return [{ reference, message: `${module.file}: ${found.problem}` }];
      this.#functions.set(reference, found);
      return [];
    });
  }

  close(): void {
    this.#loader.close();
  }
}
