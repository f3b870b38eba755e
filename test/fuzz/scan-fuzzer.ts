/**
 * Feeds mutated messages to the proxy's scanners and to llhttp and compares what they made of them. An input whose
 * pair of verdicts is new becomes a seed itself.
 */
import { type Random, seededRandom } from '../../src/base/random.ts';
import type { Pieces } from '../helpers/write-pieces.ts';
import { readAsProxy } from './client-reading.ts';
import { compareReadings, type Comparison, type Difference } from './compare-readings.ts';
import { FOUND } from './found.ts';
import type { FuzzCase, RequestCase } from './fuzz-case.ts';
import { mutate } from './mutate.ts';
import type { ReaderProcess } from './reader-process.ts';
import { readSeeds } from './seeds.ts';
import { readAsProxyFromTarget } from './target-reading.ts';
import type { WireReading } from './wire-reading.ts';

export interface Finding {
  readonly fuzzCase: FuzzCase;
  readonly difference: Difference;
}

const BATCH_CASES = 128;
/** Share of the inputs that are made of an answer of a target. */
const RESPONSE_SHARE = 0.4;
const CORPUS_MAX = 5000;

export class ScanFuzzer {
  executions = 0;
  /** How often each row of the strictness table explained a difference. */
  readonly explained = new Map<string, number>();
  readonly #llhttp: ReaderProcess;
  readonly #random: Random;
  readonly #corpus: Record<FuzzCase['kind'], string[]>;
  readonly #seen = new Set<string>();
  readonly #untried: FuzzCase[];

  constructor(llhttp: ReaderProcess, seed: number) {
    this.#llhttp = llhttp;
    this.#random = seededRandom(seed);
    this.#corpus = { request: readSeeds('request'), response: readSeeds('response') };
    const seeds = (['request', 'response'] as const).flatMap((kind) =>
      this.#corpus[kind].map((text) => this.#dress(kind, text)),
    );
    this.#untried = [...seeds, ...FOUND];
  }

  get corpusSize(): number {
    return this.#corpus.request.length + this.#corpus.response.length;
  }

  /** Tries a batch of inputs: what was found before and the seeds as they are, then mutations. */
  async turn(): Promise<Finding[]> {
    const cases = Array.from({ length: BATCH_CASES }, () => this.#untried.pop() ?? this.#next());
    const comparisons = await compareCases(this.#llhttp, cases);
    this.executions += cases.length;
    return comparisons.flatMap(({ fuzzCase, ours, theirs, comparison }) => {
      this.#learn(fuzzCase, ours, theirs, comparison);
      return comparison.differences.map((difference) => ({ fuzzCase, difference }));
    });
  }

  /** Cases for others to try: half of them inputs that were worth keeping, half of them mutations. */
  draw(count: number): FuzzCase[] {
    return Array.from({ length: count }, () => (this.#random.next() < 0.5 ? this.#kept() : this.#next()));
  }

  #kept(): FuzzCase {
    const kind = this.#kind();
    return this.#dress(kind, this.#one(this.#corpus[kind]));
  }

  #kind(): FuzzCase['kind'] {
    return this.#random.next() < RESPONSE_SHARE ? 'response' : 'request';
  }

  #next(): FuzzCase {
    const kind = this.#kind();
    const corpus = this.#corpus[kind];
    return this.#dress(kind, mutate(this.#one(corpus), corpus, this.#random));
  }

  /** What is not in the bytes but may change how they are read. */
  #dress(kind: FuzzCase['kind'], text: string): FuzzCase {
    const pieces = this.#pieces();
    if (kind === 'request') return { kind, text, pieces, answers: this.#one(ANSWERS) };
    return {
      kind,
      text,
      pieces,
      method: this.#one(['GET', 'GET', 'GET', 'HEAD', 'POST'] as const),
      upgrade: this.#one(['', 'websocket'] as const),
      ends: this.#random.next() < 0.5,
    };
  }

  #pieces(): Pieces {
    return this.#random.next() < 0.5
      ? this.#one(['whole', 1, 2, 3, 7] as const)
      : { seed: Math.floor(this.#random.next() * 2 ** 32) };
  }

  #one<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random.next() * items.length)] as T;
  }

  #learn(fuzzCase: FuzzCase, ours: WireReading, theirs: WireReading, { explainedBy, differences }: Comparison): void {
    if (explainedBy !== null) this.explained.set(explainedBy, (this.explained.get(explainedBy) ?? 0) + 1);
    const signature = signatureOf(fuzzCase, ours, theirs, explainedBy);
    const corpus = this.#corpus[fuzzCase.kind];
    if (differences.length > 0 || this.#seen.has(signature) || corpus.length >= CORPUS_MAX) return;
    this.#seen.add(signature);
    if (!corpus.includes(fuzzCase.text)) corpus.push(fuzzCase.text);
  }
}

const ANSWERS: readonly RequestCase['answers'][] = ['at once', 'at once', 'at the end', 'at the head'];

export interface ComparedCase {
  readonly fuzzCase: FuzzCase;
  readonly ours: WireReading;
  readonly theirs: WireReading;
  readonly comparison: Comparison;
}

export async function compareCases(llhttp: ReaderProcess, cases: readonly FuzzCase[]): Promise<ComparedCase[]> {
  const reading = llhttp.read(cases);
  const own = cases.map(readAsProxySafely);
  const other = await reading;
  return cases.map((fuzzCase, index) => {
    const ours = own[index] as WireReading | Error;
    const theirs = other[index] as WireReading;
    if (ours instanceof Error) return { fuzzCase, ours: NOTHING, theirs, comparison: crash(ours) };
    return { fuzzCase, ours, theirs, comparison: compareReadings(fuzzCase, ours, theirs) };
  });
}

const NOTHING: WireReading = { messages: [], refused: null };

function readAsProxySafely(fuzzCase: FuzzCase): WireReading | Error {
  try {
    return fuzzCase.kind === 'request' ? readAsProxy(fuzzCase) : readAsProxyFromTarget(fuzzCase);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function crash(error: Error): Comparison {
  return { differences: [{ kind: `throws ${error.name}`, detail: error.stack ?? error.message }], explainedBy: null };
}

/** Coarse on purpose: what an input teaches is which reasons met, and not which bytes led to them. */
function signatureOf({ kind }: FuzzCase, ours: WireReading, theirs: WireReading, row: string | null): string {
  const shape = ours.messages.slice(-2).map((message) => {
    const hasTrailers = message.trailers.length > 0;
    return `${message.state}${message.keepAlive}${message.upgrade}${message.body.length > 0}${hasTrailers}${message.version}`;
  });
  const refusals = `${ours.refused?.code} ${theirs.refused?.reason}`;
  return `${kind} ${Math.min(ours.messages.length, 3)} ${shape.join(' ')} ${refusals} ${row}`;
}
