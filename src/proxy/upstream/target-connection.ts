/**
 * The target's side of an exchange: HTTP/1.1 on one connection, one request at a time.
 *
 *   connecting ─► idle ─► head ─► body ─► (release) idle
 *                            └──► tunnel
 *
 * Bytes are read into memory that all connections to targets share, since nothing of it is needed when a turn ends; those of
 * a long body into memory of the connection's own. What goes wrong is translated into a failure code here and nowhere else.
 */
import { connect, type Socket } from 'node:net';
import { assert } from '../../base/assert.ts';
import { SocketReads } from '../socket-reads.ts';
import { type Expiring, NEVER } from '../deadlines.ts';
import { connectFailure, type FailureCode } from '../errors.ts';
import { ChunkedDecoder } from '../http1/chunked-decoder.ts';
import type { FieldSection } from '../http1/field-section.ts';
import { listHas } from '../http1/field-values.ts';
import { GatheredBytes } from '../http1/gathered-bytes.ts';
import { Outbox } from '../http1/outbox.ts';
import type { Framing } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { Sender } from '../read-buffers.ts';
import type { ConnectionPool } from './connection-pool.ts';

/** Interim responses (1xx) to one request; more is a flood. */
const INTERIM_RESPONSES_MAX = 8;

const TRAILER_LIMITS = { bytesMax: 8192, fieldsMax: 64 };

/** The exchange (or mirrored copy) that a connection works for. */
export interface ConnectionUser {
  readonly method: string;
  /** The upgrade protocol asked for; "" for none. */
  readonly upgrade: string;
  /** A piece of the body up to this is copied, and its memory not held on to. */
  readonly copiedBytesMax: number;
  onConnected(): void;
  onInterim(head: ResponseHead): void;
  onResponse(head: ResponseHead): void;
  /** Returns who still holds on to `chunk`'s memory; null: nobody. */
  onBody(chunk: Buffer): Sender | null;
  onEnd(trailers: FieldSection | null): void;
  /** All bytes of one read were handled: what they caused can be written. */
  onTurnEnd(): void;
  /** What could not be written before has been. */
  onDrain(): void;
  onFailure(code: FailureCode, how: FailureContext): void;
}

export interface FailureContext {
  /** The connection was never made. */
  readonly unconnected: boolean;
  /** The connection had served a request before this one. */
  readonly reused: boolean;
  /** Not one byte of the request can have left. */
  readonly unsent: boolean;
  /** Not one byte of a response has come. */
  readonly unanswered: boolean;
}

type Phase = 'connecting' | 'idle' | 'head' | 'body' | 'tunnel' | 'closed';

export class TargetConnection implements Expiring {
  readonly #pool: ConnectionPool;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #reads: SocketReads;
  #phase: Phase = 'connecting';
  #user: ConnectionUser | null = null;
  #served = 0;
  #requestFraming: Framing = 'none';
  #writes = 0;
  #writeStallMs = 0;

  #partialHead: GatheredBytes | null = null;
  #answered = false;
  #interims = 0;
  #framing: Framing = 'none';
  #bodyLeft = 0;
  #chunked: ChunkedDecoder | null = null;
  #mayKeep = false;
  #idleHintMs = 0;
  #bodyIdleMs = 0;
  #paused = false;
  #error: NodeJS.ErrnoException | null = null;

  deadlineAt: number;
  deadlineSlot = -1;
  idleSinceMs = 0;

