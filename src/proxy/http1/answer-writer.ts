/**
 * The answers to the requests of one client's connection, one after the other: what a target answers, and what the
 * proxy says itself. It knows what the request and its service make of an answer, and nothing of sockets and time.
 */
import type { ServiceFace } from '../downstream.ts';
import type { FailureCode } from '../errors.ts';
import type { Provenance } from '../origin.ts';
import type { Sender } from '../read-buffers.ts';
import type { FieldSection } from './field-section.ts';
import { FIELD } from './fields.ts';
import { type AnswerContext, configuredAnswer, type OwnAnswer, ownAnswer, replacingAnswer } from './own-answer.ts';
import { passingTrailers, RESPONSE_PASSAGE, withheldNames } from './passing-fields.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';
import {
  HTTP_2,
  type ResponseEdits,
  type ResponseFraming,
  responseFraming,
  writeInterimHead,
  writeResponseHead,
  writeSwitchHead,
} from './response-writer.ts';

/** Of a request that no service has taken. */
const NO_SERVICE: ServiceFace = { response: RESPONSE_PASSAGE, pages: null };

/** The Date field of this second, line end included. */
interface DateSource {
  readonly dateLine: string;
}

/** Where answers go. */
export interface AnswerOutlet {
  /** A head, with the body where the answer is the proxy's own; or what frames a part of a body. */
  addText(text: string): void;
  addInterim(head: string): void;
  /** Returns who still holds on to `chunk`'s memory; null: nobody. */
  addChunk(chunk: Buffer): Sender | null;
}

export class AnswerWriter {
  readonly #outbox: AnswerOutlet;
  readonly #dates: DateSource;
  #method = 'GET';
  #minor = 1;
  #accept = '';
  #keepAlive = true;
  #framing: ResponseFraming = 'none';
  #face: ServiceFace = NO_SERVICE;
  #from: Provenance | null = null;
  #requestId = '';
  /** Lower-case names of fields that user code has taken from the answer, or set anew; null: none. */
  #dropped: ReadonlySet<string> | null = null;

  constructor(outbox: AnswerOutlet, dates: DateSource) {
    this.#outbox = outbox;
    this.#dates = dates;
  }

  /** Whether another request may follow on the connection, as the answer says. */
  get keepsConnection(): boolean {
    return this.#keepAlive;
  }

  /** The end of the answer's body is the end of the connection. */
  get endsWithConnection(): boolean {
    return this.#framing === 'close';
  }

  begin(head: RequestHead, keepAlive: boolean): void {
    this.#method = head.method;
    this.#minor = head.version === '2.0' ? HTTP_2 : head.minor;
    this.#accept = head.fields.valueOf(FIELD.accept);
    this.#face = NO_SERVICE;
    this.#requestId = '';
    this.#keepAlive = keepAlive;
  }

  /** The request could not be read. */
  beginUnread(method: 'GET' | 'HEAD'): void {
    this.#method = method;
    this.#minor = 1;
    this.#accept = '';
    this.#face = NO_SERVICE;
    this.#requestId = '';
    this.#keepAlive = false;
  }

  /** The request that is to be answered is routed anew. */
  forgetService(): void {
    this.#face = NO_SERVICE;
    this.#requestId = '';
  }

  /** Of the request being answered; "": no service has taken it. */
  get requestId(): string {
    return this.#requestId;
  }

  serveAs(face: ServiceFace, from: Provenance, requestId: string): void {
    this.#face = face;
    this.#from = from;
    this.#requestId = requestId;
  }

  interim(head: ResponseHead): void {
    // RFC 9110 section 15.2: an HTTP/1.0 client does not know interim responses.
    if (this.#minor !== 0) {
      this.#outbox.addInterim(writeInterimHead(head, this.#face.response));
    }
  }

  switchProtocols(head: ResponseHead): void {
    this.#outbox.addText(writeSwitchHead(head, this.#face.response, this.#from));
    this.#framing = 'none';
  }

  /** `mayKeep`: nothing but the answer itself stands against another request. False: a page was sent in its place. */
  respond(head: ResponseHead, extraFields: string, edits: ResponseEdits | null, mayKeep: boolean): boolean {
    if (this.#face.pages !== null && this.#replace(head, edits?.status ?? head.status, extraFields, mayKeep)) {
      return false;
    }
    this.#framing = responseFraming(head, this.#minor);
    this.#dropped = edits?.dropped ?? null;
    this.#keepAlive &&= this.#framing !== 'close' && mayKeep;
    this.#outbox.addText(
      writeResponseHead(head, this.#framing, {
        minor: this.#minor,
        method: this.#method,
        keepAlive: this.#keepAlive,
        dateLine: this.#dates.dateLine,
        passage: this.#face.response,
        from: this.#from,
        extraFields,
        edits,
      }),
    );
    return true;
  }

  /** Whether an error page of the service is sent in the answer's place. */
  #replace(head: ResponseHead, status: number, extraFields: string, mayKeep: boolean): boolean {
    const { listed } = this.#face.response;
    const text = replacingAnswer(head, status, listed, extraFields, this.#ownContext(this.#requestId, 0, mayKeep));
    if (text === null) {
      return false;
    }
    this.#framing = 'none';
    this.#outbox.addText(text);
    return true;
  }

  /** Returns who still holds on to `chunk`'s memory; null: nobody. */
  body(chunk: Buffer): Sender | null {
    if (chunk.length === 0) {
      // As a chunk, nothing would be the end of the body (RFC 9112 section 7.1).
      return null;
    }
    if (this.#framing !== 'chunked') {
      return this.#outbox.addChunk(chunk);
    }
    this.#outbox.addText(`${chunk.length.toString(16)}\r\n`);
    const holder = this.#outbox.addChunk(chunk);
    this.#outbox.addText('\r\n');
    return holder;
  }

  end(trailers: FieldSection | null): void {
    if (this.#framing === 'chunked') {
      this.#outbox.addText(`0\r\n${this.trailerLines(trailers)}\r\n`);
    }
  }

  /** What passes of them, as complete lines. */
  trailerLines(trailers: FieldSection | null): string {
    return passingTrailers(trailers, withheldNames(this.#face.response, this.#dropped));
  }

  /** The proxy's own answer. */
  answer(code: FailureCode, requestId: string, retryAfterSeconds: number, mayKeep: boolean): void {
    this.#outbox.addText(ownAnswer(code, this.#ownContext(requestId, retryAfterSeconds, mayKeep)));
  }

  /** An answer that the configuration gives. */
  answerWith(answer: OwnAnswer, requestId: string, mayKeep: boolean): void {
    this.#outbox.addText(configuredAnswer(answer, this.#ownContext(requestId, 0, mayKeep)));
  }

  #ownContext(requestId: string, retryAfterSeconds: number, mayKeep: boolean): AnswerContext {
    this.#keepAlive &&= mayKeep;
    return {
      requestId,
      accept: this.#accept,
      isHead: this.#method === 'HEAD',
      keepAlive: this.#keepAlive,
      minor: this.#minor,
      dateLine: this.#dates.dateLine,
      pages: this.#face.pages,
      retryAfterSeconds,
    };
  }
}
