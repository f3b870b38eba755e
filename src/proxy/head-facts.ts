/** What rules and affinity ask, answered from the head that was just read. */
import type { Clock } from '../base/clock.ts';
import type { RequestHead } from './http1/request-head.ts';
import type { Origin, Provenance } from './origin.ts';
import type { RequestFacts } from './split/request-facts.ts';

/** One for all requests: `of` makes it tell of the next one. */
export class HeadFacts implements RequestFacts {
  readonly #clock: Clock;
  #head: RequestHead | null = null;
  #origin: Origin | null = null;
  #from: Provenance | null = null;
  // Found out at most once for a request, however many rules ask.
  #path: string | null = null;
  #nowMs = -1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(head: RequestHead, origin: Origin, from: Provenance): this {
    this.#head = head;
    this.#origin = origin;
    this.#from = from;
    this.#path = null;
    this.#nowMs = -1;
    return this;
  }

  field(name: string): string | null {
    return this.#head?.fields.get(name) ?? null;
  }

  get method(): string {
    return this.#head?.method ?? '';
  }

  get path(): string {
    const head = this.#head;
    this.#path ??= head === null ? '' : head.target.substring(0, head.pathEnd);
    return this.#path;
  }

  get query(): string {
    const head = this.#head;
    return head === null ? '' : head.target.substring(head.pathEnd + 1);
  }

  get search(): string {
    const head = this.#head;
    return head === null ? '' : head.target.substring(head.pathEnd);
  }

  get host(): string {
    return this.#head?.host ?? '';
  }

  get scheme(): 'http' | 'https' {
    return this.#from?.scheme ?? 'http';
  }

  get isFromTrustedProxy(): boolean {
    return this.#origin?.isTrusted === true;
  }

  get nowMs(): number {
    if (this.#nowMs < 0) {
      this.#nowMs = this.#clock.wallMs();
    }
    return this.#nowMs;
  }

  get clientAddress(): string {
    return this.#from?.clientAddress ?? '';
  }
}
