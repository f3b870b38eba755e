/**
 * What is to be sent on one stream: the head of an answer, its body within the windows that the client has opened, and its end.
 * What there is no room for waits here, and whoever it comes from is told that it waits.
 */
import type { AnswerOutlet } from '../http1/answer-writer.ts';
import type { Sender } from '../read-buffers.ts';
import { type ErrorCode, FLAG, FRAME, FRAME_HEAD_BYTES, PAYLOAD_BYTES_MAX } from './frames/frame-types.ts';
import { type FrameOutbox, writeFrameHead } from './frames/frame-outbox.ts';
import { blockBytesMax, type HpackEncoder } from './hpack/encoder.ts';

/** A piece of a body up to this is copied wherever it waits. */
export const COPIED_BYTES_MAX = PAYLOAD_BYTES_MAX;

/** What waits is often one short answer. */
const GATHERED_AT_FIRST_BYTES = 4096;

/** The interim response that clients wait for. */
const GO_ON = 'HTTP/1.1 100';

/** The session, as what is sent on its streams knows it. */
export interface SendingSession {
  readonly frames: FrameOutbox;
  readonly encoder: HpackEncoder;
  /** Bytes of bodies that the client takes of all streams together. */
  sendWindow: number;
  /** Counted up for each frame of a body. */
  dataFramesSent: number;
  /** Something waits that could be sent if it were not for the other streams. */
  waitToSend(stream: WaitingStream): void;
}

/** A stream that is told when it can send again. */
export interface WaitingStream {
  /** Whether the session has it in its list. */
  isWaiting: boolean;
  /** Sends one frame, if it can, and says whether it did. It asks again where there is more. */
  sendInTurn(): boolean;
}

export class StreamOutbox implements AnswerOutlet, Sender {
  readonly #session: SendingSession;
  readonly #stream: WaitingStream;
  readonly #id: number;
  /** Of an answer, as HTTP/1.1 has it; "": there is none, or it was sent. */
  #head = '';
  /** The head is to be sent, and there was no room for it. Until then it can be taken back. */
  #isHeadDue = false;
  /** What is left of the body that was given, the first piece from `#firstFrom`. */
  #pieces: Buffer[] = [];
  #firstFrom = 0;
  /** What small pieces that wait are copied to; null: there are none. */
  #gathered: Buffer | null = null;
  #gatheredTo = 0;
  #given = 0;
  #sent = 0;
  #trailers = '';
  /** The answer is whole. */
  #hasAll = false;
  #isDone = false;
  /** Where the last frame is: as long as it is not on its way, it may be added to. -1: none was sent. */
  #frameAt = -1;
  /** Of the last frame, if it is one of data; 0: it is not. */
  #dataBytes = 0;
  /** Bytes that the client takes; below 0 where it has changed its mind. */
  #window: number;

  constructor(id: number, window: number, session: SendingSession, stream: WaitingStream) {
    this.#id = id;
    this.#window = window;
    this.#session = session;
    this.#stream = stream;
  }

  /** The client has yet to take what was given. */
  get isBlocked(): boolean {
    return this.#pieces.length > 0 || this.#isHeadDue;
  }

  /** The end was sent, one way or another. */
  get isDone(): boolean {
    return this.#isDone;
  }

  get given(): number {
    return this.#given;
  }

  hasSent(given: number): boolean {
    return this.#isDone || this.#sent >= given;
  }

  get window(): number {
    return this.#window;
  }

  changeWindow(by: number): void {
    this.#window += by;
    this.askToSend();
  }

  // --- what is given -------------------------------------------------------------------------------------------------

  /** A head of HTTP/1.1, with a body behind it where the answer is our own. */
  addText(text: string): void {
    const headEnd = text.indexOf('\r\n\r\n') + 4;
    if (headEnd === text.length) {
      this.#head = text;
      return;
    }
    this.#head = text.substring(0, headEnd);
    this.#pieces.push(Buffer.from(text.substring(headEnd), 'latin1'));
    this.#given += text.length - headEnd;
  }

  /** An interim response waits for nothing, but does not add to what a client has not taken either. */
  addInterim(head: string): void {
    if (!this.#isDone && this.#frameAt < 0 && (!this.#session.frames.isFull || head.startsWith(GO_ON))) {
      this.#sendHead(head, 0);
      this.#frameAt = -1;
    }
  }

