/**
 * A request head, read strictly (RFC 9112 sections 2, 3, 6; RFC 9110 sections 7, 8.6).
 *
 * One instance is used again and again: what a request needs after its head was routed is copied out of it before the
 * next head is read. `read` goes over the bytes once; `interpret` then goes over the fields once and decides framing
 * and persistence. Whatever two parsers could disagree on is a failure, with a code of errors.ts.
 */
import { METHODS } from 'node:http';
import type { FailureCode } from '../errors.ts';
import { CR, HOST_BYTE, LF, SP, TARGET_KIND, TOKEN_BYTE } from './bytes.ts';
import { BAD_SYNTAX, FieldSection, NEED_MORE, TOO_MANY_FIELDS } from './field-section.ts';
import { FIELD } from './fields.ts';
import { isChunked, joinedConnection, listHas, parseContentLength } from './field-values.ts';

/** How the body of a message is delimited. */
export type Framing = 'none' | 'length' | 'chunked' | 'until-close';

/** What is to be read next, or why the head is refused. */
export type ReadResult = 'more' | 'done' | FailureCode;

/** Empty lines before a request line that are skipped (RFC 9112 section 2.2 asks for one). */
const LEADING_EMPTY_LINES_MAX = 2;

/** Longest method there is, by llhttp's list; a longer token is refused before it is complete. */
const METHOD_BYTES_MAX = 32;

/** Every method that llhttp knows, and no other: an unknown one is 501. */
const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS);

const NO_BYTES = Buffer.alloc(0);

export interface RequestLimits {
  readonly requestLineBytesMax: number;
  readonly fieldsMax: number;
}

export class RequestHead {
  readonly fields: FieldSection;
  readonly #limits: RequestLimits;
  #lastAuthority: string | null = null;
  #lastHost = '';

  /** After `read` said "done": the index of the first byte after the head. */
  end = 0;
  method = 'GET';
  /** Path and query as they were sent, in origin-form (or "*"): the one string that is routed on and forwarded. */
  target = '';
  /** Where the query begins in `target`, "?" included; its length if there is none. */
  pathEnd = 0;
  /** `%2f`, `%5c`, `%00`, an encoded dot, or a dot segment: see `ServiceSpec.ambiguousPaths`. */
  ambiguousPath = false;
  /** 0 or 1: the minor version of HTTP/1.x. */
  minor = 1;
  /** What the client speaks: "1.0", "1.1", or "2.0" for a request that came otherwise and was written as HTTP/1.1. */
  version = '1.1';
  /** The authority as it was sent, for the Host field of what is forwarded. "" only with HTTP/1.0. */
  authority = '';
  /** Lower case, without port and trailing dot: what is routed on. */
  host = '';
  framing: Framing = 'none';
  /** Of a body with framing "length"; otherwise 0. */
  contentLength = 0;
  /** Whether the client may send another request on this connection. */
  keepAlive = true;
  /** "100-continue" was asked for. */
  expectsContinue = false;
  /** The protocol asked for, lower case, where this is a request to upgrade; otherwise "". */
  upgrade = '';
  /** The client takes trailers ("TE: trailers"). */
  takesTrailers = false;
  /** The value of Connection, lower case; "" without one. */
  connection = '';

  #isLast = false;
  #bytes: Buffer = NO_BYTES;
  #from = 0;

  constructor(limits: RequestLimits) {
    this.#limits = limits;
    this.fields = new FieldSection(limits.fieldsMax);
  }

  /** Reads a head at `from`. `buffer` must not change before `interpret` has returned. */
  read(buffer: Buffer, from: number, to: number): ReadResult {
    this.#bytes = buffer;
    this.#from = from;
    const start = skipEmptyLines(buffer, from, to);
    if (start < 0) {
      return start === NEED_MORE ? 'more' : 'malformed_request';
    }
    const lineResult = this.#readLine(buffer, start, to);
    if (lineResult !== 'done') {
      return lineResult;
    }
    const fieldsFrom = this.end;
    const end = this.fields.scan(buffer, fieldsFrom, to, fieldsFrom);
    if (end < 0) {
      return end === NEED_MORE ? 'more' : end === TOO_MANY_FIELDS ? 'head_too_large' : 'malformed_request';
    }
    this.fields.text = buffer.toString('latin1', fieldsFrom, end);
    this.end = end;
    return 'done';
  }

