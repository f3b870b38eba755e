/** What a client has sent, taken apart as simply as can be: what no frame of it says, no target may be told. */
import { FLAG, FRAME } from '../helpers/frame-client.ts';
import { HpackDecoder } from '../../src/proxy/http2/hpack/decoder.ts';
import { PREFACE } from '../conformance/http2/case-client.ts';

const FRAME_HEAD_BYTES = 9;
const FRAME_BYTES_MAX = 16_384;
const TABLE_BYTES = 4096;
/** More than any case has. */
const LIST_BYTES_MAX = 1 << 20;
const PAIRS_MAX = 1 << 12;

export interface SentStream {
  readonly id: number;
  readonly data: Buffer;
  /** Its client has ended it, or given it up. */
  readonly end: 'none' | 'whole' | 'reset';
}

export interface Sent {
  /** Those on which a head was sent. */
  readonly streams: readonly SentStream[];
  /** Names and values in all blocks of fields, as far as they can be read. */
  readonly texts: ReadonlySet<string>;
}

/** Frames as far as they are whole; the last one may not be. */
export function splitFrames(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at + FRAME_HEAD_BYTES <= bytes.length;) {
    const end = Math.min(bytes.length, at + FRAME_HEAD_BYTES + bytes.readUIntBE(at, 3));
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

/** `bytes`: of a whole connection. */
export function readSent(bytes: Buffer): Sent {
  const reading = new SentReading();
  if (bytes.subarray(0, PREFACE.length).equals(PREFACE)) {
    for (const one of splitFrames(bytes.subarray(PREFACE.length))) {
      if (one.readUIntBE(0, 3) > FRAME_BYTES_MAX) break;
      reading.take(one);
    }
  }
  return { streams: reading.streams, texts: reading.texts };
}

class SentReading {
  readonly texts = new Set<string>();
  readonly #streams = new Map<number, { pieces: Buffer[]; end: SentStream['end'] }>();
  readonly #decoder = new HpackDecoder(TABLE_BYTES);
  #block: Buffer[] = [];

  get streams(): SentStream[] {
    return [...this.#streams].map(([id, { pieces, end }]) => ({ id, data: Buffer.concat(pieces), end }));
  }

  take(one: Buffer): void {
    const [length, type, flags] = [one.readUIntBE(0, 3), one.readUInt8(3), one.readUInt8(4)];
    const id = one.readUInt32BE(5) & 0x7fffffff;
    const payload = one.subarray(FRAME_HEAD_BYTES);
    const isHead = type === FRAME.headers;
    if (isHead && !this.#streams.has(id)) this.#streams.set(id, { pieces: [], end: 'none' });
    const stream = this.#streams.get(id);
    if (isHead) this.#block = [withoutPriority(withoutPadding(payload, flags, length), flags)];
    if (type === FRAME.continuation) this.#block.push(payload);
    if ((isHead || type === FRAME.continuation) && (flags & FLAG.endHeaders) !== 0) this.#readBlock();
    if (stream === undefined) return;
    if (type === FRAME.data) stream.pieces.push(withoutPadding(payload, flags, length));
    if ((isHead || type === FRAME.data) && (flags & FLAG.endStream) !== 0) stream.end = 'whole';
    if (type === FRAME.reset) stream.end = 'reset';
  }

  #readBlock(): void {
    const block = Buffer.concat(this.#block);
    const fields: string[] = [];
    this.#decoder.decode(block, 0, block.length, fields, LIST_BYTES_MAX, PAIRS_MAX);
    for (const text of fields) this.texts.add(text);
  }
}

/** `length`: of the payload, of which a part may not have been sent. */
function withoutPadding(payload: Buffer, flags: number, length: number): Buffer {
  if ((flags & FLAG.padded) === 0) return payload;
  return payload.subarray(1, Math.max(1, length - (payload[0] ?? 0)));
}

function withoutPriority(payload: Buffer, flags: number): Buffer {
  return (flags & 0x20) === 0 ? payload : payload.subarray(5);
}
