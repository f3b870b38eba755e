/**
 * Where the proxy refuses what llhttp takes (`STRICTNESS`), and the few places where it goes on when llhttp would not
 * (`LATITUDE`): every row says when, and why. A difference that no row explains is a finding, so that strictness is a
 * choice and never an accident. A message that is accepted against a row is one as well. The rows make up
 * docs/reference/strictness.md.
 */
import type { FuzzCase } from './fuzz-case.ts';
import { CLIENT_LIMITS } from './client-reading.ts';
import { TARGET_LIMITS } from './target-reading.ts';
import { type ReadMessage, valuesIn, type WireReading } from './wire-reading.ts';

export interface StrictnessRow {
  readonly id: string;
  readonly side: FuzzCase['kind'];
  /** What llhttp takes and the proxy refuses. */
  readonly refuses: string;
  readonly why: string;
  readonly explains: (refused: RefusedMessage) => boolean;
  /** The same of a message that was accepted: none may be like that, whatever llhttp makes of it. */
  readonly forbids?: (head: ReadMessage) => boolean;
}

/** The message that the proxy refused, as far as llhttp has read it. */
export interface RefusedMessage {
  readonly code: string;
  /** All bytes from the first one behind the message before. */
  readonly text: string;
  /** `text` without empty lines in front. */
  readonly line: string;
  /** llhttp's reading of it; null: its head is not complete. */
  readonly head: ReadMessage | null;
  /** How many messages came before it. */
  readonly index: number;
  /** The head was accepted: what was refused is the body. */
  readonly inBody: boolean;
  /** Bytes behind its end, where llhttp has found one. */
  readonly behind: number;
}

export function findStrictness(fuzzCase: FuzzCase, ours: WireReading, theirs: WireReading): string | null {
  const refused = refusedMessage(fuzzCase, ours, theirs);
  return STRICTNESS.find((row) => row.side === fuzzCase.kind && row.explains(refused))?.id ?? null;
}

/** The row that an accepted message should have been refused by. */
export function findBreach({ kind }: FuzzCase, accepted: ReadMessage): string | null {
  return STRICTNESS.find((row) => row.side === kind && row.forbids?.(accepted) === true)?.id ?? null;
}

/** The row by which the connection is kept where llhttp has read its last message. */
export function findLatitude(fuzzCase: FuzzCase, theirs: ReadMessage): string | null {
  return LATITUDE.find((row) => row.explains(fuzzCase, theirs))?.id ?? null;
}

function refusedMessage({ text: all }: FuzzCase, ours: WireReading, theirs: WireReading): RefusedMessage {
  const inBody = ours.messages.at(-1)?.state === 'begun';
  const isClosed = ours.refused === null;
  const index = ours.messages.length - (inBody || isClosed ? 1 : 0);
  const text = all.slice(theirs.messages[index - 1]?.end ?? 0);
  const head = theirs.messages[index] ?? null;
  return {
    code: ours.refused?.code ?? 'closes',
    text,
    line: text.replace(/^[\r\n]+/, ''),
    head,
    index,
    inBody,
    behind: all.length - (head?.end ?? all.length),
  };
}

/** The second word of the request line, whatever it is. */
function targetOf({ line, head }: RefusedMessage): string {
  return head?.target ?? /^\S+ +(\S*)/.exec(line)?.[1] ?? '';
}

function methodOf({ line, head }: RefusedMessage): string {
  return head?.method ?? line.slice(0, line.indexOf(' '));
}

function hasOddCoding(head: ReadMessage): boolean {
  const codings = valuesIn(head.fields, 'transfer-encoding');
  const isOneChunked = codings.length === 1 && codings[0]?.toLowerCase() === 'chunked';
  return codings.length > 0 && (!isOneChunked || head.version === '1.0');
}

/** Which llhttp does not show. */
function hasSpaceBehindCoding(text: string): boolean {
  return /\ntransfer-encoding:[^\r\n]*[ \t]\r\n/i.test(text);
}

function hasLongLength(head: ReadMessage): boolean {
  return valuesIn(head.fields, 'content-length').some((value) => value.length > LENGTH_DIGITS_MAX);
}

const LENGTH_DIGITS_MAX = 15;

