import type { CookieSpec } from '../../snapshot/types.ts';

/** The whole line that gives a client a cookie. `value` is made by us, and needs no quoting. */
export function setCookieLine(cookie: CookieSpec, value: string, isSecure: boolean): string {
  const secure = isSecure || cookie.isAlwaysSecure ? '; Secure' : '';
  return `Set-Cookie: ${cookie.name}=${value}${cookie.attributes}${secure}\r\n`;
}
