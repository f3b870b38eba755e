import { clientNetwork } from '../../base/client-network.ts';

/** How many connections each client has. */
export class ClientCounts {
  readonly #counts = new Map<string, number>();

  of(address: string): number {
    return this.#counts.get(clientNetwork(address)) ?? 0;
  }

  enter(address: string): void {
    const client = clientNetwork(address);
    this.#counts.set(client, (this.#counts.get(client) ?? 0) + 1);
  }

  leave(address: string): void {
    const client = clientNetwork(address);
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
