/**
 * Messages over a byte stream between two processes of ours: each is its length (four bytes, big endian) and that many
 * bytes of JSON. A peer is trusted to be ours, not to be whole: a stream that ends inside a message ends the stream.
 */
import type { Socket } from 'node:net';

/** Ten thousand services with their pools are about 20 MB. */
export const MESSAGE_BYTES_MAX = 256 * 1024 * 1024;

const HEADER_BYTES = 4;

export class MessageStream {
  readonly #socket: Socket;
  readonly #onMessage: (message: unknown) => void;
  #chunks: Buffer[] = [];
  #length = 0;

  /** Reads from `socket` until it ends; errors of the socket are the caller's to hear. */
  constructor(socket: Socket, onMessage: (message: unknown) => void) {
    this.#socket = socket;
    this.#onMessage = onMessage;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  send(message: unknown): void {
    if (!this.#socket.writable) return;
    const body = Buffer.from(JSON.stringify(message));
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    header.writeUInt32BE(body.length);
    this.#socket.cork();
    this.#socket.write(header);
    this.#socket.write(body);
    this.#socket.uncork();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    while (this.#length >= HEADER_BYTES) {
      const size = this.#gathered(HEADER_BYTES).readUInt32BE();
      if (size > MESSAGE_BYTES_MAX) {
        this.#socket.destroy(new RangeError(`a message of ${size} bytes is longer than ${MESSAGE_BYTES_MAX}`));
        return;
      }
      if (this.#length < HEADER_BYTES + size) return;
      const bytes = this.#gathered(HEADER_BYTES + size);
      const rest = bytes.subarray(HEADER_BYTES + size);
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#length = rest.length;
      this.#onMessage(JSON.parse(bytes.toString('utf8', HEADER_BYTES, HEADER_BYTES + size)));
    }
  }

  /** All that is held in one buffer, where its first piece does not already hold `count` bytes. */
  #gathered(count: number): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= count) return first;
    const whole = Buffer.concat(this.#chunks, this.#length);
    this.#chunks = [whole];
    return whole;
  }
}
