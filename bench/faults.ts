/**
 * What clients see of targets that have something wrong, next to HAProxy: `node bench/faults.ts`.
 *
 *   --seconds 6      length of each measurement
 *   --rate 200       requests a second, open loop
 *   --rounds 2       of each, the proxies in turn
 *
 * Three targets that answer in 5 ms, four requests at a time. One of them needs ten times as long, answers every other
 * request with 503, or goes and comes back at the period of its checks. Both proxies check alike; "told" means told to try
 * failed requests again and to leave alone a target that fails too often, each in its own way.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Children } from './children.ts';
import { type Asked, CHECK_MS, startCutover, startHaproxy, type StartProxy } from './fault-proxies.ts';
import { FaultTarget } from './fault-targets.ts';
import { installed } from './installed.ts';
import { becomesReady } from './measure.ts';
import { type OpenResult, runOpenLoad } from './open-load.ts';

const TARGETS = 3;
/** Checks have seen every target by then. */
const SETTLE_MS = 3 * CHECK_MS;

/** How targets are chosen, in each one's words. */
const BALANCE = {
  'round-robin': { cutover: 'round-robin', haproxy: 'roundrobin' },
  'least-connections': { cutover: 'least-connections', haproxy: 'leastconn' },
} as const;

type ProxyName = keyof (typeof BALANCE)['round-robin'];

interface Scenario {
  readonly name: string;
  readonly balance: keyof typeof BALANCE;
  readonly settings: Asked['settings'];
  /** Does what is wrong, until it is told to stop; then all is well again. */
  readonly act: (target: FaultTarget, stop: AbortSignal) => Promise<void>;
}

const slow: Scenario['act'] = async (target, stop) => {
  target.manner = { slowness: 10 };
  await until(stop);
  target.manner = {};
};

const halfFailing: Scenario['act'] = async (target, stop) => {
  target.manner = { failsHalf: true };
  await until(stop);
  target.manner = {};
};

const flapping: Scenario['act'] = async (target, stop) => {
  while (!stop.aborted) {
    target.stop();
    await wait(CHECK_MS);
    await target.listen();
    await wait(CHECK_MS);
  }
};

const SCENARIOS: readonly Scenario[] = [
  { name: 'a tenth of the speed, round robin', balance: 'round-robin', settings: 'plain', act: slow },
  { name: 'a tenth of the speed, least connections', balance: 'least-connections', settings: 'plain', act: slow },
  { name: 'fails every other request', balance: 'round-robin', settings: 'plain', act: halfFailing },
  { name: 'fails every other request, told', balance: 'round-robin', settings: 'told', act: halfFailing },
  { name: 'flaps at the period of its checks', balance: 'round-robin', settings: 'plain', act: flapping },
  { name: 'flaps at the period of its checks, told', balance: 'round-robin', settings: 'told', act: flapping },
];

const PROXIES: readonly (readonly [ProxyName, StartProxy])[] = [
  ['cutover', startCutover],
  ['haproxy', startHaproxy],
];

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '6' },
    rate: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '2' },
  },
});
const [seconds, rate, rounds] = [Number(values.seconds), Number(values.rate), Number(values.rounds)];
const children = new Children({ pinning: (await installed('taskset')) !== null });
const folder = await mkdtemp(join(tmpdir(), 'cutover-faults-'));
const targets = Array.from({ length: TARGETS }, () => new FaultTarget());

async function main(): Promise<void> {
  const proxies = (await installed('haproxy')) === null ? PROXIES.slice(0, 1) : PROXIES;
  if (proxies.length < PROXIES.length) console.log('HAProxy is not installed, and takes no part.');
  for (const target of targets) await target.listen();
  const where = `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`;
  console.log(`${TARGETS} targets, ${rate} requests/s, ${rounds} rounds of ${seconds} s, on ${where}`);
  console.log(`load average before ${loadavg()[0]?.toFixed(2)}\n`);
  console.log(
    '| one of three targets                     | proxy   | requests | errors | what clients saw | p50 ms | p99 ms |',
  );
  console.log(
    '|------------------------------------------|---------|---------:|-------:|------------------|-------:|-------:|',
  );
  for (const scenario of SCENARIOS) {
    const results = new Map<string, OpenResult[]>();
    for (let round = 0; round < rounds; round++) {
      for (const [name, start] of round % 2 === 0 ? proxies : proxies.toReversed()) {
        results.set(name, [...(results.get(name) ?? []), await measure(scenario, name, start)]);
      }
    }
    for (const [name] of proxies) console.log(row(scenario.name, name, results.get(name) ?? []));
  }
}

async function measure(scenario: Scenario, name: ProxyName, start: StartProxy): Promise<OpenResult> {
  const { settings, act } = scenario;
  const balance = BALANCE[scenario.balance][name];
  const ports = targets.map(({ port }) => port);
  const { child, port } = await start({ children, core: 0, folder, ports, settings, balance });
  await becomesReady(name, child, `http://127.0.0.1:${port}/`);
  await wait(SETTLE_MS);
  const [wrong] = targets;
  if (wrong === undefined) throw new Error('there are targets');
  const stopping = new AbortController();
  const acting = act(wrong, stopping.signal);
  const result = await runOpenLoad({ port, rate, seconds });
  stopping.abort();
  await acting;
  process.kill(child.pid, 'SIGKILL');
  await child.exited;
  return result;
}

function row(scenario: string, proxy: string, results: readonly OpenResult[]): string {
  const seen = new Map<string, number>();
  for (const { errors } of results) for (const [what, count] of errors) seen.set(what, (seen.get(what) ?? 0) + count);
  const cells = [
    scenario.padEnd(40),
    proxy.padEnd(7),
    String(results.reduce((sum, { requests }) => sum + requests, 0)).padStart(8),
    String([...seen.values()].reduce((sum, count) => sum + count, 0)).padStart(6),
    ([...seen].map(([what, count]) => `${count} × ${what}`).join(', ') || '-').padEnd(16),
    mean(results.map(({ p50Ms }) => p50Ms)).padStart(6),
    mean(results.map(({ p99Ms }) => p99Ms)).padStart(6),
  ];
  return `| ${cells.join(' | ')} |`;
}

function mean(numbers: readonly number[]): string {
  return (numbers.reduce((sum, number) => sum + number, 0) / numbers.length).toFixed(1);
}

async function until(stop: AbortSignal): Promise<void> {
  while (!stop.aborted) await wait(10);
}

try {
  await main();
} finally {
  await children.stopAll();
  for (const target of targets) target.close();
  await rm(folder, { recursive: true, force: true });
}
