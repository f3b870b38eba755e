const GROUPS = 8;
const GROUPS_OF_CLIENT = 4;

/**
 * What tells one client from another by its address: an IPv4 address as it is, of an IPv6 address the first 64 bits,
 * because whoever has one address there has all that begin like it (RFC 4291 section 2.5.1). However an address is
 * written, its client is written in one way.
 */
export function clientNetwork(address: string): string {
  if (!address.includes(':')) {
    return address;
  }
  const [before = '', after] = address.split('::');
  const groups = before === '' ? [] : before.split(':');
  if (after !== undefined) {
    const last = after === '' ? [] : after.split(':');
    groups.push(...Array.from({ length: GROUPS - groups.length - last.length }, () => '0'), ...last);
  }
  return groups
    .slice(0, GROUPS_OF_CLIENT)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
