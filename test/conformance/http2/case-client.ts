/** Plays the steps of a case on a connection of its own, and says what came of it. */
import { connect, type Socket } from 'node:net';
import { eventually } from '../../helpers/eventually.ts';
import { FLAG, type Frame, FRAME, frame, FrameClient } from '../../helpers/frame-client.ts';
import { type Pieces, writePieces } from '../../helpers/write-pieces.ts';
import {
  type Code,
  CODES,
  data,
  type FrameCase,
  type FrameOutcome,
  type Saying,
  settings,
  NO_TABLE,
  windowUpdate,
} from './frame-case.ts';
import { SessionReferee } from './session-referee.ts';

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** Of the request that shows that the session goes on; above all that cases use. */
const AFTER_STREAM = 200_001;
/** Long enough for a machine that has much else to do. */
const PATIENCE_MS = 50_000;
const OPENING_BYTES = 64;

export class CaseClient {
  readonly client: FrameClient;
  readonly referee = new SessionReferee();
  /** The first bytes that came, one character each. */
  opening = '';
  readonly #socket: Socket;
  readonly #pieces: Pieces;
  #refereed = 0;
  #wake: (() => void) | null = null;
  /** Gives back what comes of answers, so that they go on. */
  refills = false;

  #hasAcknowledged = false;

  private constructor(socket: Socket, pieces: Pieces) {
    this.#socket = socket;
    this.#pieces = pieces;
    this.client = new FrameClient(socket);
    // What it would answer by itself would come into the middle of a frame that is sent in pieces.
    this.client.isPolite = false;
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('close', () => this.#wake?.());
  }

  static async open(port: number, pieces: Pieces): Promise<CaseClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const client = new CaseClient(socket, pieces);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  get isClosed(): boolean {
    return this.client.isClosed;
  }

  /** The code of the connection's error; null: there was none. */
  get error(): Code | null {
    const [code] = this.client.goaways.find(([one]) => one !== 0) ?? [0];
    return code === 0 ? null : (CODES[code] ?? 'INTERNAL_ERROR');
  }

  get isOver(): boolean {
    return this.isClosed || this.error !== null;
  }

  async send(bytes: Buffer): Promise<void> {
    if (this.isOver) return;
    this.referee.onSent(bytes);
    await writePieces(this.#socket, bytes, this.#pieces);
  }

  /** At once, whatever the pieces of the case. */
  sendWhole(bytes: Buffer): void {
    if (this.isOver) return;
    this.referee.onSent(bytes);
    this.#socket.write(bytes);
  }

  /** Waits for the settings of the proxy, and says so. */
  async acknowledge(): Promise<void> {
    if (this.#hasAcknowledged) return;
    this.#hasAcknowledged = true;
    await this.until(() => this.client.of(FRAME.settings).length > 0);
    this.sendWhole(frame(FRAME.settings, FLAG.ack, 0));
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Until `check` is true, or the connection is over. */
  async until(check: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!check() && !this.isOver && performance.now() < deadline) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, PATIENCE_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  isSettled(stream: number): boolean {
    return this.client.isWhole(stream) || this.client.resetCode(stream) >= 0;
  }

  /** Bytes of an answer so far. */
  bytesOf(stream: number): number {
    return this.client.of(FRAME.data, stream).reduce((sum, { payload }) => sum + payload.length, 0);
  }

  /** What the proxy said of itself in its settings; `otherwise`: it did not. */
  announced(id: number, otherwise: number): number {
    const payload = this.client.of(FRAME.settings)[0]?.payload ?? Buffer.alloc(0);
    for (let at = 0; at < payload.length; at += 6) {
      if (payload.readUInt16BE(at) === id) return payload.readUInt32BE(at + 2);
    }
    return otherwise;
  }

  async play(frameCase: FrameCase, say: Saying): Promise<FrameOutcome> {
    const own = frameCase.settings ?? [];
    if (own !== 'none') {
      this.referee.onSent(settings(...NO_TABLE, ...own));
      this.#socket.write(Buffer.concat([PREFACE, settings(...NO_TABLE, ...own)]));
      // Once with what follows before the proxy has said anything, once when it has.
      if (this.#pieces !== 'whole') await this.acknowledge();
    }
    for (const step of frameCase.steps(say)) {
      await (Buffer.isBuffer(step) ? this.send(step) : step(this));
    }
    const stream = frameCase.stream ?? 1;
    if (frameCase.asksAfter !== false) {
      await this.acknowledge();
      this.sendWhole(say.get(AFTER_STREAM, '/after'));
    }
    await this.until(() => this.#isDecided(frameCase, stream));
    if (this.isOver) await this.#expectEnd();
    return this.#outcome(stream, frameCase.asksAfter !== false);
  }

  #isDecided({ expect, asksAfter }: FrameCase, stream: number): boolean {
    if (asksAfter !== false && !this.isSettled(AFTER_STREAM)) return false;
    return (asksAfter !== false && expect.includes('goes on')) || this.isSettled(stream);
  }

  /** Whoever says that the connection is over closes it. */
  async #expectEnd(): Promise<void> {
    await eventually(() => {
      if (!this.isClosed) throw new Error('the connection was not closed behind its error');
    }, PATIENCE_MS);
  }

  #outcome(stream: number, goesOn: boolean): FrameOutcome {
    if (this.error !== null) return `connection error ${this.error}`;
    if (this.isClosed && (goesOn || !this.client.isWhole(stream))) return 'closed';
    if (goesOn && this.client.status(AFTER_STREAM) !== 200) return 'silence';
    if (this.client.isWhole(stream)) return `answered ${this.client.status(stream)}`;
    const code = this.client.resetCode(stream);
    if (code >= 0) return `stream error ${CODES[code] ?? 'INTERNAL_ERROR'}`;
    return goesOn ? 'goes on' : 'silence';
  }

  #onData(bytes: Buffer): void {
    if (this.opening.length < OPENING_BYTES) this.opening += bytes.toString('latin1', 0, OPENING_BYTES);
    const { frames } = this.client;
    for (; this.#refereed < frames.length; this.#refereed++) {
      const one = frames[this.#refereed];
      if (one === undefined) break;
      this.referee.onFrame(one);
      if (this.refills && one.type === FRAME.data) this.#refill(one);
    }
    this.#wake?.();
  }

  #refill({ stream, payload }: Frame): void {
    if (payload.length === 0) return;
    this.sendWhole(Buffer.concat([windowUpdate(0, payload.length), windowUpdate(stream, payload.length)]));
  }
}

/** Sends a body as far as the windows of the proxy let it, until it is whole. */
export async function upload(client: CaseClient, stream: number, body: Buffer): Promise<void> {
  let sent = 0;
  const given = (id: number) =>
    client.client.of(FRAME.window, id).reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
  const room = () => Math.min(65_535 + given(0), client.announced(4, 65_535) + given(stream)) - sent;
  while (sent < body.length && !client.isOver) {
    await client.until(() => room() > 0 && client.client.frames.length > 0);
    if (room() <= 0) throw new Error(`no room for more than ${sent} bytes`);
    const end = Math.min(body.length, sent + Math.min(room(), 16_384));
    client.sendWhole(data(stream, body.subarray(sent, end), end === body.length ? 1 : 0));
    sent = end;
  }
}
