import { FieldTable } from './field-table.ts';
import { decodedBytesMax, decodeHuffman } from './huffman.ts';
import { latin1Text } from './latin1-text.ts';
import { ENTRY_OVERHEAD_BYTES, STATIC_LAST, STATIC_NAMES, STATIC_VALUES, TABLE_BYTES_DEFAULT } from './static-table.ts';

/** What became of a block. Malformed is an error of the connection: its table cannot be trusted any more (RFC 9113 section 4.3). */
export type Decoded = 'done' | 'too_large' | 'malformed';

/**
 * Reads the blocks of fields that a peer sends (RFC 7541), of one connection, in their order: each may name what those before it
 * had the connection remember.
 */
export class HpackDecoder {
  readonly #table: FieldTable;
  readonly #tableBytesMax: number;
  /** Where the next byte is, of the block that is being read. */
  #at = 0;
  /** What may still be kept of the fields of this block; below 0: there were more. */
  #listBytesLeft = 0;
  #pairsLeft = 0;
  /** Strings that were kept of this block. */
  #kept = 0;

  /** `tableBytesMax`: what the peer was told as SETTINGS_HEADER_TABLE_SIZE; at least 4,096, which peers begin with. */
  constructor(tableBytesMax: number) {
    this.#tableBytesMax = tableBytesMax;
    this.#table = new FieldTable(Math.min(tableBytesMax, TABLE_BYTES_DEFAULT));
  }

  /**
   * Reads the whole block in `block` from `from` to `to`. `fields` then has its names and values, one after the other, one character for
   * each byte, and nothing else, as long as they are no more than `pairsMax`, and no more than `listBytesMax` with 32 bytes for each
   * (RFC 9113 section 6.5.2). What goes beyond is read all the same, for the blocks that follow name it, and not kept. Use one array
   * again and again: where it has the length that it needs, nothing is made anew.
   */
  decode(block: Buffer, from: number, to: number, fields: string[], listBytesMax: number, pairsMax: number): Decoded {
    this.#at = from;
    this.#listBytesLeft = listBytesMax;
    this.#pairsLeft = pairsMax;
    this.#kept = 0;
    const isWhole = this.#readSizes(block, to) && this.#readFields(block, to, fields);
    // An array whose length is set has its memory made anew in most cases.
    if (fields.length !== this.#kept) {
      fields.length = this.#kept;
    }
    if (!isWhole) {
      return 'malformed';
    }
    return this.#listBytesLeft < 0 || this.#pairsLeft < 0 ? 'too_large' : 'done';
  }

  /** New sizes of the table come before all fields, and nowhere else (RFC 7541 section 4.2). */
  #readSizes(block: Buffer, to: number): boolean {
    while (this.#at < to && ((block[this.#at] as number) & 0xe0) === SIZE) {
      const bytes = this.#readInteger(block, to, 0x1f);
      if (bytes < 0 || bytes > this.#tableBytesMax) {
        return false;
      }
      this.#table.resize(bytes);
    }
    return true;
  }

  #readFields(block: Buffer, to: number, fields: string[]): boolean {
    while (this.#at < to) {
      const first = block[this.#at] as number;
      if (first > INDEXED && first <= INDEXED + STATIC_LAST) {
        this.#at++;
        this.#keep(fields, STATIC_NAMES[first - INDEXED] as string, STATIC_VALUES[first - INDEXED] as string);
      } else if (
        !(first >= INDEXED ? this.#readIndexed(block, to, fields) : this.#readLiteral(block, to, fields, first))
      ) {
        return false;
      }
    }
    return true;
  }

  /** RFC 7541 section 6.1. */
  #readIndexed(block: Buffer, to: number, fields: string[]): boolean {
    const index = this.#readInteger(block, to, 0x7f);
    if (!this.#isKnown(index)) {
      return false;
    }
    if (index <= STATIC_LAST) {
      this.#keep(fields, STATIC_NAMES[index] as string, STATIC_VALUES[index] as string);
    } else {
      const age = index - STATIC_LAST - 1;
      this.#keep(fields, this.#table.name(age), this.#table.value(age));
    }
    return true;
  }

  /** RFC 7541 section 6.2. Whether it is never to be remembered, even by those that it is passed on to, does not matter to HTTP/1.1. */
  #readLiteral(block: Buffer, to: number, fields: string[], first: number): boolean {
    const isRemembered = first >= REMEMBERED;
    if (!isRemembered && first >= SIZE) {
      return false;
    }
    const index = this.#readInteger(block, to, isRemembered ? 0x3f : 0x0f);
    const name = index === 0 ? this.#readString(block, to) : this.#nameOf(index);
    const value = name === null ? null : this.#readString(block, to);
    if (name === null || value === null) {
      return false;
    }
    if (isRemembered) {
      this.#table.add(name, value);
    }
    this.#keep(fields, name, value);
    return true;
  }

  #isKnown(index: number): boolean {
    return index > 0 && index <= STATIC_LAST + this.#table.count;
  }

  /** null: there is no such entry. */
  #nameOf(index: number): string | null {
    if (!this.#isKnown(index)) {
      return null;
    }
    return index <= STATIC_LAST ? (STATIC_NAMES[index] as string) : this.#table.name(index - STATIC_LAST - 1);
  }

  #keep(fields: string[], name: string, value: string): void {
    this.#listBytesLeft -= name.length + value.length + ENTRY_OVERHEAD_BYTES;
    this.#pairsLeft--;
    if (this.#listBytesLeft >= 0 && this.#pairsLeft >= 0) {
      fields[this.#kept++] = name;
      fields[this.#kept++] = value;
    }
  }

  /** RFC 7541 section 5.1. `mask`: the bits of its first byte. -1: it does not end, or is larger than any that makes sense here. */
  #readInteger(block: Buffer, to: number, mask: number): number {
    let value = (block[this.#at++] as number) & mask;
    if (value < mask) {
      return value;
    }
    for (let shift = 0; shift < INTEGER_BITS_MAX && this.#at < to; shift += 7) {
      const byte = block[this.#at++] as number;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) {
        return value;
      }
    }
    return -1;
  }

  /** RFC 7541 section 5.2. null: it goes beyond the block, or its code is none. */
  #readString(block: Buffer, to: number): string | null {
    if (this.#at >= to) {
      return null;
    }
    const isEncoded = (block[this.#at] as number) >= ENCODED;
    const length = this.#readInteger(block, to, 0x7f);
    if (length < 0 || length > to - this.#at) {
      return null;
    }
    const from = this.#at;
    this.#at += length;
    return isEncoded ? decodedText(block, from, this.#at) : latin1Text(block, from, this.#at);
  }
}

function decodedText(block: Buffer, from: number, to: number): string | null {
  const bytesMax = decodedBytesMax(to - from);
  const into = bytesMax <= SCRATCH.length ? SCRATCH : Buffer.allocUnsafe(bytesMax);
  const length = decodeHuffman(block, from, to, into);
  return length < 0 ? null : latin1Text(into, 0, length);
}

/** What the first byte of a field, and of a string, begins with. */
const INDEXED = 0x80;
const REMEMBERED = 0x40;
const SIZE = 0x20;
const ENCODED = 0x80;

/** Bits behind the first byte of an integer: four bytes of 7. No block is as long as that. */
const INTEGER_BITS_MAX = 28;

/** Where strings are decoded. Nothing is left in it from one call to the next, so that all connections can have the same. */
const SCRATCH = Buffer.alloc(16 * 1024);
