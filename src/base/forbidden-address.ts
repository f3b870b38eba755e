import ipaddr from 'ipaddr.js';

import { CidrSet } from './cidr.ts';

/**
 * Addresses that no request of ours may ever be sent to: nothing that an application server has, and everything that
 * somebody who may name targets, or answers for a name, would like to reach through us.
 */
const FORBIDDEN_BLOCKS: readonly string[] = [
  // "This network" (RFC 1122 section 3.2.1.3): Linux takes it for this machine.
  '0.0.0.0/8',
  '::/128',
  // Link-local (RFC 3927, RFC 4291), where clouds put the service that gives out a machine's credentials.
  '169.254.0.0/16',
  'fe80::/10',
  // Multicast and broadcast.
  '224.0.0.0/4',
  'ff00::/8',
  '255.255.255.255/32',
  // Metadata services that are not link-local: AWS and Google over IPv6, Azure, Alibaba, Oracle.
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
  '168.63.129.16/32',
  '100.100.100.200/32',
  '192.0.0.192/32',
];

const forbidden = new CidrSet(FORBIDDEN_BLOCKS);

/**
 * Whether `address` is one of those, in whatever clothes it comes: an IPv6 address that a gateway or the system turns
 * into an IPv4 one counts as that one. False for what is no IP address.
 */
export function isForbiddenAddress(address: string): boolean {
  if (forbidden.has(address)) return true;
  const inner = embeddedIpv4(address);
  return inner !== null && forbidden.has(inner);
}

/** The IPv4 address that an IPv6 one stands for. */
function embeddedIpv4(address: string): string | null {
  if (!address.includes(':') || !ipaddr.IPv6.isValid(address)) return null;
  const parts = ipaddr.IPv6.parse(address).parts;
  const [first = 0, second = 0, third = 0] = parts;
  const leading = (count: number): boolean => parts.slice(0, count).every((part) => part === 0);
  const last = (): string => ipv4Of(parts[6] ?? 0, parts[7] ?? 0);
  // 6to4 (RFC 3056): 2002:V4ADDR::/48.
  if (first === 0x2002) return ipv4Of(second, third);
  // NAT64 (RFC 6052, RFC 8215).
  if (first === 0x64 && second === 0xff9b) return last();
  // IPv4-translated (RFC 2765); mapped; and IPv4-compatible (RFC 4291 section 2.5.5), but for "::" and "::1".
  if (leading(4) && parts[4] === 0xffff && parts[5] === 0) return last();
  if (leading(5) && parts[5] === 0xffff) return last();
  return leading(6) && parts[6] !== 0 ? last() : null;
}

function ipv4Of(high: number, low: number): string {
  return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
}
