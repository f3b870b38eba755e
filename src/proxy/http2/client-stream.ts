/**
 * The client's side of one exchange over HTTP/2: one stream of a session.
 *
 *   body ─► response ─► delivery ─► closed
 *
 * `body`: the request is not whole yet. `delivery`: all of the answer was handed over, and the client has yet to take it.
 */
import { assert } from '../../base/assert.ts';
import { type Expiring, NEVER } from '../deadlines.ts';
import type { ServiceFace } from '../downstream.ts';
import { type FailureCode, failureOf } from '../errors.ts';
import { AnswerWriter } from '../http1/answer-writer.ts';
import type { Requester, RunningRequest } from '../http1/client-host.ts';
import type { FieldSection } from '../http1/field-section.ts';
import { GatheredBytes } from '../http1/gathered-bytes.ts';
import type { OwnAnswer } from '../http1/own-answer.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { ResponseEdits } from '../http1/response-writer.ts';
import type { Origin, Provenance } from '../origin.ts';
import type { Sender } from '../read-buffers.ts';
import { ERROR, type ErrorCode, MAX_31_BITS, PAYLOAD_BYTES_MAX } from './frames/frame-types.ts';
import { ReceiveWindow } from './receive-window.ts';
import type { SessionHost } from './session-host.ts';
import { readTrailers } from './stream-head.ts';
import { COPIED_BYTES_MAX, type SendingSession, StreamOutbox, type WaitingStream } from './stream-outbox.ts';

/** Bytes of a request's body that are thrown away behind an early answer; a client that sends more is not reading. */
const UNWANTED_BYTES_MAX = 4 * 1024 * 1024;
/**
 * How long a client that has its answer may go on with a request that nobody wants before it is asked to stop. Many clients (Node,
 * curl) forget an answer that they have not looked at when its stream is reset while they send.
 */
const UNREAD_MS_MAX = 500;
/**
 * How often a client that takes nothing of a stream is given its time again because it takes something of the session: many
 * streams may share a slow line, and one that is never taken may not last for ever.
 */
const STALL_ROUNDS_MAX = 4;

/** Of which the client has broken the rules that HTTP/2 has for requests: RFC 9113 section 8.1.1. */
const MALFORMED_STATUS = 400;

/** The session, as its streams know it. */
export interface StreamOwner extends SendingSession {
  readonly origin: Origin;
  readonly host: SessionHost;
  /** Bytes that the client has taken of all that was sent to it. */
  readonly bytesTaken: number;
  /** `isResetByUs`: the client may not know of it yet. `isCostly`: by the client's doing, before it had its answer. */
  onStreamClosed(stream: ClientStream, isResetByUs: boolean, isCostly: boolean): void;
}

type Phase = 'body' | 'response' | 'delivery' | 'closed';

export class ClientStream implements Requester, Expiring, WaitingStream {
  readonly id: number;
  readonly origin: Origin;
  readonly #owner: StreamOwner;
  readonly #host: SessionHost;
  readonly #outbox: StreamOutbox;
  readonly #answer: AnswerWriter;
  #phase: Phase = 'response';
  #exchange: RunningRequest | null = null;
  /** Of the body, if its length was told; -1: it was not. */
  #bytesLeft = 0;
  #unwantedBytes = 0;
  /** null: there is no body. */
  #received: ReceiveWindow | null = null;
  #isPaused = false;
  /** What came of the body while it was not wanted. */
  #held: GatheredBytes | null = null;
  #hasEnded = false;
  #trailers: FieldSection | null = null;
  /** The answer is whole, and the request is not. */
  #hasUnread = false;
  /** Of the request, which is answered and whose stream is then reset. */
  #isMalformed = false;
  #stallMs: number;
  #stallRounds = 0;
  #bytesTakenAtStall = 0;
  isWaiting = false;

  deadlineAt = NEVER;
  deadlineSlot = -1;

  constructor(id: number, sendWindow: number, owner: StreamOwner) {
    this.id = id;
    this.origin = owner.origin;
    this.#owner = owner;
    this.#host = owner.host;
    this.#outbox = new StreamOutbox(id, sendWindow, owner, this);
    this.#answer = new AnswerWriter(this.#outbox, owner.host.deadlines);
    this.#stallMs = owner.host.spec.timeouts.lingerMs;
    owner.host.deadlines.add(this);
  }

  get requestId(): string {
    return this.#answer.requestId;
  }

