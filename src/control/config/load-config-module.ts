import { resolve } from 'node:path';

import type { Problem } from '../../schema/problem.ts';
import { checkConfig } from './check-config.ts';
import { inspectModules } from './inspect-modules.ts';
import { readModule, type ResolvedConfig, resolveFunctions } from './user-modules.ts';

/** A configuration that is the default export of a module. */
export async function loadConfigModule(path: string): Promise<ResolvedConfig> {
  const module = await readModule(resolve(path), []);
  if (typeof module === 'string') return refuse([{ path: '', message: module }]);
  let value: unknown;
  try {
    const { document, problems } = await inspectModules({ kind: 'config', module });
    if (problems.length > 0) return refuse(problems.map(({ message }) => ({ path: '', message })));
    value = document;
  } catch (error) {
    return refuse([{ path: '', message: (error as Error).message }]);
  }
  const { config, problems } = checkConfig(value);
  return config === null ? refuse(problems) : resolveFunctions(config, path, module);
}

function refuse(problems: readonly Problem[]): ResolvedConfig {
  return { config: null, problems };
}
