/**
 * What a shadow that is dead or slow does to live traffic: `node bench/shadow.ts`.
 *
 *   --rounds 4       for each kind of shadow
 *   --seconds 4      length of each
 *   --rate 600       requests a second, on 8 kept connections
 *
 * Two proxies on the same core are asked in turn by the same clients; one of them copies every request to a shadow. With
 * `none` neither does, which shows what the noise is. A dead shadow refuses connections, a slow one never answers, a
 * sound one does at once: the processor time of its copies is what they cost at all.
 */
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startBackend } from './backend.ts';
import { freePort } from './free-port.ts';
import { describeRun } from './machine.ts';
import { becomesReady } from './measure.ts';
import { measurePair, type PairedProxy, type PairedSample } from './paired-load.ts';
import { median } from './quantile.ts';
import { type Workspace, inWorkspace } from './workspace.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '4' },
    rate: { type: 'string', default: '600' },
  },
});
const [rounds, seconds, rate] = [Number(values.rounds), Number(values.seconds), Number(values.rate)];
const [proxyCore, loadCore] = [0, availableParallelism() > 1 ? 1 : 0];

async function main(workspace: Workspace): Promise<void> {
  const { children, folder } = workspace;
  const livePort = await freePort();
  await startBackend({ children, core: loadCore, port: livePort, folder });
  const silent = createServer((socket) => void socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const silentPort = (silent.address() as { readonly port: number }).port;
  const shadows = { none: null, dead: await freePort(), slow: silentPort, sound: livePort };

  console.log(`${rate} requests/s, all of them copied, ${rounds} rounds of ${seconds} s, on ${describeRun()}`);
  console.log(`medians of rounds, ratios within a round\n`);
  console.log('| shadow | p50 without | with | p99 without | with | p99 ratio | spread    | CPU ratio | failed |');
  console.log('|--------|------------:|-----:|------------:|-----:|----------:|-----------|----------:|-------:|');
  for (const [kind, port] of Object.entries(shadows)) {
    // Both anew: what has run for longer is better compiled.
    const copying = await startProxy(workspace, livePort, port);
    const without = await startProxy(workspace, livePort, null);
    await measurePair([copying, without], { rate, seconds });
    const samples: [PairedSample, PairedSample][] = [];
    for (let round = 0; round < rounds; round++) samples.push(await inTurn(copying, without, round));
    console.log(row(kind, samples));
    for (const { child } of [copying, without]) {
      process.kill(child.pid, 'SIGTERM');
      await child.exited;
    }
  }
  silent.close();
}

/** Which of the two is asked first changes with the round. */
async function inTurn(one: PairedProxy, other: PairedProxy, round: number): Promise<[PairedSample, PairedSample]> {
  if (round % 2 === 0) return measurePair([one, other], { rate, seconds });
  const [ofOther, ofOne] = await measurePair([other, one], { rate, seconds });
  return [ofOne, ofOther];
}

async function startProxy(
  { children, folder }: Workspace,
  livePort: number,
  shadowPort: number | null,
): Promise<PairedProxy> {
  const port = await freePort();
  const pool = (to: number): unknown => ({ targets: [{ url: `http://127.0.0.1:${to}` }] });
  const mirrored = shadowPort === null ? {} : { mirror: { pool: 'shadow', percent: 100, timeout: '1s' } };
  const config = {
    listeners: { web: { listen: `127.0.0.1:${port}` } },
    admin: { listen: `127.0.0.1:${await freePort()}` },
    state: { path: 'memory' },
    workers: 0,
    services: {
      app: {
        pools: { live: pool(livePort), shadow: pool(shadowPort ?? livePort) },
        split: { live: 100 },
        ...mirrored,
      },
    },
  };
  const file = join(folder, `cutover-${port}.json`);
  await writeFile(file, JSON.stringify(config));
  const child = await children.start(proxyCore, process.execPath, [MAIN, 'run', '--config', file]);
  await becomesReady('cutover', child, `http://127.0.0.1:${port}/`);
  return { child, port };
}

function row(kind: string, samples: readonly [PairedSample, PairedSample][]): string {
  const ratios = (pick: (sample: PairedSample) => number): number[] =>
    samples.map(([copying, without]) => pick(copying) / pick(without));
  const of = (index: 0 | 1, pick: (sample: PairedSample) => number): string =>
    median(samples.map((pair) => pick(pair[index]))).toFixed(2);
  const p99 = ratios(({ p99Ms }) => p99Ms);
  const cells = [
    kind.padEnd(6),
    of(1, ({ p50Ms }) => p50Ms),
    of(0, ({ p50Ms }) => p50Ms),
    of(1, ({ p99Ms }) => p99Ms),
    of(0, ({ p99Ms }) => p99Ms),
    median(p99).toFixed(2),
    `${Math.min(...p99).toFixed(2)}–${Math.max(...p99).toFixed(2)}`,
    median(ratios(({ cpuPercent }) => cpuPercent)).toFixed(2),
    String(samples.flat().reduce((sum, { failed }) => sum + failed, 0)),
  ];
  return `| ${cells.join(' | ')} |`;
}

await inWorkspace('shadow', {}, main);
