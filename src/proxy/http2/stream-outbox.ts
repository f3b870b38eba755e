/**
 * What is about to be sent on one stream. Head and small pieces of body are gathered and handed to node:http2 at the end of the
 * turn that made them, so that a short answer is one HEADERS and one DATA frame; a large piece goes out as it is.
 */
import { constants, type ServerHttp2Stream, type ServerStreamResponseOptions } from 'node:http2';
import type { AnswerOutlet } from '../http1/answer-writer.ts';
import type { Sender } from '../read-buffers.ts';
import { answerFields, fieldObject, fieldsOfLines } from './answer-fields.ts';

/** Below it, copying a piece into the text is cheaper than handing over a second buffer. */
const INLINE_BYTES_MAX = 4096;
/** Text is handed over when it has grown to this. */
const TEXT_CHARS_MAX = 16_384;

/** `sendDate`: what is to be said of the time is in the head already. */
type Options = ServerStreamResponseOptions & { readonly sendDate: false };

const PLAIN: Options = { sendDate: false };
const WITHOUT_BODY: Options = { sendDate: false, endStream: true };
const WITH_TRAILERS: Options = { sendDate: false, waitForTrailers: true };

export class StreamOutbox implements AnswerOutlet, Sender {
  readonly #stream: ServerHttp2Stream;
  /** Of the answer, as HTTP/1.1 has it; "": there is none yet, or it was handed over. */
  #head = '';
  #text = '';
  #trailers = '';
  /** Trailers may come, which has to be said with the head. */
  mayTrail = false;
  #given = 0;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  /** The client has yet to take what was handed over. */
  get isBlocked(): boolean {
    return this.#stream.writableNeedDrain;
  }

  /** Whether node:http2 still takes something for this stream. */
  get #isOpen(): boolean {
    return !this.#stream.closed && !this.#stream.destroyed;
  }

  /** A head of HTTP/1.1, with a body behind it where the answer is our own. */
  addText(text: string): void {
    const headEnd = text.indexOf('\r\n\r\n') + 4;
    this.#head = headEnd === text.length ? text : text.substring(0, headEnd);
    this.#text = headEnd === text.length ? '' : text.substring(headEnd);
  }

  addChunk(chunk: Buffer): Sender | null {
    if (chunk.length <= INLINE_BYTES_MAX) {
      this.#text += chunk.toString('latin1', 0, chunk.length);
      if (this.#text.length > TEXT_CHARS_MAX) {
        this.flush();
      }
      return null;
    }
    this.flush();
    if (!this.#takesBody) {
      return null;
    }
    this.#given += chunk.length;
    this.#stream.write(chunk);
    return this.#stream.writableLength > 0 ? this : null;
  }

  get given(): number {
    return this.#given;
  }

  /**
   * What a stream that was broken off still had is never known to be sent: it may be on its way in a frame, and must not become
   * part of somebody else's answer there.
   */
  hasSent(given: number): boolean {
    const stream = this.#stream;
    return stream.writableFinished || (this.#isOpen && this.#given - stream.writableLength >= given);
  }

  get #takesBody(): boolean {
    // An answer to HEAD, and one with a status that has no body, has ended with its head.
    return this.#isOpen && !this.#stream.writableEnded;
  }

  /** Hands an interim response over, which waits for nothing. */
  addInterim(head: string): void {
    if (this.#isOpen && !this.#stream.headersSent) {
      this.#stream.additionalHeaders(fieldObject(answerFields(head)));
    }
  }

  flush(): void {
    if (this.#head !== '') {
      this.#respond(this.mayTrail ? WITH_TRAILERS : PLAIN);
    }
    if (this.#text !== '') {
      const text = this.#text;
      this.#text = '';
      if (this.#takesBody) {
        this.#given += text.length;
        this.#stream.write(text, 'latin1');
      }
    }
  }

  #respond(options: Options): void {
    const head = this.#head;
    this.#head = '';
    if (!this.#isOpen) {
      return;
    }
    this.#stream.respond(answerFields(head), options);
    if (options === WITH_TRAILERS) {
      this.#stream.on('wantTrailers', () => this.#sendTrailers());
    }
  }

  /** The answer is whole. `trailers`: complete lines; "" for none. */
  end(trailers: string): void {
    this.#trailers = trailers;
    if (this.#head !== '') {
      if (trailers !== '') {
        this.#respond(WITH_TRAILERS);
      } else {
        this.#respond(this.#text === '' ? WITHOUT_BODY : PLAIN);
      }
    }
    if (!this.#takesBody) {
      return;
    }
    if (this.#text === '') {
      this.#stream.end();
    } else {
      this.#stream.end(this.#text, 'latin1');
      this.#text = '';
    }
  }

  #sendTrailers(): void {
    if (this.#isOpen) {
      this.#stream.sendTrailers(fieldObject(fieldsOfLines(this.#trailers)));
    }
  }

  /** Drops what was not handed over. */
  clear(): void {
    this.#head = '';
    this.#text = '';
  }

  /**
   * Breaks the stream off, so that the client can tell that what it got is not whole. To close a stream in the middle of its
   * answer would first end it, as if this were all: there it is destroyed, with INTERNAL_ERROR whatever the reason.
   */
  reset(code: number = constants.NGHTTP2_INTERNAL_ERROR): void {
    this.clear();
    if (this.#stream.writableEnded || !this.#stream.headersSent) {
      this.#stream.close(code);
    } else {
      this.#stream.destroy(new Error('the answer is not whole'));
    }
  }
}