function hasOddExpectation(head: ReadMessage): boolean {
  return valuesIn(head.fields, 'expect').some((value) => value.toLowerCase() !== '100-continue');
}

function isOtherVersion({ version }: ReadMessage): boolean {
  return version !== '1.1' && version !== '1.0';
}

function hasOddTargetBytes(target: string): boolean {
  return /[^!-~]|[#\\]/.test(target);
}

/** uri-host [":" port], RFC 9110 section 7.2, without percent-encoding and sub-delims. */
const HOST = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]{2,45}\])(?::(\d{1,5}))?$/;

function isHost(value: string): boolean {
  const match = HOST.exec(value);
  return match !== null && Number(match[1] ?? 0) <= 65_535;
}

/** Whether a list of tokens, over all lines of the field, has this one. */
function lists(message: ReadMessage | null, name: string, token: string): boolean {
  const values = message === null ? [] : valuesIn(message.fields, name);
  return values.some((value) =>
    value
      .toLowerCase()
      .split(',')
      .some((each) => each.trim() === token),
  );
}

export interface LatitudeRow {
  readonly id: string;
  readonly side: FuzzCase['kind'];
  /** What the proxy takes otherwise than llhttp. */
  readonly takes: string;
  readonly why: string;
  readonly explains: (fuzzCase: FuzzCase, theirs: ReadMessage) => boolean;
}

export const LATITUDE: readonly LatitudeRow[] = [
  {
    id: 'answer-to-head',
    side: 'response',
    takes:
      'An answer to HEAD without a length leaves the connection open; llhttp is told too late that no body follows.',
    why: 'RFC 9112 6.3: an answer to HEAD ends with its head, whatever that says.',
    explains: (fuzzCase, theirs) =>
      fuzzCase.kind === 'response' &&
      fuzzCase.method === 'HEAD' &&
      theirs.version === '1.1' &&
      !lists(theirs, 'connection', 'close'),
  },
];

