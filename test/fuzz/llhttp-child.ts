/**
 * Reads messages with the parser under `node:http` (llhttp), in a process of its own: a crash of the parser is then
 * the end of this process and not of the fuzzer's.
 *
 * The parser is driven without a server around it, because a connection per input would be twenty times slower; that a
 * real server and a real client read the same is checked on samples by `node-http-child.ts`. Bytes are fed one by one:
 * the parser does not say where in its input a message ended.
 */
import { METHODS } from 'node:http';
import { createRequire } from 'node:module';
import type { FuzzCase } from './fuzz-case.ts';
import type { ReadMessage, Refusal, WireReading } from './wire-reading.ts';

interface Parser {
  initialize(kind: number, resource: object, headerBytesMax: number, leniency: number): void;
  execute(bytes: Uint8Array): number | ParseError;
  finish(): undefined | ParseError;
  [callback: number]: (...values: never[]) => unknown;
}

interface ParseError extends Error {
  readonly code: string;
  readonly reason: string;
}

interface ParserClass {
  new (): Parser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
  readonly kLenientNone: number;
}

interface Internals {
  readonly HTTPParser: ParserClass;
}

const { HTTPParser } = createRequire(import.meta.url)('_http_common') as Internals;

const RTSP_METHODS =
  'DESCRIBE ANNOUNCE SETUP PLAY PAUSE TEARDOWN GET_PARAMETER SET_PARAMETER REDIRECT RECORD FLUSH'.split(' ');

/** Above any input: limits on size are ours to set, and not what is compared. */
const HEADER_BYTES_MAX = 1 << 24;

type Draft = { -readonly [key in keyof ReadMessage]: ReadMessage[key] };

class LlhttpReader {
  readonly #parser = new HTTPParser();
  readonly #byte = new Uint8Array(1);
  /** The parser says methods by their numbers, and nobody says which is which. */
  readonly #methods = new Map<number, string>();
  #messages: Draft[] = [];
  #headEnds: number[] = [];
  #fields: string[] = [];
  #url = '';
  #method = 'GET';
  #at = 0;

