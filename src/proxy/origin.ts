/** Where the requests of one client connection come from, as far as the connection itself tells. */
import type { Socket } from 'node:net';

export type Scheme = 'http' | 'https';

/**
 * Where one request comes from, as far as that is known to be true. Everything that asks who the client is (rules,
 * affinity, limits, variables, logs) asks this, and it is found out once.
 */
export interface Provenance {
  /** Of the client itself: the last address that no trusted proxy vouches for. */
  readonly clientAddress: string;
  readonly scheme: Scheme;
  /** Host, with its port where it named one, that the client asked for. */
  readonly authority: string;
  /** The fields that tell all this to the target: complete lines. */
  readonly fields: string;
}

/** An authority, or a socket: its own end is asked of the system only where somebody wants to know. */
type LocalEnd = string | Pick<Socket, 'localAddress' | 'localPort'>;

/** What is the same for all requests of one client connection. */
export class Origin {
  /** The peer's address. */
  readonly address: string;
  /** The peer is a proxy whose X-Forwarded-*, Forwarded and X-Real-IP count. */
  readonly isTrusted: boolean;
  readonly scheme: Scheme;
  readonly #local: LocalEnd;
  /** The name of the listener that it came by; "": by none. */
  readonly listener: string;
  /** Of the last request; nearly all of one connection ask for the same host. */
  #direct: Provenance | null = null;

  constructor(address: string, isTrusted: boolean, scheme: Scheme, local: LocalEnd, listener = '') {
    this.address = address;
    this.isTrusted = isTrusted;
    this.scheme = scheme;
    this.#local = local;
    this.listener = listener;
  }

  /** Address and port that the client connected to: the authority of an HTTP/1.0 request without Host. */
  get localAuthority(): string {
    if (typeof this.#local === 'string') {
      return this.#local;
    }
    const { localAddress = '', localPort = 0 } = this.#local;
    const local = plainAddress(localAddress);
    return `${local.includes(':') ? `[${local}]` : local}:${localPort}`;
  }

  /** Where a request for `authority` comes from if the peer is the client. */
  direct(authority: string): Provenance {
    const known = this.#direct;
    if (known !== null && known.authority === authority) {
      return known;
    }
    const { address, scheme } = this;
    const fields =
      `X-Forwarded-For: ${address}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Host: ${authority}\r\n` +
      `X-Forwarded-Port: ${portOf(authority, scheme)}\r\nX-Real-IP: ${address}\r\n` +
      `Forwarded: ${forwardedElement(address, authority, scheme)}\r\n`;
    this.#direct = { clientAddress: address, scheme, authority, fields };
    return this.#direct;
  }
}

/** The port that was asked for: the one that the authority names, or the scheme's own. */
export function portOf(authority: string, scheme: Scheme): string {
  const colon = authority.lastIndexOf(':');
  // The last colon of "[::1]" is none before a port.
  return colon > authority.lastIndexOf(']') ? authority.substring(colon + 1) : scheme === 'https' ? '443' : '80';
}

/** RFC 7239 section 4: an IPv6 address stands in brackets and quotes, and so does a host with a port. */
export function forwardedElement(address: string, authority: string, scheme: Scheme): string {
  const node = address.includes(':') ? `"[${address}]"` : address;
  const host = authority.includes(':') ? `"${authority}"` : authority;
  return `for=${node};host=${host};proto=${scheme}`;
}

/** "::ffff:192.0.2.1", as a socket that listens on both families names an IPv4 peer, is "192.0.2.1". */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
