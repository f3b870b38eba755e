import { RawBackend, type RawAnswer } from '../helpers/raw-backend.ts';
import type { TlsManner } from '../helpers/open-socket.ts';
import { rawExchange } from '../helpers/raw-client.ts';
import { turn, type Pieces } from '../helpers/write-pieces.ts';
import type { WireMessage } from '../helpers/wire-reader.ts';
import { judge, type TargetView, type Verdict } from './judge.ts';
import type { WireCase } from './wire-case.ts';

export interface ProxyUnderTest {
  readonly port: number;
  /** TLS is spoken there. */
  readonly tls?: TlsManner;
  close(): Promise<void>;
}

const PLAIN_ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const NEXT_TARGET = /^GET \/followup\?([0-9]+) /;
/** How long the target is waited for once the client has heard all that it will. */
const SETTLE_MS = 200;
/** Long enough for the end of a connection to arrive, also on a machine that has other things to do. */
const REARM_MS = 20;
/** From here on an exchange is given more time. */
const LONG_BYTES = 20_000;

/**
 * One proxy in front of one scripted target, on which cases are played one after the other. After each, a plain
 * request on a new connection has to get exactly its own answer: whatever the case left behind, it poisoned nothing.
 */
export class WireLane {
  readonly #proxy: ProxyUnderTest;
  readonly #target: RawBackend;
  #nonce = 0;

  private constructor(proxy: ProxyUnderTest, target: RawBackend) {
    this.#proxy = proxy;
    this.#target = target;
  }

  static async open(openProxy: (targetUrl: string) => Promise<ProxyUnderTest>): Promise<WireLane> {
    const target = await RawBackend.start('silence');
    return new WireLane(await openProxy(target.url), target);
  }

  async play(wireCase: WireCase, pieces: Pieces = 'whole'): Promise<Verdict> {
    await this.#rearm(wireCase, pieces);
    const result = await rawExchange({
      port: this.#proxy.port,
      bytes: Buffer.from(wireCase.request, 'latin1'),
      pieces: wireCase.send === 'bytewise' ? 1 : pieces,
      waitMs: waitOf(wireCase),
      ...this.#tls,
      ...(wireCase.ending === undefined ? {} : { ending: wireCase.ending }),
      ...(wireCase.parts === undefined ? {} : { parts: wireCase.parts.map(toPart) }),
    });
    await this.#settle();
    const seen: TargetView = {
      received: this.#target.received,
      bodies: this.#target.requests.map((request) => request.body.toString('latin1')).join(''),
      requests: this.#target.requests.length,
      heads: this.#target.heads.length,
      partial: this.#target.partial,
      problems: this.#target.problems,
    };
    return judge(wireCase, result, seen, await this.#askNext());
  }

  get #tls(): { tls?: TlsManner } {
    return this.#proxy.tls === undefined ? {} : { tls: this.#proxy.tls };
  }

  async close(): Promise<void> {
    await this.#proxy.close();
    await this.#target.close();
  }

  async #rearm(wireCase: WireCase, pieces: Pieces): Promise<void> {
    const scripted: RawAnswer = { response: PLAIN_ANSWER, ...wireCase.upstream, pieces };
    this.#target.rearm((request) => this.#answerTo(request, scripted));
    // The proxy has to see that its idle connections are gone: this is not what the case is about.
    for (let turns = 0; turns < 4; turns += 1) await turn();
    await new Promise((resolve) => setTimeout(resolve, REARM_MS));
  }

  #answerTo(request: WireMessage, scripted: RawAnswer): RawAnswer {
    const nonce = NEXT_TARGET.exec(request.startLine)?.[1];
    if (nonce !== undefined) return { response: `HTTP/1.1 200 OK\r\nContent-Length: ${nonce.length}\r\n\r\n${nonce}` };
    // A hidden request that got through is answered, so that its answer can be caught where it surfaces.
    if (request.startLine.startsWith('GET /smuggled ')) return { response: PLAIN_ANSWER };
    return scripted;
  }

  /** Until no connection of the target is in the middle of a request, or it plainly stays there. */
  async #settle(): Promise<void> {
    const deadline = performance.now() + SETTLE_MS;
    for (let turns = 0; turns < 4; turns += 1) await turn();
    while (this.#target.readingNow && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async #askNext(): Promise<string | null> {
    this.#nonce += 1;
    const nonce = String(1_000_000 + this.#nonce);
    const bytes = Buffer.from(`GET /followup?${nonce} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`);
    const { received, closed } = await rawExchange({
      port: this.#proxy.port,
      ...this.#tls,
      bytes,
      waitMs: 2000,
      quietMs: 1000,
    });
    const text = received.toString('latin1');
    if (!text.startsWith('HTTP/1.1 200 ')) return `answered ${JSON.stringify(text.slice(0, 80))}`;
    if (!text.endsWith(`\r\n\r\n${nonce}`)) return `got another answer: ${JSON.stringify(text.slice(-80))}`;
    return closed === null ? 'was not closed' : null;
  }
}

/** The more there is to say, in pieces at that, the longer it takes. */
function waitOf({ request, upstream, parts }: WireCase): number {
  const bytes = request.length + (upstream?.response.length ?? 0);
  return (parts === undefined ? 1200 : 2000) + (bytes > LONG_BYTES ? 3000 : 0);
}

function toPart(part: { readonly bytes: string; readonly delayMs: number }) {
  return { bytes: Buffer.from(part.bytes, 'latin1'), delayMs: part.delayMs };
}
