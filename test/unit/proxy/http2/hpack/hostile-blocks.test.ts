/** Blocks that nobody's encoder has made: whatever they are, they are read or refused, in bounded time and memory. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HpackDecoder } from '../../../../../src/proxy/http2/hpack/decoder.ts';

const LIST_BYTES_MAX = 200;
const PAIRS_MAX = 5;

function listBytes(fields: readonly string[]): number {
  return fields.reduce((bytes, text) => bytes + text.length, 0) + (fields.length / 2) * 32;
}

/** First bytes of all kinds of fields and sizes, short lengths, and any bytes: what gets far before it is refused. */
const likelyByte = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0x00, 0x10, 0x40, 0x41, 0x58, 0x7e, 0x82, 0x84, 0xbe, 0xbf, 0x20, 0x3f) },
  { weight: 3, arbitrary: fc.constantFrom(0x01, 0x02, 0x03, 0x81, 0x82, 0x83) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 255 }) },
);
const anyBlock = fc.array(likelyByte, { maxLength: 80 }).map((bytes) => Buffer.from(bytes));

describe('hostile blocks', () => {
  it('are read or refused, and never give more than the limits', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(anyBlock, { maxLength: 8 }), (blocks) => {
        const decoder = new HpackDecoder(4096);
        for (const block of blocks) {
          const fields: string[] = [];
          const decoded = decoder.decode(block, 0, block.length, fields, LIST_BYTES_MAX, PAIRS_MAX);
          seen.add(decoded);
          expect(fields.length % 2).toBe(0);
          expect(fields.length / 2).toBeLessThanOrEqual(PAIRS_MAX);
          expect(listBytes(fields)).toBeLessThanOrEqual(LIST_BYTES_MAX);
          for (const text of fields) expect(typeof text).toBe('string');
          if (decoded === 'malformed') return;
        }
      }),
      { numRuns: 3_000 },
    );
    expect(seen).toEqual(new Set(['done', 'too_large', 'malformed']));
  });

  it('are never read beyond their end', () => {
    fc.assert(
      fc.property(anyBlock, anyBlock, anyBlock, (before, block, behind) => {
        const read = (bytes: Buffer, from: number): unknown => {
          const fields: string[] = [];
          const decoded = new HpackDecoder(4096).decode(bytes, from, from + block.length, fields, LIST_BYTES_MAX, 9);
          return [decoded, fields];
        };
        expect(read(Buffer.concat([before, block, behind]), before.length)).toEqual(read(block, 0));
      }),
      { numRuns: 2_000 },
    );
  });

  it('hold no more memory than the table, however long their strings are', () => {
    const decoder = new HpackDecoder(4096);
    // A name of 60,000 bytes of a Huffman code, and a value as long, both for the table, which has no room for them.
    const long = Buffer.concat([Buffer.of(0x40, 0xff, 0xe1, 0xd3, 0x03), Buffer.alloc(60_000, 0xff)]);
    const block = Buffer.concat([long, Buffer.of(0x7f, 0xe1, 0xd3, 0x03), Buffer.alloc(60_000, 'v')]);
    const fields: string[] = [];
    expect(decoder.decode(block, 0, block.length, fields, 65_536, 100)).toBe('malformed');
    // 96,000 times the shortest code.
    block.fill(0, 5, 60_005);
    expect(decoder.decode(block, 0, block.length, fields, 65_536, 100)).toBe('too_large');
    expect(fields).toEqual([]);
    const index = Buffer.of(0xbe);
    expect(decoder.decode(index, 0, 1, fields, 65_536, 100)).toBe('malformed');
  });

  it('that are nothing but sizes of the table are read once through', () => {
    const block = Buffer.alloc(60_000, 0x20);
    expect(new HpackDecoder(4096).decode(block, 0, block.length, [], 65_536, 100)).toBe('done');
  });
});