  constructor(pool: ConnectionPool) {
    this.#pool = pool;
    this.#reads = new SocketReads(pool.shared.readBuffer, pool.shared.readBuffers);
    this.deadlineAt = pool.shared.deadlines.nowMs + pool.limits.connectMs;
    this.#socket = connect({
      host: pool.host,
      port: pool.port,
      lookup: pool.lookup,
      noDelay: true,
      // A target that closes its side is told apart from one that is gone, which matters to tunnels.
      allowHalfOpen: true,
      onread: { buffer: () => this.#nextBuffer() as Buffer, callback: (count) => this.#onRead(count) },
    });
    this.#outbox = new Outbox(this.#socket, pool.shared.readBuffers);
    this.#socket.on('connect', () => this.#onConnect());
    this.#socket.on('drain', () => this.#onDrain());
    this.#socket.on('timeout', () => this.#fail('upstream_stalled'));
    this.#socket.on('end', () => this.#onEnd());
    this.#socket.on('error', (error) => this.#onError(error));
    this.#socket.on('close', () => this.#onClose());
    pool.shared.deadlines.add(this);
  }

  /** Whether a request was served on it before. */
  get isReused(): boolean {
    return this.#served > 0;
  }

  /** Nothing more should be handed to `body` before `onDrain`. */
  get isBlocked(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Takes the connection for one exchange; `onConnected` follows if it is not connected yet. */
  claim(user: ConnectionUser): void {
    assert(this.#user === null, 'a connection serves one exchange at a time');
    this.#user = user;
    if (this.#phase === 'idle') {
      this.deadlineAt = NEVER;
    }
  }

  /** What is still to come of the answer goes to another user, and must have come within this time. */
  passTo(user: ConnectionUser, withinMs: number): void {
    this.#user = user;
    this.#bodyIdleMs = 0;
    this.deadlineAt = this.#pool.shared.deadlines.nowMs + withinMs;
  }

  /** Sends a request head; the body, if any, follows by `body` and `end`, of which the target must go on taking some. */
  request(head: string, framing: Framing, writeStallMs: number): void {
    this.#phase = 'head';
    this.#writeStallMs = writeStallMs;
    this.#requestFraming = framing;
    this.#writes = 0;
    this.#answered = false;
    this.#interims = 0;
    this.#bodyIdleMs = 0;
    this.deadlineAt = NEVER;
    this.#outbox.addText(head);
  }

  /** Returns who still holds on to `chunk`'s memory; null: nobody. */
  body(chunk: Buffer): Sender | null {
    if (chunk.length === 0) {
      // As a chunk, nothing would be the end of the body (RFC 9112 section 7.1).
      return null;
    }
    this.#writes++;
    if (this.#requestFraming !== 'chunked') {
      return this.#outbox.addChunk(chunk);
    }
    this.#outbox.addText(`${chunk.length.toString(16)}\r\n`);
    const holder = this.#outbox.addChunk(chunk);
    this.#outbox.addText('\r\n');
    return holder;
  }

  /** The request is complete; from now on the target has so long to begin its response. */
  end(trailers: string, responseHeadMs: number): void {
    if (this.#requestFraming === 'chunked') {
      this.#outbox.addText(`0\r\n${trailers}\r\n`);
    }
    if (this.#phase === 'head') {
      this.deadlineAt = this.#pool.shared.deadlines.nowMs + responseHeadMs;
    }
  }

  flush(): void {
    this.#outbox.flush();
    if (this.#socket.writableNeedDrain && this.#socket.timeout !== this.#writeStallMs) {
      // Node's own timer tells a target that reads slowly from one that does not read at all.
      this.#socket.setTimeout(this.#writeStallMs);
    }
  }

  /** How long the target may be silent inside a response's body, or inside a tunnel. */
  limitSilence(bodyIdleMs: number): void {
    this.#bodyIdleMs = bodyIdleMs;
    this.deadlineAt = this.#pool.shared.deadlines.nowMs + bodyIdleMs;
  }

  /** Keeps the target's silence from counting while it is us who does not read. */
  pause(): void {
    if (!this.#paused) {
      this.#paused = true;
      this.deadlineAt = NEVER;
      this.#socket.pause();
    }
  }

  resume(): void {
    if (this.#paused) {
      this.#paused = false;
      this.deadlineAt = this.#pool.shared.deadlines.nowMs + this.#bodyIdleMs;
      this.#socket.resume();
    }
  }

  /** Bytes went the other way: the tunnel is not silent. */
  touch(): void {
    this.deadlineAt = this.#paused ? NEVER : this.#pool.shared.deadlines.nowMs + this.#bodyIdleMs;
  }

  /** From now on bytes go through as they are. */
  becomeTunnel(): void {
    this.#phase = 'tunnel';
    this.#requestFraming = 'none';
    // The answer before this one, on a connection that was kept, had a framing of its own.
    this.#framing = 'none';
  }

  /** Tells the target that the client has sent all of a tunnel's bytes. */
  endTunnel(): void {
    this.#outbox.flush();
    this.#socket.end();
  }

  /** The exchange is over: kept for another one where that is safe, otherwise closed. */
  release(requestIsComplete: boolean): void {
    this.#user = null;
    this.#served++;
    this.#partialHead = null;
    if (!this.#mayKeep || !requestIsComplete || !this.#pool.keep(this)) {
      this.destroy();
      return;
    }
    if (this.#paused) {
      this.#paused = false;
      this.#socket.resume();
    }
    const { deadlines } = this.#pool.shared;
    this.#phase = 'idle';
    this.idleSinceMs = deadlines.nowMs;
    this.deadlineAt = deadlines.nowMs + (this.#idleHintMs > 0 ? this.#idleHintMs : this.#pool.limits.idleTimeoutMs);
  }

  /** Ends it without a word to its user. */
  destroy(): void {
    this.#user = null;
    this.#close();
    this.#socket.destroy();
  }

  expire(): void {
    switch (this.#phase) {
      case 'connecting':
        return this.#fail('connect_timeout');
      case 'head':
        return this.#fail('response_timeout');
      case 'body':
      case 'tunnel':
        return this.#fail('upstream_stalled');
      case 'idle':
      case 'closed':
        return this.destroy();
    }
  }

  #onConnect(): void {
    this.#phase = 'idle';
    this.deadlineAt = NEVER;
    if (this.#user === null) {
      this.destroy();
      return;
    }
    this.#user.onConnected();
  }

  #onDrain(): void {
    if (this.#socket.timeout !== undefined && this.#socket.timeout > 0) {
      this.#socket.setTimeout(0);
    }
    this.#user?.onDrain();
  }

  #nextBuffer(): Buffer | undefined {
    // For each address that Node tries it must be given one.
    return this.#phase === 'connecting' ? this.#reads.buffer : this.#reads.next();
  }

  #onRead(count: number): boolean {
    const { buffer } = this.#reads;
    if (this.#user === null) {
      // Bytes that nobody asked for: an answer to come would be taken for them (response queue poisoning).
      this.destroy();
      return false;
    }
    this.#answered = true;
    if (this.#phase === 'head') {
      this.#readHead(buffer, count);
    } else {
      this.#readBody(buffer, 0, count);
    }
    this.#user?.onTurnEnd();
    // Whoever waits for its client needs no memory to read into.
    this.#reads.prepare(count, !this.#paused && (this.#phase === 'body' || this.#phase === 'tunnel'));
    return !this.#paused;
  }

  #readHead(incoming: Buffer, count: number): void {
    const held = this.#partialHead;
    if (held === null) {
      return this.#readHeads(incoming, count);
    }
    if (held.append(incoming, 0, count)) {
      this.#partialHead = null;
      this.#readHeads(held.buffer, held.length);
    } else if (held.length > this.#pool.limits.responseHeadBytesMax) {
      this.#fail('upstream_head_too_large');
    }
  }

  /** Reads interim heads and the final one, and what of its body has come with it. */
  #readHeads(buffer: Buffer, to: number): void {
    const head = this.#pool.shared.responseHead;
    let from = 0;
    while (this.#phase === 'head' && from < to) {
      const result = head.read(buffer, from, to);
      if (result === 'more') {
        return this.#holdHead(buffer, from, to);
      }
      if (result !== 'done') {
        return this.#fail(result);
      }
      from = this.#takeHead(head, from, to);
    }
    if (from < to && this.#phase !== 'closed') {
      this.#readBody(buffer, from, to);
    }
  }

  #holdHead(buffer: Buffer, from: number, to: number): void {
    if (to - from > this.#pool.limits.responseHeadBytesMax) {
      return this.#fail('upstream_head_too_large');
    }
    // Not the gathered bytes themselves: a body that follows may still be held by the client's socket.
    this.#partialHead = new GatheredBytes();
    this.#partialHead.append(buffer, from, to);
  }

  /** Acts on a complete head; returns where its body begins. */
  #takeHead(head: ResponseHead, from: number, to: number): number {
    const user = this.#user;
    assert(user !== null, 'a head is read for an exchange');
    const { limits } = this.#pool;
    if (head.end - from > limits.responseHeadBytesMax || head.fields.count > limits.responseFieldsMax) {
      this.#fail('upstream_head_too_large');
      return head.end;
    }
    const failure = head.interpret(user.method);
    if (failure !== null) {
      this.#fail(failure);
      return head.end;
    }
    if (head.status < 200) {
      this.#takeInterim(head, user);
      return head.end;
    }
    this.#mayKeep = head.keepAlive;
    this.#idleHintMs = idleLimitMs(head.idleHintSeconds, limits.idleTimeoutMs);
    this.#framing = head.framing;
    this.#bodyLeft = head.framing === 'length' ? head.contentLength : 0;
    if (head.framing === 'chunked') {
      this.#chunked = new ChunkedDecoder(TRAILER_LIMITS);
    }
    this.#phase = 'body';
    this.deadlineAt = NEVER;
    user.onResponse(head);
    if (this.#framing === 'none' && this.#user !== null) {
      // Once the exchange is over, the connection may carry the next one before this turn ends: bytes that are left
      // belong to nobody, and must not become its answer.
      this.#mayKeep &&= head.end === to;
      this.#finish(null);
      return to;
    }
    return head.end;
  }

  #takeInterim(head: ResponseHead, user: ConnectionUser): void {
    this.#interims++;
    if (head.status === 101) {
      // A switch that nobody asked for, or to another protocol than asked, is no answer (CVE-2026-2833).
      if (user.upgrade === '' || head.upgrade !== user.upgrade || !listHas(head.connection, 'upgrade')) {
        return this.#fail('upstream_malformed');
      }
      this.becomeTunnel();
      user.onResponse(head);
    } else if (this.#interims > INTERIM_RESPONSES_MAX || !head.keepAlive) {
      // One behind which the connection ends, or a body could come, is not followed by the answer it announces.
      this.#fail('upstream_malformed');
    } else {
      user.onInterim(head);
    }
  }

  #readBody(buffer: Buffer, from: number, to: number): void {
    if (this.#phase === 'idle') {
      // Bytes behind a complete response: they belong to nobody, and the connection with them.
      return this.destroy();
    }
    if (this.#bodyIdleMs > 0) {
      this.deadlineAt = this.#pool.shared.deadlines.nowMs + this.#bodyIdleMs;
    }
    switch (this.#framing) {
      case 'chunked':
        return this.#readChunked(buffer, from, to);
      case 'length':
        return this.#readLength(buffer, from, to);
      default:
        this.#deliver(buffer, from, to);
    }
  }

  #readLength(buffer: Buffer, from: number, to: number): void {
    const end = Math.min(to, from + this.#bodyLeft);
    this.#bodyLeft -= end - from;
    this.#deliver(buffer, from, end);
    if (this.#bodyLeft === 0 && this.#user !== null) {
      this.#mayKeep &&= end === to;
      this.#finish(null);
    }
  }

  #readChunked(buffer: Buffer, from: number, to: number): void {
    const decoder = this.#chunked as ChunkedDecoder;
    const result = decoder.decode(buffer, from, to);
    if (decoder.dataEnd > decoder.dataStart) {
      this.#deliver(buffer, decoder.dataStart, decoder.dataEnd);
    }
    if (this.#user === null) {
      return;
    }
    if (result === 'bad') {
      this.#fail('upstream_malformed');
    } else if (result === 'done') {
      this.#mayKeep &&= decoder.next === to;
      this.#chunked = null;
      this.#finish(decoder.trailers);
    }
  }

  #deliver(buffer: Buffer, from: number, to: number): void {
    const user = this.#user as ConnectionUser;
    const chunk = this.#reads.keepable(buffer, from, to, user.copiedBytesMax);
    this.#reads.passed(buffer, user.onBody(chunk));
  }

  #finish(trailers: FieldSection | null): void {
    this.#user?.onEnd(trailers);
  }

  /** The target has closed its sending side. */
  #onEnd(): void {
    if (this.#phase === 'body' && this.#framing === 'until-close' && this.#user !== null) {
      this.#mayKeep = false;
      const user = this.#user;
      this.#finish(null);
      user.onTurnEnd();
    } else if (this.#phase === 'tunnel' && this.#user !== null) {
      const user = this.#user;
      user.onEnd(null);
      user.onTurnEnd();
      return;
    } else if (this.#user !== null) {
      this.#fail(this.#phase === 'body' ? 'upstream_truncated' : 'upstream_closed');
    }
    this.destroy();
  }

  #onError(error: NodeJS.ErrnoException): void {
    this.#error = error;
    if (this.#user === null) {
      return;
    }
    if (this.#phase === 'connecting') {
      this.#fail(connectFailure(error));
    } else if (this.#phase === 'body') {
      this.#fail('upstream_truncated');
    } else {
      this.#fail(error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 'upstream_reset' : 'upstream_closed');
    }
  }

  #onClose(): void {
    if (this.#user !== null) {
      this.#fail(this.#phase === 'body' ? 'upstream_truncated' : 'upstream_closed');
    }
    this.#reads.release();
    this.#close();
  }

  #fail(code: FailureCode): void {
    const user = this.#user;
    const how: FailureContext = {
      unconnected: this.#phase === 'connecting',
      reused: this.#served > 0,
      // A write that the kernel refused outright as the first of its exchange has sent nothing.
      unsent: this.#error?.syscall === 'write' && this.#writes === 0 && !this.#answered,
      unanswered: !this.#answered,
    };
    this.destroy();
    user?.onFailure(code, how);
  }

  #close(): void {
    if (this.#phase !== 'closed') {
      this.#phase = 'closed';
      this.#outbox.clear();
      this.#pool.shared.deadlines.remove(this);
      this.#pool.forget(this);
    }
  }
}

/** A target's hint less a second: we end an idle connection before it does. */
function idleLimitMs(hintSeconds: number, configuredMs: number): number {
  return hintSeconds > 0 ? Math.min(Math.max(hintSeconds - 1, 0.5) * 1000, configuredMs * 10) : configuredMs;
}
