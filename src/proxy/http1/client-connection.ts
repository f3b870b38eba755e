/**
 * The client's side of exchanges: HTTP/1.1 on one connection, one request after the other.
 *
 *   head ─► body ─► response ─► head ...          a request is read while the one before it is not yet answered only
 *     │       │        └─ 101 ─► tunnel           as bytes that are held: answers leave in the order of requests
 *     └───────┴────────► linger ─► closed
 *
 * `linger`: the last answer is written and our side closed, and what the client still sends is thrown away for a
 * while. Closing at once would reset the connection and could take the answer from the client (RFC 9112, 9.6).
 */
import type { Socket } from 'node:net';
import { assert } from '../../base/assert.ts';
import { type Expiring, NEVER } from '../deadlines.ts';
import type { ServiceFace } from '../downstream.ts';
import { type FailureCode, failureOf } from '../errors.ts';
import type { Origin, Provenance } from '../origin.ts';
import type { Sender } from '../read-buffers.ts';
import { resetSocket } from '../reset-socket.ts';
import { AnswerWriter } from './answer-writer.ts';
import { BodyReader } from './body-reader.ts';
import { LF } from './bytes.ts';
import { type ClientHost, type ClientLink, type Requester, type RunningRequest, UNUSED_MS_MAX } from './client-host.ts';
import { SocketReads, type ReadTaker } from '../socket-reads.ts';
import type { FieldSection } from './field-section.ts';
import { GatheredBytes } from './gathered-bytes.ts';
import { JOINED_BYTES_MAX, Outbox } from './outbox.ts';
import type { OwnAnswer } from './own-answer.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';
import type { ResponseEdits } from './response-writer.ts';
import { methodAt } from './unread-method.ts';

/** Bytes thrown away while lingering; a client that sends more than this is not reading. */
const LINGER_BYTES_MAX = 4 * 1024 * 1024;

type Phase = 'head' | 'body' | 'response' | 'tunnel' | 'linger' | 'closed';

export class ClientConnection implements Requester, ClientLink, Expiring, ReadTaker {
  readonly origin: Origin;
  linkSlot = -1;
  readonly #socket: Socket;
  readonly #host: ClientHost;
  readonly #outbox: Outbox;
  readonly #answer: AnswerWriter;
  readonly #body = new BodyReader();
  readonly #reads: SocketReads;
  readonly #openedAtMs: number;
  #phase: Phase = 'head';
  #exchange: RunningRequest | null = null;
  #isActive = false;
  #served = 0;

  #held: GatheredBytes | null = null;
  #isConsuming = false;
  #hasBegunHead = false;
  #isPaused = false;
  #clientEnded = false;
  /** The client sends nothing after the request that is being answered. */
  #isLastAsked = false;
  #lingeredBytes = 0;

  deadlineAt: number;
  deadlineSlot = -1;

