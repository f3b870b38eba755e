import { AddressTable, tableOf } from './address-table.ts';
import { parseBlock } from './ip-address.ts';

/** Whether the text is a CIDR block ("10.0.0.0/8", "2001:db8::/32") or a single address. */
export function isCidr(text: string): boolean {
  return parseBlock(text) !== null;
}

/**
 * A set of address blocks, built once and asked often. An IPv4 address that reached an IPv6 socket ("::ffff:10.0.0.1")
 * is the IPv4 address.
 */
export class CidrSet {
  readonly #table: AddressTable;

  constructor(blocks: readonly string[]) {
    const entries = blocks.map((text) => {
      const block = parseBlock(text);
      if (block === null) throw new RangeError(`not an address or CIDR block: ${JSON.stringify(text)}`);
      return { block, value: 0 };
    });
    this.#table = new AddressTable(tableOf(entries));
  }

  get isEmpty(): boolean {
    return this.#table.isEmpty;
  }

  /** False for what is no IP address. */
  has(address: string): boolean {
    return this.#table.find(address) >= 0;
  }
}
