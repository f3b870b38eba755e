import ipaddr from 'ipaddr.js';

export interface HostPort {
  /** Lower case; an IPv6 address without its brackets, in its shortest form. */
  readonly host: string;
  /** `null` where the text named none. */
  readonly port: number | null;
}

export const PORT_MAX = 65_535;

/** Splits "host", "host:port", "[::1]" and "[::1]:port"; says what is wrong where it cannot. */
export function parseHostPort(text: string): HostPort | { readonly problem: string } {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(text);
  if (match === null) return { problem: 'must be HOST:PORT, with an IPv6 address in brackets' };
  const [, bracketed, bare, portText] = match;
  const port = portText === undefined ? null : portOrNull(portText);
  if (portText !== undefined && port === null) return { problem: `must have a port from 0 to ${PORT_MAX}` };
  if (bracketed !== undefined) {
    if (/[%.]/.test(bracketed) || !ipaddr.IPv6.isValid(bracketed))
      return { problem: 'must have an IPv6 address in its brackets' };
    const address = ipaddr.IPv6.parse(bracketed);
    // An IPv4 address in other clothes: one machine must not pass for two, nor get by a rule for the one.
    return { host: (address.isIPv4MappedAddress() ? address.toIPv4Address() : address).toString(), port };
  }
  const host = (bare ?? '').toLowerCase();
  return isNameOrIpv4(host) ? { host, port } : { problem: 'must name a host by its name or its IP address, in full' };
}

/** "host:port" with an IPv6 host in brackets: how targets and listeners are called everywhere. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function portOrNull(text: string): number | null {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return port <= PORT_MAX ? port : null;
}

function isNameOrIpv4(host: string): boolean {
  // What ends in a number is an IPv4 address or nothing (WHATWG URL, "ends in a number"): "10.1" or "0x7f.1" would mean
  // one address to us and another to the resolver.
  if (/(^|\.)(\d+|0x[0-9a-f]*)$/.test(host)) return ipaddr.IPv4.isValidFourPartDecimal(host);
  return host.length <= 253 && /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/.test(host) && !host.includes('..');
}
