/** Plays changed sessions of HTTP/2 to live proxies, side by side, in a process of their own. */
import { seededRandom } from '../../src/base/random.ts';
import { PREFACE } from '../conformance/http2/case-client.ts';
import type { FuzzCase, RequestCase } from './fuzz-case.ts';
import { Http2Lane } from './http2-lane.ts';
import { mutateSession } from './http2-mutate.ts';
import { drawSession } from './http2-seeds.ts';
import { LiveProxy } from './live-proxy.ts';
import { Picker } from './mutate.ts';
import type { Finding } from './scan-fuzzer.ts';
import { StrictTarget } from './strict-target.ts';

const LANES = 24;
/** Of the process with all proxies; what a few hundred hostile connections leave behind is far less. */
const RESIDENT_BYTES_MAX = 512 * 1024 * 1024;
/** Until what was under way when its client went away has ended. */
const SETTLE_ROUNDS = 800;
const SETTLE_ROUND_MS = 50;
/** Share of sessions that are as they should be. */
const SOUND = 0.1;

export class Http2Fuzzer {
  executions = 0;
  readonly #targets: readonly StrictTarget[];
  readonly #pick: Picker;
  #proxy: LiveProxy;
  /** Texts of cases that nothing was changed of, and that were not played yet. */
  readonly #sound = new Set<string>();

  private constructor(targets: readonly StrictTarget[], proxy: LiveProxy, seed: number) {
    this.#targets = targets;
    this.#proxy = proxy;
    this.#pick = new Picker(seededRandom(seed));
  }

  static async start(seed: number): Promise<Http2Fuzzer> {
    const targets = await Promise.all(Array.from({ length: LANES }, () => StrictTarget.start()));
    return new Http2Fuzzer(targets, await startProxy(targets), seed);
  }

  /** The same seed draws the same cases. */
  draw(count: number): RequestCase[] {
    return Array.from({ length: count }, () => this.#draw());
  }

  #draw(): RequestCase {
    const pick = this.#pick;
    const session = drawSession(pick);
    const isSound = pick.chance(SOUND);
    const bytes = isSound ? Buffer.concat(session) : mutateSession(session, drawSession(pick), pick);
    const text = Buffer.concat([PREFACE, bytes]).toString('latin1');
    if (isSound) this.#sound.add(text);
    return {
      kind: 'request',
      text,
      pieces: pick.chance(0.6) ? 'whole' : pick.chance(0.8) ? { seed: pick.below(2 ** 31) } : 1,
      answers: pick.chance(0.8) ? 'at once' : 'at the head',
    };
  }

  /** Plays all cases, in as many lanes as there are. */
  async turn(cases: readonly FuzzCase[]): Promise<Finding[]> {
    const findings: Finding[] = [];
    let next = 0;
    const work = async (lane: Http2Lane): Promise<void> => {
      for (let index = next++; index < cases.length && this.#proxy.death === null; index = next++) {
        const fuzzCase = cases[index] as FuzzCase;
        const differences = await lane
          .play(fuzzCase, this.#sound.delete(fuzzCase.text))
          .catch((error: unknown) => [toDifference(error)]);
        this.executions += 1;
        findings.push(...differences.map((difference) => ({ fuzzCase, difference })));
      }
    };
    await Promise.all(this.#targets.map((target, index) => work(new Http2Lane(this.#proxy.ports[index] ?? 0, target))));
    const last = cases[Math.min(next, cases.length) - 1];
    return last === undefined ? findings : [...findings, ...(await this.#account(last))];
  }

  /** What the process says of itself when all is over; what is wrong is told of the last case, though any may have done it. */
  async #account(fuzzCase: FuzzCase): Promise<Finding[]> {
    let state = await this.#proxy.state();
    for (let round = 0; round < SETTLE_ROUNDS && state !== null && state.inFlight > 0; round++) {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_ROUND_MS));
      state = await this.#proxy.state();
    }
    if (state === null) {
      const detail = this.#proxy.death ?? '';
      this.#proxy = await startProxy(this.#targets);
      return [{ fuzzCase, difference: { kind: 'the proxy ends', detail } }];
    }
    const detail = JSON.stringify(state);
    return [
      ...(state.inFlight > 0 ? ['requests are in flight for ever'] : []),
      ...(state.isBalanced ? [] : ['the ledger does not balance']),
      ...(state.residentBytes > RESIDENT_BYTES_MAX ? ['the proxy grows'] : []),
    ].map((kind) => ({ fuzzCase, difference: { kind, detail } }));
  }

  async close(): Promise<void> {
    await this.#proxy.close();
    await Promise.all(this.#targets.map((target) => target.close()));
  }
}

function startProxy(targets: readonly StrictTarget[]): Promise<LiveProxy> {
  return LiveProxy.start(
    targets.map(({ port }) => port),
    true,
  );
}

function toDifference(error: unknown): { kind: string; detail: string } {
  return { kind: 'it cannot be played', detail: String(error) };
}
