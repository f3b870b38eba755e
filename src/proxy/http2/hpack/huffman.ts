/**
 * The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B). It is canonical: codes grow with their length, and among
 * those of one length with the byte that they stand for. So the lengths are all there is to know of it.
 *
 * Most characters of fields have 5 to 8 bits. One look into a table by the next 12 bits gives one of them, or two where two fit;
 * what is longer is rare in fields, and read bit by bit.
 */

/** Bits of the code of each byte, and at the end those of EOS, which no string may contain. */
// prettier-ignore
const CODE_BITS = Uint8Array.of(
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
);
const EOS = 256;
const CODE_BITS_MIN = 5;
const CODE_BITS_MAX = 30;

/** Bits that are looked up at once. Two characters of 6 bits fit; 4,096 entries stay in the nearest cache. */
const LOOK_BITS = 12;
const LOOK_MASK = (1 << LOOK_BITS) - 1;

/** What fills the last byte has fewer bits than a byte: RFC 7541 section 5.2. */
const PADDING_BITS_MAX = 7;

interface Code {
  /** Symbols in the order of their codes, and the code of each symbol. */
  readonly symbols: Uint16Array;
  readonly codes: Uint32Array;
  /** For each length: its first code, where its symbols begin, and how many there are. */
  readonly first: Uint32Array;
  readonly start: Uint16Array;
  readonly count: Uint16Array;
}

const CODE = canonicalCode();
const LOOK = lookTable();

function canonicalCode(): Code {
  const symbols = new Uint16Array(EOS + 1);
  const codes = new Uint32Array(EOS + 1);
  const [first, start] = [new Uint32Array(CODE_BITS_MAX + 2), new Uint16Array(CODE_BITS_MAX + 2)];
  const count = new Uint16Array(CODE_BITS_MAX + 1);
  for (const bits of CODE_BITS) {
    count[bits] = (count[bits] as number) + 1;
  }
  for (let bits = CODE_BITS_MIN; bits <= CODE_BITS_MAX; bits++) {
    first[bits + 1] = ((first[bits] as number) + (count[bits] as number)) * 2;
    start[bits + 1] = (start[bits] as number) + (count[bits] as number);
  }
  const next = start.slice();
  for (const [symbol, bits] of CODE_BITS.entries()) {
    const place = next[bits] as number;
    next[bits] = place + 1;
    symbols[place] = symbol;
    codes[symbol] = (first[bits] as number) + place - (start[bits] as number);
  }
  return { symbols, codes, first, start, count };
}

/**
 * What the next bits begin with: two symbols, 8 bits each, the bits of the first, those of both, 4 bits each, and how many symbols
 * there are. 0: a code that is longer than what was looked at.
 */
function lookTable(): Int32Array {
  const table = new Int32Array(LOOK_MASK + 1);
  const short = [...CODE.symbols].filter((symbol) => (CODE_BITS[symbol] as number) <= LOOK_BITS);
  for (const one of short) {
    const oneBits = CODE_BITS[one] as number;
    const from = (CODE.codes[one] as number) << (LOOK_BITS - oneBits);
    const single = one | (oneBits << 16) | (oneBits << 20) | (1 << 24);
    table.fill(single, from, from + (1 << (LOOK_BITS - oneBits)));
    for (const two of short) {
      const bits = oneBits + (CODE_BITS[two] as number);
      if (bits > LOOK_BITS) {
        break; // They come by their length.
      }
      const start = from | ((CODE.codes[two] as number) << (LOOK_BITS - bits));
      const double = one | (two << 8) | (oneBits << 16) | (bits << 20) | (2 << 24);
      table.fill(double, start, start + (1 << (LOOK_BITS - bits)));
    }
  }
  return table;
}

/** -1: no code of this length. */
function symbolOf(code: number, bits: number): number {
  const offset = code - (CODE.first[bits] as number);
  return offset >= 0 && offset < (CODE.count[bits] as number)
    ? (CODE.symbols[(CODE.start[bits] as number) + offset] as number)
    : -1;
}

/** Bytes that a string of so many encoded bytes can become at most, with room for one that is written and not counted. */
export function decodedBytesMax(encodedBytes: number): number {
  return Math.floor((encodedBytes * 8) / CODE_BITS_MIN) + 1;
}

/**
 * Decodes a string into `into`, which has room for `decodedBytesMax`. Returns its bytes; -1: not the code of any string: EOS in it, or
 * not filled up with the first bits of EOS, fewer than 8.
 */
export function decodeHuffman(block: Uint8Array, from: number, to: number, into: Uint8Array): number {
  let at = from;
  let written = 0;
  // The last `bits` bits of `held` are those that were read and not decoded.
  let held = 0;
  let bits = 0;
  for (;;) {
    while (bits <= 24 && at < to) {
      held = (held << 8) | (block[at++] as number);
      bits += 8;
    }
    if (bits < LOOK_BITS) {
      return decodeRest(held, bits, into, written);
    }
    const look = LOOK[(held >>> (bits - LOOK_BITS)) & LOOK_MASK] as number;
    if (look !== 0) {
      into[written] = look;
      into[written + 1] = look >>> 8;
      written += look >>> 24;
      bits -= (look >>> 20) & 0xf;
      continue;
    }
    const bitAt = at * 8 - bits;
    const symbol = longSymbol(block, bitAt, to * 8);
    if (symbol < 0) {
      return -1;
    }
    into[written++] = symbol;
    const bitsUsed = CODE_BITS[symbol] as number;
    at = (bitAt + bitsUsed + 7) >>> 3;
    bits = at * 8 - bitAt - bitsUsed;
    held = bits === 0 ? 0 : (block[at - 1] as number);
  }
}

/** The end of a string: fewer bits than are looked up at once. */
function decodeRest(held: number, bitsHeld: number, into: Uint8Array, from: number): number {
  let [bits, written] = [bitsHeld, from];
  for (;;) {
    const missing = LOOK_BITS - bits;
    const look = LOOK[((held << missing) | ((1 << missing) - 1)) & LOOK_MASK] as number;
    const oneBits = (look >>> 16) & 0xf;
    if (look === 0 || oneBits > bits) {
      const ones = (1 << bits) - 1;
      return bits <= PADDING_BITS_MAX && (held & ones) === ones ? written : -1;
    }
    into[written++] = look;
    bits -= oneBits;
  }
}

/** A symbol of more bits than are looked up at once; -1: EOS, or the string ends before. */
function longSymbol(block: Uint8Array, bitFrom: number, bitTo: number): number {
  let code = 0;
  const bitsMax = Math.min(CODE_BITS_MAX, bitTo - bitFrom);
  for (let bits = 1; bits <= bitsMax; bits++) {
    const bitAt = bitFrom + bits - 1;
    code = (code << 1) | (((block[bitAt >>> 3] as number) >>> (7 - (bitAt & 7))) & 1);
    const symbol = bits > LOOK_BITS ? symbolOf(code, bits) : -1;
    if (symbol >= 0) {
      return symbol === EOS ? -1 : symbol;
    }
  }
  return -1;
}
