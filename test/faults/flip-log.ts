import type { Receipt } from '../helpers/admin-client.ts';
import type { FaultWorld } from './fault-world.ts';
import type { SteadyLoad } from './steady-load.ts';

interface Flip {
  readonly to: string;
  readonly askedAt: number;
  /** `Infinity`: it was not answered. */
  readonly answeredAt: number;
}

/** Cutovers of one client, and what each of them promised about the requests after it. */
export class FlipLog {
  readonly receipts: Receipt[] = [];
  readonly #flips: Flip[] = [{ to: 'blue', askedAt: 0, answeredAt: 0 }];

  /** The pool that has the traffic since the last answer. */
  get current(): string {
    return this.#flips.findLast(({ answeredAt }) => answeredAt < Infinity)?.to ?? '';
  }

  /** Flips to the other pool. A flip that is refused or broken off is noted as one that may have happened. */
  async flip({ admin }: FaultWorld): Promise<Receipt> {
    const to = this.current === 'blue' ? 'green' : 'blue';
    const askedAt = performance.now();
    const place = this.#flips.push({ to, askedAt, answeredAt: Infinity }) - 1;
    const receipt = await admin.cutover('app', to);
    this.#flips[place] = { to, askedAt, answeredAt: performance.now() };
    this.receipts.push(receipt);
    return receipt;
  }

  /**
   * The requests that were answered by a pool that they were promised not to go to, of all those of which it is known
   * where they had to go: begun after the answer to a flip, and answered before the next one was asked for.
   */
  broken(load: SteadyLoad): { readonly bound: number; readonly broken: readonly string[] } {
    const bound = load.requests.flatMap(({ entry, askedAt }) => {
      const last = this.#flips.findLastIndex(({ answeredAt }) => answeredAt < askedAt);
      const nextAskedAt = this.#flips[last + 1]?.askedAt ?? Infinity;
      if (entry.version === null || entry.headAt >= nextAskedAt) return [];
      return [{ id: entry.id, isBroken: entry.version !== this.#flips[last]?.to }];
    });
    return { bound: bound.length, broken: bound.filter(({ isBroken }) => isBroken).map(({ id }) => id) };
  }
}
