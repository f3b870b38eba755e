import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader, type FrameSink, PREFACE } from '../../../../../src/proxy/http2/frames/frame-reader.ts';
import { ERROR, FLAG, FRAME, PAYLOAD_BYTES_MAX } from '../../../../../src/proxy/http2/frames/frame-types.ts';
import { frame } from '../../../../helpers/frame-client.ts';

/** What a reader has said, pieces of data put together. */
class Heard implements FrameSink {
  readonly events: string[] = [];
  readonly reader = new FrameReader(this);
  #data = '';

  onFrame(type: number, flags: number, stream: number, payload: Buffer, from: number, to: number): void {
    this.events.push(`${type} ${flags} ${stream} ${payload.toString('hex', from, to)}`);
  }

  onDataFrame(stream: number, length: number, padding: number): void {
    this.#data = `data ${stream} ${length} ${padding} `;
  }

  onData(_: number, buffer: Buffer, from: number, to: number): void {
    this.#data += buffer.toString('hex', from, to);
  }

  onDataEnd(_: number, endsStream: boolean): void {
    this.events.push(`${this.#data} ${endsStream}`);
  }

  onMalformed(code: number): void {
    this.events.push(`malformed ${code}`);
  }
}

/** Each piece in memory that is overwritten behind it. */
function eventsOf(pieces: readonly Buffer[]): readonly string[] {
  const heard = new Heard();
  const shared = Buffer.alloc(100_000);
  for (const piece of pieces) {
    piece.copy(shared, 7);
    heard.reader.read(shared, 7, 7 + piece.length);
    shared.fill(0xee);
  }
  return heard.events;
}

function read(...frames: readonly Buffer[]): readonly string[] {
  return eventsOf([Buffer.concat([PREFACE, ...frames])]);
}

function padded(data: string, padding: number): Buffer {
  return Buffer.concat([Buffer.of(padding), Buffer.from(data), Buffer.alloc(padding)]);
}

describe('frames', () => {
  it('are told with type, flags, stream and payload', () => {
    const flags = FLAG.endHeaders | FLAG.endStream;
    expect(read(frame(FRAME.headers, flags, 3, Buffer.from('ab')), frame(200, 9, 0))).toEqual([
      '1 5 3 6162',
      '200 9 0 ',
    ]);
  });

  it('are read without the bit that is reserved', () => {
    const bytes = frame(FRAME.ping, 0, 5);
    bytes[5] = 0x80;
    expect(read(bytes)).toEqual(['6 0 5 ']);
  });

  it('of data come without their padding, which counts', () => {
    expect(
      read(
        frame(FRAME.data, 0, 1, Buffer.from('abc')),
        frame(FRAME.data, FLAG.padded, 1, padded('d', 3)),
        frame(FRAME.data, FLAG.padded | FLAG.endStream, 1, padded('', 255)),
        frame(FRAME.data, FLAG.endStream, 1),
      ),
    ).toEqual(['data 1 3 0 616263 false', 'data 1 5 4 64 false', 'data 1 256 256  true', 'data 1 0 0  true']);
  });

  it.each([
    ['that are too long', frame(FRAME.headers, 0, 1, Buffer.alloc(PAYLOAD_BYTES_MAX + 1)), ERROR.frameSize],
    ['of data that are too long', frame(FRAME.data, 0, 1, Buffer.alloc(PAYLOAD_BYTES_MAX + 1)), ERROR.frameSize],
    ['padded with more than they have', frame(FRAME.data, FLAG.padded, 1, Buffer.of(2, 0)), ERROR.protocol],
  ])('%s are malformed, and nothing behind them is read', (_, bytes, code) => {
    const all = Buffer.concat([PREFACE, bytes, frame(FRAME.ping, 0, 0)]);
    const pieces = Array.from({ length: Math.ceil(all.length / 5) }, (_one, at) => all.subarray(at * 5, at * 5 + 5));
    expect(eventsOf([all])).toEqual([`malformed ${code}`]);
    expect(eventsOf(pieces)).toEqual([`malformed ${code}`]);
  });

  it('of data with a padding of which not even the length is there are malformed', () => {
    const [event] = read(frame(FRAME.data, FLAG.padded, 1), frame(FRAME.ping, 0, 0));
    expect(event).toBe(`malformed ${ERROR.protocol}`);
  });

  it('may be as long as can be', () => {
    expect(read(frame(FRAME.settings, 0, 0, Buffer.alloc(PAYLOAD_BYTES_MAX)))).toHaveLength(1);
  });

  it('that anything else comes before are none', () => {
    expect(eventsOf([Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')])).toEqual([`malformed ${ERROR.protocol}`]);
    expect(eventsOf([PREFACE.subarray(0, 20), Buffer.from('XM\r\n')])).toEqual([`malformed ${ERROR.protocol}`]);
  });

  it('are the same in whatever pieces they come', () => {
    const anyFrame = fc.record({
      type: fc.integer({ min: 0, max: 11 }),
      flags: fc.constantFrom(0, FLAG.endStream, FLAG.padded, FLAG.padded | FLAG.endStream),
      stream: fc.integer({ min: 0, max: 9 }),
      payload: fc.uint8Array({ maxLength: 60 }),
    });
    const property = fc.property(
      fc.array(anyFrame, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
      (frames, cuts) => {
        const bytes = Buffer.concat([
          PREFACE,
          ...frames.map(({ type, flags, stream, payload }) => frame(type, flags, stream, Buffer.from(payload))),
        ]);
        const pieces: Buffer[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const length = cuts[turn % cuts.length] as number;
          pieces.push(bytes.subarray(at, at + length));
          at += length;
        }
        expect(eventsOf(pieces)).toEqual(eventsOf([bytes]));
      },
    );
    fc.assert(property, { numRuns: 300 });
  });
});
