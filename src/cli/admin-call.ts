import { readFile } from 'node:fs/promises';

import { Agent, request } from 'undici';

import type { ProblemDocument } from '../schema/api.ts';

/** Where the admin API is looked for where nothing is said: its own default. */
const ADMIN_DEFAULT = 'http://127.0.0.1:9900';

/** How long an answer is waited for. */
const ANSWER_MS_MAX = 30_000;

export interface AdminOptions {
  /** "http://127.0.0.1:9900", "unix:/run/cutover.sock"; default: $CUTOVER_ADMIN, then the default of the proxy. */
  readonly admin?: string;
  /** Holds the token; default: $CUTOVER_TOKEN. */
  readonly tokenFile?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What the admin API could not do, in lines for people. */
export class AdminCallError extends Error {
  override readonly name = 'AdminCallError';
}

/** Sends `body` to the admin API of a running proxy, and gives its answer. Throws an `AdminCallError`. */
export async function postToAdmin(path: string, body: unknown, options: AdminOptions): Promise<unknown> {
  const address = options.admin ?? options.env['CUTOVER_ADMIN'] ?? ADMIN_DEFAULT;
  const token = await tokenOf(options);
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
  const { origin, agent } = connectionTo(address);
  try {
    const answer = await request(`${origin}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...authorization },
      body: JSON.stringify(body),
      dispatcher: agent,
    });
    const said = (await answer.body.json()) as unknown;
    if (answer.statusCode >= 300) throw new AdminCallError(problemLines(said as ProblemDocument));
    return said;
  } catch (error) {
    if (error instanceof AdminCallError) throw error;
    throw new AdminCallError(`${address} does not answer: ${reasonOf(error)}`, { cause: error });
  } finally {
    await agent.destroy();
  }
}

function connectionTo(address: string): { origin: string; agent: Agent } {
  const times = { headersTimeout: ANSWER_MS_MAX, bodyTimeout: ANSWER_MS_MAX };
  if (address.startsWith('unix:')) {
    const agent = new Agent({ ...times, connect: { socketPath: address.slice('unix:'.length) } });
    return { origin: 'http://localhost', agent };
  }
  if (!/^https?:\/\/[^/]+\/?$/.test(address)) {
    throw new AdminCallError(`--admin must be like "${ADMIN_DEFAULT}" or "unix:/run/cutover.sock"; it is "${address}"`);
  }
  return { origin: address.replace(/\/$/, ''), agent: new Agent(times) };
}

async function tokenOf({ tokenFile, env }: AdminOptions): Promise<string | null> {
  if (tokenFile === undefined) return env['CUTOVER_TOKEN'] ?? null;
  try {
    return (await readFile(tokenFile, 'utf8')).trim();
  } catch (error) {
    throw new AdminCallError(`--token-file ${tokenFile} cannot be read: ${reasonOf(error)}`, { cause: error });
  }
}

function problemLines({ status, title, detail, errors = [] }: ProblemDocument): string {
  const fields = errors.map(({ pointer, detail: field }) => `  ${pointer === '' ? '/' : pointer}: ${field}`);
  return [`${status} ${title}: ${detail}`, ...fields].join('\n');
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return message === '' || message === undefined ? (code ?? String(error)) : message;
}
