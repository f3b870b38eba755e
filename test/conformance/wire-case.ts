/**
 * One case of the wire catalogue: bytes that a client says (and, where it matters, bytes that a target answers), what
 * a proxy may make of them, and why. Strings are latin-1: one character, one byte.
 */
import type { RawScript } from '../helpers/raw-backend.ts';

export interface WireCase extends WireExpectation, WireScript {
  readonly id: string;
  readonly level: WireLevel;
  /** Where it is written: an RFC section, else the weakness that taught it. */
  readonly source: string;
  readonly why: string;
  readonly request: string;
}

/** `must`: the standard leaves no choice, or any other outcome is an attack. `policy`: ours to decide, and decided. */
export type WireLevel = 'must' | 'should' | 'policy';

/** What came of it, as the two ends saw it. */
export type Outcome =
  /** The target got the whole request, the client an answer of the target. */
  | 'forward'
  /** The client got a 4xx, 501 or 505 of the proxy; the target got no whole request. */
  | 'reject'
  /** The connection was closed without an answer; the target got nothing. */
  | 'close'
  /** The target got a part of a request and could tell that it was one. */
  | 'abort-upstream'
  /** The target answered; the client could tell that the answer was broken off. */
  | 'abort-client'
  /** The client got a 500, 502, 503 or 504 of the proxy. */
  | 'bad-gateway'
  /** The proxy answered below 400 by itself. */
  | 'respond'
  /** Neither an answer nor an end within the time of the exchange. */
  | 'hang';

export interface WireScript {
  /** What the target answers; by default 200 with two bytes. */
  readonly upstream?: RawScript;
  /** Methods of the requests that get a final answer, where it is not the first one's and GET after it. */
  readonly methods?: readonly string[];
  readonly ending?: 'half-close';
  readonly send?: 'bytewise';
  /** Said later, each followed by a pause. */
  readonly parts?: readonly { readonly bytes: string; readonly delayMs: number }[];
}

export interface WireExpectation {
  readonly expect: readonly Outcome[];
  /** The status that Cutover gives, where more than one would be right. */
  readonly status?: number;
  /** What is to be said of it in docs/reference/wire.md, where "forwarded" says too little. */
  readonly forwardedHow?: 'without it' | 'with the truth instead' | 'counted down';
  /** Whole requests at the target: exactly, or at most (parts of one count as well). */
  readonly upstreamRequests?: number;
  readonly upstreamRequestsMax?: number;
  readonly upstreamMustSee?: string | RegExp;
  readonly upstreamMustNotSee?: string | RegExp;
  /** The bodies of the requests at the target, one after the other, whatever their framing. */
  readonly upstreamBody?: string;
  readonly clientMustSee?: string | RegExp;
  readonly clientMustNotSee?: string | RegExp;
  /** The bodies of the final answers, likewise. */
  readonly clientBody?: string;
  /** After a forwarded request the proxy has to close the client's connection. */
  readonly closeRequired?: boolean;
}

type CaseMaker = (
  id: string,
  source: string,
  why: string,
  request: string,
  expectation: WireExpectation & WireScript,
) => WireCase;

export const must: CaseMaker = caseMaker('must');
export const should: CaseMaker = caseMaker('should');
export const policy: CaseMaker = caseMaker('policy');

function caseMaker(level: WireLevel): CaseMaker {
  return (id, source, why, request, expectation) => ({ id, level, source, why, request, ...expectation });
}

/** Refused with an answer. */
export const REJECTED = { expect: ['reject'], upstreamRequests: 0, upstreamRequestsMax: 0 } as const;
/** Refused, with or without one. */
export const REFUSED = { expect: ['reject', 'close'], upstreamRequests: 0, upstreamRequestsMax: 0 } as const;
/** The head was good and may be at the target already; the body is not, and the target has to be able to tell. */
export const BODY_REFUSED = { expect: ['reject', 'close', 'abort-upstream'], upstreamRequests: 0 } as const;
export const FORWARDED = { expect: ['forward'], upstreamRequests: 1 } as const;
/** Right to accept in its one clear reading, right to refuse. */
export const EITHER = { expect: ['forward', 'reject'], upstreamRequestsMax: 1 } as const;
export const BAD_GATEWAY = { expect: ['bad-gateway'] } as const;

/** A whole second request, for bodies that must not turn into one: 40 bytes, 28 in hexadecimal. */
export const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n';

/** A request as it should be said: its line, `Host: a.test`, more field lines, the empty line, the body. */
export function request(line: string, fieldLines: readonly string[] = [], body = ''): string {
  return bare(line, ['Host: a.test', ...fieldLines], body);
}

/** The same without a Host of its own. */
export function bare(line: string, fieldLines: readonly string[] = [], body = ''): string {
  return `${[line, ...fieldLines].join('\r\n')}\r\n\r\n${body}`;
}

export function get(...fieldLines: string[]): string {
  return request('GET /h HTTP/1.1', fieldLines);
}

export function post(fieldLines: readonly string[], body = ''): string {
  return request('POST /p HTTP/1.1', fieldLines, body);
}

/** A POST whose body is said to be chunked, and is what it is. */
export function chunked(body: string, ...fieldLines: string[]): string {
  return post(['Transfer-Encoding: chunked', ...fieldLines], body);
}

/** A target's answer: status line after the version, field lines, body. */
export function answer(status: string, fieldLines: readonly string[] = [], body = ''): string {
  return bare(`HTTP/1.1 ${status}`, fieldLines, body);
}

/** `answer` with the length that `body` has. */
export function sized(status: string, body: string, ...fieldLines: string[]): string {
  return answer(status, [...fieldLines, `Content-Length: ${body.length}`], body);
}
