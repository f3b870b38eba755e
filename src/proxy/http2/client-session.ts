/**
 * A client's connection on which HTTP/2 is spoken: the requests of its streams, what bounds them, and its end.
 *
 *   open ─► noticed ─► closing ─► ended ─► closed
 *
 * `noticed`: the client was told that the end is near, and what it sent before it heard of that is still taken. `closing`: it was told
 * which requests were the last ones; one beyond them is not looked at, and the client knows that it may send it again, whatever it is
 * (RFC 9113 sections 6.8 and 8.7). `ended`: all was said, and the client has yet to close its side.
 */
import type { Socket } from 'node:net';
import { SocketReads, type ReadTaker } from '../socket-reads.ts';
import { type Expiring, NEVER } from '../deadlines.ts';
import { type ClientLink, UNUSED_MS_MAX } from '../http1/client-host.ts';
import type { Origin } from '../origin.ts';
import { ClientStream, type StreamOwner } from './client-stream.ts';
import { EndedStreams } from './ended-streams.ts';
import { FrameBudget } from './frame-budget.ts';
import { FrameOutbox } from './frames/frame-outbox.ts';
import { FrameReader, type FrameSink, uint32At } from './frames/frame-reader.ts';
import {
  DEFAULT_WINDOW_BYTES,
  ERROR,
  type ErrorCode,
  FLAG,
  FRAME,
  MAX_31_BITS,
  PAYLOAD_BYTES_MAX,
} from './frames/frame-types.ts';
import { PeerSettings, SETTING, SETTING_BYTES } from './frames/peer-settings.ts';
import { HeaderBlock } from './frames/header-block.ts';
import { HpackDecoder } from './hpack/decoder.ts';
import { HpackEncoder } from './hpack/encoder.ts';
import { ReceiveWindow } from './receive-window.ts';
import type { SessionHost } from './session-host.ts';
import {
  CONTROL_BURST,
  CONTROL_PER_SECOND,
  IDLE_BURST,
  IDLE_PER_DATA_FRAME,
  IDLE_PER_REQUEST,
  IDLE_PER_SECOND,
  listBytesMax,
  NOTICE_MS_MAX,
  pairsMax,
  RECEIVE_WINDOW_BYTES,
  RESET_BURST,
  RESETS_PER_ANSWER,
  RESETS_PER_SECOND,
  SMALL_INCREMENT,
  TABLE_BYTES,
} from './session-limits.ts';
import { StreamTable } from './stream-table.ts';
import type { WaitingStream } from './stream-outbox.ts';

type Phase = 'open' | 'noticed' | 'closing' | 'ended' | 'closed';

/** Of the ping whose answer tells that the client has heard of the end. */
const NOTICE_PING = Buffer.from('leaving!', 'latin1');

export class ClientSession implements ClientLink, Expiring, ReadTaker, FrameSink, StreamOwner {
  readonly origin: Origin;
  linkSlot = -1;
  readonly host: SessionHost;
  readonly frames: FrameOutbox;
  readonly encoder = new HpackEncoder();
  sendWindow = DEFAULT_WINDOW_BYTES;
  dataFramesSent = 0;
  readonly #socket: Socket;
  readonly #reads: SocketReads;
  readonly #reader: FrameReader;
  readonly #decoder = new HpackDecoder(TABLE_BYTES);
  readonly #peer = new PeerSettings();
  readonly #block: HeaderBlock;
  readonly #received = new ReceiveWindow(RECEIVE_WINDOW_BYTES);
  readonly #streams = new StreamTable<ClientStream>();
  readonly #ended: EndedStreams;
  readonly #waiting: WaitingStream[] = [];
  /** Of whose body something is coming. */
  #dataStream: ClientStream | null = null;
  readonly #resets: FrameBudget;
  readonly #control: FrameBudget;
  readonly #idle: FrameBudget;
  #phase: Phase = 'open';
  #hasSettings = false;
  /** Of the requests that were looked at, or refused. */
  #lastStream = 0;
  #served = 0;
  readonly #openedAtMs: number;

