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
import { type Deadlines, type Expiring, NEVER } from '../deadlines.ts';
import type { Downstream, ServiceFace, UpstreamBound } from '../downstream.ts';
import { type FailureCode, failureOf } from '../errors.ts';
import type { Origin, Provenance } from '../origin.ts';
import type { ListenerSpec } from '../../snapshot/types.ts';
import { CR, LF } from './bytes.ts';
import { ChunkedDecoder } from './chunked-decoder.ts';
import type { FieldSection } from './field-section.ts';
import { FIELD } from './fields.ts';
import { GatheredBytes } from './gathered-bytes.ts';
import { Outbox } from './outbox.ts';
import { type AnswerContext, configuredAnswer, type OwnAnswer, ownAnswer, replacingAnswer } from './own-answer.ts';
import { passingTrailers, RESPONSE_PASSAGE, withheldNames } from './passing-fields.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';
import {
  type ResponseEdits,
  type ResponseFraming,
  responseFraming,
  writeInterimHead,
  writeResponseHead,
  writeSwitchHead,
} from './response-writer.ts';

/** Bytes thrown away while lingering; a client that sends more than this is not reading. */
const LINGER_BYTES_MAX = 4 * 1024 * 1024;
/**
 * How long a connection that has brought no request is left open while the proxy ends. Who opens one for a request sends
 * it at once; what is left after that was opened to have one at hand, as browsers do.
 */
const UNUSED_MS_MAX = 1_000;
/** Of a request that no service has taken. */
const NO_SERVICE: ServiceFace = { response: RESPONSE_PASSAGE, pages: null };
const TRAILER_LIMITS = { bytesMax: 8192, fieldsMax: 64 };

/** What a connection needs from the listener that accepted it. */
export interface ClientHost {
  readonly spec: ListenerSpec;
  readonly deadlines: Deadlines;
  /** Read into by whichever connection has bytes; valid until the next head is read. */
  readonly requestHead: RequestHead;
  /** Set while the listener drains: every answer is then the last one of its connection. */
  readonly isClosing: boolean;
  /** Routes a request. Null: it was answered at once. */
  begin(connection: ClientConnection, head: RequestHead): RunningRequest | null;
  /** A request that was refused before it could be routed. Returns its id. */
  refused(code: FailureCode): string;
  becameActive(): void;
  becameIdle(): void;
  becameTunnel(): void;
  closed(connection: ClientConnection, wasActive: boolean, wasTunnel: boolean): void;
}

export interface RunningRequest extends UpstreamBound {
  /** Longest silence inside the request's body. */
  readonly requestBodyIdleMs: number;
  /** Longest time the client may take none of what is sent to it. */
  readonly responseBodyIdleMs: number;
}

type Phase = 'head' | 'body' | 'response' | 'tunnel' | 'linger' | 'closed';

export class ClientConnection implements Downstream, Expiring {
  readonly origin: Origin;
  readonly #socket: Socket;
  readonly #host: ClientHost;
  readonly #outbox: Outbox;
  readonly #openedAtMs: number;
  #phase: Phase = 'head';
  #exchange: RunningRequest | null = null;
  #isActive = false;
  #served = 0;

  #held: GatheredBytes | null = null;
  #isConsuming = false;
  #hasBegunHead = false;
  #bodyLeft = 0;
  #decoder: ChunkedDecoder | null = null;
  #isPaused = false;
  #clientEnded = false;
  #lingeredBytes = 0;

  // Of the request being answered:
  #method = 'GET';
  #minor = 1;
  #accept = '';
  #keepAlive = true;
  #framing: ResponseFraming = 'none';
  #face: ServiceFace = NO_SERVICE;
  #from: Provenance | null = null;
  #requestId = '';
  /** Lower-case names of fields that user code has taken from the answer, or set anew; null: none. */
  #dropped: ReadonlySet<string> | null = null;

  deadlineAt: number;

