/**
 * What the proxy makes of a target's bytes: scanner and decoder put together as in `TargetConnection`, which cannot be
 * had without a connection of its own; the live fuzzer covers that one. A reading that throws has found a crash.
 */
import { ChunkedDecoder } from '../../src/proxy/http1/chunked-decoder.ts';
import { listHas } from '../../src/proxy/http1/field-values.ts';
import { GatheredBytes } from '../../src/proxy/http1/gathered-bytes.ts';
import { ResponseHead } from '../../src/proxy/http1/response-head.ts';
import { flat } from './client-reading.ts';
import { type ResponseCase, segmentsOf } from './fuzz-case.ts';
import type { ReadMessage, Refusal, WireReading } from './wire-reading.ts';

/** The limits that a service has by default. */
export const TARGET_LIMITS = { headBytesMax: 65_536, fieldsMax: 256, interimMax: 8 } as const;
const TRAILER_LIMITS = { bytesMax: 8192, fieldsMax: 64 };

export function readAsProxyFromTarget(fuzzCase: ResponseCase): WireReading {
  const reader = new TargetReader(fuzzCase);
  for (const segment of segmentsOf(fuzzCase)) reader.feed(segment);
  return reader.end();
}

type Draft = { -readonly [key in keyof ReadMessage]: ReadMessage[key] };

class TargetReader {
  readonly #case: ResponseCase;
  readonly #head = new ResponseHead(TARGET_LIMITS.fieldsMax);
  readonly #messages: Draft[] = [];
  #refusal: Refusal | null = null;
  #held: GatheredBytes | null = null;
  #phase: 'head' | 'body' | 'over' = 'head';
  #left = 0;
  #decoder: ChunkedDecoder | null = null;
  /** Bytes of the connection before the buffer that is being read. */
  #base = 0;
  #fedBytes = 0;

  constructor(fuzzCase: ResponseCase) {
    this.#case = fuzzCase;
  }

  feed(segment: Buffer): void {
    this.#fedBytes += segment.length;
    if (this.#phase === 'head') {
      this.#feedHead(segment);
    } else {
      this.#base = this.#fedBytes - segment.length;
      this.#readBody(segment, 0, segment.length);
    }
  }

  end(): WireReading {
    const last = this.#messages.at(-1);
    if (this.#case.ends && this.#phase !== 'over') {
      if (this.#phase === 'body' && last !== undefined && this.#head.framing === 'until-close') {
        this.#complete(last, this.#fedBytes);
      } else {
        this.#refuse('upstream_truncated');
      }
    }
    // Nothing may come behind the last byte of a response on a connection that is used again.
    if (last !== undefined && last.end !== null) last.keepAlive &&= last.end === this.#fedBytes;
    return { messages: this.#messages, refused: this.#refusal };
  }

  #feedHead(segment: Buffer): void {
    const held = this.#held;
    if (held === null) {
      this.#base = this.#fedBytes - segment.length;
      this.#readHeads(segment, segment.length);
    } else if (held.append(segment, 0, segment.length)) {
      this.#held = null;
      this.#base = this.#fedBytes - held.length;
      this.#readHeads(held.buffer, held.length);
    } else if (held.length > TARGET_LIMITS.headBytesMax) {
      this.#refuse('upstream_head_too_large');
    }
  }

  #readHeads(buffer: Buffer, to: number): void {
    let from = 0;
    while (this.#phase === 'head' && from < to) {
      const result = this.#head.read(buffer, from, to);
      if (result === 'more') return this.#hold(buffer, from, to);
      if (result !== 'done') return this.#refuse(result);
      if (this.#head.end - from > TARGET_LIMITS.headBytesMax) return this.#refuse('upstream_head_too_large');
      const failure = this.#head.interpret(this.#case.method);
      if (failure !== null) return this.#refuse(failure);
      from = this.#head.end;
      this.#takeHead(this.#base + from);
    }
    if (from < to) this.#readBody(buffer, from, to);
  }

  #hold(buffer: Buffer, from: number, to: number): void {
    if (to - from > TARGET_LIMITS.headBytesMax) return this.#refuse('upstream_head_too_large');
    this.#held = new GatheredBytes();
    this.#held.append(buffer, from, to);
  }

  #takeHead(end: number): void {
    const head = this.#head;
    const isSwitch = head.status === 101;
    if (isSwitch && !this.#isWantedSwitch()) return this.#refuse('upstream_malformed');
    if (head.status < 200 && !isSwitch && (this.#messages.length >= TARGET_LIMITS.interimMax || !head.keepAlive)) {
      return this.#refuse('upstream_malformed');
    }
    const message = this.#begin();
    if (head.status < 200) {
      this.#completeInterim(message, end, isSwitch);
      return;
    }
    this.#phase = 'body';
    this.#left = head.framing === 'length' ? head.contentLength : 0;
    this.#decoder = head.framing === 'chunked' ? new ChunkedDecoder(TRAILER_LIMITS) : null;
    message.keepAlive = head.keepAlive && head.framing !== 'until-close';
    if (head.framing === 'none') this.#complete(message, end);
  }

  #isWantedSwitch(): boolean {
    const { upgrade } = this.#case;
    return upgrade !== '' && this.#head.upgrade === upgrade && listHas(this.#head.connection, 'upgrade');
  }

  #begin(): Draft {
    const head = this.#head;
    const message: Draft = {
      method: '',
      target: '',
      authority: null,
      status: head.status,
      reason: head.reason,
      version: `1.${head.minor}`,
      fields: flat(head.fields),
      keepAlive: head.keepAlive,
      upgrade: head.status === 101,
      body: '',
      trailers: [],
      state: 'begun',
      end: null,
    };
    this.#messages.push(message);
    return message;
  }

  #completeInterim(message: Draft, end: number, isSwitch: boolean): void {
    message.state = 'complete';
    message.end = end;
    if (isSwitch) this.#phase = 'over';
  }

  #readBody(buffer: Buffer, from: number, to: number): void {
    const message = this.#messages.at(-1);
    if (this.#phase !== 'body' || message === undefined) return;
    if (this.#decoder !== null) return this.#readChunked(this.#decoder, message, buffer, from, to);
    const end = this.#head.framing === 'length' ? Math.min(to, from + this.#left) : to;
    message.body += buffer.toString('latin1', from, end);
    this.#left -= end - from;
    if (this.#head.framing === 'length' && this.#left === 0) this.#complete(message, this.#base + end);
  }

  #readChunked(decoder: ChunkedDecoder, message: Draft, buffer: Buffer, from: number, to: number): void {
    const result = decoder.decode(buffer, from, to);
    message.body += buffer.toString('latin1', decoder.dataStart, decoder.dataEnd);
    if (result === 'bad') return this.#refuse('upstream_malformed');
    if (result !== 'done') return;
    message.trailers = decoder.trailers === null ? [] : flat(decoder.trailers);
    this.#complete(message, this.#base + decoder.next);
  }

  #complete(message: Draft, end: number): void {
    message.state = 'complete';
    message.end = end;
    this.#phase = 'over';
  }

  #refuse(code: string): void {
    this.#refusal = { code, reason: '' };
    this.#phase = 'over';
  }
}
