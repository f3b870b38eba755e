/** Blocks that nobody's encoder has made: whatever they are, they are read or refused, in bounded time and memory. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HpackDecoder } from '../../../../../src/proxy/http2/hpack/decoder.ts';

const LIST_BYTES_MAX = 200;
const PAIRS_MAX = 5;

function listBytes(fields: readonly string[]): number {
  return fields.reduce((bytes, text) => bytes + text.length, 0) + (fields.length / 2) * 32;
}

/** Fields as they may be, and any bytes: what gets far before it is refused. */
const piece = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom('82', '84', 'be', 'bf', 'c0', '0001610162', '4001610162', '7e0162', '580161'),
  },
  { weight: 2, arbitrary: fc.constantFrom('408225a88225a8', '1001618107', '400161ff0001', '20', '3fe11f', '3f07') },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }).map((byte) => byte.toString(16).padStart(2, '0')) },
);
const anyBlock = fc.array(piece, { maxLength: 12 }).map((pieces) => Buffer.from(pieces.join(''), 'hex'));
/** One of each end, whatever is drawn. */
const ENDS = [Buffer.from('82', 'hex'), Buffer.from('828282828282', 'hex'), Buffer.from('80', 'hex')];

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
      { numRuns: 3_000, examples: [[ENDS]] },
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
