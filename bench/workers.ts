/**
 * What a second worker brings: `node bench/workers.ts`.
 *
 *   --seconds 4    length of a round
 *   --rounds 3
 *
 * Two workers need two cores that nothing else wants, and load generator and backend need theirs: four in all. On a
 * smaller machine each worker is held to a fixed share of a core instead (a CPU quota of cgroup v1, which needs root),
 * small enough that all fit side by side: what is asked is whether the second worker doubles what the first can do.
 */
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startBackend } from './backend.ts';
import { freePort } from './free-port.ts';
import { findGenerators } from './loads/find-generator.ts';
import { describeRun } from './machine.ts';
import { becomesReady } from './measure.ts';
import { printResult } from './print-result.ts';
import { median } from './quantile.ts';
import { SMALL_GET } from './scenarios.ts';
import { type Workspace, inWorkspace } from './workspace.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const CGROUPS = '/sys/fs/cgroup/cpu';
const CORES_NEEDED = 4;
/** Share of a core that a worker gets on a small machine. */
const SHARE = 0.3;
const PERIOD_MICROS = 10_000;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});
const isSmall = availableParallelism() < CORES_NEEDED;
const groups: string[] = [];

async function main({ children, folder }: Workspace): Promise<void> {
  const backendPort = await freePort();
  await startBackend({ children, core: 0, port: backendPort, folder });
  const ports = {
    one: await start(1, backendPort, { children, folder }),
    two: await start(2, backendPort, { children, folder }),
  };
  const generator = (await findGenerators()).for(SMALL_GET);
  const rates: Record<'one' | 'two', number[]> = { one: [], two: [] };
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const which of ['one', 'two'] as const) {
      const origin = `http://127.0.0.1:${ports[which]}`;
      const task = { load: SMALL_GET, origin, seconds: Number(values.seconds), children, core: 0, folder };
      const result = await generator?.run(task);
      rates[which].push((result?.requests ?? Number.NaN) / (result?.seconds ?? Number.NaN));
    }
  }
  const times = median(rates.two.map((rate, round) => rate / (rates.one[round] ?? Number.NaN)));
  const held = isSmall ? `each worker held to ${SHARE * 100} % of a core` : 'workers on cores of their own';
  console.log(`${held}, load by ${generator?.name}; ${describeRun()}`);
  const row = (title: string, of: readonly number[], ratio: number): string[] => [
    title,
    Math.round(median(of)).toLocaleString('en-US'),
    ratio.toFixed(2),
  ];
  const table = [[held, 'req/s', 'times'], row('one worker', rates.one, 1), row('two workers', rates.two, times)];
  printResult({ table, figures: { times } }, values.json);
}

/** Starts the proxy with so many workers, and returns its port. */
async function start(workers: number, backendPort: number, { children, folder }: Workspace): Promise<number> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const file = join(folder, `cutover-${workers}.json`);
  const config = {
    listeners: { web: { listen: `127.0.0.1:${port}`, limits: { requestsPerConnection: 100_000_000 } } },
    admin: { listen: `127.0.0.1:${adminPort}` },
    state: { path: 'memory' },
    workers,
    shutdown: { announce: '1ms', drainTimeout: '1s' },
    services: { bench: { pools: { only: { targets: [{ url: `http://127.0.0.1:${backendPort}` }] } } } },
  };
  await writeFile(file, JSON.stringify(config));
  const proxy = await children.start(0, process.execPath, [MAIN, 'run', '--config', file, '--log-level', 'error']);
  await becomesReady('cutover', proxy, `http://127.0.0.1:${adminPort}/readyz`);
  const answer = await fetch(`http://127.0.0.1:${adminPort}/v1/workers`);
  const { items } = (await answer.json()) as { items: { pid: number }[] };
  if (isSmall) await Promise.all(items.map(({ pid }) => hold(pid)));
  return port;
}

/** Holds a process to its share of a core. */
async function hold(pid: number): Promise<void> {
  const group = join(CGROUPS, `cutover-bench-${pid}`);
  try {
    await mkdir(group);
    groups.push(group);
    await writeFile(join(group, 'cpu.cfs_period_us'), String(PERIOD_MICROS));
    await writeFile(join(group, 'cpu.cfs_quota_us'), String(PERIOD_MICROS * SHARE));
    await writeFile(join(group, 'cgroup.procs'), String(pid));
  } catch (cause) {
    throw new Error(`${CORES_NEEDED} cores, or CPU quotas in ${CGROUPS}, are needed to measure this`, { cause });
  }
}

try {
  await inWorkspace('workers', { pinning: false }, main);
} finally {
  for (const group of groups) await rmdir(group).catch(() => {});
}
