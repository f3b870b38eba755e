/**
 * Address blocks with a number each, found in the time of a binary search however many there are. Blocks are nested or
 * apart, never half over each other, so that they come down to sorted ranges without gaps in meaning: where blocks are
 * nested, the innermost counts.
 *
 * The ranges are plain data of a few bytes each, so that a large table can be sent to another process, which only has to
 * lay arrays over it.
 */
import { type AddressBlock, ipv4ToUint32, parseAddress, uint32Of } from './ip-address.ts';

/** Sorted ranges that do not overlap; each text is base64 of 32-bit words in the byte order of the machine. */
export interface AddressTableData {
  /** Per range: first address, last address, number. */
  readonly v4: string;
  /** Per range: four words of the first address, four of the last, number. */
  readonly v6: string;
}

export interface AddressEntry {
  readonly block: AddressBlock;
  /** 0 or more. */
  readonly value: number;
}

const V4_STRIDE = 3;
const V6_STRIDE = 9;

/** Chooses one number for the addresses that all of these blocks hold, the outermost block first. */
export type Combine = (values: readonly number[]) => number;

const innermost: Combine = (values) => values[values.length - 1] as number;

/** Of blocks that are the same, the first counts. */
export function tableOf(entries: readonly AddressEntry[], combine: Combine = innermost): AddressTableData {
  const v4 = rangesOf(entries, 4);
  const v6 = rangesOf(entries, 16);
  return {
    v4: encoded(flattened(v4, combine).flatMap(({ from, to, value }) => [Number(from), Number(to), value])),
    v6: encoded(flattened(v6, combine).flatMap(({ from, to, value }) => [...wordsOf(from), ...wordsOf(to), value])),
  };
}

interface Range {
  readonly from: bigint;
  readonly to: bigint;
  readonly value: number;
}

/** By their first address, outer ones before inner ones. */
function rangesOf(entries: readonly AddressEntry[], bytes: 4 | 16): Range[] {
  const ranges = entries
    .filter(({ block }) => block.bytes.length === bytes)
    .map(({ block, value }): Range => {
      const hostBits = BigInt(bytes * 8 - block.prefixBits);
      const address = block.bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
      const from = (address >> hostBits) << hostBits;
      return { from, to: from + (1n << hostBits) - 1n, value };
    });
  // Among equals the first comes last, as the innermost: that is the one that counts.
  return ranges
    .toReversed()
    .toSorted((a, b) => (a.from === b.from ? Number(b.to > a.to) - Number(b.to < a.to) : a.from < b.from ? -1 : 1));
}

/** The same as ranges that do not overlap; neighbours of one number are one. */
function flattened(ranges: readonly Range[], combine: Combine): Range[] {
  const flat: Range[] = [];
  const open: Range[] = [];
  let next = 0n;
  const emit = (to: bigint): void => {
    if (open.length === 0 || to < next) return;
    const value = combine(open.map((range) => range.value));
    const last = flat.at(-1);
    if (last !== undefined && last.value === value && last.to + 1n === next) flat[flat.length - 1] = { ...last, to };
    else flat.push({ from: next, to, value });
    next = to + 1n;
  };
  const closeBefore = (address: bigint): void => {
    for (let top = open.at(-1); top !== undefined && top.to < address; top = open.at(-1)) {
      emit(top.to);
      open.pop();
    }
  };
  for (const range of ranges) {
    closeBefore(range.from);
    emit(range.from - 1n);
    open.push(range);
    next = range.from;
  }
  closeBefore(1n << 128n);
  return flat;
}

function wordsOf(address: bigint): number[] {
  return [96n, 64n, 32n, 0n].map((shift) => Number((address >> shift) & 0xffff_ffffn));
}

function encoded(words: readonly number[]): string {
  return Buffer.from(Uint32Array.from(words).buffer).toString('base64');
}

function decoded(text: string): Uint32Array {
  const bytes = Buffer.from(text, 'base64');
  // Copied: a small Buffer begins anywhere in a shared block, and words must begin at a multiple of four.
  return new Uint32Array(new Uint8Array(bytes).buffer);
}

export class AddressTable {
  readonly #v4: Uint32Array;
  readonly #v6: Uint32Array;

  constructor(data: AddressTableData) {
    this.#v4 = decoded(data.v4);
    this.#v6 = decoded(data.v6);
  }

  get isEmpty(): boolean {
    return this.#v4.length === 0 && this.#v6.length === 0;
  }

  /** The number of the innermost block that holds the address; -1: none does, or it is no address. */
  find(address: string): number {
    // The form that nearly every client has is read without a parser, and without allocating.
    const v4 = ipv4ToUint32(address);
    if (v4 !== null) return this.#findV4(v4 >>> 0);
    if (this.isEmpty) return -1;
    const bytes = parseAddress(address);
    if (bytes === null) return -1;
    return bytes.length === 4 ? this.#findV4(uint32Of(bytes) >>> 0) : this.#findV6(bytes);
  }

  #findV4(address: number): number {
    const ranges = this.#v4;
    let low = 0;
    let high = ranges.length / V4_STRIDE - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const at = middle * V4_STRIDE;
      if (address < (ranges[at] as number)) high = middle - 1;
      else if (address > (ranges[at + 1] as number)) low = middle + 1;
      else return ranges[at + 2] as number;
    }
    return -1;
  }

  #findV6(bytes: readonly number[]): number {
    const ranges = this.#v6;
    const address = [0, 4, 8, 12].map((at) => uint32Of(bytes.slice(at, at + 4)) >>> 0);
    let low = 0;
    let high = ranges.length / V6_STRIDE - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const at = middle * V6_STRIDE;
      if (compareWords(address, ranges, at) < 0) high = middle - 1;
      else if (compareWords(address, ranges, at + 4) > 0) low = middle + 1;
      else return ranges[at + 8] as number;
    }
    return -1;
  }
}

function compareWords(address: readonly number[], ranges: Uint32Array, at: number): number {
  for (let i = 0; i < 4; i += 1) {
    const difference = (address[i] as number) - (ranges[at + i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
