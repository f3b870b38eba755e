/**
 * What user code reads of a request. The head that it reads from is used again for the next request: once the function
 * has returned, only what was kept can be read.
 */
import type { RequestView } from '../../modules/user-code.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { cookieOf, type RequestFacts } from '../split/request-facts.ts';

export class RequestReading implements RequestView {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly host: string;
  #head: RequestHead | null;
  readonly #facts: RequestFacts;
  /** Kept for when the head is gone. */
  #kept: { readonly clientAddress: string; readonly fields: ReadonlyMap<string, string> } | null = null;

  constructor(head: RequestHead, facts: RequestFacts) {
    this.#head = head;
    this.#facts = facts;
    this.method = head.method;
    this.path = head.target.substring(0, head.pathEnd);
    this.query = head.target.substring(head.pathEnd + 1);
    this.host = head.host;
  }

  get clientAddress(): string {
    return this.#kept === null ? this.#reading.clientAddress : this.#kept.clientAddress;
  }

  header(name: string): string | null {
    const key = String(name).toLowerCase();
    return this.#kept === null ? this.#reading.field(key) : (this.#kept.fields.get(key) ?? null);
  }

  cookie(name: string): string | null {
    return cookieOf(this.header('cookie'), name);
  }

  parameter(name: string): string | null {
    return parameterOf(this.query, name);
  }

  /** Copies what can be read, for functions that see the response. */
  keep(): void {
    const fields = new Map<string, string>();
    const section = this.#head?.fields;
    for (let i = 0; section !== undefined && i < section.count; i++) {
      const key = section.name(i).toLowerCase();
      const before = fields.get(key);
      fields.set(key, before === undefined ? section.value(i) : `${before}, ${section.value(i)}`);
    }
    this.#kept = { clientAddress: this.clientAddress, fields };
    this.#head = null;
  }

  /** Nothing more can be read. */
  end(): void {
    this.#head = null;
  }

  get #reading(): RequestFacts {
    if (this.#head === null) throw new Error('the request was read after the function had returned');
    return this.#facts;
  }
}

/** First value of a parameter of a query, decoded as browsers encode it; what is wrongly encoded is given as it is. */
export function parameterOf(query: string, name: string): string | null {
  return query === '' ? null : new URLSearchParams(query).get(name);
}
