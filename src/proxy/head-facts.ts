/** What rules and affinity ask, answered from the head that was just read. */
import type { RequestHead } from './http1/request-head.ts';
import type { Provenance } from './origin.ts';
import type { RequestFacts } from './split/request-facts.ts';

/** One for all requests: `of` makes it tell of the next one. */
export class HeadFacts implements RequestFacts {
  #head: RequestHead | null = null;
  #from: Provenance | null = null;

  of(head: RequestHead, from: Provenance): this {
    this.#head = head;
    this.#from = from;
    return this;
  }

  field(name: string): string | null {
    return this.#head?.fields.get(name) ?? null;
  }

  get clientAddress(): string {
    return this.#from?.clientAddress ?? '';
  }
}