export const STRICTNESS: readonly StrictnessRow[] = [
  {
    id: 'empty-lines',
    side: 'request',
    refuses: 'More than two empty lines before a request, and empty lines that are not CRLF.',
    why: 'RFC 9112 2.2 asks for one to be skipped. What ends a line for one reader and not for the next hides requests.',
    explains: ({ code, text }) =>
      code === 'malformed_request' && /^(?:\r\n){0,2}(?:\n|\r(?!\n)|\r\n\r\n\r\n)|^(?:\r\n){3}/.test(text),
  },
  {
    id: 'request-line-spaces',
    side: 'request',
    refuses: 'More than one space between the parts of a request line.',
    why: 'RFC 9112 3 has one. Readers that split at the first or the last space get different targets.',
    explains: ({ code, line }) => code === 'malformed_request' && /^[^ \r\n]+(?: {2,}| +[^ \r\n]+ {2,})/.test(line),
  },
  {
    id: 'target-bytes',
    side: 'request',
    refuses: '`#`, `\\` and bytes outside of visible ASCII in a target.',
    why: 'RFC 3986 has none of them there. Some servers read `\\` as `/`, cut at `#`, or transcode the rest.',
    explains: (refused) => refused.code === 'malformed_request' && hasOddTargetBytes(targetOf(refused)),
    forbids: ({ target }) => hasOddTargetBytes(target),
  },
  {
    id: 'target-form',
    side: 'request',
    refuses: 'Targets that are neither a path, nor http(s):// with a host and no userinfo, nor `*` with OPTIONS.',
    why: 'RFC 9112 3.2. Other schemes are not for this proxy; a userinfo is a disguise (RFC 9110 4.2.4).',
    explains: (refused) => refused.code === 'malformed_request' && !isTarget(targetOf(refused), methodOf(refused)),
    forbids: ({ target, method }) => !isTarget(target, method),
  },
  {
    id: 'version',
    side: 'request',
    refuses: 'Versions other than HTTP/1.0 and HTTP/1.1, none at all (HTTP/0.9), and other protocols (RTSP, ICE).',
    why: 'Nobody speaks them to a reverse proxy; 505 says so.',
    explains: ({ code, line }) =>
      ['unsupported_version', 'malformed_request', 'unknown_method'].includes(code) &&
      /^\S+ +(?:[^ \r\n]+ +(?!HTTP\/1\.[01]\r\n)|[^ \r\n]*[\r\n])/.test(line),
    forbids: isOtherVersion,
  },
  {
    id: 'method',
    side: 'request',
    refuses: 'CONNECT and TRACE, and PRI, which begins a connection of HTTP/2.',
    why: 'A reverse proxy opens no tunnels to where a client likes, and echoes nobody’s credentials (405).',
    explains: ({ code, line }) =>
      (code === 'method_not_allowed' && /^(?:CONNECT|TRACE) /.test(line)) ||
      (code === 'unknown_method' && line.startsWith('PRI ')),
    forbids: ({ method }) => ['CONNECT', 'TRACE', 'PRI'].includes(method),
  },
  {
    id: 'host',
    side: 'request',
    refuses: 'HTTP/1.1 without Host, more than one Host, and values that are not a host with an optional port.',
    why: 'RFC 9112 3.2 demands 400. Requests are routed by it.',
    explains: ({ code, head }) => code === 'bad_host' && head !== null && !isWellHosted(head),
    forbids: (head) => !isWellHosted(head),
  },
  {
    id: 'expect',
    side: 'request',
    refuses: 'Expectations other than `100-continue`.',
    why: 'RFC 9110 10.1.1 has 417 for those that are not known.',
    explains: ({ code, head }) => code === 'expectation_failed' && head !== null && hasOddExpectation(head),
    forbids: hasOddExpectation,
  },
  {
    id: 'request-coding',
    side: 'request',
    refuses: 'Transfer-Encoding that is not one line with the one word `chunked` at its end, and any with HTTP/1.0.',
    why: 'RFC 9112 6.1 and 6.3. Disguises of `chunked` that one reader sees through and another does not hide requests.',
    explains: ({ code, head, text }) =>
      ['ambiguous_length', 'unknown_coding'].includes(code) &&
      head !== null &&
      (hasOddCoding(head) || hasSpaceBehindCoding(text)),
    forbids: hasOddCoding,
  },
  {
    id: 'request-length-digits',
    side: 'request',
    refuses: 'Content-Length of more than 15 digits.',
    why: 'Lengths stay exact; 10^15 bytes are no request.',
    explains: ({ code, head }) => code === 'ambiguous_length' && head !== null && hasLongLength(head),
    forbids: hasLongLength,
  },
  {
    id: 'request-limits',
    side: 'request',
    refuses: 'Request lines, heads and numbers of fields above the limits of the listener.',
    why: 'Memory that a client can take is bounded: 414 and 431.',
    explains: ({ code, line, text }) =>
      (code === 'target_too_long' && line.length > CLIENT_LIMITS.requestLineBytesMax) ||
      (code === 'head_too_large' &&
        (text.length > CLIENT_LIMITS.headBytesMax || linesIn(line) > CLIENT_LIMITS.fieldsMax)),
  },
  {
    id: 'close-wins',
    side: 'request',
    refuses:
      'To keep the connection of an HTTP/1.0 client that says `close` as well as `keep-alive`, or the latter only in Proxy-Connection.',
    why: 'RFC 9112 9.3: `close` comes first, and Proxy-Connection is no field of HTTP (C.2.2).',
    explains: ({ code, head }) =>
      code === 'closes' &&
      head?.version === '1.0' &&
      (lists(head, 'connection', 'close') ||
        lists(head, 'proxy-connection', 'close') ||
        !lists(head, 'connection', 'keep-alive')),
  },
  {
    id: 'chunk-extension',
    side: 'request',
    refuses: 'Chunk extensions without a name, with `=` and no value, or with a quote in the middle of a value.',
    why: 'RFC 9112 7.1.1: they are no extensions. Who reads over anything may read over a line end.',
    explains: ({ code, inBody, text }) => inBody && code === 'malformed_body' && EMPTY_EXTENSION.test(text),
  },
  {
    id: 'trailer-framing',
    side: 'request',
    refuses: 'Content-Length, Transfer-Encoding, Connection and Proxy-Connection in trailers.',
    why: 'RFC 9110 6.5.1. Some recipients act on them, llhttp among them, and then disagree on what comes next.',
    explains: ({ code, inBody, text }) => inBody && code === 'malformed_body' && FRAMING_TRAILER.test(text),
  },
  {
    id: 'trailer-limits',
    side: 'request',
    refuses: 'Trailers above 8 KiB or 64 fields.',
    why: 'They are held until they are whole.',
    explains: ({ code, inBody, text }) => inBody && code === 'malformed_body' && hasLongTrailers(text),
  },
  {
    id: 'chunk-size',
    side: 'request',
    refuses: 'Chunk sizes of more than 13 digits, or with more than 16 zeros in front.',
    why: 'Sizes stay exact, and a size line has an end.',
    explains: ({ code, inBody, text }) => inBody && code === 'malformed_body' && LONG_SIZE.test(text),
  },
  {
    id: 'status-line',
    side: 'response',
    refuses: 'Status codes outside 100 to 599, versions other than HTTP/1.0 and 1.1, control characters in a reason.',
    why: 'RFC 9112 4 and RFC 9110 15. Such a line has ended other proxies’ processes.',
    explains: ({ code, text }) =>
      code === 'upstream_malformed' && !/^HTTP\/1\.[01] [1-5]\d\d(?: [\t -~\x80-\xff]*)?(?:\r\n|\r?$)/.test(text),
    forbids: (head) => isOtherVersion(head) || head.status < 100 || head.status > 599 || hasControls(head.reason),
  },
  {
    id: 'response-coding',
    side: 'response',
    refuses: 'Transfer-Encoding that is not one line with the one word `chunked` at its end, and any with HTTP/1.0.',
    why: 'RFC 9112 6.1 and 6.3: what such an answer means depends on who reads it.',
    explains: ({ code, head, text, inBody }) =>
      code === 'upstream_malformed' && !inBody && head !== null && (hasOddCoding(head) || hasSpaceBehindCoding(text)),
    forbids: hasOddCoding,
  },
  {
    id: 'response-length-digits',
    side: 'response',
    refuses: 'Content-Length of more than 15 digits.',
    why: 'As for requests.',
    explains: ({ code, head }) => code === 'upstream_malformed' && head !== null && hasLongLength(head),
    forbids: hasLongLength,
  },
  {
    id: 'unasked-switch',
    side: 'response',
    refuses: '101 that was not asked for, or to another protocol than asked.',
    why: 'RFC 9110 7.8. A tunnel that only one side believes in lets bytes past the proxy (CVE-2026-2833).',
    explains: ({ code, text }) => code === 'upstream_malformed' && /^HTTP\/1\.[01] 101[ \r]/.test(text),
  },
  {
    id: 'interim-flood',
    side: 'response',
    refuses: 'More than eight interim responses to one request.',
    why: 'A flood of them is work without an answer.',
    explains: ({ code, index }) => code === 'upstream_malformed' && index >= TARGET_LIMITS.interimMax,
  },
  {
    id: 'response-limits',
    side: 'response',
    refuses: 'Heads and numbers of fields above the limits of the service.',
    why: 'Memory that a target can take is bounded.',
    explains: ({ code, text }) =>
      code === 'upstream_head_too_large' &&
      (text.length > TARGET_LIMITS.headBytesMax || linesIn(text) > TARGET_LIMITS.fieldsMax),
  },
  {
    id: 'no-answer',
    side: 'response',
    refuses: 'A connection that ends before the first byte of an answer, or between two.',
    why: 'llhttp is not told that a request waits for an answer.',
    explains: ({ code, line, head }) => code === 'upstream_truncated' && head === null && line === '',
  },
  {
    id: 'response-chunk-size',
    side: 'response',
    refuses: 'Chunk sizes of more than 13 digits, or with more than 16 zeros in front.',
    why: 'As for requests.',
    explains: ({ code, inBody, text }) => inBody && code === 'upstream_malformed' && LONG_SIZE.test(text),
  },
  {
    id: 'response-chunk-extension',
    side: 'response',
    refuses: 'Chunk extensions without a name, with `=` and no value, or with a quote in the middle of a value.',
    why: 'As for requests.',
    explains: ({ code, inBody, text }) => inBody && code === 'upstream_malformed' && EMPTY_EXTENSION.test(text),
  },
  {
    id: 'response-trailer-framing',
    side: 'response',
    refuses: 'Content-Length, Transfer-Encoding, Connection and Proxy-Connection in trailers.',
    why: 'As for requests.',
    explains: ({ code, inBody, text }) => inBody && code === 'upstream_malformed' && FRAMING_TRAILER.test(text),
  },
  {
    id: 'response-trailer-limits',
    side: 'response',
    refuses: 'Trailers above 8 KiB or 64 fields.',
    why: 'As for requests.',
    explains: ({ code, inBody, text }) => inBody && code === 'upstream_malformed' && hasLongTrailers(text),
  },
  {
    id: 'interim-end',
    side: 'response',
    refuses: 'Interim responses that close the connection, are of HTTP/1.0, or announce a body.',
    why: 'RFC 9110 15.2 and 8.6: the final one could not follow.',
    explains: ({ code, head }) =>
      code === 'upstream_malformed' && head !== null && head.status < 200 && head.status !== 101 && isLast(head),
  },
  {
    id: 'announced-body',
    side: 'response',
    refuses: 'To use a connection again on which a 204 announced a body.',
    why: 'RFC 9110 8.6: it must not, and it may be sent all the same.',
    explains: ({ code, head }) => code === 'closes' && head?.status === 204 && isLast(head),
  },
  {
    id: 'old-target',
    side: 'response',
    refuses: 'Connections that an HTTP/1.0 target offers to keep.',
    why: 'RFC 9112 9.3 lets a proxy: such targets are few, and the offer has been misread by many.',
    explains: ({ code, head }) => code === 'closes' && head?.version === '1.0',
  },
  {
    id: 'bytes-behind',
    side: 'response',
    refuses: 'To use a connection again on which bytes came behind the answer.',
    why: 'They would be taken for the answer to the next request (response queue poisoning).',
    explains: ({ code, head, behind }) => code === 'closes' && head !== null && behind > 0,
  },
];