  /** The bytes that were read, for reading them again later. Asked for in the same turn. */
  copyBytes(): Buffer {
    return Buffer.from(this.#bytes.subarray(this.#from, this.end));
  }

  /** The request line: method SP request-target SP HTTP-version CRLF, and nothing looser (RFC 9112 section 3). */
  #readLine(buffer: Buffer, from: number, to: number): ReadResult {
    let at = from;
    while (at < to && TOKEN_BYTE[buffer[at] as number] === 1) {
      at++;
    }
    if (at - from > METHOD_BYTES_MAX) {
      return 'unknown_method';
    }
    if (at >= to) {
      return 'more';
    }
    if (buffer[at] !== SP || at === from) {
      return 'malformed_request';
    }
    const method = methodAt(buffer, from, at);
    const targetFrom = ++at;
    let kinds = 1;
    for (; at < to; at++) {
      const kind = TARGET_KIND[buffer[at] as number] as number;
      if (kind === 0) {
        break;
      }
      kinds |= kind;
    }
    if (at - from > this.#limits.requestLineBytesMax) {
      return 'target_too_long';
    }
    if (at >= to) {
      return 'more';
    }
    if (buffer[at] !== SP || at === targetFrom) {
      return 'malformed_request';
    }
    const targetTo = at;
    const versionResult = this.#readVersion(buffer, at + 1, to);
    if (versionResult !== 'done') {
      return versionResult;
    }
    if (method === '') {
      return 'unknown_method';
    }
    this.method = method;
    return this.#readTarget(buffer, targetFrom, targetTo, kinds);
  }

