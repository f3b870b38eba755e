/**
 * What many services and many rules cost a request, in processor time of the whole proxy: `node bench/many.ts`.
 *
 *   --rounds 5       of each
 *   --seconds 6      length of a round
 *   --rate 1500      requests a second to each
 *
 * Two proxies are asked at the same time on the same core, so that what else the machine does falls on both alike; the first pair is
 * of equals, which shows what the noise is. Rules are of four kinds in turn (path and method, header
 * field, client address, cookie), of which the request has something, and never what is wanted.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { ConfigDocument } from '../src/schema/config.ts';
import { startBackend } from './backend.ts';
import { Children } from './children.ts';
import { freePort } from './free-port.ts';
import { installed } from './installed.ts';
import { becomesReady } from './measure.ts';
import { measurePair, median, type PairedProxy, type PairedSample } from './paired-load.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

type Services = NonNullable<ConfigDocument['services']>;
type Rules = NonNullable<Services[string]['rules']>;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '6' },
    rate: { type: 'string', default: '1500' },
  },
});
const [rounds, seconds, rate] = [Number(values.rounds), Number(values.seconds), Number(values.rate)];
const children = new Children({ pinning: (await installed('taskset')) !== null });
const folder = await mkdtemp(join(tmpdir(), 'cutover-many-'));
const loadCore = availableParallelism() > 1 ? 1 : 0;

/** The one that is asked comes last. */
function services(count: number, backendPort: number): Services {
  const pools = { only: { targets: [{ url: `http://127.0.0.1:${backendPort}` }] } };
  const others = Array.from({ length: count - 1 }, (_, i) => [
    `s${i}`,
    { match: { hosts: [`s${i}.example.com`] }, pools },
  ]);
  return { ...Object.fromEntries(others), app: { match: { hosts: ['127.0.0.1'] }, pools } };
}

function rules(count: number, lastMatches: boolean): Rules {
  const kinds = (i: number): Rules[number]['when'] =>
    [
      { path: { prefix: `/section-${i}` }, method: ['GET' as const] },
      { headers: { 'user-agent': `client-${i}` } },
      { clientIp: [`10.${i >> 8}.${i & 255}.0/24`] },
      { cookies: { uid: String(i) } },
    ][i % 4] as Rules[number]['when'];
  const list = Array.from({ length: count }, (_, i) => ({
    name: `r${i}`,
    when: kinds(i),
    pool: 'only',
  }));
  return lastMatches ? [...list.slice(1), { name: 'last', when: { path: '/' }, pool: 'only' }] : list;
}

function withRules(backendPort: number, list: Rules): Services {
  const { app } = services(1, backendPort);
  return app === undefined ? {} : { app: { ...app, rules: list } };
}

/** What is held against what. */
const PAIRS: readonly (readonly [few: string, many: string, (port: number, isMany: boolean) => Services])[] = [
  ['1 service', '1 service', (port) => services(1, port)],
  ['1 service', '10,000 services', (port, isMany) => services(isMany ? 10_000 : 1, port)],
  ['1 rule, no match', '1,000 rules, no match', (port, isMany) => withRules(port, rules(isMany ? 1_000 : 1, false))],
  ['1 rule, a match', '1,000 rules, the last', (port, isMany) => withRules(port, rules(isMany ? 1_000 : 1, true))],
];

/** Ten thousand services take some time to check, on a machine that has other things to do. */
const START_MS_MAX = 90_000;
/** Code is compiled and connections are made by then. */
const WARM_UP_SECONDS = 2;

async function main(): Promise<void> {
  const backendPort = await freePort();
  await startBackend({ children, core: loadCore, port: backendPort, folder });
  const where = `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`;
  console.log(`${rate} requests/s to each, ${rounds} rounds of ${seconds} s, on ${where}`);
  console.log(`load average before ${loadavg()[0]?.toFixed(2)}; medians of rounds, ratios within a round\n`);
  console.log('| one              | the other             | µs of one | µs of the other | ratio | spread    |');
  console.log('|------------------|-----------------------|----------:|----------------:|------:|-----------|');
  for (const [few, many, servicesOf] of PAIRS) {
    const pair = [await start(servicesOf(backendPort, false)), await start(servicesOf(backendPort, true))] as const;
    const load = { rate, seconds, host: '127.0.0.1' };
    await measurePair(pair, { ...load, seconds: WARM_UP_SECONDS });
    const samples: (readonly [PairedSample, PairedSample])[] = [];
    for (let round = 0; round < rounds; round++) samples.push(await measurePair(pair, load));
    console.log(row(few, many, samples));
    for (const { child } of pair) {
      process.kill(child.pid, 'SIGTERM');
      await child.exited;
    }
  }
}

async function start(list: Services): Promise<PairedProxy> {
  const port = await freePort();
  const config: ConfigDocument = {
    listeners: { web: { listen: `127.0.0.1:${port}` } },
    admin: { listen: `127.0.0.1:${await freePort()}` },
    state: { path: 'memory' },
    workers: 0,
    services: list,
  };
  const file = join(folder, `${port}.json`);
  await writeFile(file, JSON.stringify(config));
  const child = await children.start(0, process.execPath, [MAIN, 'run', '--config', file]);
  await becomesReady('cutover', child, `http://127.0.0.1:${port}/`, START_MS_MAX);
  return { child, port };
}

function row(few: string, many: string, samples: readonly (readonly [PairedSample, PairedSample])[]): string {
  const ratios = samples.map(([one, other]) => other.cpuPercent / one.cpuPercent);
  const micros = (index: 0 | 1): string =>
    ((median(samples.map((pair) => pair[index].cpuPercent)) * 1e4) / rate).toFixed(1);
  const cells = [
    few.padEnd(16),
    many.padEnd(21),
    micros(0).padStart(9),
    micros(1).padStart(15),
    median(ratios).toFixed(2).padStart(5),
    `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`.padEnd(9),
  ];
  return `| ${cells.join(' | ')} |`;
}

try {
  await main();
} finally {
  await children.stopAll();
  await rm(folder, { recursive: true, force: true });
}
