import { assert } from '../base/assert.ts';
import { maxAgeSecondsOrNull } from '../base/max-age.ts';
import type { CookieConfig } from '../schema/affinity.ts';
import type { CookieSpec } from './types.ts';

const SAME_SITE = { lax: 'Lax', strict: 'Strict', none: 'None' } as const;

/** Names that browsers take with Secure alone (RFC 6265bis section 4.1.3). */
const SECURE_NAME = /^__(?:Host|Secure)-/i;

/** Put together once: what a request adds is the value, and Secure. */
export function compileCookie({ cookie, maxAge, domain, path, sameSite, secure }: CookieConfig): CookieSpec {
  let attributes = `; Path=${path}`;
  if (domain !== undefined) attributes += `; Domain=${domain}`;
  if (maxAge !== 'none') {
    const seconds = maxAgeSecondsOrNull(maxAge);
    assert(seconds !== null, `a cookie has passed validation with the age ${maxAge}`);
    attributes += `; Max-Age=${seconds}`;
  }
  return {
    name: cookie,
    attributes: `${attributes}; HttpOnly; SameSite=${SAME_SITE[sameSite]}`,
    // Browsers refuse SameSite=None without Secure.
    isAlwaysSecure: secure === 'always' || sameSite === 'none' || SECURE_NAME.test(cookie),
  };
}
