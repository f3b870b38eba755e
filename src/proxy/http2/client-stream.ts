/**
 * The client's side of one exchange over HTTP/2: one stream of a session.
 *
 *   body ─► response ─► delivery ─► closed
 *
 * `body`: the request is not whole yet. `delivery`: all of the answer was handed over, and the client has yet to take it.
 */
import { constants, type ServerHttp2Stream } from 'node:http2';
import { assert } from '../../base/assert.ts';
import { type Expiring, NEVER } from '../deadlines.ts';
import type { ServiceFace } from '../downstream.ts';
import { type FailureCode, failureOf } from '../errors.ts';
import { AnswerWriter } from '../http1/answer-writer.ts';
import type { Requester, RunningRequest } from '../http1/client-host.ts';
import type { FieldSection } from '../http1/field-section.ts';
import type { OwnAnswer } from '../http1/own-answer.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { ResponseEdits } from '../http1/response-writer.ts';
import type { Origin, Provenance } from '../origin.ts';
import type { Sender } from '../read-buffers.ts';
import type { SessionHost } from './session-host.ts';
import { readTrailers } from './stream-head.ts';
import { StreamOutbox } from './stream-outbox.ts';

/** Bytes of a request's body that are thrown away behind an early answer; a client that sends more is not reading. */
const UNWANTED_BYTES_MAX = 4 * 1024 * 1024;
/**
 * How often a client that takes nothing of a stream is given its time again because it takes something of the session: many
 * streams may share a slow line, and one that is never taken may not last for ever.
 */
const STALL_ROUNDS_MAX = 4;

/** The session, as its streams know it. */
export interface StreamOwner {
  readonly origin: Origin;
  readonly host: SessionHost;
  readonly bytesTaken: number;
  onStreamClosed(wasReset: boolean): void;
}

type Phase = 'body' | 'response' | 'delivery' | 'closed';

/** Where a stream's listeners, which are the same functions for all of them, find whose it is. */
const OWNER = Symbol('client stream');

type OwnedStream = ServerHttp2Stream & { [OWNER]: ClientStream };

export class ClientStream implements Requester, Expiring {
  readonly origin: Origin;
  readonly #owner: StreamOwner;
  readonly #host: SessionHost;
  readonly #stream: ServerHttp2Stream;
  readonly #outbox: StreamOutbox;
  readonly #answer: AnswerWriter;
  #phase: Phase = 'response';
  #exchange: RunningRequest | null = null;
  /** Of the body, if its length was told; -1: it was not. */
  #bytesLeft = 0;
  #trailers: FieldSection | null = null;
  #unwantedBytes = 0;
  #isPaused = false;
  /** The stream was broken off for what a target or we did. */
  #isOurs = false;
  #watchesDrain = false;
  #stallRounds = 0;
  #bytesTakenAtStall = 0;

  deadlineAt = NEVER;
  deadlineSlot = -1;

  constructor(stream: ServerHttp2Stream, owner: StreamOwner) {
    this.origin = owner.origin;
    this.#owner = owner;
    this.#host = owner.host;
    this.#stream = stream;
    this.#outbox = new StreamOutbox(stream);
    this.#answer = new AnswerWriter(this.#outbox, owner.host.deadlines);
    (stream as OwnedStream)[OWNER] = this;
    stream.on('close', onClose);
    owner.host.deadlines.add(this);
  }

  get requestId(): string {
    return this.#answer.requestId;
  }

  get isBlocked(): boolean {
    return this.#outbox.isBlocked;
  }

  // --- the request -------------------------------------------------------------------------------------------------

  /** `raw`: names and values of the head, one after the other. `hasBody`: its end is not the request's. */
  begin(raw: readonly string[], hasBody: boolean): void {
    const { streamHead, requestHead } = this.#host;
    this.#phase = hasBody ? 'body' : 'response';
    const failure = streamHead.read(raw, hasBody);
    if (failure !== null) {
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
      this.#readBody();
    }
  }

