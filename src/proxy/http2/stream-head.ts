/**
 * The head of a request that came by HTTP/2, checked (RFC 9113 sections 8.2 and 8.3) and then written as the HTTP/1.1 head
 * that it stands for, which is read like any other. Whatever is refused there is refused here, by the same lines of code; and
 * what is read must be, place by place, what was written: a value with a line end in it cannot become a field.
 */
import type { FailureCode } from '../errors.ts';
import { TOKEN_BYTE } from '../http1/bytes.ts';
import { TRAILER_LIMITS } from '../http1/body-reader.ts';
import { FieldSection } from '../http1/field-section.ts';
import type { RequestHead } from '../http1/request-head.ts';

export interface StreamHeadLimits {
  readonly requestLineBytesMax: number;
  readonly headBytesMax: number;
  readonly fieldsMax: number;
}

/** Lower-case letters only: RFC 9113 section 8.2. */
const NAME_CHAR = TOKEN_BYTE.map((isToken, byte) => (byte >= 0x41 && byte <= 0x5a ? 0 : isToken));

/** Methods with which a target expects a body: it is told that there is none, as the end of the head has told us. */
const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** What belongs to one connection, and to HTTP/1.1: RFC 9113 section 8.2.2. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

const COLON = 0x3a;
const SLASH = 0x2f;
const SP = 0x20;
const HTAB = 0x09;

/** Used again and again by the streams of one listener, as the head that it reads into. */
export class StreamHeadReader {
  readonly #head: RequestHead;
  readonly #limits: StreamHeadLimits;
  readonly #bytes: Buffer;
  /** Where each line begins, counted from the first. */
  readonly #starts: Int32Array;
  #lineCount = 0;
  #lines = '';
  #method = '';
  #path = '';
  #scheme = '';
  #authority = '';
  #cookies = '';
  #hasAuthority = false;
  #hasHost = false;
  #hasLength = false;

  constructor(head: RequestHead, limits: StreamHeadLimits) {
    this.#head = head;
    this.#limits = limits;
    this.#bytes = Buffer.alloc(limits.headBytesMax);
    this.#starts = new Int32Array(limits.fieldsMax + OWN_LINES_MAX);
  }

  /** What a refusal goes by. */
  get method(): 'GET' | 'HEAD' {
    return this.#method === 'HEAD' ? 'HEAD' : 'GET';
  }

  /**
   * Reads names and values, one after the other, one character for each byte. `hasBody`: something may follow. Returns null,
   * and the head is then good until the next one is read; or why the request is refused.
   */
  read(raw: readonly string[], hasBody: boolean): FailureCode | null {
    this.#begin();
    const fieldsFrom = this.#readPseudo(raw);
    if (fieldsFrom < 0) {
      return 'malformed_request';
    }
    if ((raw.length - fieldsFrom) / 2 > this.#limits.fieldsMax) {
      return 'head_too_large';
    }
    return this.#readFields(raw, fieldsFrom) ?? this.#readLine() ?? this.#interpret(hasBody);
  }

