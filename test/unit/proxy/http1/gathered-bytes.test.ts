import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GatheredBytes } from '../../../../src/proxy/http1/gathered-bytes.ts';

function contents(gathered: GatheredBytes): string {
  return gathered.buffer.toString('latin1', gathered.start, gathered.end);
}

describe('gathered bytes', () => {
  it('are all that was appended, in order', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 20 }), (pieces) => {
        const gathered = new GatheredBytes();
        for (const piece of pieces) gathered.append(Buffer.from(piece), 0, piece.length);
        expect(contents(gathered)).toBe(Buffer.concat(pieces).toString('latin1'));
        expect(gathered.length).toBe(pieces.reduce((sum, { length }) => sum + length, 0));
      }),
    );
  });

  it('are only those between the two places', () => {
    const gathered = new GatheredBytes();
    gathered.append(Buffer.from('0123456789'), 2, 5);
    expect(contents(gathered)).toBe('234');
  });

  it('are copies: the buffer they came in is used again', () => {
    const source = Buffer.from('before');
    const gathered = new GatheredBytes();
    gathered.append(source, 0, source.length);
    source.fill('x');
    expect(contents(gathered)).toBe('before');
  });

  it('tell of a line end in the new bytes alone', () => {
    const gathered = new GatheredBytes();
    const append = (text: string): boolean => gathered.append(Buffer.from(text), 0, text.length);
    expect(append('GET /')).toBe(false);
    expect(append(' HTTP/1.1\r')).toBe(false);
    expect(append('\n')).toBe(true);
    expect(append('Host')).toBe(false);
    expect(append(': a\r\n\r\n')).toBe(true);
    expect(append('')).toBe(false);
  });

  it('do not see a line end in memory that held other bytes before', () => {
    const gathered = new GatheredBytes();
    const lines = Buffer.alloc(500, '\n');
    gathered.append(lines, 0, lines.length);
    gathered.dropBefore(499);
    expect(contents(gathered)).toBe('\n');
    expect(gathered.append(Buffer.from('GET'), 0, 3)).toBe(false);
    expect(contents(gathered)).toBe('\nGET');
  });

  it('can be used up from the front', () => {
    const gathered = new GatheredBytes();
    gathered.append(Buffer.from('0123456789'), 0, 10);
    gathered.dropBefore(4);
    expect(contents(gathered)).toBe('456789');
    gathered.dropBefore(gathered.end);
    expect(gathered.length).toBe(0);
    gathered.append(Buffer.from('again'), 0, 5);
    expect(contents(gathered)).toBe('again');
  });

  it('leave what was used up as it is: a socket may still be sending it', () => {
    const gathered = new GatheredBytes();
    gathered.append(Buffer.from('0123456789'), 0, 10);
    const used = gathered.buffer.subarray(0, 8);
    gathered.dropBefore(8);
    for (let i = 0; i < 2_000; i++) gathered.append(Buffer.from('x'), 0, 1);
    expect(used.toString()).toBe('01234567');
    expect(contents(gathered)).toBe(`89${'x'.repeat(2_000)}`);
  });

  it('take memory in proportion to what came, however small the pieces', () => {
    const gathered = new GatheredBytes();
    const byte = Buffer.from('x');
    for (let i = 0; i < 10_000; i++) gathered.append(byte, 0, 1);
    expect(gathered.length).toBe(10_000);
    expect(gathered.buffer.length).toBeLessThanOrEqual(20_000);
  });
});
