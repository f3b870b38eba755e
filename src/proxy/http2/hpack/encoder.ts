import { COLON, SP } from '../../http1/bytes.ts';
import { hashWith, KIND, knownName, type KnownName } from './answer-names.ts';
import { entryBytes, LineTable } from './line-table.ts';
import { STATIC_LAST, TABLE_BYTES_DEFAULT } from './static-table.ts';
import {
  INDEXED,
  indexMask,
  NEVER_REMEMBERED,
  NEW_NAME_OFFSET,
  NOT_REMEMBERED,
  REMEMBERED,
  SIZE,
  writeInteger,
  writeNewName,
  writeStatus,
  writeString,
} from './write-field.ts';

/**
 * Writes the heads of answers as blocks of fields (RFC 7541), of one connection, in their order. What it reads is the text of an
 * HTTP/1.1 head, of which it makes no fields: a line that was written before becomes a byte or two, and others are copied.
 */
export class HpackEncoder {
  readonly #table = new LineTable(TABLE_BYTES_DEFAULT);
  /** What the table may be from the next block on, and the least that it was to be since the last; -1: the peer knows all that. */
  #tableBytes = TABLE_BYTES_DEFAULT;
  #tableBytesLeast = -1;

  /** `bytes`: SETTINGS_HEADER_TABLE_SIZE, as the peer has sent it. Holds from the next block on. */
  setTableBytesMax(bytes: number): void {
    const size = Math.min(bytes, TABLE_BYTES_DEFAULT);
    if (size !== this.#tableBytes) {
      this.#tableBytesLeast = this.#tableBytesLeast < 0 ? size : Math.min(size, this.#tableBytesLeast);
      this.#tableBytes = size;
      this.#table.resize(size);
    }
  }

  /**
   * Writes a status line and lines ("HTTP/1.1 200 OK\r\nName: value\r\n…\r\n", one character for each byte) from `at` on: `:status`
   * and all fields but those of connections; without the length of a 205, which has no body (RFC 9110 section 15.3.6). Returns
   * where it ends. There must be room for `blockBytesMax(head)`.
   */
  writeHead(head: string, into: Buffer, at: number): number {
    const status = digit(head, 0) * 100 + digit(head, 1) * 10 + digit(head, 2);
    const out = writeStatus(into, this.#writeSizes(into, at), status);
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
      out = writeInteger(into, out, SIZE, indexMask(SIZE), this.#tableBytesLeast);
    }
    this.#tableBytesLeast = -1;
    return writeInteger(into, out, SIZE, indexMask(SIZE), this.#tableBytes);
  }

  #writeFields(text: string, from: number, into: Buffer, at: number, withLength: boolean): number {
    const table = this.#table;
    table.begin();
    let out = at;
    let next = from;
    for (;;) {
      const line = table.expected(text, next);
      if (line !== null) {
        out = writeInteger(into, out, INDEXED, 0x7f, STATIC_LAST + 1 + table.age(line));
        next += line.text.length;
        continue;
      }
      const end = text.indexOf('\r\n', next);
      if (end <= next) {
        return out;
      }
      out = this.#writeField(text, next, end, into, out, withLength);
      next = end + 2;
    }
  }

  #writeField(text: string, from: number, end: number, into: Buffer, at: number, withLength: boolean): number {
    // The name is written where it stands if it has to be, and read there.
    const nameAt = at + NEW_NAME_OFFSET;
    let hash = 0;
    let colon = from;
    for (let char = text.charCodeAt(colon); char !== COLON && colon < end; char = text.charCodeAt(++colon)) {
      const small = SMALL[char] as number;
      hash = hashWith(hash, small);
      into[nameAt + colon - from] = small;
    }
    const nameBytes = colon - from;
    const known = knownName(hash, into, nameAt, nameBytes);
    const kind = known === null ? KIND.stable : known.kind;
    if (kind === KIND.dropped || (kind === KIND.length && !withLength)) {
      return at;
    }
    const valueFrom = Math.min(end, text.charCodeAt(colon + 1) === SP ? colon + 2 : colon + 1);
    if (kind === KIND.stable) {
      const lineHash = valueHash(hash, text, valueFrom, end);
      const line = this.#table.find(lineHash, text, from);
      if (line !== null) {
        return writeInteger(into, at, INDEXED, 0x7f, STATIC_LAST + 1 + this.#table.age(line));
      }
      const bytes = entryBytes(nameBytes, end - valueFrom);
      if (this.#table.isWorthIt(lineHash, bytes)) {
        this.#table.add(lineHash, text, from, end + 2, bytes);
        return writeLiteral(text, valueFrom, end, into, at, REMEMBERED, known, nameBytes);
      }
    }
    const pattern = kind === KIND.secret ? NEVER_REMEMBERED : NOT_REMEMBERED;
    return writeLiteral(text, valueFrom, end, into, at, pattern, known, nameBytes);
  }
}

/** Bytes that the block of a text has at most: lengths of strings take another byte for every 127 bytes at most. */
export function blockBytesMax(text: string): number {
  return text.length + (text.length >>> 5) + SIZES_AND_STATUS_BYTES_MAX;
}

function digit(head: string, place: number): number {
  return head.charCodeAt(STATUS_FROM + place) - 0x30;
}

/** The value from `from` to `to` behind its name, which stands at its place already. */
function writeLiteral(
  text: string,
  from: number,
  to: number,
  into: Buffer,
  at: number,
  pattern: number,
  known: KnownName | null,
  nameBytes: number,
): number {
  const out =
    known !== null && known.index > 0
      ? writeInteger(into, at, pattern, indexMask(pattern), known.index)
      : writeNewName(into, at, pattern, nameBytes);
  return writeString(into, out, text, from, to);
}

/** Of both ends of a value and its length. What lies between need not be read: lines of one hash are compared. */
function valueHash(nameHash: number, text: string, from: number, to: number): number {
  let hash = hashWith(nameHash, to - from);
  const isLong = to - from > HASHED_CHARS_MAX;
  for (let i = isLong ? to - HASHED_CHARS_MAX / 2 : from; i < to; i++) {
    hash = hashWith(hash, text.charCodeAt(i));
  }
  for (let i = from; isLong && i < from + HASHED_CHARS_MAX / 2; i++) {
    hash = hashWith(hash, text.charCodeAt(i));
  }
  return hash;
}

/** Length of "HTTP/1.1 ". */
const STATUS_FROM = 9;
const RESET_CONTENT = 205;

const HASHED_CHARS_MAX = 32;

/** Two new sizes of the table, three bytes each at most, and a status. */
const SIZES_AND_STATUS_BYTES_MAX = 16;

/** Small letters, and all else as it is. */
const SMALL = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte));
