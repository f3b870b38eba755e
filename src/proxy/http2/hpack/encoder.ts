import { COLON, SP } from '../../http1/bytes.ts';
import { hashWith, KIND, knownName } from './answer-names.ts';
import { TABLE_BYTES_DEFAULT } from './static-table.ts';

/**
 * Writes the heads of answers as blocks of fields (RFC 7541), of one connection, in their order. What it reads is the text of an
 * HTTP/1.1 head, of which it makes no strings.
 */
export class HpackEncoder {
  /** What the table may be from the next block on, and the least that it was to be since the last: -1: no change. */
  #tableBytes = TABLE_BYTES_DEFAULT;
  #tableBytesLeast = -1;

  /** `bytes`: SETTINGS_HEADER_TABLE_SIZE, as the peer has sent it. Holds from the next block on. */
  setTableBytesMax(bytes: number): void {
    const size = Math.min(bytes, TABLE_BYTES_DEFAULT);
    if (size !== this.#tableBytes) {
      this.#tableBytesLeast = this.#tableBytesLeast < 0 ? size : Math.min(size, this.#tableBytesLeast);
      this.#tableBytes = size;
    }
  }

  /**
   * Writes a status line and lines ("HTTP/1.1 200 OK\r\nName: value\r\n…\r\n", one character for each byte) from `at` on: `:status`
   * and all fields but those of connections; without the length of a 205, which has no body (RFC 9110 section 15.3.6). Returns
   * where it ends. There must be room for `blockBytesMax(head)`.
   */
  writeHead(head: string, into: Buffer, at: number): number {
    const status = digit(head, 0) * 100 + digit(head, 1) * 10 + digit(head, 2);
    const out = writeStatus(status, into, this.#writeSizes(into, at));
    return this.#writeFields(head, head.indexOf('\r\n') + 2, into, out, status !== RESET_CONTENT);
  }

  /** The same of complete lines alone. */
  writeLines(lines: string, into: Buffer, at: number): number {
    return this.#writeFields(lines, 0, into, this.#writeSizes(into, at), true);
  }

  /** RFC 7541 section 4.2: where the table shrank and grew, the peer must know what was evicted. */
  #writeSizes(into: Buffer, at: number): number {
    if (this.#tableBytesLeast < 0) {
      return at;
    }
    let out = at;
    if (this.#tableBytesLeast < this.#tableBytes) {
      out = writeInteger(into, out, SIZE, 0x1f, this.#tableBytesLeast);
    }
    this.#tableBytesLeast = -1;
    return writeInteger(into, out, SIZE, 0x1f, this.#tableBytes);
  }

  #writeFields(text: string, from: number, into: Buffer, at: number, withLength: boolean): number {
    let out = at;
    let line = from;
    for (let end = text.indexOf('\r\n', line); end > line; end = text.indexOf('\r\n', line)) {
      out = this.#writeField(text, line, end, into, out, withLength);
      line = end + 2;
    }
    return out;
  }

  #writeField(text: string, from: number, end: number, into: Buffer, at: number, withLength: boolean): number {
    // Where a name of fewer than 127 bytes is, if it has to be written: behind its length.
    const nameAt = at + 2;
    let name = nameAt;
    let hash = 0;
    let next = from;
    for (let char = text.charCodeAt(next); char !== COLON && next < end; char = text.charCodeAt(++next)) {
      const small = SMALL[char] as number;
      hash = hashWith(hash, small);
      into[name++] = small;
    }
    const valueFrom = text.charCodeAt(next + 1) === SP ? next + 2 : next + 1;
    const known = knownName(hash, into, nameAt, name - nameAt);
    if (known !== null && (known.kind === KIND.dropped || (known.kind === KIND.length && !withLength))) {
      return at;
    }
    const pattern = known !== null && known.kind === KIND.secret ? NEVER_REMEMBERED : NOT_REMEMBERED;
    const out =
      known !== null && known.index > 0
        ? writeInteger(into, at, pattern, 0x0f, known.index)
        : writeNewName(into, at, pattern, name - nameAt);
    return writeText(into, out, text, valueFrom, end);
  }
}

/** Bytes that the block of a text has at most: lengths of strings take another byte for every 127 bytes at most. */
export function blockBytesMax(text: string): number {
  return text.length + (text.length >>> 5) + SIZES_AND_STATUS_BYTES_MAX;
}

function digit(head: string, place: number): number {
  return head.charCodeAt(STATUS_FROM + place) - 0x30;
}

/** RFC 7541 appendix A has the most frequent ones. */
function writeStatus(status: number, into: Buffer, at: number): number {
  const index = STATUS_INDEX[status] as number;
  if (index > 0) {
    into[at] = INDEXED | index;
    return at + 1;
  }
  into[at] = NOT_REMEMBERED | STATUS_FIRST;
  into[at + 1] = 3;
  into[at + 2] = 0x30 + ((status / 100) | 0);
  into[at + 3] = 0x30 + (((status / 10) | 0) % 10);
  into[at + 4] = 0x30 + (status % 10);
  return at + 5;
}

/** A name that stands in `into` already, two bytes behind `at`; it moves where its length needs more than one byte. */
function writeNewName(into: Buffer, at: number, pattern: number, length: number): number {
  into[at] = pattern;
  const to = at + 1 + integerBytes(length);
  if (to !== at + 2) {
    into.copyWithin(to, at + 2, at + 2 + length);
  }
  writeInteger(into, at + 1, 0, 0x7f, length);
  return to + length;
}

function writeText(into: Buffer, at: number, text: string, from: number, to: number): number {
  const out = writeInteger(into, at, 0, 0x7f, Math.max(0, to - from));
  if (to - from > LOOP_CHARS_MAX) {
    return out + into.write(text.substring(from, to), out, 'latin1');
  }
  for (let i = from; i < to; i++) {
    into[out + i - from] = text.charCodeAt(i);
  }
  return out + Math.max(0, to - from);
}

/** RFC 7541 section 5.1. `mask`: the bits of the first byte that are not `pattern`'s. */
function writeInteger(into: Buffer, at: number, pattern: number, mask: number, value: number): number {
  if (value < mask) {
    into[at] = pattern | value;
    return at + 1;
  }
  into[at] = pattern | mask;
  let out = at + 1;
  let rest = value - mask;
  for (; rest >= 0x80; rest >>>= 7) {
    into[out++] = (rest & 0x7f) | 0x80;
  }
  into[out] = rest;
  return out + 1;
}

/** Of the length of a string. */
function integerBytes(value: number): number {
  let bytes = 1;
  for (let rest = value - 0x7f; rest >= 0; rest = rest < 0x80 ? -1 : rest >>> 7) {
    bytes++;
  }
  return bytes;
}

/** What the first byte begins with: RFC 7541 section 6. */
const INDEXED = 0x80;
const SIZE = 0x20;
const NEVER_REMEMBERED = 0x10;
const NOT_REMEMBERED = 0x00;

/** Length of "HTTP/1.1 ". */
const STATUS_FROM = 9;
const RESET_CONTENT = 205;
/** The first `:status` of the static table, for its name. */
const STATUS_FIRST = 8;
const STATUS_INDEX = new Uint8Array(1000);
for (const [place, status] of [200, 204, 206, 304, 400, 404, 500].entries()) {
  STATUS_INDEX[status] = STATUS_FIRST + place;
}

/** A call of Buffer's costs as much as a loop over so many characters. */
const LOOP_CHARS_MAX = 40;

/** Two new sizes of the table, three bytes each at most, and a status. */
const SIZES_AND_STATUS_BYTES_MAX = 16;

/** Small letters, and all else as it is. */
const SMALL = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte));
