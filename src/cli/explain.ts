import { readFile } from 'node:fs/promises';

import { systemClock } from '../base/clock.ts';
import { type LoadedConfig, loadConfig } from '../control/config/load.ts';
import { describedProblems, explainQuestion } from '../control/explain-question.ts';
import { ProxyDataPlane } from '../proxy/data-plane.ts';
import { createAjv } from '../schema/ajv.ts';
import {
  type DescribedRequest,
  DescribedRequestSchema,
  type ExplainRequest,
  type Explanation,
} from '../schema/explain.ts';
import { schemaProblems } from '../schema/schema-problems.ts';
import { withDefaults } from '../schema/with-defaults.ts';
import { compileService } from '../snapshot/compile.ts';
import { AdminCallError, postToAdmin } from './admin-call.ts';
import { problemLine } from './check.ts';
import { explanationLines } from './explanation-lines.ts';

export interface ExplainOptions {
  readonly url: string;
  readonly method?: string;
  /** "name: value" */
  readonly header: readonly string[];
  /** "name=value" */
  readonly cookie: readonly string[];
  readonly clientIp?: string;
  readonly listener?: string;
  /** Explains by this file, without a running proxy. */
  readonly config?: string;
  /** A file with what is proposed: a set of changes, or a configuration. */
  readonly proposed?: string;
  readonly admin?: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

export interface ExplainOutput {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** `cutover explain`: says what would become of a request, and why. Resolves with the exit code. */
export async function explainCommand(options: ExplainOptions, { out, err, env }: ExplainOutput): Promise<number> {
  try {
    const described = describedRequest(options);
    const explanation =
      options.config === undefined
        ? await askProxy(described, options, env)
        : await askFile(described, options.config, options, env);
    if (options.json === true) out(JSON.stringify(explanation, null, 2));
    else for (const line of explanationLines(explanation)) out(line);
    return 0;
  } catch (error) {
    if (!(error instanceof ExplainError) && !(error instanceof AdminCallError)) throw error;
    err(error.message);
    return 1;
  }
}

class ExplainError extends Error {
  override readonly name = 'ExplainError';
}

// --- the request -----------------------------------------------------------------------------------------------------

const validate = createAjv({ fillDefaults: false, allErrors: true }).compile<DescribedRequest>(DescribedRequestSchema);

function describedRequest({ url, method, header, cookie, clientIp, listener }: ExplainOptions): DescribedRequest {
  const headers: Record<string, string[]> = {};
  for (const line of header) {
    const [name, value] = pairOf(line, ':', '--header', '"name: value"');
    (headers[name] ??= []).push(value);
  }
  const cookies = Object.fromEntries(cookie.map((pair) => pairOf(pair, '=', '--cookie', '"name=value"')));
  const described: unknown = {
    url,
    ...(method === undefined ? {} : { method }),
    ...(header.length === 0 ? {} : { headers }),
    ...(cookie.length === 0 ? {} : { cookies }),
    ...(clientIp === undefined ? {} : { clientIp }),
    ...(listener === undefined ? {} : { listener }),
  };
  const problems = validate(described) ? describedProblems(described) : schemaProblems(validate.errors);
  if (problems.length === 0) return described as DescribedRequest;
  throw new ExplainError(problems.map(({ path, message }) => `${path.slice(1)}: ${message}`).join('\n'));
}

function pairOf(text: string, separator: string, option: string, form: string): [name: string, value: string] {
  const at = text.indexOf(separator);
  if (at < 1) throw new ExplainError(`${option} must be ${form}; it is ${JSON.stringify(text)}`);
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

// --- a running proxy -------------------------------------------------------------------------------------------------

async function askProxy(
  request: DescribedRequest,
  { admin, tokenFile, proposed }: ExplainOptions,
  env: ExplainOutput['env'],
): Promise<Explanation> {
  const body: ExplainRequest = proposed === undefined ? { request } : { request, proposed: await proposalOf(proposed) };
  const where = { ...(admin === undefined ? {} : { admin }), ...(tokenFile === undefined ? {} : { tokenFile }), env };
  return (await postToAdmin('/v1/explain', body, where)) as Explanation;
}

/** A set of changes is told from a configuration by what it has. */
async function proposalOf(path: string): Promise<NonNullable<ExplainRequest['proposed']>> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new ExplainError(`--proposed ${path} cannot be read: ${error.message}`);
  });
  const value = jsonOrNull(text);
  if (value !== null && typeof value === 'object' && 'changes' in value) {
    return { changes: value.changes } as NonNullable<ExplainRequest['proposed']>;
  }
  return { config: (await readConfig(path)).config };
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Then it is a configuration in YAML, or nothing: reading it as one says what is wrong.
    return null;
  }
}

// --- a file ----------------------------------------------------------------------------------------------------------

/** By a data plane of this process, which listens nowhere. Nothing is checked: every target counts as up. */
async function askFile(
  described: DescribedRequest,
  path: string,
  { proposed }: Pick<ExplainOptions, 'proposed'>,
  env: ExplainOutput['env'],
): Promise<Explanation> {
  if (proposed !== undefined) {
    throw new ExplainError('--proposed is for a running proxy; with --config, name the file that is to be seen');
  }
  const { config, modules } = await readConfig(path);
  const { listeners, services, trustedProxies, zone = env['CUTOVER_ZONE'] ?? '' } = withDefaults(config);
  const dataPlane = new ProxyDataPlane({ name: 'none', trustedProxies, clock: systemClock, zone });
  try {
    const changed = Object.entries(services).map(([name, service]) =>
      compileService(name, service, null, { stickySecret: 'of no session' }),
    );
    const wrong = await dataPlane.prepare(modules);
    if (wrong.length > 0)
      throw new ExplainError(wrong.map(({ reference, message }) => `${reference}: ${message}`).join('\n'));
    await dataPlane.apply({ generation: 1, changed, removed: [] });
    // It listens nowhere, and knows no listener that could be the first.
    const first = Object.keys(listeners).find((name) => listeners[name]?.protocol !== 'tcp');
    const listener = first === undefined ? {} : { listener: first };
    return await dataPlane.explain(explainQuestion({ ...listener, ...described }), null);
  } finally {
    await dataPlane.close();
  }
}

async function readConfig(path: string): Promise<Extract<LoadedConfig, { readonly modules: unknown }>> {
  const loaded = await loadConfig(path);
  if (loaded.config !== null) return loaded;
  throw new ExplainError(loaded.problems.map((problem) => problemLine(path, problem)).join('\n'));
}