  get #isUnanswered(): boolean {
    return this.#phase === 'body' || this.#phase === 'response';
  }

  #readBody(): void {
    const stream = this.#stream;
    if (stream.listenerCount('data') === 0) {
      stream.on('trailers', onTrailers);
      stream.on('end', onEnd);
      stream.on('data', onData);
    }
  }

  #awaitBody(exchange: RunningRequest): void {
    if (!this.#outbox.isBlocked) {
      this.deadlineAt = this.#isPaused ? NEVER : this.#host.deadlines.nowMs + exchange.requestBodyIdleMs;
    }
  }

  onData(chunk: Buffer): void {
    const exchange = this.#exchange;
    if (this.#phase !== 'body' || exchange === null) {
      return this.#discard(chunk.length);
    }
    if (this.#bytesLeft >= 0) {
      this.#bytesLeft -= chunk.length;
      if (this.#bytesLeft < 0) {
        return this.#breakRules();
      }
    }
    this.#awaitBody(exchange);
    exchange.requestBody(chunk);
    this.#exchange?.onClientTurnEnd();
  }

  onTrailers(raw: readonly string[]): void {
    if (this.#phase === 'body') {
      this.#trailers = readTrailers(raw);
      if (this.#trailers === null) {
        this.#breakRules();
      }
    }
  }

  onEnd(): void {
    const exchange = this.#exchange;
    if (this.#phase !== 'body' || exchange === null || this.#stream.closed) {
      // A reset ends the stream too, and is not the end of a body: 'close' follows.
      return;
    }
    if (this.#bytesLeft > 0) {
      return this.#breakRules();
    }
    this.#phase = 'response';
    this.deadlineAt = NEVER;
    exchange.requestEnd(this.#trailers);
    this.#exchange?.onClientTurnEnd();
  }

  /** The length that was told was not true, or the like: the target must not take what it got for the whole. */
  #breakRules(): void {
    this.#outbox.reset(constants.NGHTTP2_PROTOCOL_ERROR);
  }

  #discard(bytes: number): void {
    this.#unwantedBytes += bytes;
    if (this.#unwantedBytes > UNWANTED_BYTES_MAX) {
      this.#outbox.reset(constants.NGHTTP2_CANCEL);
    }
  }

  pauseRequest(): void {
    if (this.#isPaused) {
      return;
    }
    this.#isPaused = true;
    this.#stream.pause();
    if (this.#phase === 'body' && !this.#outbox.isBlocked) {
      this.deadlineAt = NEVER;
    }
  }

  resumeRequest(): void {
    if (!this.#isPaused) {
      return;
    }
    this.#isPaused = false;
    this.#stream.resume();
    if (this.#phase === 'body' && this.#exchange !== null) {
      this.#awaitBody(this.#exchange);
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
    this.#outbox.mayTrail = head.framing === 'chunked';
    return this.#answer.respond(head, extraFields, edits, true);
  }

  withdraw(): void {
    this.#outbox.clear();
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
    this.#isOurs = true;
    this.#outbox.reset();
  }

  switchProtocols(): void {
    assert(false, 'no request that came by HTTP/2 is upgraded');
  }

  endTunnel(): void {}

  flush(): void {
    this.#outbox.flush();
    if (this.#outbox.isBlocked) {
      this.#watchStall(this.#exchange?.responseBodyIdleMs ?? this.#host.spec.timeouts.lingerMs);
    }
  }

  /** Hands over what is left of the answer, and asks the client to stop where its request is not wanted any further. */
  #complete(trailers: string): void {
    const stallMs = this.#exchange?.responseBodyIdleMs ?? this.#host.spec.timeouts.lingerMs;
    const isCutShort = this.#phase === 'body';
    this.#exchange = null;
    if (this.#phase === 'closed') {
      return;
    }
    this.#phase = 'delivery';
    this.#outbox.end(trailers);
    this.#watchStall(stallMs);
    if (isCutShort) {
      // RFC 9113 section 8.1.
      this.#isOurs = true;
      this.#stream.resume();
      this.#stream.close(constants.NGHTTP2_NO_ERROR);
    }
  }

  // --- flow, time and the end --------------------------------------------------------------------------------------

  #watchStall(stallMs: number): void {
    this.deadlineAt = this.#host.deadlines.nowMs + stallMs;
    this.#bytesTakenAtStall = this.#owner.bytesTaken;
    if (!this.#watchesDrain && this.#phase !== 'delivery') {
      this.#watchesDrain = true;
      this.#stream.on('drain', onDrain);
    }
  }

  onDrain(): void {
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
    if (this.#phase === 'body' && !this.#outbox.isBlocked) {
      this.#exchange?.onClientFault('request_body_timeout');
      return;
    }
    if (this.#owner.bytesTaken > this.#bytesTakenAtStall && this.#stallRounds < STALL_ROUNDS_MAX) {
      this.#stallRounds++;
      this.#watchStall(this.#exchange?.responseBodyIdleMs ?? this.#host.spec.timeouts.lingerMs);
      return;
    }
    this.#onStall();
  }

  #onStall(): void {
    this.deadlineAt = NEVER;
    if (this.#exchange === null) {
      this.#outbox.reset(constants.NGHTTP2_CANCEL);
    } else {
      this.#exchange.onClientFault('client_stalled');
    }
  }

  onClose(): void {
    const exchange = this.#exchange;
    const wasReset = !this.#isOurs && (exchange !== null || this.#stream.rstCode !== constants.NGHTTP2_NO_ERROR);
    this.#phase = 'closed';
    this.#exchange = null;
    this.#outbox.clear();
    this.#host.deadlines.remove(this);
    exchange?.onClientGone();
    this.#owner.onStreamClosed(wasReset);
  }
}

function onClose(this: ServerHttp2Stream): void {
  (this as OwnedStream)[OWNER].onClose();
}

function onData(this: ServerHttp2Stream, chunk: Buffer): void {
  (this as OwnedStream)[OWNER].onData(chunk);
}

function onEnd(this: ServerHttp2Stream): void {
  (this as OwnedStream)[OWNER].onEnd();
}

function onTrailers(this: ServerHttp2Stream, _fields: unknown, _flags: number, raw: readonly string[]): void {
  (this as OwnedStream)[OWNER].onTrailers(raw);
}

function onDrain(this: ServerHttp2Stream): void {
  (this as OwnedStream)[OWNER].onDrain();
}