  #begin(): void {
    this.#lineCount = 0;
    this.#lines = '';
    this.#method = '';
    this.#path = '';
    this.#scheme = '';
    this.#authority = '';
    this.#cookies = '';
    this.#hasAuthority = false;
    this.#hasHost = false;
    this.#hasLength = false;
  }

  /** Before all others, each at most once. Returns where the fields begin; -1: malformed. */
  #readPseudo(raw: readonly string[]): number {
    let at = 0;
    for (; at < raw.length; at += 2) {
      const name = raw[at] as string;
      if (name.charCodeAt(0) !== COLON) {
        break;
      }
      const value = raw[at + 1] as string;
      if (name === ':method' && this.#method === '') {
        this.#method = value;
      } else if (name === ':path' && this.#path === '') {
        this.#path = value;
      } else if (name === ':scheme' && this.#scheme === '') {
        this.#scheme = value;
      } else if (name === ':authority' && !this.#hasAuthority) {
        this.#authority = value;
        this.#hasAuthority = true;
      } else {
        return -1;
      }
    }
    return at;
  }

  #readFields(raw: readonly string[], from: number): FailureCode | null {
    for (let at = from; at < raw.length; at += 2) {
      const failure = this.#readField(raw[at] as string, raw[at + 1] as string);
      if (failure !== null) {
        return failure;
      }
    }
    if (this.#cookies !== '') {
      this.#addLine('cookie', this.#cookies);
    }
    return null;
  }

  #readField(name: string, value: string): FailureCode | null {
    switch (name) {
      case 'cookie':
        // RFC 9113 section 8.2.3: crumbs are one cookie field again where there is no HTTP/2.
        if (value !== '') {
          this.#cookies = this.#cookies === '' ? value : `${this.#cookies}; ${value}`;
        }
        return null;
      case 'host':
        return this.#readHost(value);
      case 'te':
        if (value !== 'trailers') {
          return 'malformed_request';
        }
        break;
      case 'content-length':
        this.#hasLength = true;
        break;
      default:
        if (!isFieldName(name) || OF_CONNECTIONS.has(name)) {
          return 'malformed_request';
        }
    }
    if (isPaddedValue(value)) {
      return 'malformed_request';
    }
    this.#addLine(name, value);
    return null;
  }

  /** RFC 9113 section 8.3.1: where there is an authority too, it says the same. */
  #readHost(value: string): FailureCode | null {
    if (this.#hasHost || (this.#hasAuthority && this.#authority.toLowerCase() !== value.toLowerCase())) {
      return 'bad_host';
    }
    this.#hasHost = true;
    if (!this.#hasAuthority) {
      this.#authority = value;
    }
    return null;
  }

  #addLine(name: string, value: string): void {
    this.#starts[this.#lineCount++] = this.#lines.length;
    this.#lines += `${name}: ${value}\r\n`;
  }

  /** What of the pseudo-fields the request line does not ask: an absolute form, say, is good there. */
  #readLine(): FailureCode | null {
    const { requestLineBytesMax } = this.#limits;
    if (this.#method === 'CONNECT') {
      // No tunnels are made, whatever they are to lead to (RFC 9113 section 8.5, RFC 8441).
      return 'method_not_allowed';
    }
    if (this.#scheme !== 'http' && this.#scheme !== 'https') {
      return 'malformed_request';
    }
    if (this.#path.length > requestLineBytesMax) {
      return 'target_too_long';
    }
    return this.#path.charCodeAt(0) === SLASH || this.#path === '*' ? null : 'malformed_request';
  }

  #interpret(hasBody: boolean): FailureCode | null {
    if (this.#hasAuthority || this.#hasHost) {
      this.#addLine('host', this.#authority);
    }
    if (hasBody && !this.#hasLength) {
      this.#addLine('transfer-encoding', 'chunked');
    } else if (!hasBody && !this.#hasLength && WITH_BODY.has(this.#method)) {
      this.#addLine('content-length', '0');
    }
    const text = `${this.#method} ${this.#path} HTTP/1.1\r\n${this.#lines}\r\n`;
    if (text.length > this.#limits.headBytesMax) {
      return 'head_too_large';
    }
    this.#bytes.write(text, 0, 'latin1');
    const head = this.#head;
    const result = head.read(this.#bytes, 0, text.length);
    if (result !== 'done') {
      return result === 'more' ? 'malformed_request' : result;
    }
    if (head.end !== text.length || !this.#isAsWritten()) {
      return 'malformed_request';
    }
    head.version = '2.0';
    return head.interpret() ?? (head.contentLength > 0 && !hasBody ? 'ambiguous_length' : null);
  }

  #isAsWritten(): boolean {
    const { fields, method, target } = this.#head;
    if (fields.count !== this.#lineCount || method !== this.#method || target !== this.#path) {
      return false;
    }
    for (let i = 0; i < this.#lineCount; i++) {
      if (fields.nameStart(i) !== this.#starts[i]) {
        return false;
      }
    }
    return true;
  }
}

/** Lines that are added to those that came: host, and what says how long the body is. */
const OWN_LINES_MAX = 2;

/** The trailer section of a request, names and values one after the other; null: it is malformed. */
export function readTrailers(raw: readonly string[]): FieldSection | null {
  let lines = '';
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string;
    if (!isFieldName(name) || OF_CONNECTIONS.has(name) || isPaddedValue(raw[at + 1] as string)) {
      return null;
    }
    lines += `${name}: ${raw[at + 1] as string}\r\n`;
  }
  const bytes = Buffer.from(`${lines}\r\n`, 'latin1');
  const section = new FieldSection(TRAILER_LIMITS.fieldsMax);
  const end = bytes.length > TRAILER_LIMITS.bytesMax ? -1 : section.scan(bytes, 0, bytes.length, 0);
  if (end !== bytes.length || section.count !== raw.length / 2) {
    return null;
  }
  section.text = bytes.toString('latin1');
  return section;
}

function isFieldName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    if (NAME_CHAR[name.charCodeAt(i)] !== 1) {
      return false;
    }
  }
  return name.length > 0;
}

/** RFC 9113 section 8.2.1: a reader of HTTP/1.1 would leave such spaces out. */
function isPaddedValue(value: string): boolean {
  return isSpace(value.charCodeAt(0)) || isSpace(value.charCodeAt(value.length - 1));
}

function isSpace(char: number): boolean {
  return char === SP || char === HTAB;
}
