/**
 * The field section of a head (RFC 9112 section 5) or of a trailer section (7.1.2), read strictly: one pass over the
 * bytes, each looked up in a table, nothing guessed and nothing repaired. What a recipient may read in two ways is
 * refused: obs-fold, a space before the colon, a bare CR or LF, an empty name, control characters in a value.
 *
 * The result is a flat table of offsets, not a list of strings: most fields are only ever copied onwards.
 */
import { COLON, CR, LF, NAME_BYTE, SP, TAB, VALUE_BYTE } from './bytes.ts';
import { ALIAS, FIELD, fieldIdAt, isAlias } from './fields.ts';

/** What a scan ends with: the index after the section, or one of these. */
export const NEED_MORE = -1;
export const BAD_SYNTAX = -2;
export const TOO_MANY_FIELDS = -3;

const STRIDE = 4;

export class FieldSection {
  /** How many fields there are. */
  count = 0;
  /** The bytes they stand in, as latin1: offsets below are indices into it. */
  text = '';
  /** `FIELD` number of each. */
  readonly ids: Uint8Array;
  /** 1 where the line is already in the form it will be sent in: one SP after the colon, none at the end. */
  readonly canonical: Uint8Array;
  /** Per field: start and end of the name, start and end of the value. */
  readonly #offsets: Int32Array;
  readonly #fieldsMax: number;

  constructor(fieldsMax: number) {
    this.#fieldsMax = fieldsMax;
    this.ids = new Uint8Array(fieldsMax);
    this.canonical = new Uint8Array(fieldsMax);
    this.#offsets = new Int32Array(fieldsMax * STRIDE);
  }

  get fieldsMax(): number {
    return this.#fieldsMax;
  }

  /**
   * Reads fields from `from` up to the empty line that ends them. Returns the index after that line, or a negative
   * code. Offsets count from `base`, the byte that `text` will begin with; `text` is the caller's to set.
   */
  scan(buffer: Buffer, from: number, to: number, base: number): number {
    let at = from;
    this.count = 0;
    for (;;) {
      if (at >= to) {
        return NEED_MORE;
      }
      if (buffer[at] === CR) {
        if (at + 1 >= to) {
          return NEED_MORE;
        }
        return buffer[at + 1] === LF ? at + 2 : BAD_SYNTAX;
      }
      at = this.#scanLine(buffer, at, to, base);
      if (at < 0) {
        return at;
      }
    }
  }

  #scanLine(buffer: Buffer, nameStart: number, to: number, base: number): number {
    let at = nameStart;
    let seen = 1;
    for (; at < to; at++) {
      const kind = NAME_BYTE[buffer[at] as number] as number;
      if (kind === 0) {
        break;
      }
      seen |= kind;
    }
    if (at >= to) {
      return NEED_MORE;
    }
    // An empty name, obs-fold, or white space before the colon: RFC 9112 sections 5.1 and 5.2.
    if (buffer[at] !== COLON || at === nameStart) {
      return BAD_SYNTAX;
    }
    const nameEnd = at;
    at++;
    while (at < to && (buffer[at] === SP || buffer[at] === TAB)) {
      at++;
    }
    const valueStart = at;
    while (at < to && VALUE_BYTE[buffer[at] as number] === 1) {
      at++;
    }
    if (at + 1 >= to) {
      return at < to && buffer[at] !== CR ? BAD_SYNTAX : NEED_MORE;
    }
    if (buffer[at] !== CR || buffer[at + 1] !== LF) {
      return BAD_SYNTAX;
    }
    if (this.count >= this.#fieldsMax) {
      return TOO_MANY_FIELDS;
    }
    const index = this.#record(buffer, nameStart, nameEnd, valueStart, at, base);
    if (seen !== 1 && isAlias(buffer.toString('latin1', nameStart, nameEnd))) {
      this.ids[index] = ALIAS;
    }
    return at + 2;
  }

  #record(
    buffer: Buffer,
    nameStart: number,
    nameEnd: number,
    valueStart: number,
    lineEnd: number,
    base: number,
  ): number {
    let valueEnd = lineEnd;
    while (valueEnd > valueStart && (buffer[valueEnd - 1] === SP || buffer[valueEnd - 1] === TAB)) {
      valueEnd--;
    }
    const index = this.count++;
    this.ids[index] = fieldIdAt(buffer, nameStart, nameEnd);
    this.canonical[index] =
      valueStart === nameEnd + 2 && valueEnd === lineEnd && buffer[nameEnd + 1] === SP && valueEnd > valueStart ? 1 : 0;
    const offset = index * STRIDE;
    this.#offsets[offset] = nameStart - base;
    this.#offsets[offset + 1] = nameEnd - base;
    this.#offsets[offset + 2] = valueStart - base;
    this.#offsets[offset + 3] = valueEnd - base;
    return index;
  }

  nameStart(index: number): number {
    return this.#offsets[index * STRIDE] as number;
  }

  valueEnd(index: number): number {
    return this.#offsets[index * STRIDE + 3] as number;
  }

  /** The name as it was sent. */
  name(index: number): string {
    const offset = index * STRIDE;
    return this.text.substring(this.#offsets[offset] as number, this.#offsets[offset + 1] as number);
  }

  /** The value without the white space around it. */
  value(index: number): string {
    const offset = index * STRIDE;
    return this.text.substring(this.#offsets[offset + 2] as number, this.#offsets[offset + 3] as number);
  }

  /** Whether white space stands between the value and the end of its line. */
  hasTrailingSpace(index: number): boolean {
    return this.text.charCodeAt(this.valueEnd(index)) !== CR;
  }

  /** Index of the first field with this number, or -1. */
  find(id: number): number {
    for (let i = 0; i < this.count; i++) {
      if (this.ids[i] === id) {
        return i;
      }
    }
    return -1;
  }

  /** First value of a known field, or "". */
  valueOf(id: number): string {
    const index = this.find(id);
    return index < 0 ? '' : this.value(index);
  }

  /** All values of the field with this lower-case name, joined as RFC 9110 section 5.3 allows; null: not there. */
  get(name: string): string | null {
    const id = KNOWN_IDS.get(name) ?? 0;
    let joined: string | null = null;
    for (let i = 0; i < this.count; i++) {
      if (this.ids[i] === id && (id !== 0 || this.#isNamed(i, name))) {
        joined = joined === null ? this.value(i) : `${joined}, ${this.value(i)}`;
      }
    }
    return joined;
  }

  #isNamed(index: number, name: string): boolean {
    const offset = index * STRIDE;
    const length = (this.#offsets[offset + 1] as number) - (this.#offsets[offset] as number);
    return length === name.length && this.name(index).toLowerCase() === name;
  }
}

const KNOWN_IDS: ReadonlyMap<string, number> = new Map(Object.entries(FIELD).filter(([name]) => name !== 'other'));
