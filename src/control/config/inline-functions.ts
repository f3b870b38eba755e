import { resolve } from 'node:path';

import { formatReference, INLINE } from '../../base/function-reference.ts';
import { extractFunctions } from '../../modules/extract-functions.ts';
import { FunctionRegistry } from '../../modules/function-registry.ts';
import type { UserModule } from '../../snapshot/data-plane.ts';
import { readLookups } from '../lookups/read-lookups.ts';
import { checkConfig } from './check-config.ts';
import { type ResolvedConfig, resolveFunctions } from './user-modules.ts';

/** The functions of configurations that were handed over in memory, each configuration a version of its own. */
export class InlineFunctions {
  readonly registry = new FunctionRegistry();
  #versions = 0;

  /** The configuration as a document, its functions at hand in the registry; or what is wrong with it. */
  async take(config: unknown): Promise<ResolvedConfig> {
    const version = String(++this.#versions);
    const names: string[] = [];
    const { document, functions } = extractFunctions(config, (name) => {
      names.push(name);
      return formatReference({ file: INLINE, version, name });
    });
    const checked = checkConfig(document);
    if (checked.config === null) return { config: null, problems: checked.problems };
    if (names.length > 0 && checked.config.workers !== 0) {
      const message =
        'a function cannot travel to worker processes: put it into a module and name it, or set "workers" to 0';
      return { config: null, problems: names.map((path) => ({ path, message })) };
    }
    const resolved = await resolveFunctions(checked.config, resolve('cutover.config.ts'));
    if (resolved.config === null) return resolved;
    const { problems } = await readLookups(resolved.config, '.');
    if (problems.length > 0) return { config: null, problems };
    for (const [reference, userFunction] of functions) this.registry.add(reference, userFunction);
    const inline: UserModule = { file: INLINE, version, source: '', functions: names };
    return { ...resolved, modules: names.length === 0 ? resolved.modules : [...resolved.modules, inline] };
  }
}
