/**
 * One proxy between a hostile peer on one side and a strict one on the other. Whatever was said, a plain request on a
 * new connection has to get exactly its own answer afterwards.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type Socket } from 'node:net';
import { WireReader, type WireMessage, valuesOf } from '../helpers/wire-reader.ts';
import { turn } from '../helpers/write-pieces.ts';
import { originFormOf, type Difference } from './compare-readings.ts';
import { type FuzzCase, type RequestCase, type ResponseCase, segmentsOf } from './fuzz-case.ts';
import { OK, type StrictTarget } from './strict-target.ts';
import type { ReadMessage, WireReading } from './wire-reading.ts';

/** Above all timeouts of the proxy: what is not over by then hangs. */
const WAIT_MS = 5000;

/** For the end of a connection to arrive, on a machine that has other things to do. */
const END_ARRIVES_MS = 25;

/** Times that a request is sent which must be answered. */
const TRIES_MAX = 4;

/** What a client heard. */
interface Heard {
  readonly finals: readonly WireMessage[];
  readonly interims: readonly WireMessage[];
  readonly problem: string | null;
  readonly hasEnded: boolean;
  /** An answer was begun and not ended, or something is there that is none. */
  readonly hasRest: boolean;
}

export class LiveLane {
  readonly #port: number;
  readonly #target: StrictTarget;
  #nonce = 1_000_000;

  constructor(port: number, target: StrictTarget) {
    this.#port = port;
    this.#target = target;
  }

  /** Plays a case and says what was wrong. `theirs`: llhttp's reading of its bytes. */
  async play(fuzzCase: FuzzCase, theirs: WireReading): Promise<Difference[]> {
    const differences =
      fuzzCase.kind === 'request'
        ? await this.#playRequests(fuzzCase, theirs)
        : await this.#playResponse(fuzzCase, theirs);
    // The end of the target's connection is on its way: that it may be met before it arrives is nobody's fault.
    if (fuzzCase.kind === 'response' && fuzzCase.ends) await pause(END_ARRIVES_MS);
    const after = await this.#askNext();
    return [
      ...differences,
      ...this.#target.problems.map((detail) => ({ kind: 'the target is sent what is not canonical', detail })),
      ...(after === null ? [] : [{ kind: 'the next request is not answered', detail: after }]),
    ];
  }

