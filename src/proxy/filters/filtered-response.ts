import type { FilterResponse } from '../../modules/user-code.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { ResponseEdits } from '../http1/response-writer.ts';
import { FieldEdits, PROTECTED_IN_RESPONSES } from './field-edits.ts';
import { hasNoBody, isFinalStatus } from './own-status.ts';

/** A response as filters see and change it: what was changed is what is read from then on. */
export class FilteredResponse implements FilterResponse {
  #head: ResponseHead | null;
  #status: number;
  #fields: FieldEdits | null = null;

  constructor(head: ResponseHead) {
    this.#head = head;
    this.#status = head.status;
  }

  get status(): number {
    return this.#status;
  }

  setStatus(status: number): void {
    const from = this.#reading.status;
    if (!isFinalStatus(status))
      throw new TypeError(`a status is a whole number from 200 to 599; it is ${String(status)}`);
    // Whether a body follows is settled by the status that the target sent.
    if (status !== from && (hasNoBody(status) || hasNoBody(from))) {
      throw new TypeError(`a response of ${from} cannot become one of ${status}: one of both has no body`);
    }
    this.#status = status;
  }

  header(name: string): string | null {
    const key = String(name).toLowerCase();
    return this.#fields?.has(key) === true ? this.#fields.get(key) : this.#reading.fields.get(key);
  }

  setHeader(name: string, value: string): void {
    this.#editableFields.set(name, value);
  }

  appendHeader(name: string, value: string): void {
    this.#editableFields.append(name, value, this.#valuesOf(String(name).toLowerCase()));
  }

  removeHeader(name: string): void {
    this.#editableFields.remove(name);
  }

  /** What goes to the client otherwise than it came. Nothing can be read or changed from here on. */
  seal(): ResponseEdits {
    this.#head = null;
    return { status: this.#status, dropped: this.#fields?.dropped ?? null, added: this.#fields?.added ?? '' };
  }

  /** Line by line: those of Set-Cookie must not be joined. */
  #valuesOf(key: string): string[] {
    const { fields } = this.#reading;
    const values: string[] = [];
    for (let i = 0; i < fields.count; i++) if (fields.name(i).toLowerCase() === key) values.push(fields.value(i));
    return values;
  }

  get #editableFields(): FieldEdits {
    if (this.#head === null) throw new TypeError('the response has been sent on and cannot be changed');
    this.#fields ??= new FieldEdits(PROTECTED_IN_RESPONSES);
    return this.#fields;
  }

  get #reading(): ResponseHead {
    if (this.#head === null) throw new Error('the response was read after the function had returned');
    return this.#head;
  }
}
