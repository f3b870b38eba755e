/**
 * What clients that are slow on purpose do to the latency of others: `node bench/slow-peers.ts`.
 *
 *   --peers 200      slow clients at once
 *   --rounds 6       for each kind of slowness
 *   --seconds 4      length of each
 *   --rate 300       requests a second of the others, on 8 kept connections
 *
 * Two proxies on the same core are asked in turn by the same clients, and one of them has the slow ones, in turn too:
 * whatever else the machine does falls on both alike. Prints the latency of the others, and the processor time of each.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startBackend } from './backend.ts';
import type { Child } from './children.ts';
import { freePort } from './free-port.ts';
import { describeRun } from './machine.ts';
import { becomesReady } from './measure.ts';
import { measurePair, type PairedLoad, type PairedProxy, type PairedSample } from './paired-load.ts';
import { treeUsage } from './process-tree.ts';
import { median } from './quantile.ts';
import { type Workspace, inWorkspace } from './workspace.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const CROWD = fileURLToPath(new URL('./slow-crowd.ts', import.meta.url));
const KINDS = ['head', 'body', 'read', 'idle', 'all'];
/** Longest wait until all slow clients are there, and what is sent to those that do not read has filled all buffers. */
const GATHER_MS_MAX = 30_000;
/** Of one core: from then on they do nothing but be slow. */
const CROWD_CPU_PERCENT_MAX = 5;

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '4' },
    rate: { type: 'string', default: '300' },
  },
});
const [peers, rounds, seconds, rate] = [values.peers, values.rounds, values.seconds, values.rate].map(Number) as [
  number,
  number,
  number,
  number,
];

const plan: PairedLoad = { rate, seconds };
const [proxyCore, loadCore] = [0, availableParallelism() > 1 ? 1 : 0];

async function main(workspace: Workspace): Promise<void> {
  const { children, folder } = workspace;
  const [backendPort, slowPort] = [await freePort(), await freePort()];
  await startBackend({ children, core: loadCore, port: backendPort, folder });
  const proxies = [
    await startProxy(workspace, backendPort, slowPort),
    await startProxy(workspace, backendPort, slowPort),
  ] as const;
  console.log(
    `${peers} slow clients, ${rate} requests/s of others, ${rounds} rounds of ${seconds} s, on ${describeRun()}`,
  );
  console.log(`medians of rounds, ratios within a round\n`);
  console.log(
    '| slow     | p50 without | with | p99 without | with | p99 ratio | spread | CPU without | with | failed |',
  );
  console.log(
    '|----------|------------:|-----:|------------:|-----:|----------:|-------:|------------:|-----:|-------:|',
  );
  await measurePair(proxies, plan);
  for (const kind of KINDS) {
    const without: PairedSample[] = [];
    const withThem: PairedSample[] = [];
    for (let round = 0; round < rounds; round++) {
      const [crowded, calm] = round % 2 === 0 ? proxies : [proxies[1], proxies[0]];
      const args = [kind, peers, crowded.port, slowPort].map(String);
      const crowd = await children.start(loadCore, process.execPath, [CROWD, ...args]);
      await gathered(crowd);
      const samples = await measurePair([crowded, calm], plan);
      withThem.push(samples[0]);
      without.push(samples[1]);
      process.kill(crowd.pid, 'SIGKILL');
      await crowd.exited;
      await wait(500);
    }
    console.log(row(kind, without, withThem));
  }
}

async function startProxy(
  { children, folder }: Workspace,
  backendPort: number,
  slowPort: number,
): Promise<PairedProxy> {
  const port = await freePort();
  const pools = (to: number): unknown => ({ only: { targets: [{ url: `http://127.0.0.1:${to}` }] } });
  const config = {
    listeners: { web: { listen: `127.0.0.1:${port}` } },
    admin: { listen: `127.0.0.1:${await freePort()}` },
    state: { path: 'memory' },
    workers: 0,
    services: {
      fast: { pools: pools(backendPort) },
      slow: { match: { hosts: ['slow.test'] }, pools: pools(slowPort) },
    },
  };
  const file = join(folder, `cutover-${port}.json`);
  await writeFile(file, JSON.stringify(config));
  const child = await children.start(proxyCore, process.execPath, [MAIN, 'run', '--config', file]);
  await becomesReady('cutover', child, `http://127.0.0.1:${port}/`);
  return { child, port };
}

async function gathered(crowd: Child): Promise<void> {
  const stepSeconds = 0.5;
  let before = 0;
  for (let waitedMs = 0; waitedMs < GATHER_MS_MAX; waitedMs += stepSeconds * 1000) {
    await wait(stepSeconds * 1000);
    const { cpuSeconds } = await treeUsage(crowd.pid);
    if (waitedMs > 1000 && cpuSeconds - before < (CROWD_CPU_PERCENT_MAX / 100) * stepSeconds) return;
    before = cpuSeconds;
  }
}

function row(kind: string, without: readonly PairedSample[], withThem: readonly PairedSample[]): string {
  const ratios = withThem.map((sample, round) => sample.p99Ms / (without[round]?.p99Ms ?? Number.NaN));
  const of = (samples: readonly PairedSample[], pick: (sample: PairedSample) => number): string =>
    median(samples.map(pick)).toFixed(2);
  const cells = [
    kind.padEnd(8),
    of(without, ({ p50Ms }) => p50Ms),
    of(withThem, ({ p50Ms }) => p50Ms),
    of(without, ({ p99Ms }) => p99Ms),
    of(withThem, ({ p99Ms }) => p99Ms),
    median(ratios).toFixed(2),
    `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`,
    `${of(without, ({ cpuPercent }) => cpuPercent)} %`,
    `${of(withThem, ({ cpuPercent }) => cpuPercent)} %`,
    String([...without, ...withThem].reduce((sum, { failed }) => sum + failed, 0)),
  ];
  return `| ${cells.join(' | ')} |`;
}

await inWorkspace('slow-peers', {}, main);
