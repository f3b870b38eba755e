/**
 * Reads HTTP/1.1 messages off a connection and forgives nothing: the referee on both sides of the proxy. What the
 * proxy writes, to targets and to clients, has one canonical form; anything else is a `problem`, even where a
 * lenient peer would have understood it.
 */

export interface WireMessage {
  readonly startLine: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The head as it came, with its empty line. */
  readonly head: string;
  readonly framing: Framing;
  body: Buffer;
  trailers: readonly (readonly [name: string, value: string])[];
}

export type Framing = 'none' | 'length' | 'chunked' | 'close' | 'tunnel';

export interface WireReaderEvents {
  /** The method that the next final response answers; only asked of a reader of responses. */
  method?(): string;
  head?(message: WireMessage): void;
  /** Body bytes as they come. */
  body?(message: WireMessage, bytes: Buffer): void;
  message(message: WireMessage): void;
}

type Step = 'head' | 'length' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailers' | 'close' | 'tunnel';

const REQUEST_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e\x80-\xff]+ HTTP\/1\.[01]$/;
const STATUS_LINE = /^HTTP\/1\.[01] [1-9]\d\d [\t\x20-\x7e\x80-\xff]*$/;
const FIELD_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[\x21-\x7e\x80-\xff][\t\x20-\x7e\x80-\xff]*)?)$/;

export class WireReader {
  /** What was wrong with the first bytes that no strict peer may be sent; nothing is read after it. */
  problem: string | null = null;
  /** What came after a switch of protocols. */
  tunnelled: Buffer = Buffer.alloc(0);
  readonly #kind: 'request' | 'response';
  readonly #events: WireReaderEvents;
  #step: Step = 'head';
  #held: Buffer = Buffer.alloc(0);
  #message: WireMessage | null = null;
  #body: Buffer[] = [];
  #left = 0;

  constructor(kind: 'request' | 'response', events: WireReaderEvents) {
    this.#kind = kind;
    this.#events = events;
  }

  /** Whether part of a message is there and its rest is not. */
  get partial(): boolean {
    return this.#message !== null || this.#held.length > 0;
  }

