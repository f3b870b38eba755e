/**
 * How many connections each client has. A client is an address; with IPv6 the first 64 bits of one, because whoever has
 * one address there has all that begin like it (RFC 4291 section 2.5.1).
 */
export class ClientCounts {
  readonly #counts = new Map<string, number>();

  of(address: string): number {
    return this.#counts.get(clientOf(address)) ?? 0;
  }

  enter(address: string): void {
    const client = clientOf(address);
    this.#counts.set(client, (this.#counts.get(client) ?? 0) + 1);
  }

  leave(address: string): void {
    const client = clientOf(address);
    const left = (this.#counts.get(client) ?? 1) - 1;
    if (left > 0) {
      this.#counts.set(client, left);
    } else {
      this.#counts.delete(client);
    }
  }

  /** Clients that have a connection. */
  get size(): number {
    return this.#counts.size;
  }
}

const GROUPS = 8;
const GROUPS_OF_CLIENT = 4;

/** `address` is in the form that the system gives: without leading zeros, the longest run of zeros as "::". */
function clientOf(address: string): string {
  if (!address.includes(':')) {
    return address;
  }
  const [before = '', after] = address.split('::');
  const groups = before === '' ? [] : before.split(':');
  if (after !== undefined) {
    const last = after === '' ? [] : after.split(':');
    groups.push(...Array.from({ length: GROUPS - groups.length - last.length }, () => '0'), ...last);
  }
  return groups.slice(0, GROUPS_OF_CLIENT).join(':');
}
