/**
 * Reads what the proxy sends on a session of HTTP/2 and forgives nothing: frames that are there and whole, on streams that are
 * there, no longer than the client takes them, and not a byte more of an answer than its windows allow.
 */
import { FLAG, FRAME, type Frame } from '../../helpers/frame-client.ts';

const FRAME_HEAD_BYTES = 9;
const INITIAL_WINDOW_ID = 4;
const FRAME_SIZE_ID = 5;
const DEFAULT_WINDOW = 65_535;
const DEFAULT_FRAME_SIZE = 16_384;

/** Frames of the connection, and those that may be of it or of a stream. */
const OF_CONNECTION: ReadonlySet<number> = new Set([FRAME.settings, FRAME.ping, FRAME.goaway]);
const FIXED_LENGTH = new Map<number, number>([
  [FRAME.reset, 4],
  [FRAME.ping, 8],
  [FRAME.window, 4],
]);

interface StreamView {
  /** What was given beyond the window that each stream begins with, less what was used. */
  credit: number;
  hasHead: boolean;
  isOver: boolean;
}

export class SessionReferee {
  readonly violations: string[] = [];
  readonly #streams = new Map<number, StreamView>();
  #window = DEFAULT_WINDOW;
  #initialWindow = DEFAULT_WINDOW;
  #frameSize = DEFAULT_FRAME_SIZE;
  /** Windows that streams begin with, by settings that were not acknowledged. */
  readonly #unacknowledged: (number | null)[] = [];
  #lastOpened = 0;
  #hasBegun = false;
  /** The stream whose head goes on; 0: none does. */
  #openHead = 0;

  /** Of whole frames that the client has sent. */
  onSent(bytes: Buffer): void {
    for (let at = 0; at + FRAME_HEAD_BYTES <= bytes.length;) {
      const end = at + FRAME_HEAD_BYTES + bytes.readUIntBE(at, 3);
      if (end > bytes.length) return;
      const [type, flags] = [bytes.readUInt8(at + 3), bytes.readUInt8(at + 4)];
      const stream = bytes.readUInt32BE(at + 5) & 0x7fffffff;
      this.#onSentFrame({ type, flags, stream, payload: bytes.subarray(at + FRAME_HEAD_BYTES, end) });
      at = end;
    }
  }

  #onSentFrame({ type, flags, stream, payload }: Frame): void {
    if (type === FRAME.headers) this.#lastOpened = Math.max(this.#lastOpened, stream);
    if (type === FRAME.window && payload.length === 4) {
      if (stream === 0) this.#window += payload.readUInt32BE(0) & 0x7fffffff;
      else this.#stream(stream).credit += payload.readUInt32BE(0) & 0x7fffffff;
    }
    if (type === FRAME.settings && (flags & FLAG.ack) === 0 && payload.length % 6 === 0) this.#onSentSettings(payload);
  }

  #onSentSettings(payload: Buffer): void {
    let window: number | null = null;
    for (let at = 0; at < payload.length; at += 6) {
      const value = payload.readUInt32BE(at + 2);
      if (payload.readUInt16BE(at) === INITIAL_WINDOW_ID) window = value;
      if (payload.readUInt16BE(at) === FRAME_SIZE_ID) this.#frameSize = Math.max(this.#frameSize, value);
    }
    // A larger window may be used as soon as it is known; a smaller one is kept to from the acknowledgement on.
    if (window !== null) this.#initialWindow = Math.max(this.#initialWindow, window);
    this.#unacknowledged.push(window);
  }

  onFrame(frame: Frame): void {
    const problem = this.#problemOf(frame);
    if (problem !== null) this.violations.push(`${problem}: type ${frame.type} on stream ${frame.stream}`);
    this.#hasBegun = true;
  }

  #problemOf(frame: Frame): string | null {
    const { type, flags, stream, payload } = frame;
    if (!this.#hasBegun && (type !== FRAME.settings || (flags & FLAG.ack) !== 0)) return 'not settings first';
    if (type > FRAME.continuation || type === FRAME.push) return 'a frame that servers do not send here';
    if (payload.length > this.#frameSize) return `a frame of ${payload.length} bytes`;
    if (payload.length !== (FIXED_LENGTH.get(type) ?? payload.length)) return `a length of ${payload.length}`;
    if (this.#openHead !== 0 && (type !== FRAME.continuation || stream !== this.#openHead)) return 'inside of a head';
    if (OF_CONNECTION.has(type)) {
      return stream === 0 ? this.#onConnectionFrame(frame) : 'a frame of connections';
    }
    if (type === FRAME.window && stream === 0) return null;
    if (stream % 2 === 0 || stream > this.#lastOpened) return 'a stream that is not there';
    return this.#onStreamFrame(frame);
  }

  #onConnectionFrame({ type, flags, payload }: Frame): string | null {
    if (type !== FRAME.settings || (flags & FLAG.ack) === 0) return null;
    if (payload.length > 0) return 'an acknowledgement that says something';
    const window = this.#unacknowledged.shift();
    if (window === undefined) return 'an acknowledgement of nothing';
    if (window !== null && !this.#unacknowledged.some((later) => later !== null)) this.#initialWindow = window;
    return null;
  }

  #onStreamFrame({ type, flags, stream: id, payload }: Frame): string | null {
    const stream = this.#stream(id);
    if (type === FRAME.window) return payload.readUInt32BE(0) === 0 ? 'an increment of nothing' : null;
    if (type === FRAME.reset) {
      stream.isOver = true;
      return null;
    }
    if (type === FRAME.continuation) {
      if (this.#openHead !== id) return 'a continuation of nothing';
      this.#openHead = (flags & FLAG.endHeaders) === 0 ? id : 0;
      return null;
    }
    if (stream.isOver) return 'behind the end';
    if (type === FRAME.data && !stream.hasHead) return 'a body before its head';
    stream.hasHead = true;
    if ((flags & FLAG.endStream) !== 0) stream.isOver = true;
    if (type === FRAME.headers) {
      // A head whose stream ends with it may go on all the same.
      this.#openHead = (flags & FLAG.endHeaders) === 0 ? id : 0;
      return null;
    }
    return this.#onData(stream, payload.length);
  }

  #onData(stream: StreamView, bytes: number): string | null {
    stream.credit -= bytes;
    this.#window -= bytes;
    if (bytes > 0 && this.#window < 0) return `${-this.#window} bytes beyond the window of the connection`;
    const left = this.#initialWindow + stream.credit;
    return bytes > 0 && left < 0 ? `${-left} bytes beyond the window` : null;
  }

  #stream(id: number): StreamView {
    const stream = this.#streams.get(id) ?? { credit: 0, hasHead: false, isOver: false };
    this.#streams.set(id, stream);
    return stream;
  }
}
