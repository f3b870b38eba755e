/**
 * Cutover as a library: a whole proxy in the caller's process, and what a configuration that is a module needs.
 *
 *     const proxy = await createProxy({ config: { listeners: { web: { listen: '127.0.0.1:0' } }, services: { … } } });
 *     proxy.listener('web').port;
 *     await proxy.close({ drainMs: 5_000 });
 *
 * Everything that is large is loaded by `createProxy` only: each worker imports the configuration, and with it this file.
 */
import type { Log } from './control/log.ts';
import type { Configuration } from './modules/configuration.ts';
import type { BoundAddress } from './primary.ts';
import type { ConfigDocument } from './schema/config.ts';
import type { Problem } from './schema/problem.ts';

export { defineConfig } from './modules/configuration.ts';
export { respond } from './modules/respond.ts';
export type {
  Configuration,
  MirrorConfiguration,
  RuleConfiguration,
  ServiceConfiguration,
  When,
} from './modules/configuration.ts';
export type {
  Algorithm,
  AlgorithmFactory,
  AlgorithmTarget,
  Condition,
  FilterAnswer,
  FilterRequest,
  FilterResponse,
  RequestFilter,
  RequestView,
  ResponseFilter,
} from './modules/user-code.ts';
export type { BoundAddress, ConfigDocument, Log, Problem };

export interface CreateProxyOptions {
  /**
   * As the configuration file, in its object form, with functions in it where it has any; where it does not say how many
   * `workers`, this process serves alone. Paths of modules count from the working directory.
   */
  readonly config: Configuration;
  /** Where the proxy reports to; default: nowhere. A pino logger is one. */
  readonly log?: Log;
}

export interface CutoverProxy {
  /** The address that a listener was given. Throws a `RangeError` for an unknown name. */
  listener(name: string): BoundAddress;
  /** "http://127.0.0.1:9900" or "unix:/run/cutover.sock". */
  readonly admin: { readonly url: string };
  /** Puts another configuration in force, all or nothing. Throws a `ConfigError`, or says what only a restart can change. */
  reload(config: Configuration): Promise<void>;
  /** Lets what is under way finish for `drainMs` (default: not at all), then ends. */
  close(options?: { readonly drainMs?: number }): Promise<{ cut: number }>;
}

/** A configuration that cannot be served, with everything that is wrong with it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** Each with a JSON pointer to where it is wrong. */
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ path, message }) => `${path || '/'}: ${message}`).join('\n'));
    this.problems = problems;
  }
}

/** Starts a proxy. Throws a `ConfigError`, or an `Error` that says which address could not be bound. */
export async function createProxy({ config, log = SILENT }: CreateProxyOptions): Promise<CutoverProxy> {
  const [{ startPrimary }, { InlineFunctions }] = await Promise.all([
    import('./primary.ts'),
    import('./control/config/inline-functions.ts'),
  ]);
  const inline = new InlineFunctions();
  const source = 'createProxy';
  const take = async (next: Configuration) => checked(await inline.take({ workers: 0, ...next }));
  const { config: document, modules } = await take(config);
  const primary = await startPrimary(document, { log, source, modules, functions: inline.registry });
  return {
    listener: (name) => primary.listener(name),
    admin: primary.admin,
    reload: async (next) => {
      const taken = await take(next);
      await primary.reload(taken.config, source, taken.modules);
    },
    close: (options) => primary.close(options),
  };
}

function checked<Loaded extends { readonly config: ConfigDocument }>(
  result: Loaded | { readonly config: null; readonly problems: readonly Problem[] },
): Loaded {
  if (result.config === null) throw new ConfigError((result as { readonly problems: readonly Problem[] }).problems);
  return result as Loaded;
}

const SILENT: Log = { info() {}, warn() {}, error() {} };
