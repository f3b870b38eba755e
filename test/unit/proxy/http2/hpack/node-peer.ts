import { connect, type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { FLAG, FRAME, frame, settingsPayload, type Frame } from '../../../../helpers/frame-client.ts';
import { eventually } from '../../../../helpers/eventually.ts';

const PREFACE_BYTES = 24;
const HEAD_BYTES = 9;
const ONE_FRAME_BYTES_MAX = 16_384;

/** A client of node:http2, and the server's side of its connection by hand: the blocks that it sends, and answers of any block. */
export class NodePeer {
  readonly #session: ClientHttp2Session;
  readonly #frames: Frame[] = [];
  #socket: Socket | undefined;
  #received = Buffer.alloc(0);
  #skip = PREFACE_BYTES;

  /** `settings` of the server, `tableBytes` of the client: SETTINGS_HEADER_TABLE_SIZE. */
  static async open(settings: readonly (readonly [number, number])[] = [], tableBytes = 4096): Promise<NodePeer> {
    let peer: NodePeer | undefined;
    const server = createServer((socket) => peer?.take(socket, settings));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    peer = new NodePeer(port, tableBytes);
    onTestFinished(() => void server.close());
    const found = peer;
    await eventually(() => {
      if (!found.#frames.some(({ type, flags }) => type === FRAME.settings && (flags & FLAG.ack) !== 0)) {
        throw new Error('the settings were not acknowledged');
      }
    });
    return peer;
  }

  constructor(port: number, headerTableSize: number) {
    this.#session = connect(`http://127.0.0.1:${port}`, { settings: { headerTableSize, maxHeaderListSize: 1 << 20 } });
    this.#session.on('error', () => undefined);
    onTestFinished(() => {
      this.#session.destroy();
      this.#socket?.destroy();
    });
  }

  take(socket: Socket, settings: readonly (readonly [number, number])[]): void {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.write(frame(FRAME.settings, 0, 0, settingsPayload(settings)));
    socket.write(frame(FRAME.settings, FLAG.ack, 0));
  }

  /** The block that the client sends for a request. */
  async request(headers: OutgoingHttpHeaders): Promise<Buffer> {
    const before = this.#heads();
    this.#session.request(headers, { endStream: true }).on('error', () => undefined);
    return eventually(() => {
      if (this.#heads() === before) throw new Error('no request has come');
      const from = this.#frames.findLastIndex(({ type }) => type === FRAME.headers);
      const block = this.#frames
        .slice(from)
        .filter(({ type }) => type === FRAME.headers || type === FRAME.continuation);
      if (((block.at(-1)?.flags ?? 0) & FLAG.endHeaders) === 0) throw new Error('the head is not whole');
      return Buffer.concat(block.map(({ payload }) => payload));
    });
  }

  /** What the client reads in an answer of this block: status and fields as they came. Rejects where it cannot. */
  async read(block: Buffer): Promise<{ headers: IncomingHttpHeaders; raw: readonly string[] }> {
    const stream = this.#session.request({ ':path': '/' }, { endStream: true });
    const answer = new Promise<{ headers: IncomingHttpHeaders; raw: readonly string[] }>((resolve, reject) => {
      stream.on('error', reject);
      stream.on('close', () => reject(new Error(`closed with ${stream.rstCode}`)));
      stream.on('response', ((headers: IncomingHttpHeaders, _flags: number, raw: readonly string[]) =>
        resolve({ headers, raw })) as never);
    });
    const before = this.#heads();
    await eventually(() => {
      if (this.#heads() === before && stream.id === undefined) throw new Error('no request has come');
    });
    await eventually(() => {
      if (!this.#frames.some(({ type, stream: id }) => type === FRAME.headers && id === stream.id)) {
        throw new Error('no request has come');
      }
    });
    this.#answer(stream.id as number, block);
    stream.resume();
    return answer;
  }

  #answer(stream: number, block: Buffer): void {
    for (let at = 0; at === 0 || at < block.length; at += ONE_FRAME_BYTES_MAX) {
      const isLast = at + ONE_FRAME_BYTES_MAX >= block.length;
      const type = at === 0 ? FRAME.headers : FRAME.continuation;
      const flags = (isLast ? FLAG.endHeaders : 0) | (at === 0 ? FLAG.endStream : 0);
      this.#socket?.write(frame(type, flags, stream, block.subarray(at, at + ONE_FRAME_BYTES_MAX)));
    }
  }

  #heads(): number {
    return this.#frames.filter(({ type }) => type === FRAME.headers).length;
  }

  #onData(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    if (this.#received.length < this.#skip) return;
    this.#received = this.#received.subarray(this.#skip);
    this.#skip = 0;
    for (;;) {
      if (this.#received.length < HEAD_BYTES) return;
      const end = HEAD_BYTES + this.#received.readUIntBE(0, 3);
      if (this.#received.length < end) return;
      const payload = Buffer.from(this.#received.subarray(HEAD_BYTES, end));
      const [type, flags] = [this.#received.readUInt8(3), this.#received.readUInt8(4)];
      this.#frames.push({ type, flags, stream: this.#received.readUInt32BE(5), payload });
      this.#received = this.#received.subarray(end);
    }
  }
}
