import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type Addresses, readProxyHeader, writeProxyHeader } from '../../../../src/proxy/tunnel/proxy-header.ts';

const V4: Addresses = { source: '203.0.113.9', sourcePort: 51_000, destination: '198.51.100.1', destinationPort: 5432 };
const V6: Addresses = { source: '2001:db8::9', sourcePort: 1, destination: '2001:db8:1::', destinationPort: 65_535 };
const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const v2 = (command: number, family: number, body: Buffer): Buffer =>
  Buffer.concat([bytes(SIGNATURE), Buffer.from([command, family, body.length >> 8, body.length & 255]), body]);

describe('a header that is written', () => {
  it('looks as the specification has it', () => {
    expect(writeProxyHeader('v1', V4).toString()).toBe('PROXY TCP4 203.0.113.9 198.51.100.1 51000 5432\r\n');
    expect(writeProxyHeader('v1', V6).toString()).toBe('PROXY TCP6 2001:db8::9 2001:db8:1:: 1 65535\r\n');
    const body = Buffer.from([203, 0, 113, 9, 198, 51, 100, 1, 0xc7, 0x38, 0x15, 0x38]);
    expect(writeProxyHeader('v2', V4)).toEqual(v2(0x21, 0x11, body));
  });

  it.each([null, { ...V4, destination: '2001:db8::1' }])(
    'speaks for nobody where nothing is known: %o',
    (addresses) => {
      expect(writeProxyHeader('v1', addresses).toString()).toBe('PROXY UNKNOWN\r\n');
      expect(writeProxyHeader('v2', addresses)).toEqual(v2(0x20, 0, Buffer.alloc(0)));
    },
  );

  it.each([
    ['v1', V4],
    ['v1', V6],
    ['v2', V4],
    ['v2', V6],
  ] as const)('is read as what was written, of %s %o, and only when it is whole', (version, addresses) => {
    const header = writeProxyHeader(version, addresses);
    for (let length = 0; length < header.length; length++) {
      expect(readProxyHeader(header.subarray(0, length))).toBe('more');
    }
    const read = { end: header.length, addresses };
    expect(readProxyHeader(header)).toEqual(read);
    expect(readProxyHeader(Buffer.concat([header, bytes('what follows')]))).toEqual(read);
  });
});

describe('a header that is read', () => {
  it.each([
    ['for nobody', 'PROXY UNKNOWN\r\n', 15],
    ['for nobody, with more', 'PROXY UNKNOWN ffff::1 ffff::2 1 2\r\nX', 35],
  ])('of version 1 may speak %s', (_what, text, end) => {
    expect(readProxyHeader(bytes(text))).toEqual({ end, addresses: null });
  });

  it('of version 2 may speak for nobody, or tell more than addresses', () => {
    expect(readProxyHeader(v2(0x20, 0x11, Buffer.alloc(12)))).toEqual({ end: 28, addresses: null });
    expect(readProxyHeader(v2(0x21, 0x31, Buffer.alloc(216)))).toEqual({ end: 232, addresses: null });
    const body = Buffer.concat([writeProxyHeader('v2', V4).subarray(16), bytes('\x04\x00\x01x')]);
    expect(readProxyHeader(v2(0x21, 0x11, body))).toEqual({ end: 32, addresses: V4 });
  });

  it.each([
    ['nothing of the kind', 'GET / HTTP/1.1\r\n'],
    ['another word', 'PROXYTCP4 '],
    ['a line that ends otherwise', 'PROXY TCP4 1.2.3.4 1.2.3.5 1 2\n'],
    ['a line that is too long', `PROXY TCP4 ${' '.repeat(100)}`],
    ['a family that there is not', 'PROXY TCP5 1.2.3.4 1.2.3.5 1 2\r\n'],
    ['the other family', 'PROXY TCP6 1.2.3.4 1.2.3.5 1 2\r\n'],
    ['a name', 'PROXY TCP4 a.example 1.2.3.5 1 2\r\n'],
    ['a short address', 'PROXY TCP4 1.2.3 1.2.3.5 1 2\r\n'],
    ['a port that is none', 'PROXY TCP4 1.2.3.4 1.2.3.5 1 65536\r\n'],
    ['a port written otherwise', 'PROXY TCP4 1.2.3.4 1.2.3.5 01 2\r\n'],
    ['too few words', 'PROXY TCP4 1.2.3.4 1.2.3.5 1\r\n'],
    ['too many words', 'PROXY TCP4 1.2.3.4 1.2.3.5 1 2 3\r\n'],
    ['another version', `${SIGNATURE}\x11\x11\x00\x00`],
    ['another command', `${SIGNATURE}\x22\x11\x00\x00`],
    ['too much', `${SIGNATURE}\x21\x11\xff\xff`],
    ['too little', `${SIGNATURE}\x21\x11\x00\x04abcd`],
  ])('is none that has %s', (_what, text) => {
    expect(readProxyHeader(bytes(text))).toBe('bad');
  });

  it('is read from any bytes without an error', () => {
    const start = fc.constantFrom('PROXY ', 'PROXY TCP4 1.2.3.4 ', SIGNATURE, `${SIGNATURE}\x21\x11\x00\x0c`, '');
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 64 }), (text, rest) => {
        const read = readProxyHeader(Buffer.concat([bytes(text), rest]));
        if (typeof read !== 'string') expect(read.end).toBeLessThanOrEqual(text.length + rest.length);
      }),
    );
  });
});
