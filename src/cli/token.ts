import { createHash, randomBytes } from 'node:crypto';

import { DURATION_MS_MAX, durationMsOrNull } from '../base/duration.ts';
import type { TokenConfig } from '../schema/admin.ts';
import { FORMATS } from '../schema/formats.ts';
import { ROLES, type Role } from '../schema/roles.ts';

export interface TokenOptions {
  readonly name: string;
  readonly role: string;
  /** Services that it is for; none: all. */
  readonly scope: readonly string[];
  /** A time, or how long from now in days ("90d") or as a duration ("12h"). */
  readonly expires?: string;
}

export interface TokenOutput {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  readonly nowMs: number;
}

/** 256 bits: twice what nobody can guess. */
const TOKEN_BYTES = 32;

/** By it, scanners for secrets that were published by mistake know a token for one. */
const TOKEN_PREFIX = 'ctv_';

/** `cutover token`: makes a token, and prints it with the entry of the configuration that knows it. */
export function tokenCommand(options: TokenOptions, { out, err, nowMs }: TokenOutput): number {
  const expires = options.expires === undefined ? undefined : expiryOf(options.expires, nowMs);
  const problems = problemsOf(options, expires);
  if (problems.length > 0) {
    for (const problem of problems) err(problem);
    return 1;
  }
  const token = TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString('base64url');
  const sha256 = createHash('sha256').update(token).digest('hex');
  const entry: TokenConfig = {
    name: options.name,
    role: options.role as Role,
    ...(options.scope.length === 0 ? {} : { scopes: options.scope }),
    sha256,
    ...(expires === undefined || expires === null ? {} : { expires }),
  };
  out('The token, shown this once. Whoever calls sends it as "Authorization: Bearer TOKEN":');
  out('');
  out(`  ${token}`);
  out('');
  out('Its entry, for admin.tokens of the configuration or for the file of admin.tokensFile; then send SIGHUP:');
  out('');
  out(`  - ${JSON.stringify(entry)}`);
  return 0;
}

function problemsOf({ name, role, scope }: TokenOptions, expires: string | null | undefined): string[] {
  const nameProblem = FORMATS.id(name);
  return [
    ...(nameProblem === null ? [] : [`--name ${nameProblem}`]),
    ...(ROLES.includes(role as Role) ? [] : [`--role must be one of ${ROLES.join(', ')}`]),
    ...scope.flatMap((service) => {
      const problem = FORMATS.id(service);
      return problem === null ? [] : [`--scope ${problem}`];
    }),
    ...(expires === null
      ? ['--expires must be a time such as "2031-01-31T00:00:00Z", or "90d" or "12h" from now']
      : []),
  ];
}

const DAY_MS = 86_400_000;

/** RFC 3339; `null`: cannot be read. */
function expiryOf(text: string, nowMs: number): string | null {
  if (FORMATS.timestamp(text) === null) return text;
  const days = /^([1-9]\d{0,4})d$/.exec(text)?.[1];
  const spanMs = days === undefined ? durationMsOrNull(text) : Number(days) * DAY_MS;
  if (spanMs === null || (days === undefined && spanMs > DURATION_MS_MAX)) return null;
  // Whole seconds: the entry is for people to read.
  return new Date(Math.ceil((nowMs + spanMs) / 1_000) * 1_000).toISOString().replace('.000Z', 'Z');
}
