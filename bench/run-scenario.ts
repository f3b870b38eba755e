import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBackend, startRawBackend } from './backend.ts';
import type { Certificate } from './certificate.ts';
import type { Child, Children } from './children.ts';
import { CLIENTS_MAX, type Contender, type Probed, type Setting, featuresOf, lackOf } from './contender.ts';
import { freePort } from './free-port.ts';
import { type LoadGenerator, lastLine } from './load.ts';
import type { Generators } from './loads/find-generator.ts';
import { runSteadyLoad } from './loads/own.ts';
import type { SteadyResult, SteadyTask } from './loads/steady-load.ts';
import {
  type Entrant,
  LONG_START_MS_MAX,
  type Measuring,
  SETTLE_SECONDS,
  type Sample,
  becomesReady,
  measure,
  warmUp,
} from './measure.ts';
import { median } from './quantile.ts';
import { type Absence, type LoadResults, type ScenarioResults, type ScriptResults, nameOf } from './results.ts';
import type { LoadScenario, Scenario, ScriptResult, ScriptScenario } from './scenario.ts';

/** Of what the slowest native contender can do: a rate at which none of them is in a queue of its own making. */
const RATE_SHARE = 0.6;
/** Requests a second that the generator can send in time while the backend has the same core. */
const RATE_MAX = 10_000;
const LATENCY_CONNECTIONS = 64;
const REASON_CHARS_MAX = 300;
/** A script has children of its own to end. */
const SCRIPT_GRACE_MS = 10_000;

export interface Run {
  readonly children: Children;
  /** An empty folder. */
  readonly folder: string;
  /** Of the contenders, and of everything else. */
  readonly core: number;
  readonly loadCore: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly generators: Generators;
  readonly certificate: Certificate | null;
  readonly contenders: readonly { readonly contender: Contender; readonly probed: Probed }[];
  readonly say: (line: string) => void;
}

interface Running extends Entrant {
  readonly contender: Contender;
  readonly version: string;
  readonly label: string;
}

export async function runScenario(run: Run, scenario: Scenario): Promise<ScenarioResults> {
  const { name, title } = scenario;
  try {
    return scenario.kind === 'load' ? await runLoad(run, scenario) : await runScript(run, scenario);
  } catch (error) {
    return { kind: 'skipped', name, title, reason: `it failed: ${briefly(error)}`, isFailure: true };
  }
}

async function runLoad(run: Run, scenario: LoadScenario): Promise<ScenarioResults> {
  const { name, title, load } = scenario;
  const generator = run.generators.for(load);
  const skipped = (reason: string, isFailure = false): ScenarioResults => ({
    kind: 'skipped',
    name,
    title,
    reason,
    isFailure,
  });
  if (generator === null) return skipped('no program is installed that can make this load');
  if (run.certificate === null && scenario.settings.some(([, { entry }]) => entry === 'https')) {
    return skipped('openssl is not installed, which makes the certificate');
  }
  const folder = join(run.folder, name);
  await mkdir(folder);
  const started: Child[] = [];
  const absent: Absence[] = [];
  try {
    const targets = await startTargets(run, scenario, folder, started);
    const running = await startAll(run, scenario, { folder, targets, generator, started, absent });
    if (running.length === 0) {
      const reasons = absent.map((one) => `${one.name}: ${one.reason}`).join('; ');
      return skipped(
        reasons,
        absent.some(({ isFailure }) => isFailure),
      );
    }
    return await measureAll(run, scenario, running, { folder, generator, absent });
  } finally {
    await Promise.all(started.map((child) => child.stop()));
  }
}

/** Starts the backend of a scenario, and gives so many addresses of it as its settings ask for at most. */
async function startTargets(
  { children, loadCore: core }: Run,
  { backend, settings }: LoadScenario,
  folder: string,
  started: Child[],
): Promise<string[]> {
  const count = Math.max(...settings.map(([, { targets = 1 }]) => targets));
  const addresses = Array.from({ length: count - 1 }, (_, index) => `127.0.${1 + (index >> 8)}.${index & 255}`);
  const port = await freePort();
  const place = { children, core, port, folder: await subfolder(folder, 'backend'), addresses };
  const child = backend === 'raw' ? await startRawBackend(place) : (await startBackend(place)).child;
  started.push(child);
  await becomesReady('the backend', child, `http://127.0.0.1:${port}/`);
  return ['127.0.0.1', ...addresses].map((address) => `${address}:${port}`);
}

interface Starting {
  readonly folder: string;
  readonly targets: readonly string[];
  readonly generator: LoadGenerator;
  /** Added to, for whoever has to stop them. */
  readonly started: Child[];
  /** Added to: whoever cannot do this, or fails. */
  readonly absent: Absence[];
}

async function startAll(run: Run, scenario: LoadScenario, starting: Starting): Promise<Running[]> {
  const running: Running[] = [];
  for (const { contender, probed } of run.contenders) {
    // Where a setting is compared with another one, a contender that can do only one of them has nothing to say.
    const lack = scenario.settings.map(([, setting]) => lackOf(probed, setting)).find((feature) => feature !== null);
    if (lack !== undefined) {
      starting.absent.push({ name: contender.name, reason: `no ${lack} here`, isFailure: false });
      continue;
    }
    for (const [label, setting] of scenario.settings) {
      const name = nameOf({ contender: contender.name, label });
      try {
        const child = await startOne(run, contender, setting, await freePort(), name, scenario, starting);
        running.push({ ...child, contender, version: probed.version, label });
      } catch (error) {
        starting.absent.push({ name, reason: briefly(error), isFailure: true });
      }
    }
  }
  return running;
}