  get isBlocked(): boolean {
    return this.#outbox.isBlocked;
  }

  get copiedBytesMax(): number {
    return COPIED_BYTES_MAX;
  }

  // --- the request -------------------------------------------------------------------------------------------------

  /** `raw`: names and values of the head, one after the other. `hasBody`: its end is not the request's. */
  begin(raw: readonly string[], hasBody: boolean): void {
    const { streamHead, requestHead } = this.#host;
    if (hasBody) {
      this.#phase = 'body';
      this.#received = new ReceiveWindow();
    }
    const failure = streamHead.read(raw, hasBody);
    if (failure !== null) {
      this.#isMalformed = failureOf(failure).status === MALFORMED_STATUS;
      this.#answer.beginUnread(streamHead.method);
      this.answer(failure, this.#host.refused(failure, this));
      return;
    }
    this.#bytesLeft = requestHead.framing === 'chunked' ? -1 : requestHead.contentLength;
    this.#answer.begin(requestHead, true);
    this.#run(this.#host.begin(this, requestHead));
    this.#exchange?.onClientTurnEnd();
  }

  /** Null: it was answered at once. */
  #run(exchange: RunningRequest | null): void {
    if (exchange === null || !this.#isUnanswered) {
      return;
    }
    this.#exchange = exchange;
    if (this.#phase === 'body') {
      this.#awaitBody(exchange);
    }
  }

