/**
 * How each algorithm spreads its load where one target is slow, next to HAProxy: `node bench/spread.ts`.
 *
 *   --seconds 5      length of each measurement
 *   --rate 300       requests a second to each proxy, open loop
 *   --rounds 3       of each pair
 *   --slowness 5     so many times as long for each answer of the slow target
 *   --only NAME      of ours
 *
 * Each proxy has five targets of its own that work on two requests at a time, in 5 ms each; one of them takes longer, and
 * an equal share would keep it three quarters busy. Both proxies are asked at the same time on the same core, so
 * that whatever else the machine does falls on both alike. Where an algorithm goes by a key, requests are of 1,000 of them.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Child, Children } from './children.ts';
import { CHECK_MS, startCutover, startHaproxy, type StartProxy } from './fault-proxies.ts';
import { FaultTarget } from './fault-targets.ts';
import { installed } from './installed.ts';
import { becomesReady } from './measure.ts';
import { type OpenResult, runOpenLoad } from './open-load.ts';

const TARGETS = 5;
const AT_ONCE = 2;
const KEYS = 1_000;
/** Checks have seen every target by then. */
const SETTLE_MS = 3 * CHECK_MS;
/** Code is compiled, connections are made, and latencies are known by then. */
const WARM_UP_SECONDS = 1;

/** Each of ours, and what HAProxy has that is nearest. */
const PAIRS: readonly (readonly [ours: { readonly name: string; readonly key?: string }, haproxys: string])[] = [
  [{ name: 'round-robin' }, 'roundrobin'],
  [{ name: 'random' }, 'random(1)'],
  [{ name: 'rendezvous', key: 'path' }, 'uri'],
  [{ name: 'least-connections' }, 'leastconn'],
  [{ name: 'p2c' }, 'random(2)'],
  [{ name: 'least-time' }, 'leastconn'],
];

interface Running {
  readonly child: Child;
  readonly port: number;
  readonly targets: readonly FaultTarget[];
}

interface Sample extends OpenResult {
  readonly slowPercent: number;
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rate: { type: 'string', default: '300' },
    rounds: { type: 'string', default: '3' },
    slowness: { type: 'string', default: '5' },
    only: { type: 'string' },
  },
});
const [seconds, rate, rounds] = [Number(values.seconds), Number(values.rate), Number(values.rounds)];
const slowness = Number(values.slowness);
const children = new Children({ pinning: (await installed('taskset')) !== null });
const folder = await mkdtemp(join(tmpdir(), 'cutover-spread-'));
const allTargets: FaultTarget[] = [];
const pathOf = (number: number): string => `/user/${number % KEYS}`;

async function main(): Promise<void> {
  const hasHaproxy = (await installed('haproxy')) !== null;
  if (!hasHaproxy) console.log('HAProxy is not installed, and takes no part.');
  const where = `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`;
  console.log(
    `${TARGETS} targets, one ${slowness} times slower, ${rate} requests/s, ${rounds} × ${seconds} s, on ${where}`,
  );
  console.log(`load average before ${loadavg()[0]?.toFixed(2)}; medians of rounds\n`);
  console.log('| proxy   | algorithm         | slow target | p50 ms | p99 ms | p99 of each round | errors |');
  console.log('|---------|-------------------|------------:|-------:|-------:|-------------------|-------:|');
  for (const [ours, haproxys] of PAIRS.filter(([{ name }]) => values.only === undefined || name === values.only)) {
    const [oursSamples, haproxySamples] = await measurePair(ours, hasHaproxy ? haproxys : null);
    console.log(row('cutover', ours.name, oursSamples));
    if (hasHaproxy) console.log(row('haproxy', haproxys, haproxySamples));
  }
}

async function measurePair(ours: unknown, haproxys: string | null): Promise<[Sample[], Sample[]]> {
  const running = [await begin('cutover', startCutover, ours)];
  if (haproxys !== null) running.push(await begin('haproxy', startHaproxy, haproxys));
  await wait(SETTLE_MS);
  await Promise.all(running.map(({ port }) => runOpenLoad({ port, rate, seconds: WARM_UP_SECONDS, pathOf })));
  const samples: [Sample[], Sample[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const inTurn = round % 2 === 0 ? running : running.toReversed();
    const taken = await Promise.all(inTurn.map(measure));
    (round % 2 === 0 ? taken : taken.toReversed()).forEach((sample, index) => samples[index]?.push(sample));
  }
  for (const { child } of running) {
    // Not SIGKILL: workers outlive a primary that is killed.
    process.kill(child.pid, 'SIGTERM');
    await child.exited;
  }
  return samples;
}

async function begin(name: string, start: StartProxy, balance: unknown): Promise<Running> {
  const targets = Array.from({ length: TARGETS }, () => new FaultTarget(AT_ONCE));
  allTargets.push(...targets);
  for (const target of targets) await target.listen();
  (targets[0] as FaultTarget).manner = { slowness };
  const ports = targets.map(({ port }) => port);
  const { child, port } = await start({ children, core: 0, folder, ports, settings: 'plain', balance, workers: 1 });
  await becomesReady(name, child, `http://127.0.0.1:${port}/`);
  return { child, port, targets };
}

async function measure({ port, targets }: Running): Promise<Sample> {
  const before = targets.map(({ askedCount }) => askedCount);
  const result = await runOpenLoad({ port, rate, seconds, pathOf });
  const asked = targets.map(({ askedCount }, index) => askedCount - (before[index] ?? 0));
  return { ...result, slowPercent: ((asked[0] ?? 0) / asked.reduce((sum, count) => sum + count, 0)) * 100 };
}

function row(proxy: string, algorithm: string, samples: readonly Sample[]): string {
  const median = (pick: (sample: Sample) => number): string =>
    (samples.map(pick).toSorted((one, other) => one - other)[samples.length >> 1] ?? Number.NaN).toFixed(1);
  const errors = samples.flatMap((sample) => [...sample.errors.values()]).reduce((sum, count) => sum + count, 0);
  const cells = [
    proxy,
    algorithm.padEnd(17),
    `${median(({ slowPercent }) => slowPercent)} %`.padStart(11),
    median(({ p50Ms }) => p50Ms).padStart(6),
    median(({ p99Ms }) => p99Ms).padStart(6),
    samples
      .map(({ p99Ms }) => p99Ms.toFixed(0))
      .join(', ')
      .padEnd(17),
    String(errors).padStart(6),
  ];
  return `| ${cells.join(' | ')} |`;
}

try {
  await main();
} finally {
  await children.stopAll();
  for (const target of allTargets) target.close();
  await rm(folder, { recursive: true, force: true });
}
