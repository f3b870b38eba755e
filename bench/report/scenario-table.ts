import { median } from '../quantile.ts';
import { SHARES } from '../loads/steady-load.ts';
import { type Absence, type EntrantResult, type LoadResults, type ScenarioResults, nameOf } from '../results.ts';
import { cpuOf, cpuRatio, entrantNamed, failedOf, medianOf, missedOf, spreadOf } from './figures.ts';
import { textTable } from './text-table.ts';

/** Those that the others are compared with. */
const YARDSTICKS = ['nginx', 'http-proxy'] as const;
const LATENCY_SHARES = [0.5, 0.99, 0.999] as const;

/** Everything that was found in one scenario, as a part of a Markdown page. */
export function scenarioPart(scenario: ScenarioResults): string[] {
  const head = [`### ${scenario.name}: ${scenario.title}`, ''];
  if (scenario.kind === 'skipped') return [...head, `Not measured: ${scenario.reason}.`, ''];
  if (scenario.kind === 'script') return [...head, ...textTable(scenario.table), ''];
  const { connections, generator, absent } = scenario;
  return [
    ...head,
    `${connections === 1 ? '1 connection' : `${connections.toLocaleString('en-US')} connections`} by ${generator}.`,
    ...failures(scenario),
    '',
    ...textTable(loadRows(scenario)),
    '',
    ...latencyTable(scenario),
    ...absences(absent).flatMap((line) => [`${line}.`, '']),
  ];
}

/** What must not be overlooked. */
export function failures({ entrants }: LoadResults): string[] {
  const failed = named(entrants, failedOf);
  const missed = named(entrants, missedOf);
  return [
    ...(failed === '' ? [] : ['', `**Requests failed: ${failed}. What is said of these is not to be trusted.**`]),
    ...(missed === '' ? [] : ['', `**At the fixed rate without a good answer in time: ${missed}.**`]),
  ];
}

/** A line for each reason. */
export function absences(absent: readonly Absence[]): string[] {
  const byReason = Map.groupBy(absent, ({ reason }) => reason);
  return [...byReason].map(([reason, all]) => `${all.map(({ name }) => name).join(', ')} did not take part: ${reason}`);
}

function named(entrants: readonly EntrantResult[], count: (entrant: EntrantResult) => number): string {
  return entrants
    .filter((entrant) => count(entrant) > 0)
    .map((entrant) => `${nameOf(entrant)} ${count(entrant).toLocaleString('en-US')}`)
    .join(', ');
}

function loadRows(scenario: LoadResults): string[][] {
  const ratios = YARDSTICKS.map((name) => `× ${name}`);
  const titles = ['contender', 'CPU µs/request', 'user', 'system', 'spread', ...ratios];
  const rest = ['req/s', 'p50 ms', 'p99 ms', 'RSS MiB', 'of its core', 'failed', 'others'];
  return [[...titles, ...rest], ...scenario.entrants.map((entrant) => loadRow(scenario, entrant))];
}

function loadRow(scenario: LoadResults, entrant: EntrantResult): string[] {
  const { samples, version } = entrant;
  const ratios = YARDSTICKS.map((name) => {
    const yardstick = entrantNamed(scenario, name, entrant.label);
    return cpuRatio(samples, yardstick?.samples ?? [])?.toFixed(2) ?? '';
  });
  return [
    `${entrant.contender} ${version}${entrant.label === '' ? '' : `, ${entrant.label}`}`,
    medianOf(samples, cpuOf).toFixed(2),
    medianOf(samples, (sample) => sample.userMicrosPerRequest).toFixed(2),
    medianOf(samples, (sample) => sample.systemMicrosPerRequest).toFixed(2),
    spreadOf(samples.map(cpuOf)),
    ...ratios,
    Math.round(medianOf(samples, (sample) => sample.requestsPerSecond)).toLocaleString('en-US'),
    medianOf(samples, (sample) => sample.p50Ms).toFixed(2),
    medianOf(samples, (sample) => sample.p99Ms).toFixed(2),
    (medianOf(samples, (sample) => sample.residentBytes) / 2 ** 20).toFixed(1),
    `${medianOf(samples, (sample) => sample.corePercent).toFixed(0)} %`,
    String(failedOf(entrant)),
    `${medianOf(samples, (sample) => sample.othersPercent).toFixed(0)} %`,
  ];
}

function latencyTable({ rate, entrants }: LoadResults): string[] {
  if (rate === null) return [];
  const titles = [`at ${rate.toLocaleString('en-US')} req/s`, 'p50 ms', 'p99 ms', 'p99.9 ms', 'failed'];
  const rows = entrants.map((entrant) => [
    nameOf(entrant),
    ...LATENCY_SHARES.map((share) => latencyOf(entrant, share).toFixed(2)),
    String(missedOf(entrant)),
  ]);
  return [...textTable([titles, ...rows]), ''];
}

/** The median of the rounds. */
export function latencyOf({ latencies }: EntrantResult, share: (typeof SHARES)[number]): number {
  const at = SHARES.indexOf(share);
  return median(latencies.map(({ latenciesMs }) => latenciesMs[at] ?? Number.NaN));
}
