/** The backend in Node: it understands as little of HTTP as it needs to answer what the load generators here ask. */
import { createHash } from 'node:crypto';
import { type Socket, createServer } from 'node:net';
import { BODY_SIZES } from './backend.ts';
import { CLIENT_FRAME_BYTES, echoOf } from './loads/echo-frame.ts';

const [port, ...addresses] = process.argv.slice(2);
const HEAD_END = '\r\n\r\n';
/** RFC 6455, section 1.3. */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const CHUNKS = 8;
const CHUNK_BYTES = 1_024;

const line = answer('Hello from the backend\n');
const bodies = new Map(BODY_SIZES.map((size) => [`/bytes/${size}`, answer('x'.repeat(size))]));
const chunk = `${CHUNK_BYTES.toString(16)}\r\n${'x'.repeat(CHUNK_BYTES)}\r\n`;
const chunked = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(CHUNKS)}0\r\n\r\n`,
);

function answer(body: string): Buffer {
  return Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}

/** One client. Heads are text; of a body only its length matters. */
class Client {
  readonly #socket: Socket;
  #head = '';
  #bodyBytesLeft = 0;
  #echoed: Buffer | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#onBytes(bytes)).on('error', () => {});
  }

  #onBytes(bytes: Buffer): void {
    if (this.#echoed !== null) return this.#echo(bytes);
    const ofBody = Math.min(this.#bodyBytesLeft, bytes.length);
    if (ofBody > 0) {
      this.#bodyBytesLeft -= ofBody;
      if (this.#bodyBytesLeft > 0) return;
      this.#socket.write(line);
    }
    if (ofBody < bytes.length) this.#onHead(bytes, ofBody);
  }

  #onHead(bytes: Buffer, from: number): void {
    const before = this.#head.length;
    this.#head += bytes.toString('latin1', from);
    const end = this.#head.indexOf(HEAD_END, Math.max(0, before - HEAD_END.length));
    if (end < 0) return;
    const head = this.#head.slice(0, end);
    this.#head = '';
    const rest = bytes.subarray(from + end + HEAD_END.length - before);
    this.#serve(head);
    if (rest.length > 0) this.#onBytes(rest);
  }

  #serve(head: string): void {
    const path = head.slice(head.indexOf(' ') + 1, head.indexOf(' HTTP/'));
    const key = /^sec-websocket-key: *(\S+)/im.exec(head)?.[1];
    if (key !== undefined) return this.#upgrade(key);
    this.#bodyBytesLeft = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    const isClosing = /^connection: *close/im.test(head);
    if (this.#bodyBytesLeft > 0) return;
    this.#socket.write(path === '/chunked' ? chunked : (bodies.get(path) ?? line));
    if (isClosing) this.#socket.end();
  }

  #upgrade(key: string): void {
    const accept = createHash('sha1').update(`${key}${WEBSOCKET_GUID}`).digest('base64');
    this.#socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}${HEAD_END}`,
    );
    this.#echoed = Buffer.alloc(0);
  }

  #echo(bytes: Buffer): void {
    const seen = this.#echoed?.length === 0 ? bytes : Buffer.concat([this.#echoed ?? Buffer.alloc(0), bytes]);
    let from = 0;
    for (; from + CLIENT_FRAME_BYTES <= seen.length; from += CLIENT_FRAME_BYTES) {
      this.#socket.write(echoOf(seen.subarray(from, from + CLIENT_FRAME_BYTES)));
    }
    this.#echoed = seen.subarray(from);
  }
}

for (const address of addresses) {
  createServer({ noDelay: true }, (socket) => new Client(socket)).listen(Number(port), address);
}