  async #playRequests(fuzzCase: RequestCase, theirs: WireReading): Promise<Difference[]> {
    this.#target.reset({ ...OK, isEarly: fuzzCase.answers === 'at the head' });
    const methods = methodsOf(fuzzCase, theirs);
    const heard = await this.#exchange(segmentsOf(fuzzCase), { methods, endsAfterFirst: false });
    const { requests, heads } = this.#target;
    const complete = theirs.messages.filter(({ state }) => state === 'complete').length;
    return [
      ...clientProblems(heard),
      ...claim(!heard.hasRest, 'bytes that are no answer', describe(heard.finals)),
      ...claim(requests.length <= complete, 'more requests at the target', `${requests.length} for ${complete}`),
      ...claim(heads <= theirs.messages.length, 'more heads at the target', `${heads} for ${theirs.messages.length}`),
      ...claim(areInOrder(requests, theirs.messages), 'other requests at the target', describe(requests)),
    ];
  }

  async #playResponse(fuzzCase: ResponseCase, theirs: WireReading): Promise<Difference[]> {
    const { method, ends } = fuzzCase;
    const mayTunnel = theirs.messages.at(-1)?.status === 101;
    const mayBeKept = !ends && leavesConnection(fuzzCase, theirs);
    this.#target.reset({ ...OK, segments: segmentsOf(fuzzCase), ends, mayTunnel, mayBeKept });
    const heard = await this.#exchange([requestFor(fuzzCase)], { methods: [method], endsAfterFirst: true });
    // A kept connection that ends without a byte of an answer may be tried again, but not with a POST.
    const triesMax = method === 'POST' ? 1 : 2;
    const { requests } = this.#target;
    return [
      ...clientProblems(heard),
      ...claim(requests.length <= triesMax, 'sent too often', `${requests.length} times`),
      ...claim(heard.finals.length <= 1, 'more than one answer', describe(heard.finals)),
      ...heard.finals.slice(0, 1).flatMap((answer) => answerDifferences(answer, theirs)),
      ...claim(
        heard.interims.length <= theirs.messages.filter(({ status }) => status < 200).length,
        'interim responses that nobody sent',
        describe(heard.interims),
      ),
    ];
  }

  /** Says `segments` on a connection of its own and hears it to its end, or to its first final answer. */
  async #exchange(
    segments: readonly Buffer[],
    { methods, endsAfterFirst }: { methods: readonly string[]; endsAfterFirst: boolean },
  ): Promise<Heard> {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const finals: WireMessage[] = [];
    const interims: WireMessage[] = [];
    const reader = new WireReader('response', {
      method: () => methods[finals.length] ?? 'GET',
      message: (message) => {
        const isInterim = /^HTTP\/1\.1 1(?!01)/.test(message.startLine);
        (isInterim ? interims : finals).push(message);
        if (!isInterim && endsAfterFirst) socket.destroy();
      },
    });
    const over = hear(socket, reader);
    await say(socket, segments);
    if (!endsAfterFirst) socket.end();
    const hasEnded = await over;
    socket.destroy();
    return { finals, interims, problem: reader.problem, hasEnded, hasRest: reader.partial };
  }

  /** On a machine that is busy with other things a target may be late by itself: what lasts is no accident. */
  async #askNext(): Promise<string | null> {
    let problem = await this.#askOnce();
    for (let tries = 1; tries < TRIES_MAX && problem?.includes(' 504 ') === true; tries++)
      problem = await this.#askOnce();
    return problem;
  }

  async #askOnce(): Promise<string | null> {
    this.#nonce += 1;
    const nonce = String(this.#nonce);
    const request = Buffer.from(`GET /followup?${nonce} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
    const heard = await this.#exchange([request], { methods: ['GET'], endsAfterFirst: true });
    const answer = heard.finals[0];
    const body = answer?.body.toString('latin1');
    if (answer === undefined || !answer.startLine.startsWith('HTTP/1.1 200 ')) {
      return `asked for ${nonce}, got ${heard.problem ?? answer?.startLine ?? 'nothing'}`;
    }
    return body === nonce ? null : `asked for ${nonce}, got ${JSON.stringify(body)}`;
  }
}

/** Of what is answered: the requests that llhttp has read, and one behind them that it could not. */
function methodsOf({ text }: RequestCase, { messages }: WireReading): string[] {
  const starts = [0, ...messages.map(({ end }) => end ?? text.length)];
  return starts.map((start, index) => {
    const read = messages[index]?.method;
    // What is refused before its method was seen is answered like a GET.
    const isHead = /^(?:\r\n){0,2}HEAD /.test(text.slice(start));
    return isHead ? 'HEAD' : read === 'HEAD' ? 'GET' : (read ?? 'GET');
  });
}

/** Whether the answer is whole, with nothing behind it, and does not close. */
function leavesConnection({ method, text }: ResponseCase, { messages }: WireReading): boolean {
  const last = messages.at(-1);
  const isWhole = last !== undefined && last.state === 'complete' && last.status >= 200 && last.end === text.length;
  return isWhole && (last.keepAlive || method === 'HEAD');
}

function requestFor({ method, upgrade }: ResponseCase): Buffer {
  const upgrading = upgrade === '' ? '' : `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
  // Only a GET can become a tunnel: the others go without.
  const fields = method === 'GET' ? upgrading : method === 'POST' ? 'Content-Length: 2\r\n' : '';
  return Buffer.from(`${method} /case HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n${method === 'POST' ? 'hi' : ''}`);
}

async function say(socket: Socket, segments: readonly Buffer[]): Promise<void> {
  for (const segment of segments) {
    if (!socket.writable) return;
    socket.write(segment);
    await turn();
  }
}

/** Resolves with whether the connection came to an end by itself. */
function hear(socket: Socket, reader: WireReader): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), WAIT_MS);
    socket.on('data', (bytes: Buffer) => reader.push(bytes));
    socket.on('end', () => {
      reader.end();
      socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

function claim(holds: boolean, kind: string, detail: string): Difference[] {
  return holds ? [] : [{ kind, detail }];
}

function clientProblems({ problem, hasEnded }: Heard): Difference[] {
  return [
    ...claim(problem === null, 'the client is sent what is not canonical', problem ?? ''),
    ...claim(hasEnded, 'the connection is not closed', ''),
  ];
}

/** Whether each request is one that llhttp has read, none before the one that was read before it. */
function areInOrder(requests: readonly WireMessage[], read: readonly ReadMessage[]): boolean {
  let at = 0;
  return requests.every((request) => {
    while (at < read.length && !isSame(request, read[at] as ReadMessage)) at += 1;
    at += 1;
    return at <= read.length;
  });
}

function isSame(request: WireMessage, read: ReadMessage): boolean {
  const line = `${read.method} ${originFormOf(read)} HTTP/1.1`;
  return read.state === 'complete' && request.startLine === line && request.body.toString('latin1') === read.body;
}

/** A whole answer that came from the target has to be the one that llhttp has read. */
function answerDifferences(answer: WireMessage, theirs: WireReading): Difference[] {
  const isForwarded = valuesOf(answer.fields, 'via').some((via) => via.includes('cutover'));
  if (!isForwarded) return [];
  const read = theirs.messages.find(({ status }) => status >= 200 || status === 101);
  const status = Number(answer.startLine.slice(9, 12));
  const isWhole = read?.state === 'complete' && read.status === status;
  return [
    ...claim(isWhole, 'a whole answer that llhttp has not read', `${answer.startLine} for ${read?.status}`),
    ...claim(read?.body === answer.body.toString('latin1'), 'another body than llhttp has read', describe([answer])),
  ];
}

function describe(messages: readonly WireMessage[]): string {
  return JSON.stringify(messages.map(({ startLine, body }) => [startLine, body.toString('latin1').slice(0, 100)]));
}
