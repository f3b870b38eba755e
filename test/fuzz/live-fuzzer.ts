/** Plays mutated messages to live proxies, side by side. What is wrong is what either end would see. */
import type { Difference } from './compare-readings.ts';
import type { FuzzCase } from './fuzz-case.ts';
import { LiveLane } from './live-lane.ts';
import { LiveProxy } from './live-proxy.ts';
import type { ReaderProcess } from './reader-process.ts';
import type { Finding } from './scan-fuzzer.ts';
import { StrictTarget } from './strict-target.ts';
import type { WireReading } from './wire-reading.ts';

/** Most of them wait for a time limit of the proxy. */
const LANES = 48;

export class LiveFuzzer {
  executions = 0;
  readonly #llhttp: ReaderProcess;
  readonly #targets: readonly StrictTarget[];
  #proxy: LiveProxy;
  #lanes: readonly LiveLane[];

  private constructor(llhttp: ReaderProcess, targets: readonly StrictTarget[], proxy: LiveProxy) {
    this.#llhttp = llhttp;
    this.#targets = targets;
    this.#proxy = proxy;
    this.#lanes = lanesOf(proxy, targets);
  }

  static async start(llhttp: ReaderProcess): Promise<LiveFuzzer> {
    const targets = await Promise.all(Array.from({ length: LANES }, () => StrictTarget.start()));
    return new LiveFuzzer(llhttp, targets, await LiveProxy.start(targets.map(({ port }) => port)));
  }

  /** Plays all cases, in as many lanes as there are. */
  async turn(cases: readonly FuzzCase[]): Promise<Finding[]> {
    const readings = await this.#llhttp.read(cases);
    const findings: Finding[] = [];
    let next = 0;
    const work = async (lane: LiveLane): Promise<void> => {
      for (let index = next++; index < cases.length; index = next++) {
        const fuzzCase = cases[index] as FuzzCase;
        const differences = await lane.play(fuzzCase, readings[index] as WireReading);
        this.executions += 1;
        findings.push(...differences.map((difference) => ({ fuzzCase, difference })));
        if (this.#proxy.death !== null) return;
      }
    };
    await Promise.all(this.#lanes.map(work));
    return this.#proxy.death === null ? findings : this.#bury(this.#proxy.death, cases.slice(0, next));
  }

  /** One of the cases that were under way has ended the process: which of them shows when each is tried alone. */
  async #bury(death: string, suspects: readonly FuzzCase[]): Promise<Finding[]> {
    const findings: Finding[] = [];
    const recent = suspects.slice(-2 * LANES);
    for (const fuzzCase of recent) {
      await this.#restart();
      const [reading] = await this.#llhttp.read([fuzzCase]);
      await this.#lanes[0]?.play(fuzzCase, reading as WireReading);
      if (this.#proxy.death !== null) findings.push({ fuzzCase, difference: ended(this.#proxy.death) });
    }
    await this.#restart();
    const all = recent.map((fuzzCase) => ({ fuzzCase, difference: ended(death) }));
    return findings.length > 0 ? findings : all;
  }

  async #restart(): Promise<void> {
    await this.#proxy.close();
    this.#proxy = await LiveProxy.start(this.#targets.map(({ port }) => port));
    this.#lanes = lanesOf(this.#proxy, this.#targets);
  }

  async close(): Promise<void> {
    await this.#proxy.close();
    await Promise.all(this.#targets.map((target) => target.close()));
  }
}

function lanesOf(proxy: LiveProxy, targets: readonly StrictTarget[]): LiveLane[] {
  return targets.map((target, index) => new LiveLane(proxy.ports[index] ?? 0, target));
}

function ended(death: string): Difference {
  return { kind: 'the proxy ends', detail: death };
}
