/**
 * One case of what clients of HTTP/2 send, frame by frame, what may follow, and why. Where RFC 9113 leaves a choice, or lets an
 * end of a connection treat an error of a stream as one of the connection (section 5.4.1), more than one outcome is right.
 */
import type { ServiceDocument } from '../../../src/schema/service.ts';
import { FLAG, FRAME, frame, headerBlock, settingsPayload, uint32 } from '../../helpers/frame-client.ts';
import type { CaseClient } from './case-client.ts';
import type { TargetRecord } from './marked-target.ts';

export type Fields = readonly (readonly [string, string])[];

/** Codes of RFC 9113 section 7, in the order of their numbers. */
export const CODES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
] as const;

export type Code = (typeof CODES)[number];

export type FrameOutcome =
  /** The stream has a whole answer of this status, and the session goes on. */
  | `answered ${number}`
  /** The stream was reset, and the session goes on. */
  | `stream error ${Code}`
  /** GOAWAY, and then the end. */
  | `connection error ${Code}`
  /** The end, without an error. */
  | 'closed'
  /** The session goes on, and nothing has come of what was sent. */
  | 'goes on'
  /** Neither an answer nor an end within the time of a case. */
  | 'silence';

/** What is sent next, or what is waited for. */
export type Step = Buffer | ((client: CaseClient) => Promise<unknown>);

export interface FrameCase {
  readonly name: string;
  readonly source: string;
  readonly why: string;
  readonly expect: readonly FrameOutcome[];
  readonly steps: (say: Saying) => readonly Step[];
  /** The stream that `expect` is about; 1 by default. */
  readonly stream?: number;
  /** Whether a request on another stream is to show that the session goes on; it cannot be made in the middle of a head. */
  readonly asksAfter?: boolean;
  /** Settings of the client, as pairs of id and value; 'none': the case sends its own preface. */
  readonly settings?: readonly (readonly [number, number])[] | 'none';
  readonly service?: Omit<ServiceDocument, 'pools' | 'match'>;
  /** 'narrow': 4 streams at once and small heads. 'impatient': with timeouts that a test can wait for. 'short': 2 requests. */
  readonly listener?: 'plain' | 'narrow' | 'impatient' | 'short';
  /** Played once, in the segments of its steps: cut into bytes it would teach nothing more, or would be another case. */
  readonly isOnce?: boolean;
  /** Whole requests that may reach the target; by default 1 where an answer of 200 is allowed, and none otherwise. */
  readonly requestsMax?: number;
  /** What else must be true afterwards. Throws where it is not. */
  readonly also?: (client: CaseClient, target: TargetRecord) => void;
}

type More = Omit<FrameCase, 'name' | 'source' | 'why' | 'expect' | 'steps'>;

export function frameCase(
  name: string,
  source: string,
  why: string,
  expect: readonly FrameOutcome[],
  steps: FrameCase['steps'],
  more: More = {},
): FrameCase {
  return { name, source, why, expect, steps, ...more };
}

export function answered(...statuses: readonly number[]): FrameOutcome[] {
  return statuses.map((status) => `answered ${status}` as const);
}

/** Of the connection, and of nothing less. */
export function connectionError(...codes: readonly Code[]): FrameOutcome[] {
  return codes.map((code) => `connection error ${code}` as const);
}

/** Of the stream, or of the connection: RFC 9113 section 5.4.1. */
export function streamError(...codes: readonly Code[]): FrameOutcome[] {
  return [...codes.map((code) => `stream error ${code}` as const), ...connectionError(...codes)];
}

/** A malformed request: RFC 9113 section 8.1.1, by which it may also be answered. */
export const MALFORMED: readonly FrameOutcome[] = [...streamError('PROTOCOL_ERROR'), ...answered(400)];
export const OK: readonly FrameOutcome[] = answered(200);
export const GOES_ON: readonly FrameOutcome[] = ['goes on'];

