/** Domain and Path of Set-Cookie (RFC 6265 section 4.1), from how a target says them to how its client needs them. */
import { isIP } from 'node:net';
import type { PathMapping } from './path-mapping.ts';

export class CookieMapping {
  /** Of the targets, lower case, without ports. */
  readonly #hosts: ReadonlySet<string>;
  readonly #paths: PathMapping;

  constructor(hosts: ReadonlySet<string>, paths: PathMapping) {
    this.#hosts = hosts;
    this.#paths = paths;
  }

  /** `authority`: what the client asked for. */
  map(cookie: string, authority: string): string {
    const firstEnd = cookie.indexOf(';');
    if (firstEnd < 0) {
      return cookie;
    }
    // Browsers refuse a cookie of such a name that has a Domain, or a Path other than "/" (RFC 6265bis section 4.1.3.2).
    if (/^\s*__host-/i.test(cookie)) {
      return cookie;
    }
    let mapped = cookie.substring(0, firstEnd);
    for (const attribute of cookie.substring(firstEnd + 1).split(';')) {
      mapped += this.#mapAttribute(attribute, authority);
    }
    return mapped;
  }

  /** With the semicolon before it; "" for one that is left out. */
  #mapAttribute(attribute: string, authority: string): string {
    const equals = attribute.indexOf('=');
    const name = attribute.substring(0, Math.max(equals, 0)).trim().toLowerCase();
    const value = attribute.substring(equals + 1).trim();
    if (name === 'domain' && this.#hosts.has(value.replace(/^\./, '').toLowerCase())) {
      const host = hostOf(authority);
      // No cookie has an address for a domain; without one it belongs to the very host that was asked.
      return isIP(host) !== 0 || host.startsWith('[') ? '' : `;${attribute.substring(0, equals)}=${host}`;
    }
    if (name === 'path') {
      const path = this.#paths.backOfCookie(value);
      return path === value ? `;${attribute}` : `;${attribute.substring(0, equals)}=${path}`;
    }
    return `;${attribute}`;
  }
}

function hostOf(authority: string): string {
  const colon = authority.lastIndexOf(':');
  return colon > authority.lastIndexOf(']') ? authority.substring(0, colon) : authority;
}
