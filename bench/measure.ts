import type { Child, Children } from './children.ts';
import type { Contender } from './contender.ts';
import type { LoadGenerator } from './load.ts';
import { machineCpuSeconds } from './machine-usage.ts';
import { treeUsage } from './process-tree.ts';

/** Before the first round of each contender: code is compiled, connections are made, memory is taken. */
const WARM_UP_SECONDS = 2;
/** Before each later one: connections are made anew. */
const SETTLE_SECONDS = 1;
/** Long enough for any contender to start, with both cores busy. */
const START_MS_MAX = 15_000;
const START_POLL_MS = 50;

export interface RunningContender {
  readonly contender: Contender;
  readonly version: string;
  readonly child: Child;
  readonly url: string;
}

/** One round of one contender. */
export interface Sample {
  readonly cpuMicrosPerRequest: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly residentBytes: number;
  /** Of the core it was given. */
  readonly corePercent: number;
  readonly failed: number;
  /** What programs that have nothing to do with this took of the machine meanwhile, in percent of one core. */
  readonly othersPercent: number;
}

export interface Measuring {
  readonly children: Children;
  readonly generator: LoadGenerator;
  readonly loadCore: number;
  readonly connections: number;
  readonly seconds: number;
}

/** Waits until the address answers 200. */
export async function becomesReady(name: string, child: Child, url: string, msMax = START_MS_MAX): Promise<void> {
  const deadlineAt = performance.now() + msMax;
  let ended = false;
  void child.exited.then(() => (ended = true));
  while (performance.now() < deadlineAt) {
    if (ended) throw new Error(`${name} ended while starting:\n${child.output()}`);
    const status = await statusOf(url);
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, START_POLL_MS));
  }
  throw new Error(`${name} did not answer 200 at ${url} within ${msMax} ms:\n${child.output()}`);
}

/**
 * The rounds take turns between the contenders (A B C, A B C, ...), so that what else the machine does falls on all
 * of them alike.
 */
export async function measure(
  contenders: readonly RunningContender[],
  rounds: number,
  measuring: Measuring,
  onSample: (name: string, round: number, sample: Sample) => void,
): Promise<ReadonlyMap<string, readonly Sample[]>> {
  const samples = new Map<string, Sample[]>(contenders.map(({ contender }) => [contender.name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const running of contenders) {
      const { name } = running.contender;
      const sample = await measureOnce(running, round === 1 ? WARM_UP_SECONDS : SETTLE_SECONDS, measuring);
      samples.get(name)?.push(sample);
      onSample(name, round, sample);
    }
  }
  return samples;
}

async function measureOnce({ child, url }: RunningContender, warmUpSeconds: number, m: Measuring): Promise<Sample> {
  const { children, generator, loadCore, connections, seconds } = m;
  await generator.run(children, loadCore, { url, connections, seconds: warmUpSeconds });
  const othersBefore = await othersCpuSeconds();
  const before = await treeUsage(child.pid);
  const result = await generator.run(children, loadCore, { url, connections, seconds });
  const after = await treeUsage(child.pid);
  const othersSeconds = (await othersCpuSeconds()) - othersBefore;
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
  return {
    cpuMicrosPerRequest: (cpuSeconds * 1e6) / result.requests,
    requestsPerSecond: result.requests / result.seconds,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    residentBytes: after.residentBytes,
    corePercent: (cpuSeconds / result.seconds) * 100,
    failed: result.failed,
    othersPercent: Math.max(0, (othersSeconds / result.seconds) * 100),
  };
}

/** Everything that is measured here, the load generator included, descends from this process. */
async function othersCpuSeconds(): Promise<number> {
  return (await machineCpuSeconds()) - (await treeUsage(process.pid)).cpuSeconds;
}

async function statusOf(url: string): Promise<number | null> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.status;
  } catch {
    return null;
  }
}