  deadlineAt: number;
  deadlineSlot = -1;

  constructor(socket: Socket, origin: Origin, host: SessionHost) {
    const { nowMs } = host.deadlines;
    const { limits, timeouts } = host.spec;
    this.origin = origin;
    this.host = host;
    this.#socket = socket;
    this.#openedAtMs = nowMs;
    this.frames = new FrameOutbox(socket, host.readBuffers, host.flushRound);
    this.#reader = new FrameReader(this);
    this.#block = new HeaderBlock(listBytesMax(limits) + PAYLOAD_BYTES_MAX);
    this.#ended = new EndedStreams(limits.concurrentStreamsMax);
    this.#resets = new FrameBudget(RESET_BURST, RESETS_PER_SECOND, nowMs);
    this.#control = new FrameBudget(CONTROL_BURST, CONTROL_PER_SECOND, nowMs);
    this.#idle = new FrameBudget(IDLE_BURST, IDLE_PER_SECOND, nowMs);
    this.deadlineAt = nowMs + timeouts.requestHeadMs;
    this.#reads = new SocketReads(host.readBuffer, host.readBuffers);
    this.#listen(socket);
    host.deadlines.add(this);
    this.#introduce();
  }

  #listen(socket: Socket): void {
    if (!this.#reads.readFrom(socket, this) || socket.readableLength > 0) {
      socket.on('data', (chunk: Buffer) => this.#reader.read(chunk, 0, chunk.length));
    }
    socket.on('drain', () => this.#sendWaiting());
    // Whoever sends no more takes no more either: there is no half of a session.
    socket.on('end', () => socket.destroy());
    // What went wrong does not matter here: 'close' follows, and every stream learns that its client is gone.
    socket.on('error', ignore);
    socket.on('close', () => this.#onClose());
  }

  /** What the client is told before anything else: RFC 9113 section 3.4. */
  #introduce(): void {
    const { limits } = this.host.spec;
    this.frames.settings([
      SETTING.maxConcurrentStreams,
      limits.concurrentStreamsMax,
      SETTING.maxHeaderListSize,
      listBytesMax(limits),
    ]);
    this.frames.windowUpdate(0, RECEIVE_WINDOW_BYTES - DEFAULT_WINDOW_BYTES);
  }

  get bytesTaken(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  onRead(count: number): boolean {
    this.#reader.read(this.#reads.buffer, 0, count);
    return true;
  }

  // --- frames ------------------------------------------------------------------------------------------------------

  onMalformed(code: ErrorCode): void {
    this.#breakOff(code);
  }

  onFrame(type: number, flags: number, stream: number, payload: Buffer, from: number, to: number): void {
    const error = this.#orderError(type, flags, stream) || this.#take(type, flags, stream, payload, from, to);
    if (error !== ERROR.none) {
      this.#breakOff(error);
    }
  }

  /** Settings come first (RFC 9113 section 3.4), and nothing comes between the parts of a head (section 6.10). */
  #orderError(type: number, flags: number, stream: number): ErrorCode {
    if (!this.#hasSettings) {
      this.#hasSettings = true;
      return type === FRAME.settings && (flags & FLAG.ack) === 0 ? ERROR.none : ERROR.protocol;
    }
    const isPart = type === FRAME.continuation;
    return this.#block.stream === (isPart ? stream : 0) && (!isPart || stream !== 0) ? ERROR.none : ERROR.protocol;
  }

  #take(type: number, flags: number, stream: number, payload: Buffer, from: number, to: number): ErrorCode {
    switch (type) {
      case FRAME.headers:
        return this.#onHeaders(flags, stream, payload, from, to);
      case FRAME.continuation:
        return this.#onBlock(flags, payload, from, to);
      case FRAME.windowUpdate:
        return this.#onWindowUpdate(stream, payload, from, to);
      case FRAME.reset:
        return this.#onReset(stream, payload, from, to);
      case FRAME.settings:
        return this.#onSettings(flags, stream, payload, from, to);
      case FRAME.ping:
        return this.#onPing(flags, stream, payload, from, to);
      case FRAME.priority:
        return this.#onPriority(stream, payload, from, to);
      case FRAME.goaway:
        return this.#onGoaway(stream, to - from);
      case FRAME.pushPromise:
        return ERROR.protocol;
      default:
        // RFC 9113 section 5.5: what we do not know we ignore.
        return this.#spend(this.#idle);
    }
  }

