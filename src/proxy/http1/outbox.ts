/**
 * What is about to be written to one socket. Text (heads, chunk sizes) and small pieces of body are gathered as one
 * latin1 string, and pieces of middling size are put together with the text around them in memory of ours: either leaves in
 * one system call at the end of the turn that made it. A large piece goes out together with what is before it, uncopied.
 */
import type { Socket } from 'node:net';
import { INLINE_BYTES_MAX, type ReadBuffers, type Sender } from '../read-buffers.ts';

/** Below it, copying a piece behind its head is cheaper than handing the kernel two buffers. */
export const JOINED_BYTES_MAX = 16_384;
/** Memory that such a piece is put together in, with what is before and behind it. */
const JOINT_BYTES = 32_768;
/** Text is written out when it has grown to this. */
const TEXT_CHARS_MAX = 16_384;

export class Outbox implements Sender {
  readonly #socket: Socket;
  readonly #buffers: ReadBuffers;
  /** What is written first: pieces with the text before each; null: there are none. */
  #joint: Buffer | null = null;
  #jointBytes = 0;
  /** What is written after it. */
  #text = '';
  #given = 0;

  constructor(socket: Socket, buffers: ReadBuffers) {
    this.#socket = socket;
    this.#buffers = buffers;
  }

  get isEmpty(): boolean {
    return this.#text === '' && this.#joint === null;
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

  /**
   * Returns this if the socket still holds on to `chunk` afterwards, so that its memory must not be reused; or null, as for
   * every piece of at most `JOINED_BYTES_MAX`.
   */
  addChunk(chunk: Buffer): Sender | null {
    if (chunk.length <= INLINE_BYTES_MAX) {
      this.#text += chunk.toString('latin1', 0, chunk.length);
      if (this.#text.length > TEXT_CHARS_MAX) {
        this.flush();
      }
      return null;
    }
    if (chunk.length <= JOINED_BYTES_MAX) {
      this.#join(chunk);
      return null;
    }
    this.#given += chunk.length;
    if (this.isEmpty) {
      this.#socket.write(chunk);
    } else {
      this.#socket.cork();
      this.flush();
      this.#socket.write(chunk);
      this.#socket.uncork();
    }
    return this.#socket.writableLength > 0 ? this : null;
  }

  #join(chunk: Buffer): void {
    if (this.#jointBytes + this.#text.length + chunk.length > JOINT_BYTES) {
      this.flush();
    }
    this.#joint ??= this.#buffers.take(JOINT_BYTES);
    this.#jointBytes += this.#joint.write(this.#text, this.#jointBytes, 'latin1');
    this.#text = '';
    this.#jointBytes += chunk.copy(this.#joint, this.#jointBytes);
  }

  flush(): void {
    if (this.#joint !== null) {
      this.#flushJoint(this.#joint);
    }
    if (this.#text !== '') {
      const text = this.#text;
      this.#text = '';
      this.#given += text.length;
      this.#socket.write(text, 'latin1');
    }
  }

  /** Writes it with the text behind it, where that fits in. */
  #flushJoint(joint: Buffer): void {
    if (this.#text !== '' && this.#jointBytes + this.#text.length <= JOINT_BYTES) {
      this.#jointBytes += joint.write(this.#text, this.#jointBytes, 'latin1');
      this.#text = '';
    }
    this.#given += this.#jointBytes;
    this.#socket.write(joint.subarray(0, this.#jointBytes));
    this.#letGo(joint, this.#socket.writableLength > 0 ? this : null);
  }

  #letGo(joint: Buffer, holder: Sender | null): void {
    this.#joint = null;
    this.#jointBytes = 0;
    this.#buffers.giveBack(joint, holder, this.#given);
  }

  /** Drops what was not written. */
  clear(): void {
    this.#text = '';
    if (this.#joint !== null) {
      this.#letGo(this.#joint, null);
    }
  }
}