/** Ready, and warm. */
async function startOne(
  run: Run,
  contender: Contender,
  setting: Setting,
  port: number,
  name: string,
  scenario: LoadScenario,
  { folder, targets, started, generator }: Starting,
): Promise<Entrant> {
  const { children, core, certificate } = run;
  const own = await subfolder(folder, `${contender.name}-${port}`.replaceAll(/[^\w-]/g, '_'));
  const asked = targets.slice(0, setting.targets ?? 1);
  const place = { children, core, port, targets: asked, clientsMax: CLIENTS_MAX, folder: own, setting, certificate };
  const child = await contender.start(place);
  started.push(child);
  const origin = `${setting.entry === 'https' ? 'https' : 'http'}://127.0.0.1:${port}`;
  await becomesReady(name, child, `${origin}/`, LONG_START_MS_MAX);
  const entrant = { name, child, origin };
  await warmUp(entrant, measuringOf(run, scenario, generator, folder));
  return entrant;
}

function measuringOf(run: Run, { load }: LoadScenario, generator: LoadGenerator, folder: string): Measuring {
  const { children, loadCore, seconds } = run;
  return { children, generator, loadCore, load, seconds, settleSeconds: SETTLE_SECONDS, folder };
}

async function measureAll(
  run: Run,
  scenario: LoadScenario,
  running: readonly Running[],
  { folder, generator, absent }: Pick<Starting, 'folder' | 'generator' | 'absent'>,
): Promise<LoadResults> {
  const measuring = measuringOf(run, scenario, generator, folder);
  const samples = await measure(running, run.rounds, measuring, (name, round, sample) => {
    const [cpu, rate] = [sample.cpuMicrosPerRequest.toFixed(2), Math.round(sample.requestsPerSecond)];
    const failed = sample.failed > 0 ? `  ${sample.failed} FAILED` : '';
    run.say(`  round ${round}  ${name.padEnd(30)} ${cpu.padStart(9)} µs/request ${rate} req/s${failed}`);
  });
  const rate = scenario.hasLatencies ? rateFor(running, samples) : null;
  const latencies = rate === null ? [] : await measureLatencies(run, scenario, running, rate);
  return {
    kind: 'load',
    name: scenario.name,
    title: scenario.title,
    generator: generator.name,
    connections: scenario.load.connections,
    rate,
    entrants: running.map(({ contender, version, label }, index) => ({
      contender: contender.name,
      version,
      label,
      samples: samples[index] ?? [],
      latencies: latencies[index] ?? [],
    })),
    absent,
  };
}

/** The same for all, so that their latencies can be compared. */
function rateFor(running: readonly Running[], samples: readonly (readonly Sample[])[]): number {
  const speeds = samples.map((ofOne) => median(ofOne.map(({ requestsPerSecond }) => requestsPerSecond)));
  const native = speeds.filter((_, index) => running[index]?.contender.isNative);
  return Math.min(RATE_MAX, Math.floor(RATE_SHARE * Math.min(...(native.length > 0 ? native : speeds))));
}

async function measureLatencies(
  run: Run,
  scenario: LoadScenario,
  running: readonly Running[],
  rate: number,
): Promise<SteadyResult[][]> {
  const { seconds } = run;
  const results = running.map((): SteadyResult[] => []);
  for (let round = 1; round <= run.rounds; round++) {
    for (const [index, { name, origin }] of running.entries()) {
      const task = { origin, path: scenario.load.path, rate, seconds, connections: LATENCY_CONNECTIONS };
      const result = await steadily(run, task);
      results[index]?.push(result);
      const [p50 = Number.NaN] = result.latenciesMs;
      run.say(`  at ${rate}/s  ${name.padEnd(30)} p50 ${p50.toFixed(2)} ms, ${result.failed} failed`);
    }
  }
  return results;
}

/** Where that fails, all of the requests have. */
async function steadily({ children, loadCore: core, say }: Run, task: SteadyTask): Promise<SteadyResult> {
  try {
    return await runSteadyLoad({ children, core }, task);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return { latenciesMs: [], failed: task.rate * task.seconds };
  }
}

async function runScript(run: Run, { name, title, script, args }: ScriptScenario): Promise<ScriptResults> {
  const file = fileURLToPath(new URL(`./${script}`, import.meta.url));
  const child = await run.children.startFree(process.execPath, [file, ...args, '--json'], SCRIPT_GRACE_MS);
  const code = await child.exited;
  if (code !== 0) throw new Error(`${script} ended with ${code}:\n${child.output()}`);
  return { kind: 'script', name, title, ...(JSON.parse(lastLine(child.output())) as ScriptResult) };
}

/** What the settings of a scenario ask of contenders, for lists. */
export function needsOf({ settings }: LoadScenario): string {
  return [...new Set(settings.flatMap(([, setting]) => featuresOf(setting)))].join(', ');
}

/** On one line, for tables: what programs say goes on and on. */
function briefly(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s+/g, ' ').trim().slice(0, REASON_CHARS_MAX);
}

async function subfolder(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  return path;
}
