import { get } from 'node:http';
import { get as getSecurely } from 'node:https';
import type { Child, Children } from './children.ts';
import type { Load, LoadGenerator } from './load.ts';
import { machineCpuSeconds } from './machine-usage.ts';
import { treeUsage } from './process-tree.ts';

/** Before the first round of each: code is compiled, memory is taken. */
const WARM_UP_SECONDS = 2;
/** On a very busy machine the first large body may take longer than that. */
const WARM_UP_ATTEMPTS = 3;
/** Before each round, where nothing else is said: connections are made anew. */
export const SETTLE_SECONDS = 1;
/** Long enough for any contender to start, with both cores busy. */
const START_MS_MAX = 15_000;
/** Ten thousand services take some time to check, on a machine that has other things to do. */
export const LONG_START_MS_MAX = 90_000;
const START_POLL_MS = 50;

/** A contender that runs in one of the settings of a scenario. */
export interface Entrant {
  readonly name: string;
  readonly child: Child;
  /** "http://127.0.0.1:8080" */
  readonly origin: string;
}

/** One round of one contender. */
export interface Sample {
  /** User and system time together. */
  readonly cpuMicrosPerRequest: number;
  readonly userMicrosPerRequest: number;
  readonly systemMicrosPerRequest: number;
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
  readonly load: Load;
  readonly seconds: number;
  /** Of the same before each round, which do not count. */
  readonly settleSeconds: number;
  /** An empty folder. */
  readonly folder: string;
}

/** Waits until the address answers 200. */
export async function becomesReady(name: string, child: Child, url: string, msMax = START_MS_MAX): Promise<void> {
  const deadlineAt = performance.now() + msMax;
  let ended = false;
  void child.exited.then(() => (ended = true));
  while (performance.now() < deadlineAt) {
    if (ended) throw new Error(`${name} ended while starting:\n${child.output()}`);
    if ((await statusOf(url)) === 200) return;
    await new Promise((resolve) => setTimeout(resolve, START_POLL_MS));
  }
  throw new Error(`${name} did not answer 200 at ${url} within ${msMax} ms:\n${child.output()}`);
}

/**
 * The rounds take turns between the entrants (A B C, A B C, ...), so that what else the machine does falls on all of
 * them alike. Gives the samples of each, in the order of the entrants.
 */
export async function measure(
  entrants: readonly Entrant[],
  rounds: number,
  measuring: Measuring,
  onSample: (name: string, round: number, sample: Sample) => void,
): Promise<readonly (readonly Sample[])[]> {
  const samples = entrants.map((): Sample[] => []);
  for (let round = 1; round <= rounds; round++) {
    for (const [index, entrant] of entrants.entries()) {
      const sample = await measureOnce(entrant, measuring);
      samples[index]?.push(sample);
      onSample(entrant.name, round, sample);
    }
  }
  return samples;
}

/** Asks it for a while without counting; an error where it answers nothing. */
export async function warmUp({ name, child, origin }: Entrant, m: Measuring): Promise<void> {
  const { children, generator, loadCore: core, load, folder } = m;
  for (let attempt = 0; attempt < WARM_UP_ATTEMPTS; attempt++) {
    const { requests } = await generator.run({ load, origin, children, core, folder, seconds: WARM_UP_SECONDS });
    if (requests > 0) return;
  }
  throw new Error(`${name} answered nothing of what ${generator.name} asked:\n${child.output()}`);
}

async function measureOnce({ child, origin }: Entrant, m: Measuring): Promise<Sample> {
  const { children, generator, loadCore: core, load, seconds, settleSeconds, folder } = m;
  const task = { load, origin, children, core, folder };
  if (settleSeconds > 0) await generator.run({ ...task, seconds: settleSeconds });
  const othersBefore = await othersCpuSeconds();
  const before = await treeUsage(child.pid);
  const result = await generator.run({ ...task, seconds });
  const after = await treeUsage(child.pid);
  const othersSeconds = (await othersCpuSeconds()) - othersBefore;
  const microsPerRequest = (part: 'cpuSeconds' | 'userSeconds' | 'systemSeconds'): number =>
    ((after[part] - before[part]) * 1e6) / result.requests;
  return {
    cpuMicrosPerRequest: microsPerRequest('cpuSeconds'),
    userMicrosPerRequest: microsPerRequest('userSeconds'),
    systemMicrosPerRequest: microsPerRequest('systemSeconds'),
    requestsPerSecond: result.requests / result.seconds,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    residentBytes: after.residentBytes,
    corePercent: ((after.cpuSeconds - before.cpuSeconds) / result.seconds) * 100,
    failed: result.failed,
    othersPercent: Math.max(0, (othersSeconds / result.seconds) * 100),
  };
}

/** Everything that is measured here, the load generator included, descends from this process. */
async function othersCpuSeconds(): Promise<number> {
  return (await machineCpuSeconds()) - (await treeUsage(process.pid)).cpuSeconds;
}

/** Of a GET; the certificate is one that nobody vouches for. */
function statusOf(url: string): Promise<number | null> {
  return new Promise((resolve) => {
    const asking = url.startsWith('https:')
      ? getSecurely(url, { agent: false, rejectUnauthorized: false })
      : get(url, { agent: false });
    asking.once('error', () => resolve(null));
    asking.once('response', (response) => {
      response.resume();
      response.once('close', () => resolve(response.statusCode ?? null));
    });
  });
}
