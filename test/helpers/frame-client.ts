import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { eventually } from './eventually.ts';

/** Types of frames: RFC 9113 section 6. */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8 } as const;

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const HEAD_BYTES = 9;
/** Long enough for a machine that has much else to do. */
const PATIENCE_MS = 20_000;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** A client of HTTP/2 that sends exactly the frames it is told to, right or wrong, and keeps what comes. */
export class FrameClient {
  readonly frames: Frame[] = [];
  readonly socket: Socket;
  readonly closed: Promise<void>;
  isClosed = false;
  /** Whether settings are acknowledged and pings answered. */
  isPolite = true;
  #received = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.isClosed = true;
        resolve();
      });
    });
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
  }

  /** `settings`: as pairs of id and value. */
  static async open(port: number, settings: readonly (readonly [number, number])[] = []): Promise<FrameClient> {
    const socket = connect({ port, host: '127.0.0.1' });
    const client = new FrameClient(socket);
    onTestFinished(() => void socket.destroy());
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write(PREFACE);
    client.send(FRAME.settings, 0, 0, settingsPayload(settings));
    return client;
  }

  send(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): void {
    this.socket.write(frame(type, flags, stream, payload));
  }

  /** A whole head in one frame. */
  headers(stream: number, fields: readonly (readonly [string, string])[], flags: number = FLAG.endStream): void {
    this.send(FRAME.headers, flags | FLAG.endHeaders, stream, headerBlock(fields));
  }

  get(stream: number, path = '/', more: readonly (readonly [string, string])[] = []): void {
    this.headers(stream, [...requestFields('GET', path), ...more]);
  }

  data(stream: number, body: string | Buffer, flags: number = FLAG.endStream): void {
    this.send(FRAME.data, flags, stream, typeof body === 'string' ? Buffer.from(body, 'latin1') : body);
  }

  reset(stream: number, code = 8): void {
    this.send(FRAME.reset, 0, stream, uint32(code));
  }

  of(type: number, stream?: number): readonly Frame[] {
    return this.frames.filter((one) => one.type === type && (stream === undefined || one.stream === stream));
  }

  /** Status of the answer on a stream; 0: there is none. */
  status(stream: number): number {
    const statuses = this.of(FRAME.headers, stream).map(({ payload }) => statusIn(payload));
    return statuses.find((status) => status >= 200) ?? 0;
  }

  body(stream: number): string {
    return Buffer.concat(this.of(FRAME.data, stream).map(({ payload }) => payload)).toString('latin1');
  }

  /** Whether the answer has come to a clean end. */
  isWhole(stream: number): boolean {
    return this.frames.some(
      ({ type, flags, stream: id }) =>
        id === stream && (type === FRAME.data || type === FRAME.headers) && (flags & FLAG.endStream) !== 0,
    );
  }

  /** The code that a stream was reset with; -1: it was not. */
  resetCode(stream: number): number {
    return this.of(FRAME.reset, stream)[0]?.payload.readUInt32BE(0) ?? -1;
  }

  /** The codes of the GOAWAY frames, and the last streams that they name. */
  get goaways(): readonly (readonly [code: number, lastStream: number])[] {
    return this.of(FRAME.goaway).map(({ payload }) => [payload.readUInt32BE(4), payload.readUInt32BE(0)]);
  }

  /** Waits for the answer to a stream, or for its reset; throws where neither comes. */
  async settled(stream: number): Promise<void> {
    await eventually(() => {
      if (!this.isWhole(stream) && this.resetCode(stream) < 0) throw new Error(`stream ${stream} has not ended`);
    }, PATIENCE_MS);
  }

  /** The other side has handled all that was sent before; false: it is gone. */
  async isCaughtUp(): Promise<boolean> {
    const before = this.#pongs();
    this.send(FRAME.ping, 0, 0, Buffer.alloc(8, 7));
    return eventually(() => {
      if (this.isClosed) return false;
      if (this.#pongs() > before) return true;
      throw new Error('the ping was not answered');
    }, PATIENCE_MS);
  }

  #pongs(): number {
    return this.of(FRAME.ping).filter(({ flags }) => (flags & FLAG.ack) !== 0).length;
  }

  #onData(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    for (;;) {
      if (this.#received.length < HEAD_BYTES) return;
      const end = HEAD_BYTES + this.#received.readUIntBE(0, 3);
      if (this.#received.length < end) return;
      const payload = Buffer.from(this.#received.subarray(HEAD_BYTES, end));
      const [type, flags] = [this.#received.readUInt8(3), this.#received.readUInt8(4)];
      const stream = this.#received.readUInt32BE(5);
      this.#received = this.#received.subarray(end);
      this.#onFrame({ type, flags, stream, payload });
    }
  }

  #onFrame(one: Frame): void {
    this.frames.push(one);
    if (!this.isPolite || (one.flags & FLAG.ack) !== 0) return;
    if (one.type === FRAME.settings) this.send(FRAME.settings, FLAG.ack, 0);
    if (one.type === FRAME.ping) this.send(FRAME.ping, FLAG.ack, 0, one.payload);
  }
}

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function requestFields(method: string, path: string): (readonly [string, string])[] {
  return [
    [':method', method],
    [':scheme', 'http'],
    [':authority', 'app.test'],
    [':path', path],
  ];
}

