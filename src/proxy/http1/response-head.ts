/**
 * A response head from a target, read as strictly as a request: a target may be hostile, and what it sends goes to
 * clients. RFC 9112 sections 4 and 6.3. Used again and again like RequestHead.
 */
import type { FailureCode } from '../errors.ts';
import { CR, LF, SP, VALUE_BYTE } from './bytes.ts';
import { FieldSection, NEED_MORE, TOO_MANY_FIELDS } from './field-section.ts';
import { isChunked, joinedConnection, listHas, parseContentLength } from './field-values.ts';
import { FIELD } from './fields.ts';
import type { Framing } from './request-head.ts';

/** "HTTP/1.1 200". */
const STATUS_BYTES = 12;

export class ResponseHead {
  readonly fields: FieldSection;

  /** After `read` said "done": the index of the first byte after the head. */
  end = 0;
  status = 0;
  reason = '';
  minor = 1;
  framing: Framing = 'none';
  /** Content-Length as sent, also where no body follows (HEAD, 304); -1: not given. */
  contentLength = -1;
  /** Whether the target keeps the connection open after this response. */
  keepAlive = true;
  /** Lower case; "" without one. */
  connection = '';
  /** Protocol switched to, lower case; "" without one. */
  upgrade = '';
  /** `Keep-Alive: timeout=N` in seconds; 0 without one. */
  idleHintSeconds = 0;

  constructor(fieldsMax: number) {
    this.fields = new FieldSection(fieldsMax);
  }

  /** Reads a head at `from`. `buffer` must not change before `interpret` has returned. */
  read(buffer: Buffer, from: number, to: number): 'more' | 'done' | FailureCode {
    const lineEnd = this.#readStatusLine(buffer, from, to);
    if (lineEnd < 0) {
      return lineEnd === NEED_MORE ? 'more' : 'upstream_malformed';
    }
    const end = this.fields.scan(buffer, lineEnd, to, lineEnd);
    if (end < 0) {
      return end === NEED_MORE ? 'more' : end === TOO_MANY_FIELDS ? 'upstream_head_too_large' : 'upstream_malformed';
    }
    this.fields.text = buffer.toString('latin1', lineEnd, end);
    this.end = end;
    return 'done';
  }

  /** HTTP-version SP status-code [ SP reason-phrase ] CRLF. Returns the index after it, or a negative code. */
  #readStatusLine(buffer: Buffer, from: number, to: number): number {
    const known = Math.min(to - from, HTTP_1.length);
    for (let i = 0; i < known; i++) {
      if (buffer[from + i] !== HTTP_1[i]) {
        return BAD_LINE;
      }
    }
    if (to - from < STATUS_BYTES + 2) {
      return NEED_MORE;
    }
    const minor = (buffer[from + 7] as number) - 0x30;
    const status = threeDigits(buffer, from + 9);
    if (buffer[from + 8] !== SP || (minor !== 0 && minor !== 1) || status < 100 || status > 599) {
      return BAD_LINE;
    }
    let at = from + STATUS_BYTES;
    const reasonFrom = at + 1;
    if (buffer[at] === SP) {
      at++;
      while (at < to && VALUE_BYTE[buffer[at] as number] === 1) {
        at++;
      }
      if (at + 1 >= to) {
        return NEED_MORE;
      }
    }
    if (buffer[at] !== CR || buffer[at + 1] !== LF) {
      return BAD_LINE;
    }
    this.minor = minor;
    this.status = status;
    this.reason = reasonAt(buffer, reasonFrom, at);
    return at + 2;
  }

  /** Reads what the fields mean for an answer to `method`. Returns null, or why the answer is refused. */
  interpret(method: string): FailureCode | null {
    const fields = this.fields;
    let lengths = 0;
    let codings = 0;
    let chunked = false;
    let isLast = false;
    this.contentLength = -1;
    this.connection = '';
    this.upgrade = '';
    this.idleHintSeconds = 0;
    for (let i = 0; i < fields.count; i++) {
      switch (fields.ids[i]) {
        case FIELD['content-length']:
          lengths++;
          this.contentLength = parseContentLength(fields.value(i));
          if (this.contentLength < 0) {
            return 'upstream_malformed';
          }
          break;
        case FIELD['transfer-encoding']:
          codings++;
          chunked = isChunked(fields.value(i)) && !fields.hasTrailingSpace(i);
          break;
        case FIELD.connection:
          this.connection = joinedConnection(this.connection, fields.value(i));
          break;
        case FIELD['proxy-connection']:
          // As in a request.
          isLast ||= listHas(fields.value(i).toLowerCase(), 'close');
          break;
        case FIELD.upgrade:
          this.upgrade = fields.value(i).toLowerCase();
          break;
        case FIELD['keep-alive']:
          this.idleHintSeconds = hintSeconds(fields.value(i));
          break;
        default:
      }
    }
    this.keepAlive = this.minor === 1 && !isLast && (this.connection === '' || !listHas(this.connection, 'close'));
    return this.#interpretFraming(method, lengths, codings, chunked);
  }

  /** RFC 9112 section 6.3 without its permissions to repair. */
  #interpretFraming(method: string, lengths: number, codings: number, chunked: boolean): FailureCode | null {
    const isClear = codings === 0 ? lengths <= 1 : codings === 1 && chunked && lengths === 0 && this.minor === 1;
    if (!isClear) {
      // Also where no body follows: whoever sends this to the answer to a HEAD sends it to the one to a GET.
      return 'upstream_malformed';
    }
    if (this.status < 200 || this.status === 204 || this.status === 304 || method === 'HEAD') {
      this.framing = 'none';
      // A 1xx or 204 with a length or coding says that a body follows, and must not (RFC 9110 section 8.6). Nothing is
      // read as one, and since the target may have sent it all the same, nothing more is read from this connection.
      if ((codings > 0 || this.contentLength > 0) && method !== 'HEAD' && this.status !== 304) {
        this.keepAlive = false;
      }
      return null;
    }
    if (codings > 0) {
      this.framing = 'chunked';
      return null;
    }
    this.framing = lengths === 0 ? 'until-close' : this.contentLength === 0 ? 'none' : 'length';
    return null;
  }
}

const HTTP_1 = Buffer.from('HTTP/1.', 'latin1');
const BAD_LINE = -2;

/** Nearly always "OK", which then need not be made a string again. */
function reasonAt(buffer: Buffer, from: number, to: number): string {
  if (to - from === 2 && buffer[from] === 0x4f && buffer[from + 1] === 0x4b) {
    return 'OK';
  }
  return to > from ? buffer.toString('latin1', from, to) : '';
}

function threeDigits(buffer: Buffer, at: number): number {
  const hundreds = (buffer[at] as number) - 0x30;
  const tens = (buffer[at + 1] as number) - 0x30;
  const ones = (buffer[at + 2] as number) - 0x30;
  const areDigits = hundreds >= 0 && hundreds <= 9 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9;
  return areDigits ? hundreds * 100 + tens * 10 + ones : -1;
}

/** `timeout=N` of a Keep-Alive field: not in any RFC, but what servers send. */
function hintSeconds(value: string): number {
  const at = value.indexOf('timeout=');
  let seconds = 0;
  for (let i = at + 8; at >= 0 && i < value.length && i < at + 14; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) {
      break;
    }
    seconds = seconds * 10 + digit;
  }
  return seconds;
}
