/**
 * What user code changes of a field section. Every name and value is checked as it is given: what cannot stand in a head,
 * or is the proxy's own to say, throws, and so costs the request and never the connection.
 */
import { HOP_BY_HOP } from '../../base/hop-by-hop.ts';
import { TOKEN_BYTE, VALUE_BYTE } from '../http1/bytes.ts';
import { isAlias } from '../http1/fields.ts';

/** More than all fields of a usual head together; what is longer, servers refuse. */
const ADDED_CHARS_MAX = 65_536;

/** Of the connection, or of how a message is delimited: written anew for each hop. */
const OF_THE_HOP = [...HOP_BY_HOP, 'content-length', 'trailer', 'via'];

/** What only the proxy says of a request, besides. `setHost` changes the host. */
export const PROTECTED_IN_REQUESTS: ReadonlySet<string> = new Set([
  ...OF_THE_HOP,
  'expect',
  'forwarded',
  'host',
  'max-forwards',
  'proxy',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
  'x-request-id',
]);

export const PROTECTED_IN_RESPONSES: ReadonlySet<string> = new Set([...OF_THE_HOP, 'date']);

export class FieldEdits {
  readonly #protected: ReadonlySet<string>;
  /** By lower-case name: the lines in the place of those that came. None: the field is left out. */
  readonly #lines = new Map<string, string[]>();
  #chars = 0;

  constructor(protectedNames: ReadonlySet<string>) {
    this.#protected = protectedNames;
  }

  set(name: string, value: string): void {
    this.#lines.set(this.#nameOf(name), [this.#lineOf(name, value)]);
  }

  /** `present`: the values that came, where the field was not edited before. */
  append(name: string, value: string, present: readonly string[]): void {
    const key = this.#nameOf(name);
    const lines = this.#lines.get(key) ?? present.map((one) => this.#lineOf(name, one));
    this.#lines.set(key, [...lines, this.#lineOf(name, value)]);
  }

  remove(name: string): void {
    this.#lines.set(this.#nameOf(name), []);
  }

  /** Whether `get` knows better than what came. */
  has(lowerCaseName: string): boolean {
    return this.#lines.has(lowerCaseName);
  }

  get(lowerCaseName: string): string | null {
    const lines = this.#lines.get(lowerCaseName) ?? [];
    return lines.length === 0 ? null : lines.map((line) => line.slice(lowerCaseName.length + 2, -2)).join(', ');
  }

  /** Lower-case names of what came and is not to pass; `null`: all of it passes. */
  get dropped(): ReadonlySet<string> | null {
    return this.#lines.size === 0 ? null : new Set(this.#lines.keys());
  }

  /** Complete lines to add. */
  get added(): string {
    return [...this.#lines.values()].flat().join('');
  }

  #nameOf(name: unknown): string {
    if (typeof name !== 'string' || !isToken(name)) throw new TypeError(`${JSON.stringify(name)} is no field name`);
    const key = name.toLowerCase();
    // An underscore for a hyphen makes the same variable of many servers.
    if (this.#protected.has(key) || (key.includes('_') && isAlias(key))) {
      throw new TypeError(`${name} is set by the proxy itself and cannot be changed`);
    }
    return key;
  }

  #lineOf(name: string, value: unknown): string {
    if (typeof value !== 'string' || !isValue(value)) {
      throw new TypeError(`the value of ${name} must be text of printable characters below U+0100, without line ends`);
    }
    const line = `${name}: ${value}\r\n`;
    this.#chars += line.length;
    if (this.#chars > ADDED_CHARS_MAX)
      throw new TypeError(`fields of more than ${ADDED_CHARS_MAX} characters were set`);
    return line;
  }
}

function isToken(text: string): boolean {
  return text !== '' && everyCode(text, TOKEN_BYTE);
}

function isValue(text: string): boolean {
  return everyCode(text, VALUE_BYTE) && text.trim() === text;
}

/** Whether each character is a byte that `table` accepts. */
export function everyCode(text: string, table: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) {
    if ((table[text.charCodeAt(i)] ?? 0) === 0) return false;
  }
  return true;
}