/** Each field as a literal that no table remembers (RFC 7541 section 6.2.2), one byte for each character. */
export function headerBlock(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

/** RFC 7541 section 6.2.1: remembered by the table, to be named again by `indexed`. */
export function remembered(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0x40), text(name), text(value)]);
}

/** RFC 7541 section 6.1. The last that was remembered has index 62. */
export function indexed(index: number): Buffer {
  return Buffer.of(0x80 | index);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function settingsPayload(settings: readonly (readonly [number, number])[]): Buffer {
  return Buffer.concat(
    settings.map(([id, value]) => {
      const bytes = Buffer.alloc(6);
      bytes.writeUInt16BE(id, 0);
      bytes.writeUInt32BE(value, 2);
      return bytes;
    }),
  );
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([integer(bytes.length), bytes]);
}

/** With a prefix of seven bits: RFC 7541 section 5.1. */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.of(value);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

/** Statuses of the static table, by their index: RFC 7541 appendix A. */
const STATUS_AT = new Map([200, 204, 206, 304, 400, 404, 500].map((status, index) => [index + 8, status]));

/** The status that a header block begins with. */
function statusIn(block: Buffer): number {
  let at = 0;
  // Changes of the table's size come first.
  while (((block[at] ?? 0) & 0xe0) === 0x20) at += ((block[at] ?? 0) & 0x1f) === 0x1f ? 3 : 1;
  const first = block[at] ?? 0;
  if ((first & 0x80) !== 0) return STATUS_AT.get(first & 0x7f) ?? rememberedStatus(first);
  const length = block[at + 1] ?? 0;
  const value = block.subarray(at + 2, at + 2 + (length & 0x7f));
  return Number((length & 0x80) === 0 ? value.toString('latin1') : huffmanDigits(value));
}

/** One that the table of the connection holds: the tests open a connection for each that matters. */
function rememberedStatus(index: number): never {
  throw new Error(`a status by index ${index & 0x7f} is not read here: offer a header table of no bytes`);
}

/** RFC 7541 appendix B, digits alone. */
function huffmanDigits(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let digits = '';
  for (let at = 0; digits.length < 3;) {
    const short = ['00000', '00001', '00010'].indexOf(bits.slice(at, at + 5));
    digits += short >= 0 ? short : Number.parseInt(bits.slice(at, at + 6), 2) - 0b011001 + 3;
    at += short >= 0 ? 5 : 6;
  }
  return digits;
}
