/** IP addresses and blocks of them, as bytes and numbers. */
import ipaddr from 'ipaddr.js';

/** What "10.0.0.0/8" says; a single address is a block of all its bits. */
export interface AddressBlock {
  /** 4 or 16. */
  readonly bytes: readonly number[];
  readonly prefixBits: number;
}

/** Null where the text is neither a CIDR block nor an address. */
export function parseBlock(text: string): AddressBlock | null {
  const slash = text.indexOf('/');
  const bytes = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (bytes === null) return null;
  const bitsMax = bytes.length * 8;
  if (slash === -1) return { bytes, prefixBits: bitsMax };
  const prefix = text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(prefix)) return null;
  // "::ffff:10.0.0.0/104" is 10.0.0.0/8.
  const mappedBits = text.includes(':') && bytes.length === 4 ? 96 : 0;
  const prefixBits = Number(prefix) - mappedBits;
  return prefixBits >= 0 && prefixBits <= bitsMax ? { bytes, prefixBits } : null;
}

/** 4 or 16 bytes; IPv4-mapped addresses come out as IPv4. Octal, hexadecimal and shortened IPv4 forms are refused. */
export function parseAddress(text: string): number[] | null {
  if (!text.includes(':')) {
    const address = ipv4ToUint32(text);
    return address === null ? null : [address >>> 24, (address >> 16) & 255, (address >> 8) & 255, address & 255];
  }
  // A zone ("fe80::1%eth0") names an interface, not an address.
  const bare = withoutDots(text.includes('%') ? text.slice(0, text.indexOf('%')) : text);
  if (bare === null || !ipaddr.IPv6.isValid(bare)) return null;
  const address = ipaddr.IPv6.parse(bare);
  return address.isIPv4MappedAddress() ? address.toIPv4Address().toByteArray() : address.toByteArray();
}

/**
 * "::ffff:10.0.0.1" as "::ffff:a00:1". ipaddr.js takes "::10.0.0.1" for the former, which is another address: whoever has it
 * would pass for 10.0.0.1.
 */
function withoutDots(text: string): string | null {
  if (!text.includes('.')) return text;
  const tailAt = text.lastIndexOf(':') + 1;
  const tail = text.slice(tailAt);
  if (!ipaddr.IPv4.isValidFourPartDecimal(tail)) return null;
  const address = uint32Of(ipaddr.IPv4.parse(tail).toByteArray());
  return `${text.slice(0, tailAt)}${(address >>> 16).toString(16)}:${(address & 0xffff).toString(16)}`;
}

/** Signed, as the bit operators give it. */
export function uint32Of(bytes: readonly number[]): number {
  return ((bytes[0] ?? 0) << 24) | ((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
}

/** "10.0.0.1" as a 32-bit integer (signed, as the bit operators give it); `null` for every other form. */
export function ipv4ToUint32(text: string): number | null {
  let result = 0;
  let part = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      if (part === -1 || dots === 3) return null;
      result = (result << 8) | part;
      part = -1;
      dots += 1;
    } else if (code >= 0x30 && code <= 0x39) {
      if (part === 0) return null;
      part = part === -1 ? code - 0x30 : part * 10 + code - 0x30;
      if (part > 255) return null;
    } else {
      return null;
    }
  }
  return dots === 3 && part !== -1 ? (result << 8) | part : null;
}