  #readVersion(buffer: Buffer, from: number, to: number): ReadResult {
    if (to - from < VERSION_LINE_BYTES) {
      return hasLineEnd(buffer, from, to) ? 'malformed_request' : 'more';
    }
    for (let i = 0; i < HTTP_1.length; i++) {
      if (buffer[from + i] !== HTTP_1[i]) {
        return isOtherVersion(buffer, from) ? 'unsupported_version' : 'malformed_request';
      }
    }
    const at = from + HTTP_1.length;
    const minor = (buffer[at] as number) - 0x30;
    if (buffer[at + 1] !== CR || buffer[at + 2] !== LF || minor < 0 || minor > 9) {
      return 'malformed_request';
    }
    // llhttp knows 1.0 and 1.1 only, and nobody sends another.
    if (minor > 1) {
      return 'unsupported_version';
    }
    this.minor = minor;
    this.version = minor === 1 ? '1.1' : '1.0';
    this.end = at + 3;
    return 'done';
  }

  /** Origin-form, absolute-form (its authority then counts, RFC 9112 section 3.2.2) or, for OPTIONS, "*". */
  #readTarget(buffer: Buffer, from: number, to: number, kinds: number): ReadResult {
    this.authority = '';
    const first = buffer[from];
    let pathFrom = from;
    if (this.method === 'CONNECT') {
      return 'method_not_allowed';
    }
    if (first !== SLASH) {
      if (first === ASTERISK && to === from + 1 && this.method === 'OPTIONS') {
        this.target = '*';
        this.pathEnd = 1;
        this.ambiguousPath = false;
        return 'done';
      }
      const absolute = ABSOLUTE_FORM.exec(buffer.toString('latin1', from, to));
      if (absolute === null) {
        return 'malformed_request';
      }
      this.authority = absolute[1] as string;
      pathFrom = from + (absolute[0] as string).length;
    }
    const path = buffer.toString('latin1', pathFrom, to);
    if (path === '' && this.method === 'OPTIONS') {
      // RFC 9112 section 3.2.4: about the whole server.
      this.target = '*';
      this.pathEnd = 1;
      this.ambiguousPath = false;
      return 'done';
    }
    this.target = path.charCodeAt(0) === SLASH ? path : `/${path}`;
    this.#inspectPath(kinds);
    return 'done';
  }

  /** `kinds`: the bits of TARGET_KIND that its bytes have. */
  #inspectPath(kinds: number): void {
    const query = (kinds & 2) === 0 ? -1 : this.target.indexOf('?');
    this.pathEnd = query < 0 ? this.target.length : query;
    this.ambiguousPath = (kinds & 4) !== 0 && AMBIGUOUS_PATH.test(this.target.substring(0, this.pathEnd));
  }

  /** Reads what the fields mean. Returns null, or why the request is refused. */
  interpret(): FailureCode | null {
    const fields = this.fields;
    this.framing = 'none';
    this.contentLength = 0;
    this.connection = '';
    this.upgrade = '';
    this.expectsContinue = false;
    this.takesTrailers = false;
    let hostIndex = -1;
    let lengths = 0;
    let codings = 0;
    let upgradeIndex = -1;
    this.#isLast = false;
    for (let i = 0; i < fields.count; i++) {
      switch (fields.ids[i]) {
        case FIELD.host:
          if (hostIndex >= 0) {
            return 'bad_host';
          }
          hostIndex = i;
          break;
        case FIELD['content-length']:
          lengths++;
          this.contentLength = parseContentLength(fields.value(i));
          break;
        case FIELD['transfer-encoding']:
          codings++;
          // White space behind "chunked" is legal, but some do not see the coding then (llhttp: a tab).
          if (!isChunked(fields.value(i)) || fields.hasTrailingSpace(i)) {
            return NAMES_OTHER_CODING.test(fields.value(i)) ? 'unknown_coding' : 'ambiguous_length';
          }
          break;
        case FIELD.connection:
          this.connection = joinedConnection(this.connection, fields.value(i));
          break;
        case FIELD['proxy-connection']:
          // No field of HTTP (RFC 9112 appendix C.2.2), but there are recipients that read nothing behind its "close".
          this.#isLast ||= listHas(fields.value(i).toLowerCase(), 'close');
          break;
        case FIELD.upgrade:
          // Two Upgrade lines are a list; a list is not a choice that we make for the target.
          upgradeIndex = upgradeIndex === -1 ? i : -2;
          break;
        case FIELD.expect:
          if (fields.value(i).toLowerCase() !== '100-continue') {
            return 'expectation_failed';
          }
          this.expectsContinue = true;
          break;
        case FIELD.te:
          this.takesTrailers ||= listHas(fields.value(i).toLowerCase(), 'trailers');
          break;
        default:
      }
    }
    return (
      this.#interpretHost(hostIndex) ??
      this.#interpretFraming(lengths, codings) ??
      this.#interpretConnection(upgradeIndex)
    );
  }

  /** Exactly one Host with a valid value; its absence is allowed to HTTP/1.0 only. RFC 9112 section 3.2. */
  #interpretHost(hostIndex: number): FailureCode | null {
    if (hostIndex < 0) {
      if (this.minor === 1) {
        return 'bad_host';
      }
      if (this.authority === '') {
        this.host = '';
        return null;
      }
    } else {
      const value = this.fields.value(hostIndex);
      if (this.authority === '') {
        this.authority = value;
      } else if (hostOf(value) === null) {
        return 'bad_host';
      }
    }
    // Nearly all requests of a connection name the same host: what was found out about it once is not found out again.
    if (this.authority !== this.#lastAuthority) {
      const host = hostOf(this.authority);
      if (host === null) {
        return 'bad_host';
      }
      this.#lastAuthority = this.authority;
      this.#lastHost = host;
    }
    // The very string, which who compares it with what was known before need not read.
    this.authority = this.#lastAuthority;
    this.host = this.#lastHost;
    return null;
  }

  /** RFC 9112 section 6.3, without its permissions to repair: one length or one "chunked", never both. */
  #interpretFraming(lengths: number, codings: number): FailureCode | null {
    if (codings > 0) {
      if (codings > 1 || lengths > 0 || this.minor === 0) {
        return 'ambiguous_length';
      }
      this.framing = 'chunked';
      return null;
    }
    if (lengths > 0) {
      if (lengths > 1 || this.contentLength < 0) {
        return 'ambiguous_length';
      }
      this.framing = this.contentLength === 0 ? 'none' : 'length';
    }
    return null;
  }

  #interpretConnection(upgradeIndex: number): FailureCode | null {
    const connection = this.connection;
    if (connection === '') {
      this.keepAlive = this.minor === 1;
    } else {
      // RFC 9112 section 9.3: "close" comes first, whatever else is said.
      this.keepAlive = !listHas(connection, 'close') && (this.minor === 1 || listHas(connection, 'keep-alive'));
      // Only a GET without a body can become a tunnel: a body would have to be told apart from the tunnel's bytes.
      if (
        upgradeIndex >= 0 &&
        this.minor === 1 &&
        this.method === 'GET' &&
        this.framing === 'none' &&
        listHas(connection, 'upgrade')
      ) {
        this.upgrade = this.fields.value(upgradeIndex).toLowerCase();
      }
    }
    this.keepAlive &&= !this.#isLast;
    if (this.minor === 0) {
      // RFC 9110 section 10.1.1: an expectation of an HTTP/1.0 client is ignored.
      this.expectsContinue = false;
    }
    return this.method === 'TRACE' ? 'method_not_allowed' : null;
  }
}

