/**
 * A connection whose first bytes tell what is spoken on it: a client that knows that HTTP/2 is spoken here begins with its
 * preface (RFC 9113 section 3.4), which is no request that HTTP/1.1 has.
 */
import type { Socket } from 'node:net';
import type { Expiring } from '../deadlines.ts';
import { type ClientHost, type ClientLink, UNUSED_MS_MAX } from '../http1/client-host.ts';
import { PREFACE } from '../http2/frames/frame-reader.ts';
import type { Origin } from '../origin.ts';

const NO_BYTES = Buffer.alloc(0);

export type Protocol = 'http/1.1' | 'h2';

/** Goes on with the connection by what is spoken on it, or hears that it is closed. */
export interface OpeningHost extends ClientHost {
  opened(opening: Opening, socket: Socket, protocol: Protocol): void;
}

export class Opening implements ClientLink, Expiring {
  readonly origin: Origin;
  linkSlot = -1;
  readonly #socket: Socket;
  readonly #host: OpeningHost;
  readonly #openedAtMs: number;
  #bytes: Buffer = NO_BYTES;
  deadlineAt: number;
  deadlineSlot = -1;

  constructor(socket: Socket, origin: Origin, host: OpeningHost) {
    this.#socket = socket;
    this.origin = origin;
    this.#host = host;
    this.#openedAtMs = host.deadlines.nowMs;
    this.deadlineAt = this.#openedAtMs + host.spec.timeouts.requestHeadMs;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClose);
    socket.on('error', ignore);
    host.deadlines.add(this);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const length = Math.min(this.#bytes.length, PREFACE.length);
    if (PREFACE.compare(this.#bytes, 0, length, 0, length) !== 0) {
      this.#goOn('http/1.1');
    } else if (length === PREFACE.length) {
      this.#goOn('h2');
    }
  };

  #goOn(protocol: Protocol): void {
    const socket = this.#socket;
    this.#host.deadlines.remove(this);
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('close', this.#onClose);
    socket.pause();
    socket.unshift(this.#bytes);
    this.#host.opened(this, socket, protocol);
    socket.resume();
  }

  readonly #onEnd = (): void => {
    this.destroy();
  };

  readonly #onClose = (): void => {
    this.#host.deadlines.remove(this);
    this.#host.closed(this, false, false);
  };

  expire(): void {
    this.destroy();
  }

  closeIfIdle(): void {
    if (this.#host.deadlines.nowMs >= this.#openedAtMs + UNUSED_MS_MAX) {
      this.destroy();
    }
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

function ignore(): void {}
