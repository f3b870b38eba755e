/**
 * Takes a client's bytes apart into frames (RFC 9113 section 4.1). What a frame means is its sink's business; that it is as
 * long as it says, and not too long, is seen to here. The payload of DATA is passed on piece by piece as it comes, all other
 * frames whole: only of these anything is ever held, and at most one.
 */
import { ERROR, type ErrorCode, FLAG, FRAME, FRAME_HEAD_BYTES, MAX_31_BITS, PAYLOAD_BYTES_MAX } from './frame-types.ts';

/** What a client begins with: RFC 9113 section 3.4. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

const NO_BYTES: Buffer = Buffer.alloc(0);

/** Any call may stop the reader. */
export interface FrameSink {
  /** A frame other than DATA. Its payload is good until the call returns. */
  onFrame(type: number, flags: number, stream: number, payload: Buffer, from: number, to: number): void;
  /** A DATA frame begins. `length`: of its payload, which is what counts against windows; `padding`: how much of it is no data. */
  onDataFrame(stream: number, length: number, padding: number): void;
  /** A part of its data. Good until the call returns. */
  onData(stream: number, buffer: Buffer, from: number, to: number): void;
  /** All of its data was there. */
  onDataEnd(stream: number, endsStream: boolean): void;
  /** What comes is not HTTP/2. Nothing is heard of the reader any more. */
  onMalformed(code: ErrorCode): void;
}

export class FrameReader {
  readonly #sink: FrameSink;
  #prefaceRead = 0;
  /** The beginning of a frame whose end has not come. */
  #held: Buffer = NO_BYTES;
  #heldBytes = 0;
  #isInData = false;
  #dataLeft = 0;
  #paddingLeft = 0;
  #dataStream = 0;
  #dataEndsStream = false;
  #isStopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Nothing that comes from now on is looked at. */
  stop(): void {
    this.#isStopped = true;
    this.#held = NO_BYTES;
    this.#heldBytes = 0;
  }