export const SETTING = {
  tableSize: 1,
  enablePush: 2,
  concurrentStreams: 3,
  initialWindow: 4,
  frameSize: 5,
  listSize: 6,
  connectProtocol: 8,
  noPriorities: 9,
} as const;

/** Answers are read without a table of what was said before. */
export const NO_TABLE = [[SETTING.tableSize, 0]] as const;

/** What a client says to the one host that stands for its case. */
export class Saying {
  readonly host: string;

  constructor(host: string) {
    this.host = host;
  }

  fields(method = 'GET', path = '/'): Fields {
    return [
      [':method', method],
      [':scheme', 'http'],
      [':authority', this.host],
      [':path', path],
    ];
  }

  /** The same with one field changed, or added behind them. */
  fieldsWith(name: string, value: string, method = 'GET'): Fields {
    const fields = this.fields(method);
    if (!fields.some(([one]) => one === name)) return [...fields, [name, value]];
    return fields.map((field) => (field[0] === name ? [name, value] : field));
  }

  without(...names: readonly string[]): Fields {
    return this.fields().filter(([name]) => !names.includes(name));
  }

  block(method = 'GET', path = '/', more: Fields = []): Buffer {
    return headerBlock([...this.fields(method, path), ...more]);
  }

  get(stream: number, path = '/', more: Fields = []): Buffer {
    return head(stream, [...this.fields('GET', path), ...more]);
  }

  /** Begins a request that a body follows. */
  post(stream: number, path = '/', more: Fields = []): Buffer {
    return head(stream, [...this.fields('POST', path), ...more], 0);
  }
}

export function head(stream: number, fields: Fields, flags: number = FLAG.endStream): Buffer {
  return headers(stream, headerBlock(fields), flags | FLAG.endHeaders);
}

export function headers(stream: number, block: Buffer, flags: number = FLAG.endStream | FLAG.endHeaders): Buffer {
  return frame(FRAME.headers, flags, stream, block);
}

export function continuation(stream: number, block: Buffer, flags: number = FLAG.endHeaders): Buffer {
  return frame(FRAME.continuation, flags, stream, block);
}

export function data(stream: number, body: string | Buffer, flags: number = FLAG.endStream): Buffer {
  return frame(FRAME.data, flags, stream, typeof body === 'string' ? Buffer.from(body, 'latin1') : body);
}

export function reset(stream: number, code: Code = 'CANCEL'): Buffer {
  return frame(FRAME.reset, 0, stream, uint32(CODES.indexOf(code)));
}

export function settings(...pairs: readonly (readonly [number, number])[]): Buffer {
  return frame(FRAME.settings, 0, 0, settingsPayload(pairs));
}

export function ping(payload: Buffer = Buffer.alloc(8, 3), flags = 0): Buffer {
  return frame(FRAME.ping, flags, 0, payload);
}

export function windowUpdate(stream: number, increment: number): Buffer {
  return frame(FRAME.window, 0, stream, uint32(increment));
}

export function goaway(lastStream: number, code: Code = 'NO_ERROR', debug = ''): Buffer {
  return frame(
    FRAME.goaway,
    0,
    0,
    Buffer.concat([uint32(lastStream), uint32(CODES.indexOf(code)), Buffer.from(debug)]),
  );
}

/** RFC 9113 section 6.3: what a stream depends on, and its weight. */
export function priorityOn(dependency: number): Buffer {
  return Buffer.concat([uint32(dependency), Buffer.of(15)]);
}

/** With so many bytes of padding behind it, and their number before it. */
export function padded(payload: Buffer, bytes: number): Buffer {
  return Buffer.concat([Buffer.of(bytes), payload, Buffer.alloc(bytes)]);
}

/** The first nine bytes of a frame whose length is `length`, whatever follows. */
export function frameHead(length: number, type: number, flags: number, stream: number): Buffer {
  const bytes = frame(type, flags, stream);
  bytes.writeUIntBE(length, 0, 3);
  return bytes;
}

export function join(...pieces: readonly Buffer[]): Buffer {
  return Buffer.concat(pieces);
}