  /** Of a frame that brings nothing. Those who take what is sent to them say so, and measure it: for that they have more. */
  #spend(budget: FrameBudget): ErrorCode {
    if (this.dataFramesSent > 0) {
      this.#control.giveBack(this.dataFramesSent);
      this.#idle.giveBack(this.dataFramesSent * IDLE_PER_DATA_FRAME);
      this.dataFramesSent = 0;
    }
    return budget.take(this.host.deadlines.nowMs) ? ERROR.none : ERROR.enhanceYourCalm;
  }

  // --- heads -------------------------------------------------------------------------------------------------------

  #onHeaders(flags: number, id: number, payload: Buffer, start: number, end: number): ErrorCode {
    let from = start;
    let to = end;
    if ((flags & FLAG.padded) !== 0) {
      to -= from < to ? (payload[from] as number) : 1;
      from++;
    }
    if ((flags & FLAG.priority) !== 0) {
      if (to - from >= 5 && isOwnParent(payload, from, id)) {
        return ERROR.protocol;
      }
      from += 5;
    }
    const error = from > to ? ERROR.protocol : this.#openingError(id);
    if (error !== ERROR.none) {
      return error;
    }
    const endsStream = (flags & FLAG.endStream) !== 0;
    if ((flags & FLAG.endHeaders) !== 0) {
      return this.#onHead(id, endsStream, payload, from, to);
    }
    this.#block.begin(id, endsStream);
    this.#awaitHead();
    return this.#onBlock(flags, payload, from, to);
  }

  /** Whether a head may come on a stream: RFC 9113 section 5.1.1. */
  #openingError(id: number): ErrorCode {
    if (id % 2 === 0) {
      return ERROR.protocol;
    }
    if (id > this.#lastStream || this.#streams.get(id) !== null) {
      return ERROR.none;
    }
    switch (this.#ended.endOf(id)) {
      case 'by-us':
        return ERROR.none;
      case 'by-both':
        return ERROR.streamClosed;
      case 'unknown':
        return ERROR.protocol;
    }
  }

  /** A head that was begun is to end soon, or the session ends with what is under way. */
  #awaitHead(): void {
    if (this.#phase === 'open') {
      this.deadlineAt = Math.min(this.deadlineAt, this.host.deadlines.nowMs + this.host.spec.timeouts.requestHeadMs);
    }
  }

  #onBlock(flags: number, payload: Buffer, from: number, to: number): ErrorCode {
    if (!this.#block.add(payload, from, to)) {
      return ERROR.enhanceYourCalm;
    }
    if ((flags & FLAG.endHeaders) === 0) {
      return ERROR.none;
    }
    const { stream: id, endsStream } = this.#block;
    const block = this.#block.takeAll();
    if (this.#phase === 'open' && this.#streams.size > 0) {
      this.deadlineAt = NEVER;
    }
    return this.#onHead(id, endsStream, block, 0, block.length);
  }

  /** A head is whole, and is decoded whatever it is for: those after it may refer to it. */
  #onHead(id: number, endsStream: boolean, block: Buffer, from: number, to: number): ErrorCode {
    const { limits } = this.host.spec;
    const { fields } = this.host;
    const result = this.#decoder.decode(block, from, to, fields, listBytesMax(limits), pairsMax(limits));
    if (result === 'malformed') {
      return ERROR.compression;
    }
    const stream = this.#streams.get(id);
    if (stream !== null) {
      return this.#onTrailers(stream, endsStream, result === 'done' ? fields : null);
    }
    if (id <= this.#lastStream) {
      return this.#spend(this.#idle);
    }
    return this.#onRequest(id, endsStream, result === 'done' ? fields : null);
  }

  /** `fields`: null where there are too many of them. */
  #onTrailers(stream: ClientStream, endsStream: boolean, fields: readonly string[] | null): ErrorCode {
    if (!stream.isReceiving) {
      stream.reset(ERROR.streamClosed);
    } else if (!endsStream) {
      stream.reset(ERROR.protocol);
    } else if (fields === null) {
      stream.reset(ERROR.enhanceYourCalm);
    } else {
      stream.onEnd(fields);
    }
    return ERROR.none;
  }

  #onRequest(id: number, endsStream: boolean, fields: readonly string[] | null): ErrorCode {
    if (this.#phase !== 'open' && this.#phase !== 'noticed') {
      // Beyond the last one that we said we take: as if it had never come.
      return this.#spend(this.#idle);
    }
    this.#lastStream = id;
    if (fields === null || this.#streams.size >= this.host.spec.limits.concurrentStreamsMax) {
      this.frames.reset(id, fields === null ? ERROR.enhanceYourCalm : ERROR.refusedStream);
      this.#ended.add(id, true);
      return this.#spend(this.#resets);
    }
    this.#begin(id, !endsStream, fields);
    return ERROR.none;
  }

  #begin(id: number, hasBody: boolean, fields: readonly string[]): void {
    const { limits } = this.host.spec;
    const stream = new ClientStream(id, this.#peer.windowBytes, this);
    this.#served++;
    this.#idle.giveBack(IDLE_PER_REQUEST);
    this.#streams.add(stream);
    if (this.#streams.size === 1) {
      this.deadlineAt = this.#phase === 'open' ? NEVER : this.deadlineAt;
      this.host.becameActive();
    }
    if (this.host.isClosing || this.#served >= limits.requestsPerConnectionMax) {
      this.#takeNoMore();
    }
    stream.begin(fields, hasBody);
  }

  // --- bodies ------------------------------------------------------------------------------------------------------

  onDataFrame(id: number, length: number, padding: number): void {
    const error = this.#orderError(FRAME.data, 0, id) || this.#openData(id, length, padding);
    if (error !== ERROR.none) {
      this.#breakOff(error);
    }
  }

  #openData(id: number, length: number, padding: number): ErrorCode {
    if (!this.#received.take(length)) {
      return ERROR.flowControl;
    }
    // The others are not to wait until this one's target has taken its part: what each may hold is bounded.
    const increment = this.#received.giveBack(length);
    if (increment > 0) {
      this.frames.windowUpdate(0, increment);
    }
    const stream = this.#streams.get(id);
    this.#dataStream = stream;
    if (stream === null) {
      return this.#lateError(id);
    }
    if (!stream.isReceiving) {
      stream.reset(ERROR.streamClosed);
    } else {
      stream.onDataFrame(length, padding);
    }
    return length > padding ? ERROR.none : this.#spend(this.#idle);
  }

  /** Of a frame on a stream that is not under way. */
  #lateError(id: number): ErrorCode {
    if (this.#isIdle(id)) {
      return this.#idleStreamError(id);
    }
    return this.#ended.endOf(id) === 'by-us' ? this.#spend(this.#idle) : ERROR.streamClosed;
  }

  onData(_: number, buffer: Buffer, from: number, to: number): void {
    this.#dataStream?.onData(buffer, from, to);
  }

  onDataEnd(_: number, endsStream: boolean): void {
    const stream = this.#dataStream;
    this.#dataStream = null;
    if (endsStream && stream !== null && stream.isReceiving) {
      stream.onEnd(null);
    }
  }

  // --- all other frames --------------------------------------------------------------------------------------------

  #onWindowUpdate(id: number, payload: Buffer, from: number, to: number): ErrorCode {
    if (to - from !== 4) {
      return ERROR.frameSize;
    }
    const increment = uint32At(payload, from) & MAX_31_BITS;
    const stream = id === 0 ? null : this.#streams.get(id);
    if (id !== 0 && stream === null) {
      return this.#isIdle(id) ? this.#idleStreamError(id) : this.#spend(this.#idle);
    }
    if (increment === 0) {
      stream?.reset(ERROR.protocol);
      return stream === null ? ERROR.protocol : ERROR.none;
    }
    if (increment < SMALL_INCREMENT && this.#spend(this.#idle) !== ERROR.none) {
      return ERROR.enhanceYourCalm;
    }
    return stream === null ? this.#openSendWindow(increment) : this.#openWindowOf(stream, increment);
  }

  #openSendWindow(increment: number): ErrorCode {
    if (this.sendWindow + increment > MAX_31_BITS) {
      return ERROR.flowControl;
    }
    this.sendWindow += increment;
    this.#sendWaiting();
    return ERROR.none;
  }

  #openWindowOf(stream: ClientStream, increment: number): ErrorCode {
    if (!stream.changeSendWindow(increment)) {
      stream.reset(ERROR.flowControl);
    }
    this.#sendWaiting();
    return ERROR.none;
  }

  /** Of no stream yet. */
  #isIdle(id: number): boolean {
    return id % 2 === 0 || id > this.#lastStream;
  }

  /** There may be a request that was not looked at any more, of which the rest comes, too. */
  #idleStreamError(id: number): ErrorCode {
    const isTaking = this.#phase === 'open' || this.#phase === 'noticed';
    return isTaking || id % 2 === 0 ? ERROR.protocol : this.#spend(this.#idle);
  }

  #onReset(id: number, payload: Buffer, from: number, to: number): ErrorCode {
    if (to - from !== 4) {
      return ERROR.frameSize;
    }
    const stream = this.#streams.get(id);
    if (stream !== null) {
      stream.onReset(uint32At(payload, from));
      return ERROR.none;
    }
    return this.#isIdle(id) ? this.#idleStreamError(id) : this.#spend(this.#idle);
  }

  #onSettings(flags: number, id: number, payload: Buffer, from: number, to: number): ErrorCode {
    if (id !== 0) {
      return ERROR.protocol;
    }
    if ((flags & FLAG.ack) !== 0) {
      return to > from ? ERROR.frameSize : this.#spend(this.#control);
    }
    if ((to - from) % SETTING_BYTES !== 0) {
      return ERROR.frameSize;
    }
    const windowBefore = this.#peer.windowBytes;
    const error =
      this.#peer.read(payload, from, to, this.encoder) || this.#moveWindows(this.#peer.windowBytes - windowBefore);
    if (error !== ERROR.none) {
      return error;
    }
    this.frames.settingsAck();
    return this.#spend(this.#control);
  }

  /** RFC 9113 section 6.9.2. */
  #moveWindows(by: number): ErrorCode {
    if (by === 0) {
      return ERROR.none;
    }
    for (const stream of this.#streams.all()) {
      if (!stream.changeSendWindow(by)) {
        return ERROR.flowControl;
      }
    }
    this.#sendWaiting();
    return ERROR.none;
  }

  #onPing(flags: number, id: number, payload: Buffer, from: number, to: number): ErrorCode {
    if (id !== 0) {
      return ERROR.protocol;
    }
    if (to - from !== NOTICE_PING.length) {
      return ERROR.frameSize;
    }
    if ((flags & FLAG.ack) === 0) {
      this.frames.ping(payload, from, true);
    } else if (this.#phase === 'noticed' && NOTICE_PING.compare(payload, from, to) === 0) {
      this.#closeDoor();
    }
    return this.#spend(this.#control);
  }

  /** What a client would like first is not heeded: RFC 9113 section 5.3.2. */
  #onPriority(id: number, payload: Buffer, from: number, to: number): ErrorCode {
    if (to - from !== 5) {
      return ERROR.frameSize;
    }
    return id === 0 || isOwnParent(payload, from, id) ? ERROR.protocol : this.#spend(this.#idle);
  }

  /** The client is about to leave: what it has asked for it still takes. */
  #onGoaway(id: number, length: number): ErrorCode {
    if (id !== 0) {
      return ERROR.protocol;
    }
    if (length < 8) {
      return ERROR.frameSize;
    }
    this.#takeNoMore();
    return this.#spend(this.#control);
  }

  // --- what is sent ------------------------------------------------------------------------------------------------

  waitToSend(stream: WaitingStream): void {
    if (!stream.isWaiting) {
      stream.isWaiting = true;
      this.#waiting.push(stream);
    }
  }

  /** One frame of each in turn, until none of them can go on. */
  #sendWaiting(): void {
    const waiting = this.#waiting;
    for (let untried = waiting.length; untried > 0 && waiting.length > 0 && !this.frames.isFull; untried--) {
      const stream = waiting.shift() as WaitingStream;
      stream.isWaiting = false;
      if (stream.sendInTurn()) {
        untried = waiting.length + 1;
      }
    }
  }

  onStreamClosed(stream: ClientStream, isResetByUs: boolean, isCostly: boolean): void {
    this.#streams.delete(stream.id);
    if (this.#phase === 'closed') {
      return;
    }
    this.#ended.add(stream.id, isResetByUs);
    if (stream.isWaiting) {
      stream.isWaiting = false;
      this.#waiting.splice(this.#waiting.indexOf(stream), 1);
    }
    if (this.#dataStream === stream) {
      this.#dataStream = null;
    }
    if (this.#streams.size === 0) {
      this.#onIdle();
    }
    if (!isCostly) {
      this.#resets.giveBack(RESETS_PER_ANSWER);
    } else if (this.#spend(this.#resets) !== ERROR.none) {
      this.#breakOff(ERROR.enhanceYourCalm);
    }
  }

  #onIdle(): void {
    this.host.becameIdle();
    if (this.#phase === 'open') {
      this.deadlineAt = this.host.deadlines.nowMs + this.host.spec.timeouts.keepAliveMs;
    } else if (this.#phase === 'closing') {
      this.#end();
    }
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  /** Those that are under way, or on their way, are answered, and then it is closed. */
  #takeNoMore(): void {
    if (this.#phase === 'open') {
      this.#phase = 'noticed';
      this.frames.goaway(MAX_31_BITS, ERROR.none);
      this.frames.ping(NOTICE_PING, 0, false);
      this.deadlineAt = this.host.deadlines.nowMs + NOTICE_MS_MAX;
    }
  }

  /** From here on no request is taken. */
  #closeDoor(): void {
    this.#phase = 'closing';
    this.deadlineAt = NEVER;
    this.frames.goaway(this.#lastStream, ERROR.none);
    if (this.#streams.size === 0) {
      this.#end();
    }
  }

  #end(): void {
    this.#phase = 'ended';
    this.deadlineAt = this.host.deadlines.nowMs + this.host.spec.timeouts.lingerMs;
    this.frames.flush();
    this.#socket.end();
  }

  /** The client does not keep to the rules, or costs more than it asks for. */
  #breakOff(code: ErrorCode): void {
    this.#reader.stop();
    if (this.#phase === 'ended' || this.#phase === 'closed') {
      return;
    }
    this.frames.goaway(this.#lastStream, code);
    this.#end();
    for (const stream of this.#streams.all()) {
      stream.onGone();
    }
  }

  expire(): void {
    switch (this.#phase) {
      case 'open':
        this.#takeNoMore();
        return;
      case 'noticed':
        this.#closeDoor();
        return;
      default:
        this.#socket.destroy();
    }
  }

  closeIfIdle(): void {
    const isUnused = this.#served === 0 && this.host.deadlines.nowMs < this.#openedAtMs + UNUSED_MS_MAX;
    if (!isUnused) {
      this.#takeNoMore();
    }
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #onClose(): void {
    const wasActive = this.#streams.size > 0;
    this.#phase = 'closed';
    this.#reader.stop();
    this.frames.clear();
    this.host.deadlines.remove(this);
    for (const stream of this.#streams.all()) {
      stream.onGone();
    }
    this.#waiting.length = 0;
    this.host.closed(this, wasActive, false);
  }
}

/** RFC 9113 section 5.3.1: whatever becomes of priorities, a stream is never its own parent. */
function isOwnParent(payload: Buffer, from: number, id: number): boolean {
  return (uint32At(payload, from) & MAX_31_BITS) === id;
}

function ignore(): void {}
