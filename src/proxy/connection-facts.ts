/** What rules and affinity can ask of a connection whose bytes nobody reads: where it comes from, and when. */
import type { Clock } from '../base/clock.ts';
import type { Origin } from './origin.ts';
import type { RequestFacts } from './split/request-facts.ts';

/** One for all connections: `of` makes it tell of the next one. */
export class ConnectionFacts implements RequestFacts {
  readonly method = '';
  readonly path = '';
  readonly query = '';
  readonly search = '';
  readonly host = '';
  readonly scheme = 'http';
  clientAddress = '';
  readonly #clock: Clock;
  #origin: Origin | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `clientAddress`: as trusted proxies tell it. */
  of(origin: Origin, clientAddress: string): this {
    this.#origin = origin;
    this.clientAddress = clientAddress;
    return this;
  }

  field(): null {
    return null;
  }

  get isFromTrustedProxy(): boolean {
    return this.#origin?.isTrusted === true;
  }

  get nowMs(): number {
    return this.#clock.wallMs();
  }
}
