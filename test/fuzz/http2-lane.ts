/**
 * One proxy between a client whose frames were changed and a strict target. Whatever was sent, what the proxy says keeps to the
 * rules, the target hears nothing that no frame has said, and a request on a new connection gets its own answer afterwards.
 */
import { connect, type Socket } from 'node:net';
import { PREFACE } from '../conformance/http2/case-client.ts';
import { SessionReferee } from '../conformance/http2/session-referee.ts';
import { FrameClient, frame, FRAME, settingsPayload } from '../helpers/frame-client.ts';
import type { WireMessage } from '../helpers/wire-reader.ts';
import { turn } from '../helpers/write-pieces.ts';
import type { Difference } from './compare-readings.ts';
import { type FuzzCase, segmentsOf } from './fuzz-case.ts';
import { readSent, type Sent } from './http2-sent.ts';
import { OK, type Script, type StrictTarget } from './strict-target.ts';

/** Long enough for a machine that has much else to do. */
const WAIT_MS = 40_000;
/** For what comes of a case to come; what comes later is not looked at, and does no harm. */
const QUIET_MS = 30;

/** What the proxy says to a target by itself. */
const OF_PROXY: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'cookie',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-request-id',
  'x-real-ip',
  'te',
  'forwarded',
]);

/** More than fits in a window, in several pieces. */
const LARGE: Script = {
  ...OK,
  segments: [
    Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
    Buffer.from(`${(70_000).toString(16)}\r\n${'z'.repeat(70_000)}\r\n`),
    Buffer.from('0\r\nX-Sum: 1\r\n\r\n'),
  ],
};

export class Http2Lane {
  readonly #port: number;
  readonly #target: StrictTarget;
  #nonce = 1_000_000;

  constructor(port: number, target: StrictTarget) {
    this.#port = port;
    this.#target = target;
  }

  /** Plays a case and says what was wrong. `isSound`: it must be answered. */
  async play(fuzzCase: FuzzCase, isSound: boolean): Promise<Difference[]> {
    const isLarge = fuzzCase.text.length % 4 === 0;
    this.#target.reset({
      ...(isLarge ? LARGE : OK),
      isEarly: fuzzCase.kind === 'request' && fuzzCase.answers === 'at the head',
    });
    const bytes = Buffer.from(fuzzCase.text, 'latin1');
    const sent = readSent(bytes);
    const differences = await this.#exchange(fuzzCase, isSound ? sent : null);
    const after = await this.#askNext();
    return [
      ...differences,
      ...strangers(this.#target.requests, this.#target.heads, bytes, sent),
      ...this.#target.problems.map((detail) => ({ kind: 'the target is sent what is not canonical', detail })),
      ...(after === null ? [] : [{ kind: 'the next request is not answered', detail: after }]),
    ];
  }

  /** `sound`: what was sent, if all of it must be answered. */
  async #exchange(fuzzCase: FuzzCase, sound: Sent | null): Promise<Difference[]> {
    const socket = await opened(this.#port);
    const client = new FrameClient(socket);
    client.isPolite = false;
    for (const segment of segmentsOf(fuzzCase)) {
      if (!socket.writable) break;
      socket.write(segment);
      await turn();
    }
    const unanswered = sound === null ? [] : await unansweredOf(sound, client);
    await quiet(socket, client);
    socket.end();
    const hasEnded = await within(client.closed, WAIT_MS);
    socket.destroy();
    return [
      ...refereed(fuzzCase, client),
      ...(hasEnded ? [] : [{ kind: 'the connection is not closed', detail: '' }]),
      ...(unanswered.length === 0 ? [] : [{ kind: 'a request is not answered', detail: String(unanswered) }]),
    ];
  }

  async #askNext(): Promise<string | null> {
    this.#nonce += 1;
    const nonce = String(this.#nonce);
    const socket = await opened(this.#port);
    const client = new FrameClient(socket);
    socket.write(Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0, settingsPayload([[1, 0]]))]));
    client.get(1, `/followup?${nonce}`);
    const settled = client.settled(1).catch(() => undefined);
    await Promise.race([settled, client.closed]);
    const answer = [client.status(1), client.body(1)];
    socket.destroy();
    return answer[0] === 200 && answer[1] === nonce ? null : `asked for ${nonce}, got ${JSON.stringify(answer)}`;
  }
}

async function opened(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return socket;
}

/** The streams whose answers do not even begin, of a client that keeps to the rules. */
async function unansweredOf({ streams }: Sent, client: FrameClient): Promise<number[]> {
  const isAnswered = (id: number) => client.of(FRAME.headers, id).length > 0 || client.resetCode(id) >= 0;
  const left = () => streams.filter(({ id, end }) => end === 'whole' && !isAnswered(id));
  const deadline = performance.now() + WAIT_MS;
  while (left().length > 0 && !client.isClosed && performance.now() < deadline) await within(client.closed, QUIET_MS);
  return left().map(({ id }) => id);
}

/** Until nothing has come for a while. */
async function quiet(socket: Socket, client: FrameClient): Promise<void> {
  for (let before = -1; before !== socket.bytesRead && !client.isClosed;) {
    before = socket.bytesRead;
    await within(client.closed, QUIET_MS);
  }
}

/** Whether it comes to pass in time. */
async function within(event: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  const isInTime = await Promise.race([event.then(() => true), late]);
  clearTimeout(timer);
  return isInTime;
}

function refereed({ text }: FuzzCase, client: FrameClient): Difference[] {
  const bytes = Buffer.from(text, 'latin1');
  if (!bytes.subarray(0, PREFACE.length).equals(PREFACE)) return [];
  const referee = new SessionReferee();
  referee.onSent(bytes.subarray(PREFACE.length));
  for (const one of client.frames) referee.onFrame(one);
  return referee.violations.map((detail) => ({ kind: 'the client is sent what it may not be', detail }));
}

/** What the target has heard, and nobody has said. */
function strangers(requests: readonly WireMessage[], heads: number, bytes: Buffer, sent: Sent): Difference[] {
  const text = bytes.toString('latin1');
  const isSaid = (part: string) => text.includes(part) || sent.texts.has(part);
  const found: Difference[] = [];
  if (heads > sent.streams.length) found.push({ kind: 'more requests at the target', detail: `${heads}` });
  for (const { startLine, fields, body } of requests) {
    const [method = '', path = ''] = startLine.split(' ');
    const others = fields.filter(
      ([name, value]) => !OF_PROXY.has(name.toLowerCase()) && !(isSaid(name) && isSaid(value)),
    );
    if (!isSaid(method) || !isSaid(path)) found.push({ kind: 'another request at the target', detail: startLine });
    if (others.length > 0) found.push({ kind: 'other fields at the target', detail: JSON.stringify(others) });
    if (!sent.streams.some(({ data }) => data.subarray(0, body.length).equals(body))) {
      found.push({ kind: 'another body at the target', detail: body.toString('latin1').slice(0, 100) });
    }
  }
  return found;
}