  get #isUnanswered(): boolean {
    return this.#phase === 'body' || this.#phase === 'response';
  }

  #awaitBody(exchange: RunningRequest): void {
    if (!this.#outbox.isBlocked) {
      this.deadlineAt = this.#isPaused ? NEVER : this.#host.deadlines.nowMs + exchange.requestBodyIdleMs;
    }
  }

  /** Whether more of a request may come. */
  get isReceiving(): boolean {
    return this.#received !== null && !this.#hasEnded;
  }

  /** A DATA frame of `length` bytes has begun, of which `padding` are no data: they need no room. */
  onDataFrame(length: number, padding: number): void {
    if (this.#received?.take(length) !== true) {
      this.reset(ERROR.flowControl);
      return;
    }
    this.#credit(padding);
    if (this.#phase === 'body' && this.#bytesLeft >= 0) {
      // Before anything of it is passed on: the target must not have a whole request, and then more of it.
      this.#bytesLeft -= length - padding;
      if (this.#bytesLeft < 0) {
        this.#breakRules();
      }
    }
  }

  onData(buffer: Buffer, from: number, to: number): void {
    const exchange = this.#exchange;
    if (this.#phase !== 'body' || exchange === null) {
      this.#discard(to - from);
    } else if (this.#isPaused || this.#held !== null) {
      this.#held ??= new GatheredBytes();
      this.#held.add(buffer, from, to);
    } else {
      this.#passOn(exchange, buffer, from, to);
    }
  }

  #passOn(exchange: RunningRequest, buffer: Buffer, from: number, to: number): void {
    this.#awaitBody(exchange);
    this.#credit(to - from);
    // No frame is longer than what is copied on the way to a target: nobody holds on to the memory that it was read into.
    exchange.requestBody(buffer.subarray(from, to));
    this.#exchange?.onClientTurnEnd();
  }

  /** There is room for so many more bytes. */
  #credit(bytes: number): void {
    if (this.#hasEnded || this.#phase === 'closed') {
      return;
    }
    const increment = this.#received?.giveBack(bytes) ?? 0;
    if (increment > 0) {
      this.#owner.frames.windowUpdate(this.id, increment);
    }
  }

  /** All data that was announced is there. `raw`: of the trailer section, names and values; null: there is none. */
  onEnd(raw: readonly string[] | null): void {
    this.#hasEnded = true;
    this.#hasUnread = false;
    if (this.#isUnread) {
      this.#close(false, this.#isMalformed);
    }
    if (this.#phase !== 'body') {
      return;
    }
    if (raw !== null) {
      this.#trailers = readTrailers(raw);
    }
    if (this.#bytesLeft > 0 || (raw !== null && this.#trailers === null)) {
      this.#breakRules();
    } else if (this.#held === null) {
      this.#endRequest();
    }
  }

  #endRequest(): void {
    const exchange = this.#exchange;
    if (exchange === null) {
      return;
    }
    this.#phase = 'response';
    if (!this.#outbox.isBlocked) {
      this.deadlineAt = NEVER;
    }
    exchange.requestEnd(this.#trailers);
    this.#exchange?.onClientTurnEnd();
  }

  /** The length that was told was not true, or the like: the target must not take what it got for the whole. */
  #breakRules(): void {
    this.reset(ERROR.protocol);
  }

  #discard(bytes: number): void {
    this.#unwantedBytes += bytes;
    if (this.#unwantedBytes <= UNWANTED_BYTES_MAX) {
      this.#credit(bytes);
    } else if (this.#isUnread) {
      this.#endUnread();
    } else {
      this.reset(ERROR.cancel);
    }
  }

  pauseRequest(): void {
    if (this.#isPaused) {
      return;
    }
    this.#isPaused = true;
    if (this.#phase === 'body' && !this.#outbox.isBlocked) {
      this.deadlineAt = NEVER;
    }
  }

  resumeRequest(): void {
    if (!this.#isPaused) {
      return;
    }
    this.#isPaused = false;
    if (this.#phase === 'body' && this.#exchange !== null) {
      this.#awaitBody(this.#exchange);
      this.#passHeld();
    }
  }

  /** What was held follows in a turn of its own, as if it came now: whoever resumes is in the middle of something else. */
  #passHeld(): void {
    if (this.#held !== null) {
      setImmediate(takeHeld, this);
    }
  }

  takeHeld(): void {
    const held = this.#held;
    while (held !== null && held.length > 0 && !this.#isPaused) {
      const exchange = this.#exchange;
      if (this.#phase !== 'body' || exchange === null) {
        return;
      }
      const from = held.start;
      const to = Math.min(held.end, from + PAYLOAD_BYTES_MAX);
      held.dropBefore(to);
      this.#passOn(exchange, held.buffer, from, to);
    }
    if (held?.length === 0) {
      this.#held = null;
      if (this.#hasEnded && this.#phase === 'body') {
        this.#endRequest();
      }
    }
  }

  beginAgain(bytes: Buffer): RunningRequest | null {
    const head = this.#host.requestHead;
    const isRead = head.read(bytes, 0, bytes.length) === 'done' && head.interpret() === null;
    assert(isRead, 'a head that was read once can be read again');
    head.version = '2.0';
    this.#answer.forgetService();
    const exchange = this.#host.begin(this, head);
    this.#run(exchange);
    return exchange;
  }

  // --- the response ------------------------------------------------------------------------------------------------

  serveAs(face: ServiceFace, from: Provenance, requestId: string): void {
    this.#answer.serveAs(face, from, requestId);
  }

  proceed(): void {
    this.#outbox.addInterim('HTTP/1.1 100 Continue\r\n\r\n');
  }

  interim(head: ResponseHead): void {
    this.#answer.interim(head);
  }

  respond(head: ResponseHead, extraFields: string, edits: ResponseEdits | null): boolean {
    return this.#answer.respond(head, extraFields, edits, true);
  }

  withdraw(): void {
    this.#outbox.withdraw();
  }

  expectMore(): void {}

  body(chunk: Buffer): Sender | null {
    return this.#answer.body(chunk);
  }

  end(trailers: FieldSection | null): void {
    this.#complete(trailers === null ? '' : this.#answer.trailerLines(trailers));
  }

  refuse(code: FailureCode, retryAfterSeconds = 0): void {
    this.answer(code, this.#host.refused(code, this), retryAfterSeconds);
  }

  answer(code: FailureCode, requestId: string, retryAfterSeconds = 0): void {
    if (failureOf(code).text === '') {
      this.abort();
      return;
    }
    this.#answer.answer(code, requestId, retryAfterSeconds, true);
    this.#complete('');
  }

  answerWith(answer: OwnAnswer, requestId: string): void {
    this.#answer.answerWith(answer, requestId, true);
    this.#complete('');
  }

  abort(): void {
    this.#exchange = null;
    if (this.#phase !== 'closed') {
      this.#outbox.reset(ERROR.internal);
      this.#close(true, false);
    }
  }

  switchProtocols(): void {
    assert(false, 'no request that came by HTTP/2 is upgraded');
  }

  endTunnel(): void {}

  flush(): void {
    this.#outbox.flush();
    if (this.#outbox.isBlocked) {
      this.#watchStall();
    }
  }

  /** Hands over what is left of the answer. */
  #complete(trailers: string): void {
    if (this.#phase === 'closed') {
      this.#exchange = null;
      return;
    }
    this.#hasUnread = this.#phase === 'body' && !this.#hasEnded;
    this.#phase = 'delivery';
    if (this.#held !== null) {
      this.#credit(this.#held.length);
      this.#held = null;
    }
    this.#outbox.end(trailers);
    if (this.#outbox.isDone) {
      this.#exchange = null;
      this.#onDelivered();
    } else {
      this.#watchStall();
      this.#exchange = null;
    }
  }

  #onDelivered(): void {
    if (this.#hasUnread) {
      this.deadlineAt = this.#host.deadlines.nowMs + UNREAD_MS_MAX;
    } else if (this.#isMalformed) {
      this.#endUnread();
    } else {
      this.#close(false, false);
    }
  }

  /** The client has all of its answer, and has not ended its request. */
  get #isUnread(): boolean {
    return this.#phase === 'delivery' && this.#outbox.isDone;
  }

  /** The client is asked to stop, as its request is not wanted any further (RFC 9113 section 8.1), or told that it was none. */
  #endUnread(): void {
    this.#owner.frames.reset(this.id, this.#isMalformed ? ERROR.protocol : ERROR.none);
    this.#close(true, this.#isMalformed);
  }

  // --- flow, time and the end --------------------------------------------------------------------------------------

  /** The client takes so many more bytes, or fewer. False: that is more than there can be. */
  changeSendWindow(by: number): boolean {
    if (this.#outbox.window + by > MAX_31_BITS) {
      return false;
    }
    this.#outbox.changeWindow(by);
    return true;
  }

  sendInTurn(): boolean {
    const wasBlocked = this.#outbox.isBlocked;
    const hasSent = this.#outbox.sendOne();
    if (this.#phase === 'closed') {
      return false;
    }
    if (this.#outbox.isDone) {
      this.#onDelivered();
      return true;
    }
    this.#outbox.askToSend();
    if (wasBlocked && !this.#outbox.isBlocked) {
      this.#onDrain();
    } else if (hasSent) {
      this.#watchStall();
    }
    return hasSent;
  }

  #watchStall(): void {
    this.#stallMs = this.#exchange?.responseBodyIdleMs ?? this.#stallMs;
    this.deadlineAt = this.#host.deadlines.nowMs + this.#stallMs;
    this.#bytesTakenAtStall = this.#owner.bytesTaken;
  }

  #onDrain(): void {
    this.#stallRounds = 0;
    const exchange = this.#exchange;
    if (exchange === null) {
      return;
    }
    this.deadlineAt = NEVER;
    if (this.#phase === 'body') {
      this.#awaitBody(exchange);
    }
    exchange.onClientDrain();
  }

  expire(): void {
    if (this.#isUnread) {
      this.#endUnread();
      return;
    }
    if (this.#phase === 'body' && !this.#outbox.isBlocked) {
      this.#exchange?.onClientFault('request_body_timeout');
      return;
    }
    if (this.#owner.bytesTaken > this.#bytesTakenAtStall && this.#stallRounds < STALL_ROUNDS_MAX) {
      this.#stallRounds++;
      this.#watchStall();
      return;
    }
    this.#onStall();
  }

  #onStall(): void {
    this.deadlineAt = NEVER;
    if (this.#exchange === null) {
      this.reset(ERROR.cancel);
    } else {
      this.#exchange.onClientFault('client_stalled');
    }
  }

  /** For what the client did. */
  reset(code: ErrorCode): void {
    if (this.#phase !== 'closed') {
      this.#outbox.reset(code);
      this.#close(true, true);
    }
  }

  /** The client has reset it. */
  onReset(code: number): void {
    this.#close(false, this.#exchange !== null || (code !== ERROR.none && !this.#isUnread));
  }

  /** The connection is gone. */
  onGone(): void {
    this.#close(false, false);
  }

  #close(isResetByUs: boolean, isCostly: boolean): void {
    if (this.#phase === 'closed') {
      return;
    }
    const exchange = this.#exchange;
    this.#phase = 'closed';
    this.#exchange = null;
    this.#held = null;
    this.#outbox.clear();
    this.#host.deadlines.remove(this);
    this.#owner.onStreamClosed(this, isResetByUs, isCostly);
    exchange?.onClientGone();
  }
}

function takeHeld(stream: ClientStream): void {
  stream.takeHeld();
}
