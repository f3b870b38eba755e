import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HpackDecoder } from '../../../../../src/proxy/http2/hpack/decoder.ts';
import { blockBytesMax, HpackEncoder } from '../../../../../src/proxy/http2/hpack/encoder.ts';
import { NodePeer } from './node-peer.ts';

type Field = readonly [name: string, value: string];

/** What a peer reads. */
class Reader {
  readonly decoder = new HpackDecoder(4096);

  read(block: Buffer): Field[] {
    const flat: string[] = [];
    expect(this.decoder.decode(block, 0, block.length, flat, 1 << 24, 1 << 16)).toBe('done');
    return flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] as string] as const] : []));
  }
}

function headBlock(encoder: HpackEncoder, head: string): Buffer {
  const into = Buffer.alloc(blockBytesMax(head) + 8, 0xee);
  const end = encoder.writeHead(head, into, 4);
  expect(end).toBeLessThanOrEqual(4 + blockBytesMax(head));
  expect([into.readUInt32BE(0), into.readUInt32BE(into.length - 4)]).toEqual([0xeeeeeeee, 0xeeeeeeee]);
  return into.subarray(4, end);
}

function linesBlock(encoder: HpackEncoder, lines: string): Buffer {
  const into = Buffer.alloc(blockBytesMax(lines));
  return into.subarray(0, encoder.writeLines(lines, into, 0));
}

