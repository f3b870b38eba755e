/**
 * What clients see of a target that comes back cold, with and without a slow start: `node bench/slow-start.ts`.
 *
 *   --seconds 12     length of each measurement, from when the target listens again
 *   --rate 200       requests a second, open loop
 *   --rounds 3       of each, in turn
 *
 * Three targets that answer in 5 ms, four requests at a time. One of them goes, is found to be down, and comes back needing
 * twenty times as long. It gets faster evenly: in one scenario with the time since its first request, as code does that is
 * compiled while it runs; in the other with each request, as caches do that fill. The second is the hard one for a slow
 * start, which keeps requests from the target that it needs to get warm.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Children } from './children.ts';
import { CHECK_MS, startCutover } from './fault-proxies.ts';
import { FaultTarget } from './fault-targets.ts';
import { installed } from './installed.ts';
import { becomesReady } from './measure.ts';
import { type OpenResult, runOpenLoad } from './open-load.ts';

const TARGETS = 3;
const COLD_SLOWNESS = 20;
const WARM_AFTER_MS = 8_000;
const WARM_AFTER_REQUESTS = 150;
/** Checks have found a target down, or up again, by then: three or two in a row, and one that was under way. */
const FOUND_MS = 5 * CHECK_MS;

interface Scenario {
  readonly name: string;
  /** How far the target has come, from 0 to 1. */
  readonly progress: (sinceFirstMs: number, requests: number) => number;
}

const SCENARIOS: readonly Scenario[] = [
  { name: 'warms within 8 s', progress: (sinceFirstMs) => sinceFirstMs / WARM_AFTER_MS },
  { name: 'warms within 150 requests', progress: (_, requests) => requests / WARM_AFTER_REQUESTS },
];

const MANNERS = [
  { name: 'none', service: {} },
  { name: '10 s', service: { slowStart: { duration: '10s' } } },
  { name: '10 s, aggression 2', service: { slowStart: { duration: '10s', aggression: 2 } } },
] as const;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '12' },
    rate: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '3' },
  },
});
const [seconds, rate, rounds] = [Number(values.seconds), Number(values.rate), Number(values.rounds)];
const children = new Children({ pinning: (await installed('taskset')) !== null });
const folder = await mkdtemp(join(tmpdir(), 'cutover-slow-start-'));
const targets = Array.from({ length: TARGETS }, () => new FaultTarget());

interface Measured extends OpenResult {
  /** Requests that the cold target has got. */
  readonly taken: number;
}

async function main(): Promise<void> {
  for (const target of targets) await target.listen();
  const where = `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`;
  console.log(`${TARGETS} targets, ${rate} requests/s, ${rounds} rounds of ${seconds} s, on ${where}`);
  console.log(`load average before ${loadavg()[0]?.toFixed(2)}\n`);
  console.log(
    '| the cold target           | slow start         | requests | to it | not 200 | p50 ms | p99 ms, each round |',
  );
  console.log(
    '|---------------------------|--------------------|---------:|------:|--------:|-------:|-------------------:|',
  );
  for (const scenario of SCENARIOS) {
    const results = new Map<string, Measured[]>();
    for (let round = 0; round < rounds; round++) {
      for (const manner of round % 2 === 0 ? MANNERS : MANNERS.toReversed()) {
        results.set(manner.name, [...(results.get(manner.name) ?? []), await measure(scenario, manner.service)]);
      }
    }
    for (const { name } of MANNERS) console.log(row(scenario.name, name, results.get(name) ?? []));
  }
}

async function measure({ progress }: Scenario, service: object): Promise<Measured> {
  const ports = targets.map(({ port }) => port);
  const asked = { children, core: 0, folder, ports, settings: 'plain', balance: 'round-robin', service } as const;
  const { child, port } = await startCutover(asked);
  await becomesReady('cutover', child, `http://127.0.0.1:${port}/`);
  const [cold] = targets;
  if (cold === undefined) throw new Error('there are targets');
  cold.stop();
  await wait(FOUND_MS);
  const askedBefore = cold.askedCount;
  const warming = warm(cold, progress);
  await cold.listen();
  const result = await runOpenLoad({ port, rate, seconds });
  warming.stop();
  process.kill(child.pid, 'SIGKILL');
  await child.exited;
  return { ...result, taken: cold.askedCount - askedBefore };
}

/** Lets the target get faster, until it is told to stop; then it is warm. */
function warm(target: FaultTarget, progress: Scenario['progress']): { stop(): void } {
  const askedBefore = target.askedCount;
  let firstMs = 0;
  const adjust = (): void => {
    const requests = target.askedCount - askedBefore;
    if (requests > 0 && firstMs === 0) firstMs = performance.now();
    const done = requests === 0 ? 0 : Math.min(1, progress(performance.now() - firstMs, requests));
    target.manner = { slowness: COLD_SLOWNESS + (1 - COLD_SLOWNESS) * done };
  };
  adjust();
  const timer = setInterval(adjust, 20);
  return {
    stop() {
      clearInterval(timer);
      target.manner = {};
    },
  };
}

function row(scenario: string, slowStart: string, results: readonly Measured[]): string {
  const sum = (of: (result: Measured) => number): number => results.reduce((total, result) => total + of(result), 0);
  const p50 = results.map(({ p50Ms }) => p50Ms).toSorted((one, other) => one - other)[results.length >> 1] ?? 0;
  const cells = [
    scenario.padEnd(25),
    slowStart.padEnd(18),
    String(sum(({ requests }) => requests)).padStart(8),
    String(sum(({ taken }) => taken)).padStart(5),
    String(sum(({ errors }) => [...errors.values()].reduce((total, count) => total + count, 0))).padStart(7),
    p50.toFixed(1).padStart(6),
    results
      .map(({ p99Ms }) => p99Ms.toFixed(0))
      .join(', ')
      .padStart(18),
  ];
  return `| ${cells.join(' | ')} |`;
}

try {
  await main();
} finally {
  for (const target of targets) target.close();
  await children.stopAll();
  await rm(folder, { recursive: true, force: true });
}