  /** The message whose head is there and whose body is not, with the body so far. */
  get unfinished(): WireMessage | null {
    if (this.#message === null) return null;
    return { ...this.#message, body: Buffer.concat(this.#body) };
  }

  push(bytes: Buffer): void {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    while (this.problem === null && this.#advance());
  }

  /** What comes from here on is no longer HTTP: this side has answered 101. */
  switchToTunnel(): void {
    this.#step = 'tunnel';
  }

  /** What comes from here on is taken for a new message, as by a peer that forgot the rest of this one. */
  forgetMessage(): void {
    this.#message = null;
    this.#body = [];
    this.#step = 'head';
  }

  /** The peer has closed its side: completes a body that runs until then. */
  end(): void {
    if (this.#step === 'close') this.#finish();
  }

  #advance(): boolean {
    switch (this.#step) {
      case 'head':
        return this.#readHead();
      case 'length':
        return this.#readData(() => this.#finish());
      case 'chunk-size':
        return this.#readChunkSize();
      case 'chunk-data':
        return this.#readData(() => (this.#step = 'chunk-end'));
      case 'chunk-end':
        return this.#readChunkEnd();
      case 'trailers':
        return this.#readTrailers();
      case 'close':
        return this.#readData(() => undefined);
      case 'tunnel':
        this.tunnelled = Buffer.concat([this.tunnelled, this.#held]);
        this.#held = Buffer.alloc(0);
        return false;
    }
  }

  #readHead(): boolean {
    const end = this.#held.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const lines = this.#held.toString('latin1', 0, end).split('\r\n');
    const head = this.#held.toString('latin1', 0, end + 4);
    this.#held = this.#held.subarray(end + 4);
    const startLine = lines[0] ?? '';
    if (!(this.#kind === 'request' ? REQUEST_LINE : STATUS_LINE).test(startLine))
      return this.#fail(`start line ${JSON.stringify(startLine)}`);
    const fields = this.#parseFields(lines.slice(1));
    if (fields === null) return false;
    const framing = this.#framingOf(startLine, fields);
    if (framing === null) return false;
    this.#message = { startLine, fields, head, framing, body: Buffer.alloc(0), trailers: [] };
    this.#events.head?.(this.#message);
    this.#enterBody(framing);
    return true;
  }

  #parseFields(lines: readonly string[]): [string, string][] | null {
    const fields: [string, string][] = [];
    for (const line of lines) {
      const match = FIELD_LINE.exec(line);
      if (match === null) {
        this.#fail(`field line ${JSON.stringify(line)}`);
        return null;
      }
      fields.push([match[1] ?? '', (match[2] ?? '').replace(/[ \t]+$/, '')]);
    }
    return fields;
  }

  /** RFC 9112 6.3, refusing whatever is ambiguous; sets `#left` for a counted body. */
  #framingOf(startLine: string, fields: readonly (readonly [string, string])[]): Framing | null {
    const lengths = valuesOf(fields, 'content-length');
    const codings = valuesOf(fields, 'transfer-encoding');
    if (lengths.length > 1) return this.#refuse('more than one content-length');
    if (codings.length > 1) return this.#refuse('more than one transfer-encoding');
    if (lengths.length === 1 && codings.length === 1) return this.#refuse('both content-length and transfer-encoding');
    if (lengths.length === 1 && !/^\d{1,15}$/.test(lengths[0] ?? ''))
      return this.#refuse(`content-length ${lengths[0]}`);
    if (codings.length === 1 && codings[0]?.toLowerCase() !== 'chunked')
      return this.#refuse(`transfer-encoding ${codings[0]}`);
    if (this.#kind === 'response') {
      const status = Number(startLine.slice(9, 12));
      if (status === 101) return 'tunnel';
      if (status < 200 || status === 204 || status === 304) return 'none';
      if (this.#events.method?.() === 'HEAD') return 'none';
    }
    if (codings.length === 1) return 'chunked';
    if (lengths.length === 0) return this.#kind === 'request' ? 'none' : 'close';
    this.#left = Number(lengths[0]);
    return this.#left === 0 ? 'none' : 'length';
  }

  #enterBody(framing: Framing): void {
    if (framing === 'none') return this.#finish();
    if (framing === 'length') this.#step = 'length';
    if (framing === 'chunked') this.#step = 'chunk-size';
    if (framing === 'close') {
      this.#step = 'close';
      this.#left = Infinity;
    }
    if (framing === 'tunnel') {
      this.#finish();
      this.#step = 'tunnel';
    }
  }

  #readData(done: () => void): boolean {
    if (this.#held.length === 0 && this.#left > 0) return false;
    const bytes = this.#held.subarray(0, Math.min(this.#left, this.#held.length));
    this.#held = this.#held.subarray(bytes.length);
    this.#left -= bytes.length;
    this.#body.push(bytes);
    if (this.#message !== null) this.#events.body?.(this.#message, bytes);
    if (this.#left === 0) done();
    return true;
  }

  #readChunkSize(): boolean {
    const line = this.#readLine();
    if (line === null) return false;
    // An extension is for one hop only (RFC 9112 7.1.1): one that came through was passed on unread.
    if (!/^[0-9A-Fa-f]{1,12}$/.test(line)) return this.#fail(`chunk size ${JSON.stringify(line)}`);
    this.#left = Number.parseInt(line, 16);
    this.#step = this.#left === 0 ? 'trailers' : 'chunk-data';
    return true;
  }

  #readChunkEnd(): boolean {
    if (this.#held.length < 2) return false;
    if (this.#held.toString('latin1', 0, 2) !== '\r\n') return this.#fail('no CRLF after a chunk');
    this.#held = this.#held.subarray(2);
    this.#step = 'chunk-size';
    return true;
  }

  #readTrailers(): boolean {
    const line = this.#readLine();
    if (line === null) return false;
    if (line === '') {
      this.#finish();
      return true;
    }
    const fields = this.#parseFields([line]);
    if (fields === null || this.#message === null) return false;
    this.#message.trailers = [...this.#message.trailers, ...fields];
    return true;
  }

  #readLine(): string | null {
    const end = this.#held.indexOf('\r\n');
    if (end < 0) return null;
    const line = this.#held.toString('latin1', 0, end);
    this.#held = this.#held.subarray(end + 2);
    return line;
  }

  #finish(): void {
    const message = this.#message;
    if (message === null) return;
    message.body = Buffer.concat(this.#body);
    this.#message = null;
    this.#body = [];
    this.#step = 'head';
    this.#events.message(message);
  }

  #fail(problem: string): false {
    this.problem = problem.slice(0, 300);
    return false;
  }

  #refuse(problem: string): null {
    this.#fail(problem);
    return null;
  }
}

/** Every value of a field, in order. `name` in lower case. */
export function valuesOf(fields: readonly (readonly [name: string, value: string])[], name: string): string[] {
  return fields.filter(([own]) => own.toLowerCase() === name).map(([, value]) => value);
}
