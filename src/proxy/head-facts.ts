/** What rules and affinity ask, answered from the head that was just read. */
import type { CidrSet } from '../base/cidr.ts';
import type { RequestHead } from './http1/request-head.ts';
import { clientBehind, type Origin } from './origin.ts';
import type { RequestFacts } from './split/request-facts.ts';

/** One for all requests: `of` makes it tell of the next one. */
export class HeadFacts implements RequestFacts {
  readonly #trusted: CidrSet;
  #head: RequestHead | null = null;
  #origin: Origin | null = null;
  /** Found out at most once for a request, however many rules ask. */
  #clientAddress: string | null = null;

  constructor(trusted: CidrSet) {
    this.#trusted = trusted;
  }

  of(head: RequestHead, origin: Origin): this {
    this.#head = head;
    this.#origin = origin;
    this.#clientAddress = null;
    return this;
  }

  field(name: string): string | null {
    return this.#head?.fields.get(name) ?? null;
  }

  get clientAddress(): string {
    this.#clientAddress ??= this.#findClientAddress();
    return this.#clientAddress;
  }

  #findClientAddress(): string {
    const origin = this.#origin;
    if (origin === null) {
      return '';
    }
    return origin.isTrusted
      ? clientBehind(origin.address, this.field('x-forwarded-for'), this.#trusted)
      : origin.address;
  }
}
