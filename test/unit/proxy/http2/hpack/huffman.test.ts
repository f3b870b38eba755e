import { describe, expect, it } from 'vitest';
import { HpackDecoder } from '../../../../../src/proxy/http2/hpack/decoder.ts';
import { decodedBytesMax, decodeHuffman } from '../../../../../src/proxy/http2/hpack/huffman.ts';
import { NodePeer } from './node-peer.ts';

/** Characters of the shortest code, so many that any other among them is worth encoding. */
const SHORT = 'a'.repeat(60);

function decoded(hex: string): string | null {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const into = Buffer.alloc(decodedBytesMax(bytes.length));
  const length = decodeHuffman(bytes, 0, bytes.length, into);
  return length < 0 ? null : into.toString('latin1', 0, length);
}

describe('the Huffman code', () => {
  it('is that of node:http2, for all bytes that it sends, at any bit', async () => {
    const peer = await NodePeer.open();
    const decoder = new HpackDecoder(4096);
    // NUL separates fields where node hands them on to its encoder.
    const bytes = Array.from({ length: 255 }, (_, at) => at + 1);
    const sent = bytes.flatMap((byte) =>
      Array.from({ length: 8 }, (_, bits) => {
        const shift = `${'a'.repeat(bits % 5)}${'-'.repeat(bits % 3)}`;
        return [`x-${byte}-${bits}`, `${shift}${String.fromCharCode(byte)}${SHORT}`] as const;
      }),
    );
    for (let at = 0; at < sent.length; at += 200) {
      const some = sent.slice(at, at + 200);
      const block = await peer.request({ ':path': '/', ...Object.fromEntries(some) });
      const fields: string[] = [];
      expect(decoder.decode(block, 0, block.length, fields, 1 << 20, 1000)).toBe('done');
      const pairs = fields.flatMap((name, i) => (name.startsWith('x-') && i % 2 === 0 ? [[name, fields[i + 1]]] : []));
      expect(pairs).toEqual(some);
      expect(block.includes(SHORT)).toBe(false);
    }
  });

  it('has a code for NUL too', () => {
    // RFC 7541 appendix B: 13 bits, 0x1ff8, filled up with ones.
    expect(decoded('ff c7')).toBe('\0');
    expect(decoded('1f fe 3f')).toBe('a\0');
  });

  it('is decoded as far as the room that is asked for goes, and one byte further at most', () => {
    for (let length = 1; length < 200; length++) {
      // Nothing but "0", of five bits each.
      const bytes = Buffer.alloc(length);
      bytes[length - 1] = (1 << ((length * 8) % 5)) - 1;
      const into = Buffer.alloc(decodedBytesMax(length));
      expect(decodeHuffman(bytes, 0, length, into)).toBe(Math.floor((length * 8) / 5));
    }
  });

  it('is refused where it is not filled up with ones, fewer than 8', () => {
    expect(decoded('07')).toBe('0');
    expect(decoded('06')).toBeNull();
    expect(decoded('03')).toBeNull();
    expect(decoded('00 00 00 00 00')).toBe('00000000');
    expect(decoded('00 00 00 00 00 ff')).toBeNull();
    expect(decoded('')).toBe('');
  });

  it('is refused with EOS in it', () => {
    expect(decoded('ff ff ff ff')).toBeNull();
    expect(decoded('ff ff ff fc')).toBeNull();
    expect(decoded('07 ff ff ff ff 07')).toBeNull();
  });
});
