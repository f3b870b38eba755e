/** What is to be reached, and whether it was. */
import type { Results } from '../results.ts';
import { cpuRatio, entrantNamed, failedOf, loadNamed } from './figures.ts';

export interface Goal {
  readonly work: string;
  /** What the figure is, "CPU, × nginx". */
  readonly figure: string;
  readonly unit: string;
  /** The first bar, where there is one, and the goal. A figure is to be at most as high, or at least. */
  readonly bars: readonly number[];
  readonly side: 'at most' | 'at least';
  /** Null where it was not measured. */
  read(results: Results): number | null;
}

export interface Judged {
  readonly goal: Goal;
  readonly value: number | null;
  readonly verdict: 'reached' | 'first bar reached' | 'not reached' | 'not measured';
}

const OURS = 'cutover';
const PACKAGES = ['http-proxy', 'httpxy', '@fastify/http-proxy'];

export const GOALS: readonly Goal[] = [
  ...among('small GET, kept connections', 'small-64', [1.25, 1]),
  beside('small GET over TLS', 'tls-64', 'nginx', [1.4, 1]),
  beside('small GET by HTTP/2', 'h2', 'nginx', [1.4, 1]),
  ...among('10 KiB response', '10k', [1]),
  ...among('1 MiB response', '1m', [1]),
  ...among('1 MiB upload', 'upload-1m', [1]),
  beside('new connection for each request', 'new-connection', 'nginx', [1.5, 1.25]),
  ...['caddy', ...PACKAGES].map((peer) => times('small GET, kept connections', 'small-64', peer, 2.5)),
  scripted('memory of an idle client', 'idle-clients', 'KiB a client', ' KiB', [10], 'at most'),
  scripted('memory over a million requests', 'million', 'growth percent', ' %', [10], 'at most'),
  scripted('two workers against one', 'workers', 'times', '×', [1.8], 'at least'),
  scripted('cutovers under load', 'flips-1000', 'barrier p99 ms', ' ms', [10], 'at most'),
  scripted('cutovers under load', 'flips-1000', 'failed requests', '', [0], 'at most'),
  scripted('cutovers of one of 10,000 services', 'flips-10000', 'answer p99 ms', ' ms', [50], 'at most'),
  growth('10 → 10,000 services', 'services', '10 services', '10,000 services'),
  growth('10 → 1,000 targets', 'targets', '10 targets', '1,000 targets'),
];

export function judge(results: Results, goals: readonly Goal[] = GOALS): Judged[] {
  return goals.map((goal) => {
    const value = goal.read(results);
    return { goal, value, verdict: verdictOn(goal, value) };
  });
}

/** With a row of titles first. */
export function verdictRows(judged: readonly Judged[]): string[][] {
  const rows = judged.map(({ goal: { work, figure, unit, bars, side }, value, verdict }) => {
    const goal = `${side} ${bars.at(-1)}${unit}${bars.length > 1 ? ` (first ${bars[0]}${unit})` : ''}`;
    return [work, figure, goal, value === null ? '—' : `${Number(value.toFixed(2))}${unit}`, verdict];
  });
  return [['work', 'figure', 'goal', 'found', 'verdict'], ...rows];
}

function verdictOn({ bars, side }: Goal, value: number | null): Judged['verdict'] {
  if (value === null) return 'not measured';
  const passed = bars.filter((bar) => (side === 'at most' ? value <= bar : value >= bar));
  if (passed.length === bars.length) return 'reached';
  return passed.length > 0 ? 'first bar reached' : 'not reached';
}

/** No more than nginx needs, nor HAProxy; the first bar is nginx's. */
function among(work: string, scenario: string, bars: readonly number[]): Goal[] {
  return [beside(work, scenario, 'nginx', bars), beside(work, scenario, 'haproxy', bars.slice(-1))];
}

function beside(work: string, scenario: string, peer: string, bars: readonly number[]): Goal {
  const read = (results: Results): number | null => ratioIn(results, scenario, [OURS], [peer]);
  return { work, figure: `CPU, × ${peer}`, unit: '', bars, side: 'at most', read };
}

function times(work: string, scenario: string, peer: string, bar: number): Goal {
  const read = (results: Results): number | null => ratioIn(results, scenario, [peer], [OURS]);
  return { work, figure: `CPU of ${peer}, × ours`, unit: '', bars: [bar], side: 'at least', read };
}

function growth(work: string, scenario: string, few: string, many: string): Goal {
  const read = (results: Results): number | null => ratioIn(results, scenario, [OURS, many], [OURS, few]);
  return { work, figure: 'CPU, × with few', unit: '', bars: [1.1], side: 'at most', read };
}

function scripted(
  work: string,
  scenario: string,
  figure: string,
  unit: string,
  bars: readonly number[],
  side: Goal['side'],
): Goal {
  const read = ({ scenarios }: Results): number | null => {
    const found = scenarios.find(({ name }) => name === scenario);
    return found?.kind === 'script' ? (found.figures[figure] ?? null) : null;
  };
  return { work, figure, unit, bars, side, read };
}

type Which = readonly [contender: string, label?: string];

/** Where requests of ours failed there is no figure: what was not done cost nothing. */
function ratioIn(results: Results, scenario: string, one: Which, other: Which): number | null {
  const load = loadNamed(results, scenario);
  const [ofOne, ofOther] = load === null ? [] : [entrantNamed(load, ...one), entrantNamed(load, ...other)];
  if (!ofOne || !ofOther || failedOf(ofOne) > 0 || failedOf(ofOther) > 0) return null;
  return cpuRatio(ofOne.samples, ofOther.samples);
}