  /** What comes behind it could not be told apart any more, whatever the sink makes of it. */
  #fail(code: ErrorCode): void {
    this.stop();
    this.#sink.onMalformed(code);
  }

  read(buffer: Buffer, start: number, to: number): void {
    let from = start;
    while (from < to && !this.#isStopped) {
      if (this.#isInData) {
        from = this.#readData(buffer, from, to);
      } else if (this.#paddingLeft > 0) {
        from = this.#skipPadding(from, to);
      } else if (this.#heldBytes > 0) {
        from = this.#complete(buffer, from, to);
      } else if (this.#prefaceRead < PREFACE.length) {
        from = this.#readPreface(buffer, from, to);
      } else {
        from = this.#readFrame(buffer, from, to);
      }
    }
  }

  #readPreface(buffer: Buffer, from: number, to: number): number {
    const bytes = Math.min(to - from, PREFACE.length - this.#prefaceRead);
    if (PREFACE.compare(buffer, from, from + bytes, this.#prefaceRead, this.#prefaceRead + bytes) !== 0) {
      this.#fail(ERROR.protocol);
    }
    this.#prefaceRead += bytes;
    return from + bytes;
  }

  /** Returns where to go on: `to` where the rest of the frame has yet to come. */
  #readFrame(buffer: Buffer, from: number, to: number): number {
    const needed = neededBytes(buffer, from, to);
    if (needed < 0) {
      this.#fail(ERROR.frameSize);
      return to;
    }
    if (to - from < needed) {
      this.#hold(buffer, from, to, needed);
      return to;
    }
    this.#take(buffer, from, from + needed);
    return from + needed;
  }

  #hold(buffer: Buffer, from: number, to: number, needed: number): void {
    if (this.#held.length < needed) {
      const held = Buffer.allocUnsafe(needed);
      this.#held.copy(held, 0, 0, this.#heldBytes);
      this.#held = held;
    }
    buffer.copy(this.#held, this.#heldBytes, from, to);
    this.#heldBytes += to - from;
  }

  #complete(buffer: Buffer, from: number, to: number): number {
    // First what tells how long the frame is, then the rest of it.
    const needed = neededBytes(this.#held, 0, this.#heldBytes);
    const bytes = Math.min(to - from, needed - this.#heldBytes);
    this.#hold(buffer, from, from + bytes, needed);
    const nowNeeded = neededBytes(this.#held, 0, this.#heldBytes);
    if (nowNeeded < 0) {
      this.#fail(ERROR.frameSize);
    } else if (this.#heldBytes === nowNeeded) {
      const held = this.#held;
      this.#held = NO_BYTES;
      this.#heldBytes = 0;
      this.#take(held, 0, nowNeeded);
    }
    return from + bytes;
  }

  #take(buffer: Buffer, from: number, to: number): void {
    const type = buffer[from + 3] as number;
    const flags = buffer[from + 4] as number;
    const stream = streamAt(buffer, from);
    if (type === FRAME.data) {
      this.#beginData(buffer, from, flags, stream);
    } else {
      this.#sink.onFrame(type, flags, stream, buffer, from + FRAME_HEAD_BYTES, to);
    }
  }

  #beginData(buffer: Buffer, from: number, flags: number, stream: number): void {
    const length = lengthAt(buffer, from);
    const isPadded = (flags & FLAG.padded) !== 0;
    // How much there is says the first byte, if there is one.
    const padding = !isPadded ? 0 : length === 0 ? 1 : 1 + (buffer[from + FRAME_HEAD_BYTES] as number);
    if (padding > length) {
      // RFC 9113 section 6.1.
      this.#fail(ERROR.protocol);
      return;
    }
    this.#dataStream = stream;
    this.#dataEndsStream = (flags & FLAG.endStream) !== 0;
    this.#dataLeft = length - padding;
    this.#paddingLeft = isPadded ? padding - 1 : 0;
    this.#isInData = true;
    this.#sink.onDataFrame(stream, length, padding);
    this.#endData();
  }

  #readData(buffer: Buffer, from: number, to: number): number {
    const end = Math.min(to, from + this.#dataLeft);
    this.#dataLeft -= end - from;
    this.#sink.onData(this.#dataStream, buffer, from, end);
    this.#endData();
    return end;
  }

  #endData(): void {
    if (this.#dataLeft === 0 && !this.#isStopped) {
      this.#isInData = false;
      this.#sink.onDataEnd(this.#dataStream, this.#dataEndsStream);
    }
  }

  #skipPadding(from: number, to: number): number {
    const bytes = Math.min(this.#paddingLeft, to - from);
    this.#paddingLeft -= bytes;
    return from + bytes;
  }
}

/** Bytes that must be there before the frame that begins at `from` can be looked at; -1: it is too long. */
function neededBytes(buffer: Buffer, from: number, to: number): number {
  if (to - from < FRAME_HEAD_BYTES) {
    return FRAME_HEAD_BYTES;
  }
  const length = lengthAt(buffer, from);
  if (length > PAYLOAD_BYTES_MAX) {
    return -1;
  }
  if (buffer[from + 3] !== FRAME.data) {
    return FRAME_HEAD_BYTES + length;
  }
  const isPadded = ((buffer[from + 4] as number) & FLAG.padded) !== 0;
  // Where there is no room for the length of the padding, all is padding, and too much of it.
  return isPadded && length > 0 ? FRAME_HEAD_BYTES + 1 : FRAME_HEAD_BYTES;
}

function lengthAt(buffer: Buffer, at: number): number {
  return ((buffer[at] as number) << 16) | ((buffer[at + 1] as number) << 8) | (buffer[at + 2] as number);
}

/** Without the bit that is reserved. */
function streamAt(buffer: Buffer, at: number): number {
  return uint32At(buffer, at + 5) & MAX_31_BITS;
}

/** As a signed number where the first bit is set: mask it, or shift it by no bits. */
export function uint32At(buffer: Buffer, at: number): number {
  return (
    ((buffer[at] as number) << 24) |
    ((buffer[at + 1] as number) << 16) |
    ((buffer[at + 2] as number) << 8) |
    (buffer[at + 3] as number)
  );
}