  addChunk(chunk: Buffer): Sender | null {
    if (this.#isDone) {
      return null;
    }
    this.#given += chunk.length;
    const isSmall = chunk.length <= COPIED_BYTES_MAX;
    let from = 0;
    if (this.#pieces.length === 0 && this.#flushHead()) {
      while (from < chunk.length && this.#canSend) {
        from += this.#sendData(chunk, from);
      }
    }
    if (from === chunk.length) {
      return null;
    }
    const rest = from === 0 ? chunk : chunk.subarray(from);
    if (isSmall) {
      this.#addSmall(rest);
    } else {
      this.#pieces.push(rest);
    }
    this.askToSend();
    return isSmall ? null : this;
  }

  /** Nobody expects that small pieces are held on to; and as objects of their own, they would be far more than their bytes. */
  #addSmall(piece: Buffer): void {
    const last = this.#pieces.length - 1;
    const gathered = this.#gathered;
    if (
      gathered === null ||
      this.#pieces[last]?.buffer !== gathered.buffer ||
      this.#gatheredTo + piece.length > gathered.length
    ) {
      this.#gathered = Buffer.allocUnsafeSlow(
        last < 0 ? Math.max(piece.length, GATHERED_AT_FIRST_BYTES) : COPIED_BYTES_MAX,
      );
      piece.copy(this.#gathered);
      this.#gatheredTo = piece.length;
      this.#pieces.push(this.#gathered.subarray(0, piece.length));
    } else {
      piece.copy(gathered, this.#gatheredTo);
      this.#gatheredTo += piece.length;
      this.#pieces[last] = gathered.subarray(0, this.#gatheredTo);
    }
  }

  /** All was given. `trailers`: complete lines; "" for none. */
  end(trailers: string): void {
    this.#hasAll = true;
    this.#trailers = trailers;
    while (this.sendOne());
    this.askToSend();
  }

  flush(): void {
    this.#flushHead();
  }

  /** Takes back what was not sent. */
  withdraw(): void {
    this.#head = '';
    this.#isHeadDue = false;
    this.#pieces = [];
    this.#sent = this.#given;
  }

  // --- what is sent --------------------------------------------------------------------------------------------------

