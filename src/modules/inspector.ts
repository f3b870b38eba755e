/**
 * A process of its own that imports user code, so that the primary need not: it says which functions a configuration
 * module holds, and whether modules have the functions that are asked of them. Code that hangs, ends its process or throws
 * later costs this process and nothing else.
 */
import type { ModuleProblem, UserModule } from '../snapshot/data-plane.ts';
import { formatReference } from '../base/function-reference.ts';
import { extractFunctions } from './extract-functions.ts';
import { FunctionRegistry } from './function-registry.ts';
import { loadFailure, ModuleLoader } from './module-loader.ts';

/** What is asked of it, in one message. */
export type Inspection =
  | { readonly kind: 'config'; readonly module: UserModule }
  | { readonly kind: 'modules'; readonly modules: UserModule[] };

/** Its one answer. */
export interface Inspected {
  /** The configuration as a document; `null` where there was none to read. */
  readonly document: unknown;
  readonly problems: readonly ModuleProblem[];
}

async function inspect(inspection: Inspection): Promise<Inspected> {
  if (inspection.kind === 'modules') {
    return { document: null, problems: await new FunctionRegistry().prepare(inspection.modules) };
  }
  const { module } = inspection;
  try {
    return { document: await documentOf(module), problems: [] };
  } catch (error) {
    return { document: null, problems: [{ reference: '', message: loadFailure(error, module) }] };
  }
}

async function documentOf(module: UserModule): Promise<unknown> {
  const exports = await new ModuleLoader().load(module);
  const config = await exports['default'];
  if (typeof config !== 'object' || config === null) {
    throw new TypeError('has no configuration as its default export; write: export default defineConfig({ … })');
  }
  const { document } = extractFunctions(config, (name) => formatReference({ ...module, version: '', name }));
  return JSON.parse(JSON.stringify(document));
}

process.once('message', (inspection: Inspection) => {
  void inspect(inspection).then((inspected) => process.send?.(inspected, () => process.exit(0)));
});
