/**
 * What choosing a target costs: `node bench/algorithms.ts`.
 *
 *   --rounds 9        of each cell; the median counts
 *   --picks 200000    in each round
 *
 * One pick is what a request causes: the choice, one more and one fewer request under way (64 at any time), and, where the
 * algorithm asks for it, the time that the answer took. `key` is of 10,000 users. Weighted: 1 to 9.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { seededRandom } from '../src/base/random.ts';
import { BUILT_IN, createBalancer } from '../src/proxy/balance/algorithms.ts';
import type { Candidate } from '../src/proxy/balance/balancer.ts';
import { TargetLoad } from '../src/proxy/target-load.ts';

const SIZES = [1, 10, 100, 1_000];
const IN_FLIGHT = 64;
const USERS = 10_000;

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '9' }, picks: { type: 'string', default: '200000' } },
});
const [rounds, picks] = [Number(values.rounds), Number(values.picks)];

const keys = Array.from({ length: USERS }, (_, index) => `user-${index}`);
const latencies = Float64Array.from({ length: 1_024 }, () => 1 + Math.random() * 20);

function candidates(count: number, isWeighted: boolean): Candidate[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `10.0.${index >> 8}.${index & 255}:80`,
    weight: isWeighted ? 1 + (index % 9) : 1,
    load: new TargetLoad(),
  }));
}

/** Nanoseconds per pick. */
function measure(name: string, count: number, isWeighted: boolean): number {
  const list = candidates(count, isWeighted);
  const time = { nowMs: 0 };
  const spec = { name, key: null, decayMs: 10_000, zone: null, function: null };
  const balancer = createBalancer(BUILT_IN, list, spec, { random: seededRandom(count), time });
  const busy: (TargetLoad | null)[] = Array.from({ length: IN_FLIGHT }, () => null);
  const isKeyed = name === 'rendezvous';
  const run = (): number => {
    const startedAt = process.hrtime.bigint();
    for (let i = 0; i < picks; i++) {
      const chosen = balancer.pick(null, isKeyed ? (keys[i % USERS] as string) : '')?.load as TargetLoad;
      const slot = i % IN_FLIGHT;
      const done = busy[slot] ?? null;
      if (done !== null) {
        done.leave();
        if (done.latencyWatcher !== null) {
          time.nowMs += 0.05;
          done.latencyWatcher.answered(done, latencies[i & 1_023] as number, time.nowMs);
        }
      }
      chosen.enter();
      busy[slot] = chosen;
    }
    return Number(process.hrtime.bigint() - startedAt) / picks;
  };
  run();
  const results = Array.from({ length: rounds }, run).toSorted((a, b) => a - b);
  return results[rounds >> 1] as number;
}

console.log(
  `ns per pick, median of ${rounds} rounds of ${picks}, on ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}\n`,
);
for (const isWeighted of [false, true]) {
  console.log(
    `| ${isWeighted ? 'weighted' : 'equal'} | ${SIZES.map((size) => `${size} targets`).join(' | ')} | 100: over round-robin | 1,000 / 10 |`,
  );
  console.log(`|---|${SIZES.map(() => '--:').join('|')}|--:|--:|`);
  let base = 0;
  for (const name of Object.keys(BUILT_IN)) {
    const cells = SIZES.map((size) => measure(name, size, isWeighted));
    const [, ten, hundred, thousand] = cells as [number, number, number, number];
    base = name === 'round-robin' ? hundred : base;
    const row = [
      ...cells.map((cell) => cell.toFixed(0)),
      `${(hundred - base).toFixed(0)} ns`,
      (thousand / ten).toFixed(1),
    ];
    console.log(`| ${name} | ${row.join(' | ')} |`);
  }
  console.log('');
}
