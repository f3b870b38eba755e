/**
 * The long fuzz run: npm run fuzz -- --minutes N [--seed S] [--out FOLDER] [--http2]
 *
 * Takes turns between the scanners against llhttp, the live proxy between hostile peers, samples that show that llhttp is
 * driven as `node:http` drives it, and sessions of HTTP/2, or with --http2 these alone. What is found is printed as small
 * as it goes, and written to FOLDER.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { confirmSample } from './confirm-sample.ts';
import { Http2Fuzzer } from './http2-fuzzer.ts';
import { LiveFuzzer } from './live-fuzzer.ts';
import type { FuzzCase } from './fuzz-case.ts';
import { type Check, minimise, minimiseFinding } from './minimise.ts';
import { ReaderProcess } from './reader-process.ts';
import { type Finding, ScanFuzzer } from './scan-fuzzer.ts';

const SCAN_TURNS = 64;
const LIVE_CASES = 512;
const CONFIRMED_CASES = 32;
const HTTP2_CASES = 256;
const PROGRESS_MS = 30_000;
/** One of a kind teaches most of what all of them do. */
const KEPT_PER_KIND = 3;
/** A live check takes milliseconds, and not microseconds. */
const LIVE_TRIES_MAX = 400;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
    out: { type: 'string' },
    http2: { type: 'boolean', default: false },
  },
});
const runMs = Number(values.minutes) * 60_000;
const seed = Number(values.seed);
if (!(runMs > 0) || !Number.isInteger(seed)) {
  console.error('usage: npm run fuzz -- --minutes N [--seed INTEGER] [--out FOLDER] [--http2]');
  process.exit(2);
}

interface Parts {
  readonly llhttp: ReaderProcess;
  readonly nodeHttp: ReaderProcess;
  readonly scan: ScanFuzzer;
  readonly live: LiveFuzzer;
  readonly http2: Http2Fuzzer;
}

class FuzzRun {
  readonly #parts: Parts;
  readonly #startedMs = performance.now();
  readonly #found = new Map<string, number>();
  #confirmed = 0;
  #printedMs = performance.now();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get isClean(): boolean {
    return this.#found.size === 0;
  }

  async run(): Promise<void> {
    while (this.#elapsedMs < runMs) {
      if (!values.http2) await this.#round();
      await this.#http2Round();
      if (performance.now() - this.#printedMs >= PROGRESS_MS) {
        this.#printedMs = performance.now();
        console.log(`${Math.round(this.#elapsedMs / 1000)} s: ${this.#progress()}`);
      }
    }
    this.#printSummary();
  }

  async #round(): Promise<void> {
    const { scan, live, llhttp, nodeHttp } = this.#parts;
    for (let turn = 0; turn < SCAN_TURNS; turn++) {
      for (const finding of await scan.turn()) {
        await this.#report('scanners', finding, () => minimiseFinding(finding, llhttp));
      }
    }
    for (const finding of await live.turn(scan.draw(LIVE_CASES))) {
      await this.#report('live proxy', finding, () => this.#minimise(finding, (cases) => live.turn(cases)));
    }
    for (const { fuzzCase, detail } of await confirmSample(llhttp, nodeHttp, scan.draw(CONFIRMED_CASES))) {
      const finding = { fuzzCase, difference: { kind: 'llhttp is not driven as node:http drives it', detail } };
      await this.#report('confirmation', finding, async () => finding);
    }
    this.#confirmed += CONFIRMED_CASES;
  }

  async #http2Round(): Promise<void> {
    const { http2 } = this.#parts;
    for (const finding of await http2.turn(http2.draw(HTTP2_CASES))) {
      await this.#report('http2', finding, () => this.#minimise(finding, (cases) => http2.turn(cases)));
    }
  }

  async #minimise(finding: Finding, play: (cases: readonly FuzzCase[]) => Promise<Finding[]>): Promise<Finding> {
    const { kind } = finding.difference;
    const check: Check = async (candidates) => {
      const findings = await play(candidates);
      return candidates.map((each) =>
        findings.some(({ fuzzCase, difference }) => fuzzCase === each && difference.kind === kind),
      );
    };
    return { ...finding, fuzzCase: await minimise(finding.fuzzCase, check, LIVE_TRIES_MAX) };
  }

  async #report(part: string, finding: Finding, smaller: () => Promise<Finding>): Promise<void> {
    const name = `${part}, ${finding.fuzzCase.kind}: ${finding.difference.kind}`;
    const count = (this.#found.get(name) ?? 0) + 1;
    this.#found.set(name, count);
    if (count > KEPT_PER_KIND) return;
    const { fuzzCase, difference } = await smaller();
    console.log(`\n${name}\n  ${JSON.stringify(fuzzCase)}\n  ${difference.detail}\n`);
    if (values.out === undefined) return;
    mkdirSync(values.out, { recursive: true });
    const file = `${name.replaceAll(/[^a-z0-9]+/gi, '-')}-${count}.json`;
    writeFileSync(path.join(values.out, file), `${JSON.stringify({ seed, part, ...difference, fuzzCase }, null, 2)}\n`);
  }

  #progress(): string {
    const { scan, live, http2 } = this.#parts;
    const differences = this.#found.values().reduce((sum, count) => sum + count, 0);
    return (
      `${scan.executions} scans (corpus ${scan.corpusSize}), ${live.executions} live, ${http2.executions} http2, ` +
      `${this.#confirmed} confirmed by node:http, ${differences} differences`
    );
  }

  #printSummary(): void {
    const { scan } = this.#parts;
    console.log(`\nseed ${seed}, ${(this.#elapsedMs / 60_000).toFixed(1)} minutes: ${this.#progress()}`);
    for (const [name, count] of this.#found) console.log(`  ${count} x ${name}`);
    console.log('explained by docs/reference/strictness.md:');
    const rows = [...scan.explained].toSorted(([, a], [, b]) => b - a);
    for (const [id, count] of rows) console.log(`  ${count} x ${id}`);
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }
}

const llhttp = ReaderProcess.llhttp();
const nodeHttp = ReaderProcess.nodeHttp();
const live = await LiveFuzzer.start(llhttp);
const http2 = await Http2Fuzzer.start(seed);
console.log(`seed ${seed}`);
const run = new FuzzRun({ llhttp, nodeHttp, live, http2, scan: new ScanFuzzer(llhttp, seed) });
try {
  await run.run();
} finally {
  await Promise.all([llhttp.close(), nodeHttp.close(), live.close(), http2.close()]);
}
process.exitCode = run.isClean ? 0 : 1;
