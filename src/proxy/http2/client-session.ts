/**
 * A client's connection on which HTTP/2 is spoken: the requests of its streams, what bounds them, and its end.
 *
 *   open ─► closing ─► closed
 *
 * `closing`: the client was told which requests are the last ones that are taken here, and the connection ends with their
 * answers. One that was on its way is not looked at, and the client knows that it may send it again, whatever it is
 * (RFC 9113 sections 6.8 and 8.7). To say first that the end is near, and only later where it is, nghttp2 could and node:http2
 * does not let it.
 */
import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { type Expiring, NEVER } from '../deadlines.ts';
import { type ClientLink, UNUSED_MS_MAX } from '../http1/client-host.ts';
import type { Origin } from '../origin.ts';
import { ClientStream } from './client-stream.ts';
import { FrameBudget } from './frame-budget.ts';
import type { SessionHost } from './session-host.ts';
import { sessionOptions } from './session-options.ts';

/**
 * Streams that end before their answer, by the client's doing, at once and per second. A browser that leaves a page resets
 * what it still loads, which is not more than may be under way at once (rapid reset: CVE-2023-44487, CVE-2025-8671).
 */
const RESET_BURST = 200;
const RESETS_PER_SECOND = 20;

/** Pings and settings of the client, at once and per second. Some clients measure round trips all the time. */
const CONTROL_BURST = 200;
const CONTROL_PER_SECOND = 20;

type Phase = 'open' | 'closing' | 'closed';

export class ClientSession implements ClientLink, Expiring {
  readonly origin: Origin;
  linkSlot = -1;
  readonly host: SessionHost;
  readonly #socket: Socket;
  readonly #session: ServerHttp2Session;
  readonly #resets: FrameBudget;
  readonly #control: FrameBudget;
  #phase: Phase = 'open';
  #streams = 0;
  #served = 0;
  readonly #openedAtMs: number;

  deadlineAt: number;
  deadlineSlot = -1;

  /** The bytes that `socket` has brought already, if any, were put back into it. */
  constructor(socket: Socket, origin: Origin, host: SessionHost) {
    const { nowMs } = host.deadlines;
    this.origin = origin;
    this.host = host;
    this.#socket = socket;
    this.#openedAtMs = nowMs;
    this.#resets = new FrameBudget(RESET_BURST, RESETS_PER_SECOND, nowMs);
    this.#control = new FrameBudget(CONTROL_BURST, CONTROL_PER_SECOND, nowMs);
    this.deadlineAt = nowMs + host.spec.timeouts.requestHeadMs;
    socket.on('error', ignore);
    socket.on('close', () => this.#onClose());
    // Whoever sends no more takes no more either: there is no half of a session.
    socket.on('end', () => socket.destroy());
    this.#session = performServerHandshake(socket, sessionOptions(host.spec.limits));
    this.#session.on('stream', (stream, _fields, flags, raw) => this.#onStream(stream, flags, raw));
    this.#session.on('ping', () => this.#onControlFrame());
    this.#session.on('remoteSettings', () => this.#onControlFrame());
    // What went wrong does not matter here: the socket closes, and with it every stream.
    this.#session.on('error', ignore);
    host.deadlines.add(this);
  }

  /** Bytes that were given to the system: it goes on taking some as long as the client does. */
  get bytesTaken(): number {
    return this.#socket.bytesWritten;
  }

  #onStream(stream: ServerHttp2Stream, flags: number, raw: readonly string[]): void {
    stream.on('error', ignore);
    if (stream.destroyed || stream.closed) {
      // Reset before we came to it.
      this.#countReset();
      return;
    }
    this.#served++;
    this.#streams++;
    if (this.#streams === 1) {
      this.deadlineAt = NEVER;
      this.host.becameActive();
    }
    if (this.host.isClosing || this.#served >= this.host.spec.limits.requestsPerConnectionMax) {
      this.#takeNoMore();
    }
    const hasBody = (flags & constants.NGHTTP2_FLAG_END_STREAM) === 0;
    new ClientStream(stream, this).begin(raw, hasBody);
  }

  /** `wasReset`: by the client, or because of what it did, before it had its answer. */
  onStreamClosed(wasReset: boolean): void {
    this.#streams--;
    if (this.#phase === 'closed') {
      return;
    }
    if (this.#streams === 0) {
      const { timeouts } = this.host.spec;
      this.host.becameIdle();
      this.deadlineAt =
        this.host.deadlines.nowMs + (this.#phase === 'closing' ? timeouts.lingerMs : timeouts.keepAliveMs);
    }
    if (wasReset) {
      this.#countReset();
    }
  }

  #countReset(): void {
    if (!this.#resets.take(this.host.deadlines.nowMs)) {
      this.#breakOff();
    }
  }

  #onControlFrame(): void {
    if (!this.#control.take(this.host.deadlines.nowMs)) {
      this.#breakOff();
    }
  }

  /** The client costs more than it asks for. */
  #breakOff(): void {
    if (this.#phase !== 'closed' && !this.#session.destroyed) {
      this.#phase = 'closing';
      this.deadlineAt = this.host.deadlines.nowMs + this.host.spec.timeouts.lingerMs;
      this.#session.destroy(new Error('the client costs more than it asks for'), constants.NGHTTP2_ENHANCE_YOUR_CALM);
    }
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  /** Those that are under way are answered, and then it is closed. */
  #takeNoMore(): void {
    if (this.#phase !== 'open' || this.#session.destroyed) {
      return;
    }
    this.#phase = 'closing';
    if (this.#streams === 0) {
      this.deadlineAt = this.host.deadlines.nowMs + this.host.spec.timeouts.lingerMs;
    }
    this.#session.close();
  }

  expire(): void {
    if (this.#phase === 'closing') {
      this.#socket.destroy();
    } else {
      this.#takeNoMore();
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
    this.#phase = 'closed';
    this.host.deadlines.remove(this);
    this.host.closed(this, this.#streams > 0, false);
  }
}

function ignore(): void {}
