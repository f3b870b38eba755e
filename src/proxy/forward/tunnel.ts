/** Two connections that let bytes through as they are, after a 101: each side ends by itself. */
import type { Downstream } from '../downstream.ts';
import type { Sender } from '../read-buffers.ts';
import type { TargetConnection } from '../upstream/target-connection.ts';

/** Who has the target's connection; null: it is gone. */
export interface TunnelOwner {
  readonly connection: TargetConnection | null;
}

export class Tunnel {
  readonly #owner: TunnelOwner;
  readonly #downstream: Downstream;
  #clientEnded = false;
  #targetEnded = false;

  constructor(owner: TunnelOwner, downstream: Downstream) {
    this.#owner = owner;
    this.#downstream = downstream;
  }

  /** Returns who still holds on to `chunk`'s memory; null: nobody. */
  fromClient(chunk: Buffer): Sender | null {
    const { connection } = this.#owner;
    connection?.touch();
    return connection === null ? null : connection.body(chunk);
  }

  endByClient(): void {
    this.#clientEnded = true;
    this.#owner.connection?.endTunnel();
  }

  endByTarget(): void {
    this.#targetEnded = true;
    this.#downstream.endTunnel();
  }

  get isOver(): boolean {
    return this.#clientEnded && this.#targetEnded;
  }
}
