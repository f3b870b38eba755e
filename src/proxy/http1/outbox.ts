/**
 * What is about to be written to one socket. Text (heads, chunk sizes) and small pieces of body are gathered as one
 * latin1 string and leave in one system call at the end of the turn that made them; a large piece goes out together
 * with the text before it, uncopied.
 */
import type { Socket } from 'node:net';
import { INLINE_BYTES_MAX, type Sender } from '../read-buffers.ts';

/** Text is written out when it has grown to this. */
const TEXT_CHARS_MAX = 16_384;

export class Outbox implements Sender {
  readonly #socket: Socket;
  #text = '';
  #given = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get isEmpty(): boolean {
    return this.#text === '';
  }

  get given(): number {
    return this.#given;
  }

  /** What a socket that was destroyed still had is never touched again. */
  hasSent(given: number): boolean {
    return this.#given - this.#socket.writableLength >= given || this.#socket.destroyed;
  }

  addText(text: string): void {
    this.#text += text;
  }

  addInterim(head: string): void {
    this.#text += head;
  }

  /** Returns this if the socket still holds on to `chunk` afterwards, so that its memory must not be reused; or null. */
  addChunk(chunk: Buffer): Sender | null {
    if (chunk.length <= INLINE_BYTES_MAX) {
      this.#text += chunk.toString('latin1', 0, chunk.length);
      if (this.#text.length > TEXT_CHARS_MAX) {
        this.flush();
      }
      return null;
    }
    this.#given += chunk.length;
    if (this.#text === '') {
      this.#socket.write(chunk);
    } else {
      this.#socket.cork();
      this.flush();
      this.#socket.write(chunk);
      this.#socket.uncork();
    }
    return this.#socket.writableLength > 0 ? this : null;
  }

  flush(): void {
    if (this.#text !== '') {
      const text = this.#text;
      this.#text = '';
      this.#given += text.length;
      this.#socket.write(text, 'latin1');
    }
  }

  /** Drops what was not written. */
  clear(): void {
    this.#text = '';
  }
}
