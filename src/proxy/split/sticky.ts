/**
 * Sessions bound to a target by a cookie. The cookie's value is a keyed hash of service, pool and target: it says nothing
 * about them, and nobody without the service's secret can make one that is accepted. It is looked up, not parsed, so
 * that one which is forged, of another service, or of a target that is gone is simply not found.
 */
import { createHmac } from 'node:crypto';

import type { Pool } from '../pool.ts';
import type { Target } from '../upstream/target.ts';

/** 132 bits in base64url. */
const TOKEN_CHARS = 22;

export interface Session {
  readonly pool: Pool;
  readonly target: Target;
}

/** What became of a session: a closed set, for it labels a metric. */
export type SessionResult =
  /** Served by its target. */
  | 'bound'
  /** The request had no cookie, and is given one. */
  | 'created'
  /** The cookie is good, but its target is in another pool than the one that was chosen. */
  | 'moved'
  /** The cookie is good, but its target is down or in `maint`. */
  | 'unavailable'
  /** Nobody was given such a cookie, or its target is gone. */
  | 'unknown';

/** `cookie` is what the request brought, `session` what was found by it; `pool` was chosen for the request. */
export function sessionResult(cookie: string | null, session: Session | null, pool: Pool): SessionResult {
  if (cookie === null) {
    return 'created';
  }
  if (session === null) {
    return 'unknown';
  }
  if (session.pool !== pool) {
    return 'moved';
  }
  return session.target.keepsSessions ? 'bound' : 'unavailable';
}

export function sessionToken(secret: string, service: string, pool: string, targetId: string): string {
  const names = `${service}\n${pool}\n${targetId}`;
  return createHmac('sha256', secret).update(names).digest('base64url').slice(0, TOKEN_CHARS);
}

/** The tokens of one pool's targets, kept from snapshot to snapshot: signing a thousand anew would hold up a flip. */
export class SessionTokens {
  readonly #service: string;
  readonly #pool: string;
  #secrets: readonly string[] = [];
  #byTarget: ReadonlyMap<string, readonly string[]> = new Map();

  constructor(service: string, pool: string) {
    this.#service = service;
    this.#pool = pool;
  }

  update(targetIds: Iterable<string>, secrets: readonly string[]): void {
    const isSame = secrets.length === this.#secrets.length && secrets.every((one, at) => one === this.#secrets[at]);
    const known = isSame ? this.#byTarget : NO_TOKENS;
    this.#secrets = secrets;
    this.#byTarget =
      secrets.length === 0
        ? NO_TOKENS
        : new Map(Array.from(targetIds, (id) => [id, known.get(id) ?? this.#tokensFor(id)] as const));
  }

  #tokensFor(targetId: string): readonly string[] {
    return this.#secrets.map((secret) => sessionToken(secret, this.#service, this.#pool, targetId));
  }

  /** One by each secret, the one to give out first; none where sessions are not bound. */
  of(targetId: string): readonly string[] {
    return this.#byTarget.get(targetId) ?? [];
  }
}

const NO_TOKENS: ReadonlyMap<string, readonly string[]> = new Map();

/** Every session that a cookie may stand for, by the cookie's value. */
export function sessionsOf(pools: Iterable<Pool>): ReadonlyMap<string, Session> {
  const sessions = new Map<string, Session>();
  for (const pool of pools) {
    for (const target of pool.targets.values()) {
      const session: Session = { pool, target };
      for (const token of pool.sessionTokens.of(target.id)) {
        sessions.set(token, session);
      }
    }
  }
  return sessions;
}
