/** Parts of a block of fields as bytes (RFC 7541 sections 5 and 6). Each function returns the place behind what it has written. */

/** What the first byte of a field begins with. */
export const INDEXED = 0x80;
export const REMEMBERED = 0x40;
export const SIZE = 0x20;
export const NEVER_REMEMBERED = 0x10;
export const NOT_REMEMBERED = 0x00;

/** Bits of the first byte that an index has, beside what the byte begins with. */
export function indexMask(pattern: number): number {
  return pattern === REMEMBERED ? 0x3f : pattern === INDEXED ? 0x7f : pattern === SIZE ? 0x1f : 0x0f;
}

/** RFC 7541 section 5.1: `value` behind `pattern`, in the bits of `mask` or in further bytes. */
export function writeInteger(into: Buffer, at: number, pattern: number, mask: number, value: number): number {
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

/** Length of an integer with a mask of 7 bits. */
function lengthBytes(value: number): number {
  let bytes = 1;
  for (let rest = value - LENGTH_MASK; rest >= 0; rest = rest < 0x80 ? -1 : rest >>> 7) {
    bytes++;
  }
  return bytes;
}

/** A name of `length` bytes that stands in `into` already, two bytes behind `at`; it moves where its length needs more than one. */
export function writeNewName(into: Buffer, at: number, pattern: number, length: number): number {
  into[at] = pattern;
  const to = at + 1 + lengthBytes(length);
  if (to !== at + NEW_NAME_OFFSET) {
    into.copyWithin(to, at + NEW_NAME_OFFSET, at + NEW_NAME_OFFSET + length);
  }
  writeInteger(into, at + 1, 0, LENGTH_MASK, length);
  return to + length;
}

/**
 * A string: the part of `text` from `from` to `to`. Not by its Huffman code: what repeats is an index by then, so little is left, and to
 * save a quarter of that took four times as long (20 to 100 characters).
 */
export function writeString(into: Buffer, at: number, text: string, from: number, to: number): number {
  const out = writeInteger(into, at, 0, LENGTH_MASK, to - from);
  if (to - from > LOOP_CHARS_MAX) {
    return out + into.write(text.substring(from, to), out, 'latin1');
  }
  for (let i = from; i < to; i++) {
    into[out + i - from] = text.charCodeAt(i);
  }
  return out + to - from;
}

/** `status`: three digits. RFC 7541 appendix A has the most frequent ones. */
export function writeStatus(into: Buffer, at: number, status: number): number {
  const index = STATUS_INDEX[status] as number;
  if (index > 0) {
    into[at] = INDEXED | index;
    return at + 1;
  }
  into[at] = NOT_REMEMBERED | STATUS_FIRST;
  into[at + 1] = 3;
  into[at + 2] = DIGIT_0 + Math.trunc(status / 100);
  into[at + 3] = DIGIT_0 + (Math.trunc(status / 10) % 10);
  into[at + 4] = DIGIT_0 + (status % 10);
  return at + 5;
}

/** Where `writeNewName` looks for the name. */
export const NEW_NAME_OFFSET = 2;

const LENGTH_MASK = 0x7f;
const DIGIT_0 = 0x30;

/** A call of Buffer's costs as much as a loop over so many characters. */
const LOOP_CHARS_MAX = 40;

/** The first `:status` of the static table, for its name. */
const STATUS_FIRST = 8;
const STATUS_INDEX = new Uint8Array(1000);
for (const [place, status] of [200, 204, 206, 304, 400, 404, 500].entries()) {
  STATUS_INDEX[status] = STATUS_FIRST + place;
}
