/**
 * The frames that are about to be sent to one client. They are gathered, whatever stream they belong to, and leave together when
 * all that came in this round of the event loop was handled: many answers are one call to the system.
 *
 * Everything is copied here, so that nobody's memory is held up by how fast a client takes it.
 */
import type { Socket } from 'node:net';
import type { ReadBuffers, Sender } from '../../read-buffers.ts';
import { type ErrorCode, FLAG, FRAME, FRAME_HEAD_BYTES, PAYLOAD_BYTES_MAX } from './frame-types.ts';
import type { FlushRound } from './flush-round.ts';

/** Gathered at most; of a size that readers use too. */
const GATHERED_BYTES = 65_536;

/** Where the flags are in the head of a frame. */
const FLAGS_AT = 4;

const NO_BYTES: Buffer = Buffer.alloc(0);

export class FrameOutbox implements Sender {
  readonly #socket: Socket;
  readonly #buffers: ReadBuffers;
  readonly #round: FlushRound;
  /** What is being gathered. */
  bytes: Buffer = NO_BYTES;
  #used = 0;
  #given = 0;

  constructor(socket: Socket, buffers: ReadBuffers, round: FlushRound) {
    this.#socket = socket;
    this.#buffers = buffers;
    this.#round = round;
  }

  /** What the client has not taken yet is enough: only what must be said at once should be added. */
  get isFull(): boolean {
    return this.#socket.writableNeedDrain;
  }

  get given(): number {
    return this.#given;
  }

  /** What a socket that was destroyed still had is never touched again. */
  hasSent(given: number): boolean {
    return this.#given - this.#socket.writableLength >= given || this.#socket.destroyed;
  }

  /** Makes room for `count` bytes and returns where in `bytes` it is; `added` is to follow. */
  reserve(count: number): number {
    if (this.#used + count > this.bytes.length) {
      this.flush();
      this.bytes = count > GATHERED_BYTES ? Buffer.allocUnsafeSlow(count) : this.#buffers.take(GATHERED_BYTES);
    }
    return this.#used;
  }

  /** All up to `end` in `bytes` was written. */
  added(end: number): void {
    if (this.#used === 0) {
      this.#round.add(this);
    }
    this.#used = end;
  }

  /** Counted from the first byte that was ever sent: of the byte at `at` in `bytes`. */
  positionOf(at: number): number {
    return this.#given + at;
  }

  /** Says of the frame at `position` that it is the last one of its stream. False: it is on its way already. */
  endStreamAt(position: number): boolean {
    const at = position - this.#given;
    if (at < 0) {
      return false;
    }
    (this.bytes[at + FLAGS_AT] as number) |= FLAG.endStream;
    return true;
  }

  /** Where `by` more bytes go into the frame at `position`, of `length` bytes, if it is the last one; -1: it is not, or is full. */
  roomIn(position: number, length: number, by: number): number {
    const at = position - this.#given;
    const isLast = at >= 0 && at + FRAME_HEAD_BYTES + length === this.#used;
    return isLast && length + by <= PAYLOAD_BYTES_MAX && this.#used + by <= this.bytes.length ? this.#used : -1;
  }

  flush(): void {
    const { bytes } = this;
    if (bytes === NO_BYTES) {
      return;
    }
    const used = this.#used;
    this.bytes = NO_BYTES;
    this.#used = 0;
    this.#given += used;
    if (used > 0 && this.#socket.writable) {
      this.#socket.write(bytes.subarray(0, used));
    }
    if (bytes.length === GATHERED_BYTES) {
      this.#buffers.giveBack(bytes, this.#socket.writableLength > 0 ? this : null, this.#given);
    }
  }

  /** Drops what was not handed to the system. */
  clear(): void {
    this.#used = 0;
    this.flush();
  }

  // --- frames of a fixed length --------------------------------------------------------------------------------------

  reset(stream: number, code: ErrorCode): void {
    this.#addNumber(FRAME.reset, stream, code);
  }

  windowUpdate(stream: number, increment: number): void {
    this.#addNumber(FRAME.windowUpdate, stream, increment);
  }

  goaway(lastStream: number, code: ErrorCode): void {
    const at = this.#begin(FRAME.goaway, 0, 0, 8);
    this.bytes.writeUInt32BE(lastStream, at);
    this.bytes.writeUInt32BE(code, at + 4);
    this.added(at + 8);
  }

  settingsAck(): void {
    this.added(this.#begin(FRAME.settings, FLAG.ack, 0, 0));
  }

  /** `settings`: numbers and values, one after the other. */
  settings(settings: readonly number[]): void {
    let at = this.#begin(FRAME.settings, 0, 0, settings.length * 3);
    for (let i = 0; i < settings.length; i += 2) {
      this.bytes.writeUInt16BE(settings[i] as number, at);
      this.bytes.writeUInt32BE(settings[i + 1] as number, at + 2);
      at += 6;
    }
    this.added(at);
  }

  /** `payload`: 8 bytes, from `from`. */
  ping(payload: Buffer, from: number, isAck: boolean): void {
    const at = this.#begin(FRAME.ping, isAck ? FLAG.ack : 0, 0, 8);
    payload.copy(this.bytes, at, from, from + 8);
    this.added(at + 8);
  }

  #addNumber(type: number, stream: number, value: number): void {
    const at = this.#begin(type, 0, stream, 4);
    this.bytes.writeUInt32BE(value, at);
    this.added(at + 4);
  }

  #begin(type: number, flags: number, stream: number, length: number): number {
    const at = this.reserve(FRAME_HEAD_BYTES + length);
    writeFrameHead(this.bytes, at, length, type, flags, stream);
    return at + FRAME_HEAD_BYTES;
  }
}

export function writeFrameHead(
  into: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  stream: number,
): void {
  into[at] = length >>> 16;
  into[at + 1] = length >>> 8;
  into[at + 2] = length;
  into[at + 3] = type;
  into[at + 4] = flags;
  into[at + 5] = stream >>> 24;
  into[at + 6] = stream >>> 16;
  into[at + 7] = stream >>> 8;
  into[at + 8] = stream;
}