function headOf(status: number, fields: readonly Field[]): string {
  return `HTTP/1.1 ${status} Reason\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

describe('the head of an answer', () => {
  const written = (head: string): Field[] => new Reader().read(headBlock(new HpackEncoder(), head));

  it('is a status first, then fields with names in small letters', () => {
    expect(written('HTTP/1.1 404 Not Found\r\nX-One: 1\r\nETAG: "x"\r\nSet-Cookie: a: B\r\n\r\n')).toEqual([
      [':status', '404'],
      ['x-one', '1'],
      ['etag', '"x"'],
      ['set-cookie', 'a: B'],
    ]);
  });

  it.each([100, 103, 200, 201, 204, 206, 299, 301, 304, 400, 404, 500, 503, 599, 999])(
    'has the status %d',
    (status) => {
      expect(written(headOf(status, []))).toEqual([[':status', String(status)]]);
    },
  );

  it('has values as they are, without the one space in front of them', () => {
    expect(written('HTTP/1.1 200 OK\r\na:1\r\nb: 2\r\nc:  3 \r\nd:\r\ne: \r\nf: :\r\n\r\n').slice(1)).toEqual([
      ['a', '1'],
      ['b', '2'],
      ['c', ' 3 '],
      ['d', ''],
      ['e', ''],
      ['f', ':'],
    ]);
  });

  it('has nothing of connections, however it is written', () => {
    const head =
      'HTTP/1.1 200 OK\r\nConnection: close\r\nKEEP-ALIVE: timeout=5\r\nTransfer-Encoding: chunked\r\nupgrade: x\r\n' +
      'Proxy-Connection: close\r\nX-Connection: y\r\n\r\n';
    expect(written(head).slice(1)).toEqual([['x-connection', 'y']]);
  });

  it('has no length where the status has no body', () => {
    const head = (status: string): string => `HTTP/1.1 ${status}\r\nContent-Length: 3\r\nX-A: b\r\n\r\n`;
    expect(written(head('205 Reset Content'))).toEqual([
      [':status', '205'],
      ['x-a', 'b'],
    ]);
    expect(written(head('200 OK'))).toHaveLength(3);
  });

  it('has names and values of any length', () => {
    const lengths = [1, 2, 40, 41, 126, 127, 128, 129, 254, 255, 256, 16_510, 16_511, 16_512, 40_000];
    const fields = lengths.flatMap((length) => [
      ['n'.repeat(length), 'short'] as const,
      ['short', 'v'.repeat(length)] as const,
      ['etag', 'v'.repeat(length)] as const,
    ]);
    expect(written(headOf(200, fields)).slice(1)).toEqual(fields);
  });

  it('has all bytes that a value may have', () => {
    const value = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte))
      .join('')
      .replace('\r\n', '');
    expect(written(headOf(200, [['x-all', `.${value}.`.replace('\r', '')]]))[1]).toEqual([
      'x-all',
      `.${value}.`.replace('\r', ''),
    ]);
  });

  it('tells everybody never to remember what is secret', () => {
    const block = headBlock(new HpackEncoder(), headOf(200, [['Set-Cookie', 'a']]));
    // Static index 55 behind a prefix of four bits.
    expect(block.subarray(1, 3)).toEqual(Buffer.of(0x1f, 55 - 15));
  });
});

describe('trailers', () => {
  it('are fields alone', () => {
    expect(new Reader().read(linesBlock(new HpackEncoder(), 'X-Sum: 1\r\nX-B: 2\r\n'))).toEqual([
      ['x-sum', '1'],
      ['x-b', '2'],
    ]);
    expect(linesBlock(new HpackEncoder(), '')).toHaveLength(0);
  });
});

describe('lines that come again', () => {
  const HEAD = headOf(200, [
    ['Server', 'cutover'],
    ['Date', 'Sat, 21 Nov 2026 22:16:45 GMT'],
    ['Content-Type', 'text/html; charset=utf-8'],
    ['Content-Length', '5'],
    ['X-Frame-Options', 'DENY'],
  ]);

  it('are remembered when they come for the second time, and then are a byte each', () => {
    const encoder = new HpackEncoder();
    const sizes = [1, 2, 3, 4].map(() => headBlock(encoder, HEAD).length);
    const changing = 1 + 2 + 1 + 1;
    expect(sizes).toEqual([sizes[0], (sizes[0] as number) - 3, changing + 4, changing + 4]);
    expect(new Reader().read(headBlock(new HpackEncoder(), HEAD))).toHaveLength(6);
  });

  it('are found in any order, and where others have come in between', () => {
    const [encoder, reader] = [new HpackEncoder(), new Reader()];
    const lines = Array.from({ length: 12 }, (_, i): Field => [`x-line-${i}`, `value ${i}`]);
    const orders = [lines, lines, lines.toReversed(), [...lines.slice(6), ...lines.slice(0, 6)], lines];
    const sizes = orders.map((fields) => {
      const block = headBlock(encoder, headOf(200, fields));
      expect(reader.read(block).slice(1)).toEqual(fields);
      return block.length;
    });
    expect(sizes.slice(2)).toEqual([13, 13, 13]);
  });

  it('are not taken for lines that only begin like them', () => {
    const [encoder, reader] = [new HpackEncoder(), new Reader()];
    const values = ['a', 'a', 'a', 'ab', 'a', '', 'a b', 'A', 'a'];
    for (const value of values) {
      expect(reader.read(headBlock(encoder, headOf(200, [['x-a', value]])))).toEqual([
        [':status', '200'],
        ['x-a', value],
      ]);
    }
  });

  it('are told apart where only their middle differs', () => {
    const [encoder, reader] = [new HpackEncoder(), new Reader()];
    for (let i = 0; i < 9; i++) {
      const value = `${'a'.repeat(40)}${i % 3}${'z'.repeat(40)}`;
      expect(reader.read(headBlock(encoder, headOf(200, [['x-a', value]])))[1]).toEqual(['x-a', value]);
    }
  });

  it('are not remembered where they are secret or another each time, or would drive out most others', () => {
    const encoder = new HpackEncoder();
    const head = headOf(200, [
      ['set-cookie', 'uid=1'],
      ['etag', '"1"'],
      ['location', '/a'],
      ['x-request-id', '1'],
      ['x-large', 'x'.repeat(3100)],
    ]);
    const sizes = [1, 2, 3].map(() => headBlock(encoder, head).length);
    expect(new Set(sizes).size).toBe(1);
  });

  it('are remembered in trailers as in heads', () => {
    const [encoder, reader] = [new HpackEncoder(), new Reader()];
    for (let i = 0; i < 3; i++) {
      expect(reader.read(linesBlock(encoder, 'Grpc-Status: 0\r\n'))).toEqual([['grpc-status', '0']]);
    }
    expect(linesBlock(encoder, 'Grpc-Status: 0\r\n')).toEqual(Buffer.of(0xbe));
    expect(reader.read(headBlock(encoder, headOf(200, [['Grpc-Status', '0']])))[1]).toEqual(['grpc-status', '0']);
  });

  it('are forgotten when the peer makes its table smaller, and remembered anew', () => {
    const [encoder, reader] = [new HpackEncoder(), new Reader()];
    const read = (): Field[] => reader.read(headBlock(encoder, HEAD));
    const expected = read();
    for (const tableBytes of [4096, 60, 0, 100, 4096, 4096, 34]) {
      for (let i = 0; i < 3; i++) expect(read()).toEqual(expected);
      encoder.setTableBytesMax(tableBytes);
    }
  });

  it('take no more of the table than the peer has, over thousands of lines', () => {
    const encoder = new HpackEncoder();
    const reader = new Reader();
    encoder.setTableBytesMax(300);
    for (let i = 0; i < 3_000; i++) {
      const fields: Field[] = [
        ['x-a', `value ${i >> 1}`],
        ['x-b', `value ${i % 5}`],
        ['x-c', 'v'.repeat(i % 250)],
      ];
      expect(reader.read(headBlock(encoder, headOf(200, fields))).slice(1)).toEqual(fields);
    }
  });
});

describe('the size of the table', () => {
  const block = (encoder: HpackEncoder): Buffer => headBlock(encoder, headOf(200, []));

  it('is told in the next block where the peer offers less', () => {
    const encoder = new HpackEncoder();
    encoder.setTableBytesMax(100);
    expect(block(encoder)).toEqual(Buffer.of(0x3f, 100 - 31, 0x88));
    expect(block(encoder)).toEqual(Buffer.of(0x88));
  });

  it('is told with the least that it was in between', () => {
    const encoder = new HpackEncoder();
    encoder.setTableBytesMax(0);
    encoder.setTableBytesMax(20);
    encoder.setTableBytesMax(4096);
    expect(block(encoder)).toEqual(Buffer.of(0x20, 0x3f, 0xe1, 0x1f, 0x88));
    expect(block(encoder)).toEqual(Buffer.of(0x88));
  });

  it('is not told where the peer offers more than is used', () => {
    const encoder = new HpackEncoder();
    encoder.setTableBytesMax(65_536);
    expect(block(encoder)).toEqual(Buffer.of(0x88));
  });

  it('is told in front of trailers too', () => {
    const encoder = new HpackEncoder();
    encoder.setTableBytesMax(0);
    expect(linesBlock(encoder, 'x-a: 1\r\n')[0]).toBe(0x20);
  });
});

const NAMES = ['Content-Type', 'server', 'Date', 'Content-Length', 'Set-Cookie', 'X-Frame-Options', 'x-request-id'];
const anyName = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...NAMES) },
  fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,140}$/),
);
const anyValue = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('text/html', 'a', '', 'max-age=3600', 'nosniff'.repeat(60)) },
  fc.stringMatching(/^[\x20-\x7e\x80-\xff]{0,300}$/),
);
const OF_CONNECTIONS = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'];
const anyField = fc.tuple(anyName, anyValue).filter(([name]) => !OF_CONNECTIONS.includes(name.toLowerCase()));
const anyHead = fc.record({
  status: fc.integer({ min: 100, max: 999 }).filter((status) => status !== 205),
  fields: fc.array(anyField, { maxLength: 12 }),
});
/** A head, or a new size of the peer's table. */
const anyStep = fc.oneof({ weight: 5, arbitrary: anyHead }, fc.constantFrom(0, 34, 64, 200, 1000, 4095, 4096, 70_000));

describe('any answers of a connection', () => {
  it('are read as they were written, whatever becomes of the table in between', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 30 }), (steps) => {
        const encoder = new HpackEncoder();
        const reader = new Reader();
        for (const step of steps) {
          if (typeof step === 'number') {
            encoder.setTableBytesMax(step);
            continue;
          }
          const read = reader.read(headBlock(encoder, headOf(step.status, step.fields)));
          const expected = step.fields.map(([name, value]) => [name.toLowerCase(), value]);
          expect(read).toEqual([[':status', String(step.status)], ...expected]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('are read by node:http2 as they were written', async () => {
    const peer = await NodePeer.open();
    const encoder = new HpackEncoder();
    for (let i = 0; i < 30; i++) {
      const fields: Field[] = [
        ['server', 'cutover'],
        ['date', new Date(i * 1000).toUTCString()],
        ['content-type', i % 3 === 0 ? 'text/html; charset=utf-8' : 'image/png'],
        ['x-request-id', `id-${i}`],
        ['set-cookie', `uid=${i}`],
        ['x-long', 'x'.repeat(300 + (i % 2))],
      ];
      const { headers, raw } = await peer.read(headBlock(encoder, headOf(200 + (i % 7 === 4 ? 3 : i % 7), fields)));
      expect(headers[':status']).toBe(200 + (i % 7 === 4 ? 3 : i % 7));
      expect(raw.slice(2)).toEqual(fields.flat());
    }
  });
});
