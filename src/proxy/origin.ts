/**
 * Whose request this is. What X-Forwarded-For says counts only as far as it was written by proxies that the operator
 * trusts, by the address of the peer alone: the client is the last address that no trusted proxy vouches for.
 */
import type { CidrSet } from '../base/cidr.ts';

/** Addresses of X-Forwarded-For that are looked at, from the last one back: nobody has more proxies in a row. */
const FORWARDED_HOPS_MAX = 32;

/** What is the same for all requests of one client connection. */
export interface Origin {
  /** The peer's address. */
  readonly address: string;
  /** The peer is a proxy whose X-Forwarded-* count. */
  readonly isTrusted: boolean;
  readonly scheme: 'http' | 'https';
  /** Address and port that the client connected to: the authority of an HTTP/1.0 request without Host. */
  readonly localAuthority: string;
  /** Fields that say where the request came from, for a peer that is not trusted. */
  readonly fields: string;
}

export function originOf(
  address: string,
  isTrusted: boolean,
  scheme: 'http' | 'https',
  localAuthority: string,
): Origin {
  const fields = `X-Forwarded-For: ${address}\r\nX-Forwarded-Proto: ${scheme}\r\n`;
  return { address, isTrusted, scheme, localAuthority, fields };
}

/** "::ffff:192.0.2.1", as a socket that listens on both families names an IPv4 peer, is "192.0.2.1". */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** `peer` is trusted; `forwardedFor` is its X-Forwarded-For, lines joined by commas. */
export function clientBehind(peer: string, forwardedFor: string | null, trusted: CidrSet): string {
  if (forwardedFor === null) {
    return peer;
  }
  let client = peer;
  let end = forwardedFor.length;
  for (let hops = 0; hops < FORWARDED_HOPS_MAX && end >= 0; hops++) {
    const comma = end === 0 ? -1 : forwardedFor.lastIndexOf(',', end - 1);
    const address = bareAddress(forwardedFor.substring(comma + 1, end).trim());
    if (address === null) {
      return client;
    }
    client = address;
    if (!trusted.has(address)) {
      return client;
    }
    end = comma;
  }
  return client;
}

/** Without port and brackets; null for what is no address ("unknown", an obfuscated name, junk). */
function bareAddress(text: string): string | null {
  const match =
    /^(?:\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|([0-9A-Fa-f]*:[0-9A-Fa-f:.]+)|(\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5})?)$/.exec(
      text,
    );
  return match === null ? null : plainAddress((match[1] ?? match[2] ?? match[3] ?? '').toLowerCase());
}
