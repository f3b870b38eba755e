import ipaddr from 'ipaddr.js';

/** Whether the text is a CIDR block ("10.0.0.0/8", "2001:db8::/32") or a single address. */
export function isCidr(text: string): boolean {
  return parseBlock(text) !== null;
}

/**
 * A set of address blocks, built once and asked often. An IPv4 address that reached an IPv6 socket ("::ffff:10.0.0.1")
 * is the IPv4 address.
 */
export class CidrSet {
  readonly #v4: readonly V4Block[];
  readonly #v6: readonly V6Block[];

  constructor(blocks: readonly string[]) {
    const parsed = blocks.map((text) => {
      const block = parseBlock(text);
      if (block === null) throw new RangeError(`not an address or CIDR block: ${JSON.stringify(text)}`);
      return block;
    });
    this.#v4 = parsed.flatMap((block) => (block.bytes.length === 4 ? [v4Block(block)] : []));
    this.#v6 = parsed.filter((block) => block.bytes.length === 16);
  }

  get isEmpty(): boolean {
    return this.#v4.length === 0 && this.#v6.length === 0;
  }

  /** False for what is no IP address. */
  has(address: string): boolean {
    // The form that nearly every client has is read without a parser, and without allocating.
    const v4 = ipv4ToUint32(address);
    if (v4 !== null) return this.#hasV4(v4);
    if (this.isEmpty) return false;
    const bytes = parseAddress(address);
    if (bytes === null) return false;
    if (bytes.length === 4) return this.#hasV4(uint32Of(bytes));
    return this.#v6.some((block) => hasV6(block, bytes));
  }

  #hasV4(address: number): boolean {
    for (const block of this.#v4) {
      if (((address ^ block.network) & block.mask) === 0) return true;
    }
    return false;
  }
}

interface V4Block {
  readonly network: number;
  readonly mask: number;
}

interface V6Block {
  readonly bytes: readonly number[];
  readonly prefixBits: number;
}

function v4Block(block: V6Block): V4Block {
  // A shift by 32 is a shift by 0 in JavaScript: /0 needs its own case.
  const mask = block.prefixBits === 0 ? 0 : -1 << (32 - block.prefixBits);
  return { network: uint32Of(block.bytes), mask };
}

function hasV6(block: V6Block, address: readonly number[]): boolean {
  let bitsLeft = block.prefixBits;
  for (let i = 0; bitsLeft > 0; i += 1, bitsLeft -= 8) {
    const mask = bitsLeft >= 8 ? 0xff : (0xff << (8 - bitsLeft)) & 0xff;
    if ((((address[i] ?? 0) ^ (block.bytes[i] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

function parseBlock(text: string): V6Block | null {
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
function parseAddress(text: string): number[] | null {
  if (!text.includes(':')) {
    return ipaddr.IPv4.isValidFourPartDecimal(text) ? ipaddr.IPv4.parse(text).toByteArray() : null;
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

function uint32Of(bytes: readonly number[]): number {
  return ((bytes[0] ?? 0) << 24) | ((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
}

/** "10.0.0.1" as a 32-bit integer (signed, as the bit operators give it); `null` for every other form. */
function ipv4ToUint32(text: string): number | null {
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