  constructor(socket: Socket, origin: Origin, host: ClientHost) {
    this.#socket = socket;
    this.origin = origin;
    this.#host = host;
    this.#outbox = new Outbox(socket, host.readBuffers);
    this.#answer = new AnswerWriter(this.#outbox, host.deadlines);
    this.#openedAtMs = host.deadlines.nowMs;
    this.deadlineAt = this.#openedAtMs + host.spec.timeouts.requestHeadMs;
    this.#reads = new SocketReads(host.readBuffer, host.readBuffers);
    if (!this.#reads.readFrom(socket, this) || socket.readableLength > 0) {
      stopReadingWhenPaused(socket);
      socket.on('data', (chunk: Buffer) => this.#take(chunk, chunk.length));
    }
    socket.on('drain', () => this.#onDrain());
    socket.on('end', () => this.#onEnd());
    socket.on('timeout', () => this.#onStall());
    // What went wrong does not matter here: 'close' follows, and the exchange learns that its client is gone.
    socket.on('error', ignore);
    socket.on('close', () => this.#onClose());
    host.deadlines.add(this);
  }

  /** Of the request being answered; "": no service has taken it. */
  get requestId(): string {
    return this.#answer.requestId;
  }

  get isBlocked(): boolean {
    return this.#socket.writableNeedDrain;
  }

  get copiedBytesMax(): number {
    return JOINED_BYTES_MAX;
  }

  // --- reading -----------------------------------------------------------------------------------------------------

  onRead(count: number): boolean {
    this.#take(this.#reads.buffer, count);
    this.#reads.prepare(count, this.#phase === 'body' || this.#phase === 'tunnel');
    return !this.#isPaused;
  }

  #take(buffer: Buffer, count: number): void {
    if (this.#phase === 'tunnel') {
      this.#passOn(buffer, 0, count);
      this.#exchange?.onClientTurnEnd();
    } else if (this.#phase === 'linger' || this.#phase === 'closed') {
      this.#discard(count);
    } else if (this.#held === null) {
      this.#consume(buffer, 0, count, null);
    } else {
      this.#append(this.#held, buffer, count);
    }
  }

  #append(held: GatheredBytes, buffer: Buffer, count: number): void {
    const canReadOn = held.append(buffer, 0, count);
    if (this.#phase === 'response') {
      this.#limitPipeline(held.length);
    } else if (canReadOn) {
      this.#consumeHeld(held);
    } else {
      this.#limitHead(held.buffer, held.start, held.end);
    }
  }

  #consumeHeld(held: GatheredBytes): void {
    this.#held = null;
    this.#consume(held.buffer, held.start, held.end, held);
  }

  /**
   * Reads requests and bodies until the bytes are used up, or wait for an answer to leave first. `held` has these bytes,
   * if they were held before: what is left of a long row of requests is not copied once for each of them.
   */
  #consume(buffer: Buffer, start: number, to: number, held: GatheredBytes | null): void {
    let from = start;
    this.#isConsuming = true;
    while (from < to) {
      if (this.#phase === 'head') {
        from = this.#readHead(buffer, from, to, held);
      } else if (this.#phase === 'body') {
        from = this.#readBody(buffer, from, to);
      } else {
        this.#keepForLater(buffer, from, to, held);
        break;
      }
    }
    this.#isConsuming = false;
    this.#exchange?.onClientTurnEnd();
  }

  #keepForLater(buffer: Buffer, from: number, to: number, held: GatheredBytes | null): void {
    if (this.#phase === 'response') {
      this.#hold(buffer, from, to, held);
      this.#limitPipeline(to - from);
    } else if (this.#phase === 'tunnel') {
      this.#passOn(buffer, from, to);
    } else {
      this.#discard(to - from);
    }
  }

