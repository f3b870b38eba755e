/**
 * Cutover as a library: a whole proxy in the caller's process.
 *
 *     const proxy = await createProxy({ config: { listeners: { web: { listen: '127.0.0.1:0' } }, services: { … } } });
 *     proxy.listener('web').port;
 *     await proxy.close({ drainMs: 5_000 });
 */
import { checkConfig } from './control/config/check-config.ts';
import type { Log } from './control/log.ts';
import { type BoundAddress, startPrimary } from './primary.ts';
import type { ConfigDocument } from './schema/config.ts';
import type { Problem } from './schema/problem.ts';

export type { BoundAddress, ConfigDocument, Log, Problem };

export interface CreateProxyOptions {
  /** As the configuration file, in its object form; where it does not say how many `workers`, this process serves alone. */
  readonly config: ConfigDocument;
  /** Where the proxy reports to; default: nowhere. A pino logger is one. */
  readonly log?: Log;
}

export interface CutoverProxy {
  /** The address that a listener was given. Throws a `RangeError` for an unknown name. */
  listener(name: string): BoundAddress;
  /** "http://127.0.0.1:9900" or "unix:/run/cutover.sock". */
  readonly admin: { readonly url: string };
  /** Puts another configuration in force, all or nothing. Throws a `ConfigError`, or says what only a restart can change. */
  reload(config: ConfigDocument): Promise<void>;
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
  const primary = await startPrimary({ workers: 0, ...checked(config) }, { log, source: 'createProxy' });
  return {
    listener: (name) => primary.listener(name),
    admin: primary.admin,
    reload: (next) => primary.reload(checked(next), 'createProxy'),
    close: (options) => primary.close(options),
  };
}

function checked(config: unknown): ConfigDocument {
  const result = checkConfig(config);
  if (result.config === null || result.problems.length > 0) throw new ConfigError(result.problems);
  return result.config;
}

const SILENT: Log = { info() {}, warn() {}, error() {} };
