import type { FilterRequest } from '../../modules/user-code.ts';
import { TARGET_BYTE } from '../http1/bytes.ts';
import { AMBIGUOUS_PATH, hostOf, type RequestHead } from '../http1/request-head.ts';
import type { RequestEdits } from '../http1/request-writer.ts';
import { cookieOf, type RequestFacts } from '../split/request-facts.ts';
import { everyCode, FieldEdits, PROTECTED_IN_REQUESTS } from './field-edits.ts';
import { parameterOf, RequestReading } from './request-reading.ts';

/** A request as filters see and change it: what was changed is what is read from then on. */
export class FilteredRequest implements FilterRequest {
  readonly pool: string;
  readonly #reading: RequestReading;
  readonly #mayBeAmbiguous: boolean;
  readonly #searchAsSent: string;
  #path: string | null = null;
  #query: string | null = null;
  #authority: string | null = null;
  #fields: FieldEdits | null = null;
  #isSent = false;

  constructor(head: RequestHead, facts: RequestFacts, pool: string, mayBeAmbiguous: boolean) {
    this.#reading = new RequestReading(head, facts);
    this.pool = pool;
    this.#searchAsSent = head.target.substring(head.pathEnd);
    this.#mayBeAmbiguous = mayBeAmbiguous;
  }

  get method(): string {
    return this.#reading.method;
  }

  get path(): string {
    return this.#path ?? this.#reading.path;
  }

  get query(): string {
    return this.#query ?? this.#reading.query;
  }

  get host(): string {
    return this.#authority === null ? this.#reading.host : (hostOf(this.#authority) ?? '');
  }

  get clientAddress(): string {
    return this.#reading.clientAddress;
  }

  header(name: string): string | null {
    const key = String(name).toLowerCase();
    return this.#fields?.has(key) === true ? this.#fields.get(key) : this.#reading.header(key);
  }

  cookie(name: string): string | null {
    return cookieOf(this.header('cookie'), name);
  }

  parameter(name: string): string | null {
    return parameterOf(this.query, name);
  }

  setPath(path: string): void {
    this.#requireUnsent();
    if (typeof path !== 'string' || path[0] !== '/' || path.includes('?') || !everyCode(path, TARGET_BYTE)) {
      throw new TypeError(`a path begins with "/" and has no spaces, "?", "#" or "\\"; it is ${JSON.stringify(path)}`);
    }
    if (!this.#mayBeAmbiguous && AMBIGUOUS_PATH.test(path)) {
      throw new TypeError(
        `a path must not have dot segments, or encoded slashes or dots; it is ${JSON.stringify(path)}`,
      );
    }
    this.#path = path;
  }

  setQuery(query: string): void {
    this.#requireUnsent();
    if (typeof query !== 'string' || !everyCode(query, TARGET_BYTE)) {
      throw new TypeError(`a query has no spaces, "#" or "\\"; it is ${JSON.stringify(query)}`);
    }
    this.#query = query;
  }

  setHost(host: string): void {
    this.#requireUnsent();
    if (typeof host !== 'string' || hostOf(host) === null) {
      throw new TypeError(`a host is a name or an address, with or without a port; it is ${JSON.stringify(host)}`);
    }
    this.#authority = host;
  }

  setHeader(name: string, value: string): void {
    this.#editableFields.set(name, value);
  }

  removeHeader(name: string): void {
    this.#editableFields.remove(name);
  }

  /** What goes to the target otherwise than it came; `null`: nothing. */
  get edits(): RequestEdits | null {
    if (this.#path === null && this.#query === null && this.#authority === null && this.#fields === null) return null;
    return {
      // What asks about the whole server has no query (RFC 9112 section 3.2.4).
      target: this.path === '*' ? this.path : this.path + this.#search,
      authority: this.#authority ?? '',
      dropped: this.#fields?.dropped ?? null,
      added: this.#fields?.added ?? '',
    };
  }

  /** Nothing can be changed any more; what can still be read is copied if it is `kept`. */
  seal(isKept: boolean): void {
    this.#isSent = true;
    if (isKept) this.#reading.keep();
    else this.#reading.end();
  }

  /** The query with its "?", which may be all there is. */
  get #search(): string {
    if (this.#query === null) return this.#searchAsSent;
    return this.#query === '' ? '' : `?${this.#query}`;
  }

  get #editableFields(): FieldEdits {
    this.#requireUnsent();
    this.#fields ??= new FieldEdits(PROTECTED_IN_REQUESTS);
    return this.#fields;
  }

  #requireUnsent(): void {
    if (this.#isSent) throw new TypeError('the request has been sent on and cannot be changed');
  }
}