const HTTP_1 = Buffer.from('HTTP/1.', 'latin1');
/** "HTTP/1.1" CRLF. */
const VERSION_LINE_BYTES = 10;
const SLASH = 0x2f;
const ASTERISK = 0x2a;

/** Scheme and authority of an absolute-form; a userinfo is never part of a valid one (RFC 9110 section 4.2.4). */
const ABSOLUTE_FORM = /^https?:\/\/([^/?@]+)(?=[/?]|$)/i;

/** A dot segment, plain or encoded, with or without a path parameter; an encoded slash, backslash, dot or NUL. */
export const AMBIGUOUS_PATH = /\/\.{1,2}(?:[/;]|$)|%(?:2f|5c|2e|00)/i;

/** A transfer coding that exists but is not spoken here, as opposed to nonsense. RFC 9112 section 6.1: 501. */
const NAMES_OTHER_CODING = /^(?:gzip|x-gzip|deflate|compress|x-compress)(?:[ \t]*,[ \t]*chunked)?$/i;

function skipEmptyLines(buffer: Buffer, from: number, to: number): number {
  let at = from;
  for (let lines = 0; lines <= LEADING_EMPTY_LINES_MAX; lines++) {
    if (at >= to) {
      return NEED_MORE;
    }
    if (buffer[at] !== CR) {
      return at;
    }
    if (at + 1 >= to) {
      return NEED_MORE;
    }
    if (buffer[at + 1] !== LF) {
      return BAD_SYNTAX;
    }
    at += 2;
  }
  return BAD_SYNTAX;
}

function methodAt(buffer: Buffer, from: number, to: number): string {
  if (to - from === 3 && buffer[from] === 0x47 && buffer[from + 1] === 0x45 && buffer[from + 2] === 0x54) {
    return 'GET';
  }
  const method = buffer.toString('latin1', from, to);
  return KNOWN_METHODS.has(method) ? method : '';
}

function hasLineEnd(buffer: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    if (buffer[at] === LF) {
      return true;
    }
  }
  return false;
}

/** "HTTP/" DIGIT "." DIGIT CRLF, but not version 1: the client is told which versions there are (505). */
function isOtherVersion(buffer: Buffer, from: number): boolean {
  return /^HTTP\/\d\.\d\r\n/.test(buffer.toString('latin1', from, from + VERSION_LINE_BYTES));
}

/** Host in lower case without port and trailing dot, or null where the value is not uri-host [":" port]. */
export function hostOf(authority: string): string | null {
  if (authority.charCodeAt(0) === 0x5b) {
    const literal = /^\[([0-9A-Fa-f:.]{2,45})\](?::(\d{1,5}))?$/.exec(authority);
    return literal === null || Number(literal[2] ?? 0) > 65_535 ? null : `[${(literal[1] as string).toLowerCase()}]`;
  }
  let end = 0;
  while (end < authority.length && HOST_BYTE[authority.charCodeAt(end)] === 1) {
    end++;
  }
  if (end === 0 || (end < authority.length && !isPort(authority, end))) {
    return null;
  }
  const dotless = end > 1 && authority.charCodeAt(end - 1) === 0x2e ? end - 1 : end;
  const host = authority.substring(0, dotless);
  return host.toLowerCase();
}

/** ":" and at most five digits up to 65,535 at `from`; an empty port is legal (RFC 3986 section 3.2.3) but useless. */
function isPort(authority: string, from: number): boolean {
  const digits = authority.length - from - 1;
  if (authority.charCodeAt(from) !== 0x3a || digits < 1 || digits > 5) {
    return false;
  }
  let port = 0;
  for (let i = from + 1; i < authority.length; i++) {
    const digit = authority.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) {
      return false;
    }
    port = port * 10 + digit;
  }
  return port <= 65_535;
}