function isLast(head: ReadMessage): boolean {
  const announcesBody = valuesIn(head.fields, 'content-length').some((value) => !/^0+$/.test(value));
  const isChunked = valuesIn(head.fields, 'transfer-encoding').length > 0;
  const closes = lists(head, 'connection', 'close') || lists(head, 'proxy-connection', 'close');
  return head.version === '1.0' || closes || announcesBody || isChunked;
}

function hasLongTrailers(text: string): boolean {
  const trailers = /\n0+(?:;[^\n]*)?\r\n([^]*)/.exec(text)?.[1] ?? '';
  return trailers.length > TRAILER_BYTES_MAX || linesIn(trailers) > TRAILER_FIELDS_MAX;
}

const TRAILER_BYTES_MAX = 8192;
const TRAILER_FIELDS_MAX = 64;
const EMPTY_EXTENSION = /\n[0-9A-Fa-f]+(?:;[^\n]*)?(?:;[;=\r]|=[;\r]|=[^;\r"]+")/;
const FRAMING_TRAILER =
  /\n0+(?:;[^\n]*)?\r\n(?:[^\r\n]+\r\n)*(?:content-length|transfer-encoding|(?:proxy-)?connection):/i;
const LONG_SIZE = /\n(?:0{17,}|0*[1-9A-Fa-f][0-9A-Fa-f]{13,})/;

function isTarget(target: string, method: string): boolean {
  if (target === '*') return method === 'OPTIONS';
  return target.startsWith('/') || /^https?:\/\/[^/?@]+(?:[/?]|$)/i.test(target);
}

function isWellHosted(head: ReadMessage): boolean {
  const hosts = valuesIn(head.fields, 'host');
  const authority = /^https?:\/\/([^/?]*)/i.exec(head.target)?.[1];
  if (head.version === '1.1' && hosts.length !== 1) return false;
  return hosts.length <= 1 && [...hosts, ...(authority === undefined ? [] : [authority])].every(isHost);
}

function hasControls(text: string): boolean {
  return /[\0-\x08\x0a-\x1f\x7f]/.test(text);
}

function linesIn(text: string): number {
  return text.split('\n').length - 1;
}
