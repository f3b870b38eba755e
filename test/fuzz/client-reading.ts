/**
 * What the proxy makes of a client's bytes: the real connection, scanner and decoder, over a socket that is none. A
 * reading that throws has found a crash.
 */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Deadlines } from '../../src/proxy/deadlines.ts';
import type { FailureCode } from '../../src/proxy/errors.ts';
import { ClientConnection } from '../../src/proxy/http1/client-connection.ts';
import type { ClientHost, Requester, RunningRequest } from '../../src/proxy/http1/client-host.ts';
import type { FieldSection } from '../../src/proxy/http1/field-section.ts';
import { type ReadResult, RequestHead } from '../../src/proxy/http1/request-head.ts';
import { Origin } from '../../src/proxy/origin.ts';
import { ReadBuffers } from '../../src/proxy/read-buffers.ts';
import { listenerWithDefaults } from '../../src/schema/with-defaults.ts';
import { compileListener } from '../../src/snapshot/compile.ts';
import type { ListenerSpec } from '../../src/snapshot/types.ts';
import { manualClock } from '../helpers/manual-clock.ts';
import { type RequestCase, segmentsOf } from './fuzz-case.ts';
import type { ReadMessage, Refusal, WireReading } from './wire-reading.ts';

/** A listener as it is where nothing is said about it. */
const SPEC: ListenerSpec = compileListener('fuzzed', listenerWithDefaults({ listen: '127.0.0.1:0' }));

export const CLIENT_LIMITS = SPEC.limits;

const ORIGIN = new Origin('192.0.2.1', false, 'http', '192.0.2.2:80');

export function readAsProxy(fuzzCase: RequestCase): WireReading {
  const reader = new ClientReader(fuzzCase.answers);
  for (const segment of segmentsOf(fuzzCase)) reader.feed(segment);
  return reader.end();
}

type Draft = { -readonly [key in keyof ReadMessage]: ReadMessage[key] };

class ClientReader implements ClientHost {
  readonly spec = SPEC;
  readonly deadlines = new Deadlines(manualClock());
  readonly readBuffer = Buffer.alloc(0);
  readonly readBuffers = new ReadBuffers();
  readonly requestHead = new WatchedHead((left) => this.#onRead(left));
  readonly isClosing = false;
  readonly #answers: RequestCase['answers'];
  readonly #socket = new SilentSocket();
  readonly #connection: ClientConnection;
  readonly #messages: Draft[] = [];
  #refusal: Refusal | null = null;
  #fedBytes = 0;
  #isWaiting = false;

  constructor(answers: RequestCase['answers']) {
    this.#answers = answers;
    this.#connection = new ClientConnection(this.#socket as unknown as Socket, ORIGIN, this);
  }

  feed(segment: Buffer): void {
    this.#fedBytes += segment.length;
    if (!this.#socket.isDestroyed) this.#socket.emit('data', segment);
  }

  end(): WireReading {
    if (this.#answers === 'at the end') {
      while (this.#isWaiting) this.#answer();
    }
    const last = this.#messages.at(-1);
    if (last !== undefined && last.state === 'complete' && last.keepAlive && this.#refusal === null) {
      last.end ??= this.#fedBytes;
    }
    this.#socket.emit('close');
    return { messages: this.#messages, refused: this.#refusal };
  }

  begin(requester: Requester, head: RequestHead): RunningRequest | null {
    const message: Draft = { ...HEAD_ONLY, ...readHead(head) };
    message.state = head.framing === 'none' ? 'complete' : 'begun';
    this.#messages.push(message);
    if (this.#answers !== 'at the head') return this.#run(message);
    if (message.state === 'begun') message.state = 'abandoned';
    requester.answer('no_service', 'id');
    return null;
  }

  refused(code: FailureCode): string {
    this.#refusal = { code, reason: '' };
    return 'id';
  }

  becameActive(): void {}
  becameIdle(): void {}
  becameTunnel(): void {}
  closed(): void {}

  #run(message: Draft): RunningRequest {
    this.#isWaiting = message.state === 'complete';
    return {
      requestBodyIdleMs: 1000,
      responseBodyIdleMs: 1000,
      requestBody: (chunk) => {
        message.body += chunk.toString('latin1');
        return null;
      },
      requestEnd: (trailers) => {
        message.state = 'complete';
        message.trailers = trailers === null ? [] : flat(trailers);
        this.#isWaiting = true;
      },
      onClientTurnEnd: () => {
        if (this.#isWaiting && this.#answers === 'at once') this.#answer();
      },
      onClientFault: (code) => this.#connection.answer(code, this.refused(code)),
      onClientDrain: ignore,
      onClientGone: ignore,
      onTunnelEnd: ignore,
    };
  }

  #answer(): void {
    this.#isWaiting = false;
    this.#connection.answer('no_service', 'id');
  }

  /** The scanner was given the last `left` of all bytes: the first of them comes behind the message before it. */
  #onRead(left: number): void {
    const last = this.#messages.at(-1);
    if (last !== undefined) last.end ??= this.#fedBytes - left;
  }
}

const HEAD_ONLY = { status: 0, reason: '', body: '', trailers: [], state: 'begun', end: null } as const;

function readHead(head: RequestHead) {
  return {
    method: head.method,
    target: head.target,
    authority: head.authority,
    version: `1.${head.minor}`,
    fields: flat(head.fields),
    keepAlive: head.keepAlive,
    upgrade: head.upgrade !== '',
  };
}

/** Names and values in turns. */
export function flat(section: FieldSection): string[] {
  const fields: string[] = [];
  for (let i = 0; i < section.count; i++) fields.push(section.name(i), section.value(i));
  return fields;
}

/** Tells how many bytes it is given at each try, which shows where in the connection a head begins. */
class WatchedHead extends RequestHead {
  readonly #onRead: (left: number) => void;

  constructor(onRead: (left: number) => void) {
    super(CLIENT_LIMITS);
    this.#onRead = onRead;
  }

  override read(buffer: Buffer, from: number, to: number): ReadResult {
    this.#onRead(to - from);
    return super.read(buffer, from, to);
  }
}

/** Takes what is written to it and says nothing. */
class SilentSocket extends EventEmitter {
  readonly writableNeedDrain = false;
  readonly writableLength = 0;
  timeout = 0;
  isDestroyed = false;

  destroy(): void {
    this.isDestroyed = true;
  }

  resetAndDestroy(): void {
    this.isDestroyed = true;
  }

  write(): boolean {
    return true;
  }

  cork(): void {}
  uncork(): void {}
  end(): void {}
  pause(): void {}
  resume(): void {}
  setTimeout(): void {}
}

function ignore(): void {}
