import { createHash, timingSafeEqual } from 'node:crypto';

import type { TokenConfig } from '../../schema/admin.ts';
import { type Principal, isSamePrincipal } from './principal.ts';

/** Longest Authorization field that is looked at, in characters; tokens of `cutover token` have 47. */
const CREDENTIALS_CHARS_MAX = 1_024;

/** RFC 6750 section 2.1; the scheme's name in any case (RFC 9110 section 11.1). */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;

/** The token of an Authorization field; `null`: it has none, or not so. */
export function bearerTokenOf(authorization: string): string | null {
  if (authorization.length > CREDENTIALS_CHARS_MAX) return null;
  return BEARER.exec(authorization)?.[1] ?? null;
}

/**
 * The tokens that are known, as their digests.
 *
 * A token is looked for by comparing its digest with all of them, in the same time whether and where it is found: how
 * long an answer takes tells nothing of the tokens. Digests, because they have one length: comparing tokens themselves
 * would tell how long they are.
 */
export class BearerTokens {
  readonly #known: readonly { readonly digest: Buffer; readonly principal: Principal }[];

  constructor(tokens: readonly TokenConfig[]) {
    this.#known = tokens.map((token) => ({ digest: Buffer.from(token.sha256, 'hex'), principal: principalOf(token) }));
  }

  /** Whose token this is, be it expired; `null`: nobody's. */
  find(token: string): Principal | null {
    const presented = createHash('sha256').update(token).digest();
    let found: Principal | null = null;
    for (const { digest, principal } of this.#known) {
      if (timingSafeEqual(digest, presented)) found = principal;
    }
    return found;
  }

  /** Whether this was found here. */
  has(principal: Principal): boolean {
    return this.#known.some((known) => isSamePrincipal(known.principal, principal));
  }
}

function principalOf({ name, role, scopes, expires }: TokenConfig): Principal {
  return {
    name,
    credential: 'token',
    role,
    scopes: scopes === undefined ? null : new Set(scopes),
    expiresAtMs: expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(expires),
  };
}