  constructor() {
    this.#parser[HTTPParser.kOnHeaders] = (fields: string[], url: string) => {
      this.#fields.push(...fields);
      this.#url = url === '' ? this.#url : url;
    };
    this.#parser[HTTPParser.kOnHeadersComplete] = (...head: HeadArguments) => this.#onHead(head);
    this.#parser[HTTPParser.kOnBody] = (bytes: Buffer) => {
      this.#last.body += bytes.toString('latin1');
    };
    this.#parser[HTTPParser.kOnMessageComplete] = () => {
      this.#last.trailers = this.#fields;
      this.#last.state = 'complete';
      this.#last.end = this.#at;
      this.#fields = [];
    };
    for (const method of METHODS) this.#learn(method, method === 'CONNECT' ? 'a:1' : '/', 'HTTP/1.1');
    for (const method of RTSP_METHODS) this.#learn(method, '*', 'RTSP/1.0');
    this.#learn('PRI', '*', 'HTTP/2.0');
  }

  #learn(name: string, target: string, version: string): void {
    this.#readOnce(
      { kind: 'request', text: '', pieces: 'whole', answers: 'at once' },
      `${name} ${target} ${version}\r\n\r\n`,
    );
    const number = /^#(\d+)$/.exec(this.#messages[0]?.method ?? '')?.[1];
    if (number !== undefined) this.#methods.set(Number(number), name);
  }

  /**
   * A server may go on as if no upgrade had been asked for, but once one was, this parser hides its errors. So what
   * comes behind the head is read again with the field's name changed, as by a parser that does not know it.
   */
  read(fuzzCase: FuzzCase): WireReading {
    let text = fuzzCase.text;
    const upgraded = new Set<number>();
    for (;;) {
      const reading = this.#readOnce(fuzzCase, text);
      const index = this.#messages.findIndex(({ upgrade, method }) => upgrade && method !== '' && method !== 'CONNECT');
      if (index < 0) {
        for (const each of upgraded) unmask(this.#messages[each]);
        return reading;
      }
      upgraded.add(index);
      const from = this.#messages[index - 1]?.end ?? 0;
      const to = this.#headEnds[index] ?? from;
      text = text.slice(0, from) + mask(text.slice(from, to)) + text.slice(to);
    }
  }

  #readOnce(fuzzCase: FuzzCase, text: string): WireReading {
    const { kind } = fuzzCase;
    this.#messages = [];
    this.#headEnds = [];
    this.#fields = [];
    this.#url = '';
    this.#method = kind === 'response' ? fuzzCase.method : '';
    const type = kind === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE;
    this.#parser.initialize(type, {}, HEADER_BYTES_MAX, HTTPParser.kLenientNone);
    let refused = this.#feed(text, kind);
    if (refused === null && kind === 'response' && fuzzCase.ends && !this.#isAnswered) refused = this.#finish();
    return { messages: this.#messages, refused };
  }

  #feed(text: string, kind: FuzzCase['kind']): Refusal | null {
    for (let i = 0; i < text.length; i++) {
      this.#byte[0] = text.charCodeAt(i);
      this.#at = i + 1;
      const result = this.#parser.execute(this.#byte);
      if (typeof result !== 'number') return { code: result.code, reason: result.reason };
      // After a request to upgrade, errors are told only by what was not taken.
      if (result !== 1) return { code: 'STOPPED', reason: 'Takes no more bytes' };
      if (kind === 'response' && this.#isAnswered) return null;
    }
    return null;
  }

  #finish(): Refusal | null {
    const error = this.#parser.finish();
    return error === undefined ? null : { code: error.code, reason: error.reason };
  }

  /** The final response is there whole, or the connection is no longer HTTP. */
  get #isAnswered(): boolean {
    const last = this.#messages.at(-1);
    return last !== undefined && last.state === 'complete' && !isInterim(last.status);
  }

  get #last(): Draft {
    const last = this.#messages.at(-1);
    if (last === undefined) throw new Error('the parser told of a body before any head');
    return last;
  }

  /** Returns 1, as the client of `node:http` does, where no body follows whatever the head says. */
  #onHead([major, minor, fields, method, url, status, reason, upgrade, keepAlive]: HeadArguments): number {
    this.#messages.push({
      method: typeof method === 'number' ? (this.#methods.get(method) ?? `#${method}`) : '',
      target: url ?? this.#url,
      authority: null,
      status: status ?? 0,
      reason: reason ?? '',
      version: `${major}.${minor}`,
      fields: fields === undefined ? this.#fields : [...this.#fields, ...fields],
      keepAlive,
      upgrade,
      body: '',
      trailers: [],
      state: 'begun',
      end: null,
    });
    this.#headEnds.push(this.#at);
    this.#fields = [];
    this.#url = '';
    return isInterim(status ?? 0) || (this.#method === 'HEAD' && status !== 101) ? 1 : 0;
  }
}

/** To the client of `node:http`, what is below 100 is no interim status. */
function isInterim(status: number): boolean {
  return status >= 100 && status < 200 && status !== 101;
}

function mask(head: string): string {
  return head.replace(/(?<=\n)u(?=pgrade:)/gi, (letter) => (letter === 'U' ? '!' : '~'));
}

function unmask(message: Draft | undefined): void {
  if (message === undefined) return;
  message.upgrade = true;
  message.fields = message.fields.map((text, i) => {
    const isMasked = i % 2 === 0 && /^[!~]pgrade$/i.test(text);
    return isMasked ? (text.startsWith('!') ? 'U' : 'u') + text.slice(1) : text;
  });
}

type HeadArguments = [
  major: number,
  minor: number,
  fields: string[] | undefined,
  method: number | null | undefined,
  url: string | null,
  status: number | null,
  reason: string | null,
  upgrade: boolean,
  keepAlive: boolean,
];

const reader = new LlhttpReader();
process.on('message', (cases: readonly FuzzCase[]) => {
  process.send?.(cases.map((fuzzCase) => reader.read(fuzzCase)));
});
process.on('disconnect', () => process.exit());
