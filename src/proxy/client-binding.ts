/** What binds a client to where it has been: read from what it brings, and written into what it gets. */
import type { Provenance } from './origin.ts';
import type { Pool } from './pool.ts';
import type { BoundService } from './routing.ts';
import { cookieOf, type RequestFacts } from './split/request-facts.ts';
import { setCookieLine } from './split/set-cookie.ts';
import type { User } from './split/slots.ts';
import type { Session } from './split/sticky.ts';
import type { Target } from './upstream/target.ts';

/** What the request's cookie says of its session; null where it says nothing, or sessions are not bound. */
export function sessionCookieOf({ spec }: BoundService, facts: RequestFacts): string | null {
  return spec.sticky === null ? null : cookieOf(facts.field('cookie'), spec.sticky.cookie.name);
}

/** The target that the request's session is bound to, where the request goes to its pool and it may serve. */
export function boundTarget(session: Session | null, pool: Pool): Target | null {
  return session !== null && session.pool === pool && session.target.keepsSessions ? session.target : null;
}

/** The field that gives a user the id that the request was routed by. */
export function userField({ spec }: BoundService, user: User, { scheme }: Provenance): string {
  const { issue } = spec.affinity;
  return issue === null ? '' : setCookieLine(issue, user.id, scheme === 'https');
}

/** The field that binds the client to the target that was chosen for it; "" where sessions are not bound. */
export function sessionField({ spec }: BoundService, pool: Pool, target: Target, { scheme }: Provenance): string {
  const token = pool.sessionTokens.of(target.id)[0];
  if (spec.sticky === null || token === undefined) {
    return '';
  }
  return setCookieLine(spec.sticky.cookie, token, scheme === 'https');
}
