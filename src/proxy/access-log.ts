/**
 * One line of JSON for each request that is over. Whoever asks for it pays with an object per request; who does not, with a
 * look at a field that is null. Here lines are made; where they go is the business of whoever takes them.
 */
import type { Clock } from '../base/clock.ts';
import { printableJson } from '../base/printable.ts';
import { type FailureCode, failureOf } from './errors.ts';
import type { RequestHead } from './http1/request-head.ts';
import type { Origin, Provenance } from './origin.ts';

/** Takes lines, each with its end, and never waits. */
export interface LineSink {
  /** Lines that it could not keep, since the start. */
  readonly dropped: number;
  write(line: string): void;
  /** Writes on to what has the same name by now. */
  reopen(): void;
  /** Takes no more; resolves when what it has is written. */
  close(): Promise<void>;
}

/** Longest path, and longest of anything else that a client says, in characters of the line. A line is less than PIPE_BUF. */
const PATH_CHARS_MAX = 2_048;
const TEXT_CHARS_MAX = 256;

/** What can stand in a line as it is. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** The pool and the target that a request was at. */
interface Place {
  readonly pool: { readonly name: string; readonly version: string };
  readonly target: { readonly id: string };
}

/** Whose bytes pass as they are, as far as a connection tells. */
export interface LoggedConnection {
  readonly origin: Origin;
  readonly clientAddress: string;
  /** "": none was asked for. */
  readonly serverName: string;
}

export class AccessLog {
  readonly #clock: Clock;
  readonly #sink: LineSink;
  readonly #hasQuery: boolean;
  #timeMs = 0;
  #time = '';

  /** `hasQuery`: paths are written with their queries, in which secrets may stand. */
  constructor(clock: Clock, sink: LineSink, hasQuery: boolean) {
    this.#clock = clock;
    this.#sink = sink;
    this.#hasQuery = hasQuery;
  }

  get dropped(): number {
    return this.#sink.dropped;
  }

  reopen(): void {
    this.#sink.reopen();
  }

  close(): Promise<void> {
    return this.#sink.close();
  }

  /** For a request that a service has taken: to be ended once. */
  begin(
    origin: Origin,
    head: RequestHead,
    from: Provenance,
    id: string,
    service: string,
    generation: number,
  ): AccessEntry {
    const asked = this.#asked(origin, head, from.clientAddress, from.authority);
    const served = `"service":${text(service, TEXT_CHARS_MAX)},"generation":${generation}`;
    return new AccessEntry(this, this.#clock, `"id":${text(id, TEXT_CHARS_MAX)},${asked},${served}`);
  }

  /** A request that no service has taken. `head` null: it could not be read. */
  refused(origin: Origin, head: RequestHead | null, code: FailureCode, id: string): void {
    const asked =
      head === null
        ? `"listener":${text(origin.listener, TEXT_CHARS_MAX)},"client":"${origin.address}",` +
          '"protocol":null,"method":null,"host":null,"path":null'
        : this.#asked(origin, head, origin.address, head.authority);
    const { status } = failureOf(code);
    this.write(
      `"id":${text(id, TEXT_CHARS_MAX)},${asked},"service":null,"generation":null,"status":${status},"failure":"${code}"`,
    );
  }

  /** As `begin`, for a connection whose bytes pass as they are. */
  beginConnection(connection: LoggedConnection, id: string, service: string, generation: number): AccessEntry {
    const served = `"service":${text(service, TEXT_CHARS_MAX)},"generation":${generation}`;
    return new AccessEntry(this, this.#clock, `"id":${text(id, TEXT_CHARS_MAX)},${connected(connection)},${served}`);
  }

  /** As `refused`, for such a connection. */
  refusedConnection(connection: LoggedConnection, code: FailureCode, id: string): void {
    const { status } = failureOf(code);
    this.write(
      `"id":${text(id, TEXT_CHARS_MAX)},${connected(connection)},"service":null,"generation":null,"status":${status},"failure":"${code}"`,
    );
  }

  #asked(origin: Origin, head: RequestHead, client: string, authority: string): string {
    const target = this.#hasQuery ? head.target : head.target.substring(0, head.pathEnd);
    return (
      `"listener":${text(origin.listener, TEXT_CHARS_MAX)},"client":${text(client, TEXT_CHARS_MAX)},` +
      `"protocol":"HTTP/${head.version}","method":${text(head.method, TEXT_CHARS_MAX)},` +
      `"host":${text(authority, TEXT_CHARS_MAX)},"path":${text(target, PATH_CHARS_MAX)}`
    );
  }

  /** `fields`: all but the time, in JSON. */
  write(fields: string): void {
    const nowMs = this.#clock.wallMs();
    if (nowMs !== this.#timeMs) {
      this.#timeMs = nowMs;
      this.#time = new Date(nowMs).toISOString();
    }
    this.#sink.write(`{"time":"${this.#time}",${fields}}\n`);
  }
}

/** What is known of one request that is under way, for the line at its end. */
export class AccessEntry {
  /** Times that it was sent to a target, or that this was tried. */
  tries = 0;
  bytesIn = 0;
  /** Of the body that the target has sent; the client may have got less. */
  bytesOut = 0;
  /** Why it fails. */
  failure: FailureCode | null = null;
  readonly #log: AccessLog;
  readonly #clock: Clock;
  /** What was known when it came, in JSON. */
  readonly #asked: string;
  readonly #startedAtMs: number;
  #sentAtMs = 0;
  /** From sending the head to the head of the answer, in the last try that was answered. */
  #waitMs = -1;
  #isOver = false;