  constructor(socket: Socket, origin: Origin, host: ClientHost) {
    this.#socket = socket;
    this.origin = origin;
    this.#host = host;
    this.#outbox = new Outbox(socket);
    this.#openedAtMs = host.deadlines.nowMs;
    this.deadlineAt = this.#openedAtMs + host.spec.timeouts.requestHeadMs;
    stopReadingWhenPaused(socket);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => this.#onDrain());
    socket.on('end', () => this.#onEnd());
    socket.on('timeout', () => this.#onStall());
    // What went wrong does not matter here: 'close' follows, and the exchange learns that its client is gone.
    socket.on('error', ignore);
    socket.on('close', () => this.#onClose());
    host.deadlines.add(this);
  }

  get isBlocked(): boolean {
    return this.#socket.writableNeedDrain;
  }

  // --- reading -----------------------------------------------------------------------------------------------------

  #onData(chunk: Buffer): void {
    if (this.#phase === 'tunnel') {
      this.#exchange?.requestBody(chunk);
      this.#exchange?.onClientTurnEnd();
    } else if (this.#phase === 'linger' || this.#phase === 'closed') {
      this.#discard(chunk.length);
    } else if (this.#held === null) {
      this.#consume(chunk, 0, chunk.length, null);
    } else {
      this.#append(this.#held, chunk);
    }
  }

  #append(held: GatheredBytes, chunk: Buffer): void {
    const canReadOn = held.append(chunk, 0, chunk.length);
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
      this.#exchange?.requestBody(buffer.subarray(from, to));
    } else {
      this.#discard(to - from);
    }
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
    this.#method = head.method;
    this.#minor = head.minor;
    this.#accept = head.fields.valueOf(FIELD.accept);
    this.#face = NO_SERVICE;
    this.#keepAlive =
      head.keepAlive && !this.#host.isClosing && this.#served < this.#host.spec.limits.requestsPerConnectionMax;
    this.#bodyLeft = head.contentLength;
    this.#decoder = head.framing === 'chunked' ? new ChunkedDecoder(TRAILER_LIMITS) : null;
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
    if (this.#decoder !== null) {
      return this.#readChunked(this.#decoder, exchange, buffer, from, to);
    }
    const end = Math.min(to, from + this.#bodyLeft);
    this.#bodyLeft -= end - from;
    exchange.requestBody(from === 0 && end === buffer.length ? buffer : buffer.subarray(from, end));
    if (this.#bodyLeft === 0) {
      this.#completeRequest(null);
    }
    return end;
  }

  #readChunked(decoder: ChunkedDecoder, exchange: RunningRequest, buffer: Buffer, from: number, to: number): number {
    const result = decoder.decode(buffer, from, to);
    if (decoder.dataEnd > decoder.dataStart) {
      exchange.requestBody(buffer.subarray(decoder.dataStart, decoder.dataEnd));
    }
    if (result === 'bad') {
      this.#exchange?.onClientFault('malformed_body');
      return to;
    }
    if (result === 'done') {
      this.#decoder = null;
      this.#completeRequest(decoder.trailers);
    }
    return decoder.next;
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
    this.#keepAlive = false;
    this.#minor = 1;
    this.#method = method;
    this.#accept = '';
    this.#face = NO_SERVICE;
    this.#held = null;
    this.#phase = 'body';
    this.answer(code, this.#host.refused(code));
  }

  // --- the response ------------------------------------------------------------------------------------------------

  serveAs(face: ServiceFace, from: Provenance, requestId: string): void {
    this.#face = face;
    this.#from = from;
    this.#requestId = requestId;
  }

  proceed(): void {
    this.#outbox.addText('HTTP/1.1 100 Continue\r\n\r\n');
    this.flush();
  }

  interim(head: ResponseHead): void {
    // RFC 9110 section 15.2: an HTTP/1.0 client does not know interim responses.
    if (this.#minor === 1) {
      this.#outbox.addText(writeInterimHead(head, this.#face.response));
    }
  }

  respond(head: ResponseHead, extraFields: string, edits: ResponseEdits | null): boolean {
    if (this.#face.pages !== null && this.#replace(head, edits?.status ?? head.status, extraFields)) {
      return false;
    }
    this.#framing = responseFraming(head, this.#minor);
    this.#dropped = edits?.dropped ?? null;
    // A request that is not read to its end leaves no place where the next one could begin.
    this.#keepAlive &&= this.#framing !== 'close' && this.#phase !== 'body' && !this.#host.isClosing;
    this.#outbox.addText(
      writeResponseHead(head, this.#framing, {
        minor: this.#minor,
        method: this.#method,
        keepAlive: this.#keepAlive,
        dateLine: this.#host.deadlines.dateLine,
        passage: this.#face.response,
        from: this.#from,
        extraFields,
        edits,
      }),
    );
    return true;
  }

  /** Whether an error page of the service is sent in the answer's place. */
  #replace(head: ResponseHead, status: number, extraFields: string): boolean {
    const { listed } = this.#face.response;
    const text = replacingAnswer(head, status, listed, extraFields, this.#answerContext(this.#requestId));
    if (text === null) {
      return false;
    }
    this.#framing = 'none';
    this.#outbox.addText(text);
    return true;
  }

  withdraw(): void {
    this.#outbox.clear();
  }

  expectMore(): void {
    this.#watchHalfClosed();
  }

  body(chunk: Buffer): boolean {
    this.#watchHalfClosed();
    if (chunk.length === 0) {
      // As a chunk, nothing would be the end of the body (RFC 9112 section 7.1).
      return false;
    }
    if (this.#framing !== 'chunked') {
      return this.#outbox.addChunk(chunk);
    }
    this.#outbox.addText(`${chunk.length.toString(16)}\r\n`);
    const isHeld = this.#outbox.addChunk(chunk);
    this.#outbox.addText('\r\n');
    return isHeld;
  }

  end(trailers: FieldSection | null): void {
    if (this.#framing === 'chunked') {
      this.#outbox.addText(`0\r\n${passingTrailers(trailers, withheldNames(this.#face.response, this.#dropped))}\r\n`);
    }
    this.flush();
    this.#completeResponse();
  }

  refuse(code: FailureCode, retryAfterSeconds = 0): void {
    this.answer(code, this.#host.refused(code), retryAfterSeconds);
  }

  beginAgain(bytes: Buffer): RunningRequest | null {
    const head = this.#host.requestHead;
    const isRead = head.read(bytes, 0, bytes.length) === 'done' && head.interpret() === null;
    assert(isRead, 'a head that was read once can be read again');
    this.#face = NO_SERVICE;
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
    this.#finishWith(ownAnswer(code, this.#answerContext(requestId, retryAfterSeconds)));
  }

  answerWith(answer: OwnAnswer, requestId: string): void {
    this.#finishWith(configuredAnswer(answer, this.#answerContext(requestId)));
  }

  #answerContext(requestId: string, retryAfterSeconds = 0): AnswerContext {
    this.#keepAlive &&= this.#phase !== 'body' && !this.#host.isClosing;
    return {
      requestId,
      accept: this.#accept,
      isHead: this.#method === 'HEAD',
      keepAlive: this.#keepAlive,
      minor: this.#minor,
      dateLine: this.#host.deadlines.dateLine,
      pages: this.#face.pages,
      retryAfterSeconds,
    };
  }

  #finishWith(text: string): void {
    this.#outbox.addText(text);
    this.flush();
    this.#completeResponse();
  }

  abort(): void {
    this.#exchange = null;
    this.#outbox.clear();
    if (this.#framing === 'close') {
      // The end of such a body is the end of the connection: only a reset tells that it came too early.
      this.#socket.resetAndDestroy();
    } else {
      this.#socket.destroy();
    }
  }

  switchProtocols(head: ResponseHead): void {
    this.#outbox.addText(writeSwitchHead(head, this.#face.response, this.#from));
    this.#phase = 'tunnel';
    this.#framing = 'none';
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
    const mayGoOn = this.#keepAlive && this.#phase === 'response';
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

  /** `stallMs`: how long the client may take none of what is still to be sent. */
  #linger(stallMs = this.#host.spec.timeouts.lingerMs): void {
    this.#phase = 'linger';
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
      this.#socket.resetAndDestroy();
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
 * Whether what cannot be read asks for a body: a HEAD gets none in any case (RFC 9110 section 9.3.2). Behind what is
 * refused before it is seen, as a bare LF is, it is not looked for.
 */
function methodAt(buffer: Buffer, from: number, to: number): 'GET' | 'HEAD' {
  let at = from;
  while (at < to && at < from + 4 && buffer[at] === CR && buffer[at + 1] === LF) {
    at += 2;
  }
  return buffer.toString('latin1', at, Math.min(at + 5, to)) === 'HEAD ' ? 'HEAD' : 'GET';
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
