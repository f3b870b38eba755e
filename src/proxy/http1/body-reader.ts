/** The bodies of the requests of one connection, one after the other, taken from the bytes that come. */
import type { Sender } from '../read-buffers.ts';
import { ChunkedDecoder } from './chunked-decoder.ts';
import type { FieldSection } from './field-section.ts';
import type { RequestHead } from './request-head.ts';

/** Of a trailer section. */
export const TRAILER_LIMITS = { bytesMax: 8192, fieldsMax: 64 };

/** Who gets the body. */
interface BodyTaker {
  /** Returns who still holds on to `chunk`'s memory; null: nobody. */
  requestBody(chunk: Buffer): Sender | null;
}

export class BodyReader {
  #bytesLeft = 0;
  #decoder: ChunkedDecoder | null = null;
  /** What the last `read` has come to. */
  state: 'more' | 'done' | 'bad' = 'more';
  /** Who still holds on to what the last `read` handed over; null: nobody. */
  holder: Sender | null = null;
  /** Of a body that is done. */
  trailers: FieldSection | null = null;

  begin(head: RequestHead): void {
    this.#bytesLeft = head.contentLength;
    this.#decoder = head.framing === 'chunked' ? new ChunkedDecoder(TRAILER_LIMITS) : null;
    this.state = 'more';
    this.trailers = null;
  }

  /** Hands over what of `buffer` belongs to the body. Returns where the next byte to read is. */
  read(taker: BodyTaker, buffer: Buffer, from: number, to: number): number {
    if (this.#decoder !== null) {
      return this.#readChunked(this.#decoder, taker, buffer, from, to);
    }
    const end = Math.min(to, from + this.#bytesLeft);
    this.#bytesLeft -= end - from;
    this.state = this.#bytesLeft === 0 ? 'done' : 'more';
    this.holder = taker.requestBody(from === 0 && end === buffer.length ? buffer : buffer.subarray(from, end));
    return end;
  }

  #readChunked(decoder: ChunkedDecoder, taker: BodyTaker, buffer: Buffer, from: number, to: number): number {
    this.state = decoder.decode(buffer, from, to);
    this.holder =
      decoder.dataEnd > decoder.dataStart
        ? taker.requestBody(buffer.subarray(decoder.dataStart, decoder.dataEnd))
        : null;
    if (this.state === 'done') {
      this.#decoder = null;
      this.trailers = decoder.trailers;
    }
    return decoder.next;
  }
}
