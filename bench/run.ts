/**
 * What a small request costs, in processor time, next to other proxies: `npm run bench`.
 *
 *   --only cutover,nginx   measure these alone (default: all)
 *   --rounds 3             rounds for each
 *   --seconds 5            length of a round
 *   --connections 64       kept connections of the load
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, platform, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startBackend } from './backend.ts';
import { Children } from './children.ts';
import { CLIENTS_MAX, type Contender } from './contender.ts';
import { cutover } from './contenders/cutover.ts';
import { haproxy } from './contenders/haproxy.ts';
import { httpProxy } from './contenders/http-proxy.ts';
import { nginx } from './contenders/nginx.ts';
import { freePort } from './free-port.ts';
import { installed } from './installed.ts';
import { findLoadGenerator } from './load.ts';
import { type RunningContender, becomesReady, measure } from './measure.ts';
import { type Results, resultTable } from './result-table.ts';

const CONTENDERS: readonly Contender[] = [cutover, nginx, haproxy, httpProxy];
const RESULTS_FOLDER = fileURLToPath(new URL('./results/', import.meta.url));

interface Settings {
  readonly only: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
}

await main();

async function main(): Promise<void> {
  const settings = readSettings();
  if (settings === null || !(await isMachineFit())) {
    process.exitCode = 1;
    return;
  }
  const children = new Children({ pinning: (await installed('taskset')) !== null });
  const folder = await mkdtemp(join(tmpdir(), 'cutover-bench-'));
  const clean = async (): Promise<void> => {
    await children.stopAll();
    await rm(folder, { recursive: true, force: true });
  };
  const interrupt = (): void => void clean().finally(() => process.exit(130));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const results = await compare(settings, children, folder);
    await publish(results);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  } finally {
    await clean();
  }
}

function readSettings(): Settings | null {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', default: CONTENDERS.map(({ name }) => name).join(',') },
        rounds: { type: 'string', default: '3' },
        seconds: { type: 'string', default: '5' },
        connections: { type: 'string', default: '64' },
      },
    });
    return {
      only: values.only.split(',').map(knownContender),
      rounds: positive('--rounds', values.rounds),
      seconds: positive('--seconds', values.seconds),
      connections: positive('--connections', values.connections),
    };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return null;
  }
}

function knownContender(name: string): string {
  if (CONTENDERS.some((contender) => contender.name === name)) return name;
  throw new Error(
    `--only: no contender ${name}; there are ${CONTENDERS.map((contender) => contender.name).join(', ')}`,
  );
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`${flag}: ${text} is not a whole number above 0`);
}

async function isMachineFit(): Promise<boolean> {
  if (platform() !== 'linux') {
    console.error(`processor time is read from /proc, which ${platform()} does not have: run this on Linux`);
    return false;
  }
  return true;
}

async function describePlacement(): Promise<string> {
  if ((await installed('taskset')) === null) return 'taskset is missing: nothing is held to a core.';
  if (availableParallelism() < 2) return 'Contender, load generator and backend share the only core.';
  return 'Each contender is held to a core that nothing else here uses; load generator and backend share another.';
}

async function compare(settings: Settings, children: Children, folder: string): Promise<Results> {
  const { rounds, seconds, connections } = settings;
  const [core, loadCore] = [0, availableParallelism() > 1 ? 1 : 0];
  const [loadBefore = 0] = loadavg();
  const generator = await findLoadGenerator();
  const backendPort = await freePort();
  const backend = await startBackend({
    children,
    core: loadCore,
    port: backendPort,
    folder: await subfolder(folder, 'backend'),
  });
  await becomesReady('the backend', backend.child, `http://127.0.0.1:${backendPort}/`);

  const { running, missing } = await startContenders(settings.only, children, core, backendPort, folder);
  for (const { name, reason } of missing) console.log(`${name} does not take part: ${reason}`);
  const measuring = { children, generator, loadCore, connections, seconds };
  const samples = await measure(running, rounds, measuring, (name, round, sample) => {
    const cpu = sample.cpuMicrosPerRequest.toFixed(2);
    console.log(`round ${round} ${name.padEnd(10)} ${cpu} µs/request ${Math.round(sample.requestsPerSecond)} req/s`);
  });
  return {
    conditions: {
      takenAt: new Date().toISOString(),
      machine: await describeMachine(),
      node: process.versions.node,
      generator: generator.name,
      backend: backend.kind,
      placement: await describePlacement(),
      connections,
      seconds,
      rounds,
      loadBefore,
    },
    contenders: running.map(({ contender: { name }, version }) => ({
      name,
      version,
      samples: samples.get(name) ?? [],
    })),
    missing,
  };
}

async function startContenders(
  only: readonly string[],
  children: Children,
  core: number,
  backendPort: number,
  folder: string,
): Promise<{ running: RunningContender[]; missing: Results['missing'] }> {
  const running: RunningContender[] = [];
  const missing: { name: string; reason: string }[] = [];
  for (const contender of CONTENDERS.filter(({ name }) => only.includes(name))) {
    const { name } = contender;
    const probed = await contender.probe();
    if ('missing' in probed) {
      missing.push({ name, reason: probed.missing });
      continue;
    }
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/`;
    try {
      const place = {
        children,
        core,
        port,
        backendPort,
        clientsMax: CLIENTS_MAX,
        folder: await subfolder(folder, name),
      };
      const child = await contender.start(place);
      await becomesReady(name, child, url);
      running.push({ contender, version: probed.version, child, url });
    } catch (error) {
      // The others are still worth comparing, but whoever asked for all must not take this for a success.
      process.exitCode = 1;
      missing.push({ name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { running, missing };
}

async function publish(results: Results): Promise<void> {
  const page = resultTable(results);
  console.log(`\n${page}`);
  if (results.contenders.length + results.missing.length < CONTENDERS.length) {
    console.log('Not kept in bench/results: some contenders were left out.');
    return;
  }
  await mkdir(RESULTS_FOLDER, { recursive: true });
  await writeFile(join(RESULTS_FOLDER, 'latest.md'), `${page.trimEnd()}\n`);
  await writeFile(join(RESULTS_FOLDER, 'latest.json'), `${JSON.stringify(results, null, 2)}\n`);
}

async function subfolder(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  return path;
}

async function describeMachine(): Promise<string> {
  const memory = /MemTotal:\s+(\d+)/.exec(await readFile('/proc/meminfo', 'utf8'))?.[1];
  const gib = Math.round(Number(memory ?? 0) / 2 ** 20);
  return `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, ${gib} GiB, Linux ${release()}`;
}