  /** Bytes of a tunnel. */
  #passOn(buffer: Buffer, from: number, to: number): void {
    const bytes = this.#reads.keepable(buffer, from, to, JOINED_BYTES_MAX);
    this.#reads.passed(buffer, this.#exchange?.requestBody(bytes) ?? null);
  }

  #hold(buffer: Buffer, from: number, to: number, held: GatheredBytes | null): void {
    if (held === null) {
      this.#held = new GatheredBytes();
      this.#held.add(buffer, from, to);
    } else {
      this.#held = held;
      held.dropBefore(from);
    }
  }

  #limitPipeline(heldBytes: number): void {
    if (heldBytes > this.#host.spec.limits.pipelinedBytesMax) {
      this.#pause();
    }
  }

  /** Returns where the next byte to read is; `to` where there is none for now. */
  #readHead(buffer: Buffer, from: number, to: number, held: GatheredBytes | null): number {
    const head = this.#host.requestHead;
    const result = head.read(buffer, from, to);
    if (result === 'more') {
      this.#hold(buffer, from, to, held);
      this.#limitHead(buffer, from, to);
      return to;
    }
    const failure =
      result !== 'done'
        ? result
        : head.end - from > this.#host.spec.limits.headBytesMax
          ? 'head_too_large'
          : head.interpret();
    if (failure !== null) {
      this.#refuse(failure, methodAt(buffer, from, to));
      return to;
    }
    this.#begin(head);
    return head.end;
  }

  #limitHead(buffer: Buffer, from: number, to: number): void {
    const { limits, timeouts } = this.#host.spec;
    if (!this.#hasBegunHead) {
      this.#hasBegunHead = true;
      this.deadlineAt = this.#host.deadlines.nowMs + timeouts.requestHeadMs;
    }
    if (to - from > limits.headBytesMax) {
      const lineEnd = buffer.indexOf(LF, from);
      const code = lineEnd < 0 || lineEnd >= to ? 'target_too_long' : 'head_too_large';
      this.#refuse(code, methodAt(buffer, from, to));
    }
  }

  #begin(head: RequestHead): void {
    this.#served++;
    this.#hasBegunHead = false;
    const mayKeep =
      head.keepAlive && !this.#host.isClosing && this.#served < this.#host.spec.limits.requestsPerConnectionMax;
    this.#isLastAsked = !head.keepAlive;
    this.#answer.begin(head, mayKeep);
    this.#body.begin(head);
    this.#phase = head.framing === 'none' ? 'response' : 'body';
    this.#setActive(true);
    this.deadlineAt = NEVER;
    const exchange = this.#host.begin(this, head);
    this.#exchange = exchange;
    if (exchange !== null && this.#phase === 'body') {
      this.#awaitBody(exchange);
    }
  }

  #awaitBody(exchange: RunningRequest): void {
    this.deadlineAt = this.#isPaused ? NEVER : this.#host.deadlines.nowMs + exchange.requestBodyIdleMs;
  }

  #readBody(buffer: Buffer, from: number, to: number): number {
    const exchange = this.#exchange as RunningRequest;
    this.#awaitBody(exchange);
    const bytes = this.#reads.keepable(buffer, from, to, JOINED_BYTES_MAX);
    const used = this.#body.read(exchange, bytes, 0, bytes.length);
    this.#reads.passed(buffer, this.#body.holder);
    if (this.#body.state === 'bad') {
      this.#exchange?.onClientFault('malformed_body');
      return to;
    }
    if (this.#body.state === 'done') {
      this.#completeRequest(this.#body.trailers);
    }
    return from + used;
  }

  #completeRequest(trailers: FieldSection | null): void {
    // The body may have been refused while it was delivered.
    if (this.#phase === 'body') {
      this.#phase = 'response';
      this.deadlineAt = NEVER;
      this.#exchange?.requestEnd(trailers);
      this.#watchHalfClosed();
    }
  }

  /** Answers a request that cannot be read, and closes: nobody can tell where the next one would begin. */
  #refuse(code: FailureCode, method: 'GET' | 'HEAD'): void {
    this.#setActive(true);
    this.#answer.beginUnread(method);
    this.#held = null;
    this.#phase = 'body';
    this.answer(code, this.#host.refused(code, this));
  }

  // --- the response ------------------------------------------------------------------------------------------------

  serveAs(face: ServiceFace, from: Provenance, requestId: string): void {
    this.#answer.serveAs(face, from, requestId);
  }

  proceed(): void {
    this.#outbox.addText('HTTP/1.1 100 Continue\r\n\r\n');
    this.flush();
  }

  interim(head: ResponseHead): void {
    this.#answer.interim(head);
  }

  respond(head: ResponseHead, extraFields: string, edits: ResponseEdits | null): boolean {
    return this.#answer.respond(head, extraFields, edits, this.#mayKeep);
  }

  /** A request that is not read to its end leaves no place where the next one could begin. */
  get #mayKeep(): boolean {
    return this.#phase !== 'body' && !this.#host.isClosing;
  }

  withdraw(): void {
    this.#outbox.clear();
  }

  expectMore(): void {
    this.#watchHalfClosed();
  }

  body(chunk: Buffer): Sender | null {
    this.#watchHalfClosed();
    return this.#answer.body(chunk);
  }

  end(trailers: FieldSection | null): void {
    this.#answer.end(trailers);
    this.flush();
    this.#completeResponse();
  }

  refuse(code: FailureCode, retryAfterSeconds = 0): void {
    this.answer(code, this.#host.refused(code, this), retryAfterSeconds);
  }

  beginAgain(bytes: Buffer): RunningRequest | null {
    const head = this.#host.requestHead;
    const isRead = head.read(bytes, 0, bytes.length) === 'done' && head.interpret() === null;
    assert(isRead, 'a head that was read once can be read again');
    this.#answer.forgetService();
    // An answer at once must not begin the next request before this one has ended.
    this.#isConsuming = true;
    const exchange = this.#host.begin(this, head);
    this.#isConsuming = false;
    if (exchange === null) {
      if (this.#phase === 'head') {
        this.#nextRequest();
      }
      return null;
    }
    this.#exchange = exchange;
    if (this.#phase === 'body') {
      this.#awaitBody(exchange);
    }
    return exchange;
  }

  answer(code: FailureCode, requestId: string, retryAfterSeconds = 0): void {
    if (failureOf(code).text === '') {
      this.abort();
      return;
    }
    this.#answer.answer(code, requestId, retryAfterSeconds, this.#mayKeep);
    this.flush();
    this.#completeResponse();
  }

  answerWith(answer: OwnAnswer, requestId: string): void {
    this.#answer.answerWith(answer, requestId, this.#mayKeep);
    this.flush();
    this.#completeResponse();
  }

  abort(): void {
    this.#exchange = null;
    this.#outbox.clear();
    if (this.#answer.endsWithConnection) {
      // The end of such a body is the end of the connection: only a reset tells that it came too early.
      resetSocket(this.#socket);
    } else {
      this.#socket.destroy();
    }
  }

  switchProtocols(head: ResponseHead): void {
    this.#answer.switchProtocols(head);
    this.#phase = 'tunnel';
    this.#host.becameTunnel();
    const held = this.#held;
    if (held !== null) {
      this.#held = null;
      this.#exchange?.requestBody(held.buffer.subarray(held.start, held.end));
      this.#exchange?.onClientTurnEnd();
    }
    if (this.#isPaused) {
      this.resumeRequest();
    }
    if (this.#clientEnded) {
      this.#exchange?.onTunnelEnd();
    }
  }

  endTunnel(): void {
    this.#outbox.flush();
    this.#socket.end();
  }

  flush(): void {
    this.#outbox.flush();
    if (this.#socket.writableNeedDrain) {
      this.#watchStall(this.#stallMs);
      if (this.#phase === 'response') {
        // Whoever does not take an answer cannot put its end off by asking for more, byte by byte.
        this.#pause();
      }
    }
  }

  get #stallMs(): number {
    return this.#exchange?.responseBodyIdleMs ?? this.#host.spec.timeouts.lingerMs;
  }

  /** Node's own timer tells a client that reads slowly from one that does not read at all. */
  #watchStall(stallMs: number): void {
    if (this.#socket.timeout !== stallMs) {
      this.#socket.setTimeout(stallMs);
    }
  }

  #completeResponse(): void {
    const stallMs = this.#stallMs;
    this.#exchange = null;
    const mayGoOn = this.#answer.keepsConnection && this.#phase === 'response';
    if (mayGoOn && this.#socket.writableNeedDrain) {
      // No further request before the client has taken this answer: one who asks and never reads would fill our memory.
      return;
    }
    this.#setActive(false);
    if (!mayGoOn) {
      this.#linger(stallMs);
      return;
    }
    this.#phase = 'head';
    this.deadlineAt = this.#host.deadlines.nowMs + this.#host.spec.timeouts.keepAliveMs;
    if (!this.#isConsuming) {
      this.#nextRequest();
    }
  }

  #nextRequest(): void {
    const held = this.#held;
    if (held !== null) {
      this.#consumeHeld(held);
    }
    if (this.#phase === 'head' && this.#clientEnded) {
      this.#linger();
    } else if (this.#isPaused && this.#phase === 'head') {
      this.resumeRequest();
    }
  }

  /**
   * All that the client had to say was read, and the answer is with the kernel: closing resets nothing. TLS has something
   * to say at its end.
   */
  get #isDone(): boolean {
    const isAllRead = this.#phase === 'response' && this.#isLastAsked && this.#held === null && !this.#isConsuming;
    return isAllRead && this.#socket.writableLength === 0 && this.origin.scheme === 'http';
  }

  /** `stallMs`: how long the client may take none of what is still to be sent. */
  #linger(stallMs = this.#host.spec.timeouts.lingerMs): void {
    const isDone = this.#isDone;
    this.#phase = 'linger';
    if (isDone) {
      this.#socket.destroy();
      return;
    }
    this.deadlineAt = NEVER;
    this.#held = null;
    this.#isPaused = false;
    this.#socket.resume();
    this.#socket.end(() => {
      this.deadlineAt = this.#host.deadlines.nowMs + this.#host.spec.timeouts.lingerMs;
    });
    if (this.#socket.writableLength > 0) {
      this.#watchStall(stallMs);
    }
  }

  #discard(bytes: number): void {
    this.#lingeredBytes += bytes;
    if (this.#lingeredBytes > LINGER_BYTES_MAX) {
      this.#socket.destroy();
    }
  }

  // --- flow, time and the end --------------------------------------------------------------------------------------

  pauseRequest(): void {
    this.deadlineAt = this.#phase === 'body' ? NEVER : this.deadlineAt;
    this.#pause();
  }

  resumeRequest(): void {
    if (this.#isPaused && this.#mayRead()) {
      this.#isPaused = false;
      this.#socket.resume();
      if (this.#phase === 'body' && this.#exchange !== null) {
        this.#awaitBody(this.#exchange);
      }
    }
  }

  /** Behind a complete request, only as much is read as may be held, and only while its answer is being taken. */
  #mayRead(): boolean {
    const isHeldBack =
      this.#socket.writableNeedDrain || (this.#held?.length ?? 0) > this.#host.spec.limits.pipelinedBytesMax;
    return this.#phase !== 'response' || !isHeldBack;
  }

  #pause(): void {
    if (!this.#isPaused) {
      this.#isPaused = true;
      this.#socket.pause();
    }
  }

  #onDrain(): void {
    if (this.#socket.timeout !== undefined && this.#socket.timeout > 0) {
      this.#socket.setTimeout(0);
    }
    this.#watchHalfClosed();
    if (this.#phase !== 'response') {
      this.#exchange?.onClientDrain();
    } else if (this.#exchange === null) {
      this.#completeResponse();
    } else {
      this.resumeRequest();
      this.#exchange.onClientDrain();
    }
  }

  #onStall(): void {
    if (this.#exchange === null) {
      // Not the ordinary end of a connection, which may be the end of an answer: this one is not whole.
      resetSocket(this.#socket);
    } else {
      this.#exchange.onClientFault('client_stalled');
    }
  }

  /** The client has closed its sending side. */
  #onEnd(): void {
    this.#clientEnded = true;
    switch (this.#phase) {
      case 'head':
        return this.#linger();
      case 'body':
        this.#exchange?.onClientGone();
        this.#socket.destroy();
        return;
      case 'response':
        return this.#watchHalfClosed();
      case 'tunnel':
        this.#exchange?.onTunnelEnd();
        return;
      case 'linger':
      case 'closed':
    }
  }

  /**
   * A client that closed its sending side may still read, or be gone: nothing tells before we write. It is served as
   * long as bytes go out, and believed gone when none have for a while.
   */
  #watchHalfClosed(): void {
    if (this.#clientEnded && this.#phase === 'response') {
      this.deadlineAt = this.#host.deadlines.nowMs + this.#host.spec.timeouts.halfCloseMs;
    }
  }

  expire(): void {
    switch (this.#phase) {
      case 'head':
        if (this.#hasBegunHead) {
          const held = this.#held;
          this.#refuse('request_head_timeout', held === null ? 'GET' : methodAt(held.buffer, held.start, held.end));
        } else {
          this.#linger();
        }
        return;
      case 'body':
        this.#exchange?.onClientFault('request_body_timeout');
        return;
      case 'response':
        // Bytes that wait for the client's window show that its side still stands.
        if (this.#socket.writableLength === 0) {
          this.#exchange?.onClientGone();
          this.#socket.destroy();
        }
        return;
      default:
        this.#socket.destroy();
    }
  }

  /**
   * Closes it between two requests. One that has brought no request yet is for a while not idle but about to: it was
   * opened for a request that is on its way.
   */
  closeIfIdle(): void {
    const isUnused = this.#served === 0 && this.#host.deadlines.nowMs < this.#openedAtMs + UNUSED_MS_MAX;
    if (this.#phase === 'head' && !this.#hasBegunHead && !isUnused) {
      this.#linger();
    }
  }

  /** Ends it now; the request under way, if any, counts as cut. */
  destroy(): void {
    this.#socket.destroy();
  }

  #onClose(): void {
    const wasTunnel = this.#phase === 'tunnel';
    this.#phase = 'closed';
    this.#outbox.clear();
    this.#reads.release();
    this.#host.deadlines.remove(this);
    const exchange = this.#exchange;
    this.#exchange = null;
    exchange?.onClientGone();
    this.#host.closed(this, this.#isActive, wasTunnel);
  }

  #setActive(isActive: boolean): void {
    if (isActive !== this.#isActive) {
      this.#isActive = isActive;
      if (isActive) {
        this.#host.becameActive();
      } else {
        this.#host.becameIdle();
      }
    }
  }
}

/**
 * A paused socket of Node goes on reading until 64 KiB wait in it, and every piece waits as an object of its own: bytes
 * that come one by one would hold hundreds of times their size, and every one of them would put off the end of a client
 * that takes nothing. No option of a server sets this limit without the one for writing.
 */
function stopReadingWhenPaused(socket: Socket): void {
  const { _readableState: state } = socket as Socket & { readonly _readableState?: { highWaterMark: number } };
  if (state !== undefined) {
    state.highWaterMark = 1;
  }
}

function ignore(): void {}