  constructor(log: AccessLog, clock: Clock, asked: string) {
    this.#log = log;
    this.#clock = clock;
    this.#asked = asked;
    this.#startedAtMs = clock.monotonicMs();
  }

  sent(): void {
    this.#sentAtMs = this.#clock.monotonicMs();
  }

  answered(): void {
    this.#waitMs = this.#clock.monotonicMs() - this.#sentAtMs;
  }

  /** The proxy has answered with `code` what was at no target. */
  refuse(code: FailureCode, pool: Place['pool'] | null = null): void {
    this.failure = code;
    this.end(failureOf(code).status, pool, null);
  }

  /** `status`: what the client was told, or would have been. Only the first end counts. */
  end(status: number, pool: Place['pool'] | null, target: Place['target'] | null): void {
    if (this.#isOver) {
      return;
    }
    this.#isOver = true;
    const { failure, tries, bytesIn, bytesOut } = this;
    const durationMs = this.#clock.monotonicMs() - this.#startedAtMs;
    const at =
      pool === null
        ? '"pool":null,"version":null'
        : `"pool":"${pool.name}","version":${text(pool.version, TEXT_CHARS_MAX)}`;
    this.#log.write(
      `${this.#asked},${at},"target":${target === null ? 'null' : `"${target.id}"`},"status":${status},` +
        `"failure":${failure === null ? 'null' : `"${failure}"`},"durationMs":${rounded(durationMs)},` +
        `"waitMs":${this.#waitMs < 0 ? 'null' : rounded(this.#waitMs)},"tries":${tries},"bytesIn":${bytesIn},"bytesOut":${bytesOut}`,
    );
  }
}

function connected({ origin, clientAddress, serverName }: LoggedConnection): string {
  const host = serverName === '' ? 'null' : text(serverName, TEXT_CHARS_MAX);
  return (
    `"listener":${text(origin.listener, TEXT_CHARS_MAX)},"client":${text(clientAddress, TEXT_CHARS_MAX)},` +
    `"protocol":"TCP","method":null,"host":${host},"path":null`
  );
}

/** JSON's longest escape of one character. */
const ESCAPE_CHARS = 6;

/** As a text of JSON with nothing in it that is not ASCII, at most so long; nearly all can stand as they are. */
function text(value: string, charsMax: number): string {
  if (value.length <= charsMax && PLAIN.test(value)) {
    return `"${value}"`;
  }
  const escaped = escapedText(value.slice(0, charsMax));
  // What is cut must not be an escape.
  return escaped.length <= charsMax + 2 ? escaped : escapedText(value.slice(0, Math.floor(charsMax / ESCAPE_CHARS)));
}

function escapedText(value: string): string {
  return printableJson(JSON.stringify(value)).replace(/[^\x20-\x7e]/g, escapedCharacter);
}

function escapedCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** To microseconds. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