  get #canSend(): boolean {
    return this.#window > 0 && this.#session.sendWindow > 0 && !this.#session.frames.isFull;
  }

  /** Where it is others that it waits for, and not the client's opening its window. */
  askToSend(): void {
    if (!this.#isDone && (this.#isHeadDue || (this.#pieces.length > 0 && this.#window > 0))) {
      this.#session.waitToSend(this.#stream);
    }
  }

  /** Sends the head, one frame of the body, and the end, as far as they are there and there is room. False: no body was sent. */
  sendOne(): boolean {
    if (this.#isDone || !this.#flushHead()) {
      return false;
    }
    const piece = this.#pieces[0];
    if (piece !== undefined && !this.#canSend) {
      return false;
    }
    if (piece !== undefined) {
      this.#firstFrom += this.#sendData(piece, this.#firstFrom);
      if (this.#firstFrom === piece.length) {
        this.#pieces.shift();
        this.#firstFrom = 0;
      }
    }
    if (this.#hasAll && this.#pieces.length === 0) {
      this.#sendEnd();
    }
    return piece !== undefined;
  }

  /** False: there is a head, and no room for it. */
  #flushHead(): boolean {
    const head = this.#head;
    if (head === '') {
      return true;
    }
    if (this.#session.frames.isFull) {
      this.#isHeadDue = true;
      this.askToSend();
      return false;
    }
    this.#head = '';
    this.#isHeadDue = false;
    this.#sendHead(head, 0);
    return true;
  }

  /** Of `piece`, as much from `from` as windows and frames have room for. Returns how much that was. */
  #sendData(piece: Buffer, from: number): number {
    const count = Math.min(piece.length - from, PAYLOAD_BYTES_MAX, this.#window, this.#session.sendWindow);
    if (!this.#extendData(piece, from, count)) {
      this.#beginData(piece, from, count);
    }
    this.#window -= count;
    this.#session.sendWindow -= count;
    this.#sent += count;
    return count;
  }

  #beginData(piece: Buffer, from: number, count: number): void {
    const { frames } = this.#session;
    const at = frames.reserve(FRAME_HEAD_BYTES + count);
    writeFrameHead(frames.bytes, at, count, FRAME.data, 0, this.#id);
    piece.copy(frames.bytes, at + FRAME_HEAD_BYTES, from, from + count);
    this.#frameAt = frames.positionOf(at);
    this.#dataBytes = count;
    this.#session.dataFramesSent++;
    frames.added(at + FRAME_HEAD_BYTES + count);
  }

  /** What came in many small pieces at once is one frame. */
  #extendData(piece: Buffer, from: number, count: number): boolean {
    const { frames } = this.#session;
    const at = this.#dataBytes === 0 ? -1 : frames.roomIn(this.#frameAt, this.#dataBytes, count);
    if (at < 0) {
      return false;
    }
    piece.copy(frames.bytes, at, from, from + count);
    const headAt = at - this.#dataBytes - FRAME_HEAD_BYTES;
    this.#dataBytes += count;
    writeFrameHead(frames.bytes, headAt, this.#dataBytes, FRAME.data, 0, this.#id);
    frames.added(at + count);
    return true;
  }

  #sendHead(head: string, flags: number): void {
    const { frames, encoder } = this.#session;
    const at = frames.reserve(FRAME_HEAD_BYTES + blockBytesMax(head));
    const from = at + FRAME_HEAD_BYTES;
    this.#sendBlock(at, encoder.writeHead(head, frames.bytes, from) - from, flags);
  }

  #sendTrailers(lines: string): void {
    const { frames, encoder } = this.#session;
    const at = frames.reserve(FRAME_HEAD_BYTES + blockBytesMax(lines));
    const from = at + FRAME_HEAD_BYTES;
    this.#sendBlock(at, encoder.writeLines(lines, frames.bytes, from) - from, FLAG.endStream);
  }

  /** `length` bytes of a field block are at `at`, behind room for the head of a frame. */
  #sendBlock(at: number, length: number, flags: number): void {
    const { frames } = this.#session;
    this.#frameAt = frames.positionOf(at);
    if (length <= PAYLOAD_BYTES_MAX) {
      writeFrameHead(frames.bytes, at, length, FRAME.headers, flags | FLAG.endHeaders, this.#id);
      frames.added(at + FRAME_HEAD_BYTES + length);
      return;
    }
    const block = Buffer.from(frames.bytes.subarray(at + FRAME_HEAD_BYTES, at + FRAME_HEAD_BYTES + length));
    for (let from = 0; from < length; from += PAYLOAD_BYTES_MAX) {
      this.#sendFragment(
        block.subarray(from, from + PAYLOAD_BYTES_MAX),
        from === 0,
        flags,
        from + PAYLOAD_BYTES_MAX >= length,
      );
    }
  }

  #sendFragment(fragment: Buffer, isFirst: boolean, flags: number, isLast: boolean): void {
    const { frames } = this.#session;
    const at = frames.reserve(FRAME_HEAD_BYTES + fragment.length);
    const type = isFirst ? FRAME.headers : FRAME.continuation;
    writeFrameHead(
      frames.bytes,
      at,
      fragment.length,
      type,
      (isFirst ? flags : 0) | (isLast ? FLAG.endHeaders : 0),
      this.#id,
    );
    fragment.copy(frames.bytes, at + FRAME_HEAD_BYTES);
    if (isFirst) {
      this.#frameAt = frames.positionOf(at);
    }
    frames.added(at + FRAME_HEAD_BYTES + fragment.length);
  }

  /** The last frame says that it is the last one, or one more does, of no bytes. */
  #sendEnd(): void {
    const { frames } = this.#session;
    if (this.#trailers !== '') {
      this.#sendTrailers(this.#trailers);
    } else if (this.#frameAt < 0 || !frames.endStreamAt(this.#frameAt)) {
      const at = frames.reserve(FRAME_HEAD_BYTES);
      writeFrameHead(frames.bytes, at, 0, FRAME.data, FLAG.endStream, this.#id);
      frames.added(at + FRAME_HEAD_BYTES);
    }
    this.#isDone = true;
  }

  /** Breaks the stream off, so that the client can tell that what it got is not whole. */
  reset(code: ErrorCode): void {
    this.clear();
    this.#session.frames.reset(this.#id, code);
  }

  /** Nothing more is sent on it. */
  clear(): void {
    this.#isDone = true;
    this.#head = '';
    this.#isHeadDue = false;
    this.#pieces = [];
    this.#gathered = null;
  }
}
