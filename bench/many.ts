/**
 * What many services and many rules cost a request, in processor time of the whole proxy: `node bench/many.ts`.
 *
 *   --rounds 5       of each
 *   --seconds 3      length of a round
 *   --connections 32 kept connections of the load
 *
 * The proxies run side by side in one process each and take turns under load, so that what else the machine does falls on
 * all alike; a ratio is of two rounds that followed each other. Rules are of four kinds in turn (path and method, header
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
import { cutover } from './contenders/cutover.ts';
import { freePort } from './free-port.ts';
import { installed } from './installed.ts';
import { findLoadGenerator } from './load.ts';
import { becomesReady, measure, type RunningContender, type Sample } from './measure.ts';
import { median } from './paired-load.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

type Services = NonNullable<ConfigDocument['services']>;
type Rules = NonNullable<Services[string]['rules']>;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '32' },
  },
});
const [rounds, seconds, connections] = [Number(values.rounds), Number(values.seconds), Number(values.connections)];
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
  const list = Array.from({ length: count }, (_, i) => ({ name: `r${i}`, when: kinds(i), pool: 'only' }));
  return lastMatches ? [...list.slice(1), { name: 'last', when: { path: '/' }, pool: 'only' }] : list;
}

function withRules(backendPort: number, list: Rules): Services {
  const { app } = services(1, backendPort);
  return app === undefined ? {} : { app: { ...app, rules: list } };
}

const CASES: readonly (readonly [name: string, services: (backendPort: number) => Services])[] = [
  ['1 service', (port) => services(1, port)],
  ['10,000 services', (port) => services(10_000, port)],
  ['1 rule, which does not match', (port) => withRules(port, rules(1, false))],
  ['1,000 rules, none matches', (port) => withRules(port, rules(1_000, false))],
  ['1,000 rules, the last matches', (port) => withRules(port, rules(1_000, true))],
];
/** Ten thousand services take some time to check, on a machine that has other things to do. */
const START_MS_MAX = 90_000;

/** For each case the one that it is held against. */
const BASES = [0, 0, 2, 2, 2];

async function main(): Promise<void> {
  const backendPort = await freePort();
  await startBackend({ children, core: loadCore, port: backendPort, folder });
  const running: RunningContender[] = [];
  for (const [name, list] of CASES) running.push(await start(name, list(backendPort)));
  const generator = await findLoadGenerator();
  const where = `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`;
  console.log(`${connections} connections, ${rounds} rounds of ${seconds} s, ${generator.name}, on ${where}`);
  console.log(`load average before ${loadavg()[0]?.toFixed(2)}; medians of rounds, ratios within a round\n`);
  const measuring = { children, generator, loadCore, connections, seconds };
  const samples = await measure(running, rounds, measuring, () => {});
  console.log('| of a service                  | µs per request | ratio | spread    | failed |');
  console.log('|-------------------------------|---------------:|------:|-----------|-------:|');
  CASES.forEach(([name], index) => {
    const base = samples.get(CASES[BASES[index] ?? 0]?.[0] ?? '') ?? [];
    console.log(row(name, samples.get(name) ?? [], base));
  });
}

async function start(name: string, list: Services): Promise<RunningContender> {
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
  const url = `http://127.0.0.1:${port}/`;
  await becomesReady(name, child, url, START_MS_MAX);
  return { contender: { ...cutover, name }, version: '', child, url };
}

function row(name: string, samples: readonly Sample[], base: readonly Sample[]): string {
  const micros = samples.map(({ cpuMicrosPerRequest }) => cpuMicrosPerRequest);
  const ratios = micros.map((one, round) => one / (base[round]?.cpuMicrosPerRequest ?? Number.NaN));
  const cells = [
    name.padEnd(29),
    median(micros).toFixed(1).padStart(14),
    median(ratios).toFixed(2).padStart(5),
    `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`.padEnd(9),
    String(samples.reduce((sum, { failed }) => sum + failed, 0)).padStart(6),
  ];
  return `| ${cells.join(' | ')} |`;
}

try {
  await main();
} finally {
  await children.stopAll();
  await rm(folder, { recursive: true, force: true });
}
