import type { Sample } from './measure.ts';

export interface Conditions {
  readonly takenAt: string;
  readonly machine: string;
  readonly node: string;
  readonly generator: string;
  readonly backend: string;
  /** What runs on which core. */
  readonly placement: string;
  readonly connections: number;
  readonly seconds: number;
  readonly rounds: number;
  /** Mean number of running processes just before, to judge how quiet the machine was. */
  readonly loadBefore: number;
}

export interface Results {
  readonly conditions: Conditions;
  readonly contenders: readonly {
    readonly name: string;
    readonly version: string;
    readonly samples: readonly Sample[];
  }[];
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
}

/** Those that the others are compared with. */
const YARDSTICKS = ['nginx', 'http-proxy'] as const;

/** The results as a Markdown page. */
export function resultTable({ conditions, contenders, missing }: Results): string {
  const yardsticks = YARDSTICKS.map((name) => ({
    name,
    samples: contenders.find((contender) => contender.name === name)?.samples ?? [],
  }));
  const head = ['contender', 'CPU µs/request', 'spread', ...YARDSTICKS.map((name) => `× ${name}`)];
  const rows = contenders.map(({ name, version, samples }) => {
    const cpu = medianOf(samples, cpuOf);
    const failed = samples.reduce((sum, sample) => sum + sample.failed, 0);
    return [
      `${name} ${version}`,
      cpu.toFixed(2),
      spreadOf(samples.map(cpuOf)),
      ...yardsticks.map((yardstick) => ratio(samples, yardstick.samples)),
      Math.round(medianOf(samples, (sample) => sample.requestsPerSecond)).toLocaleString('en-US'),
      medianOf(samples, (sample) => sample.p50Ms).toFixed(2),
      medianOf(samples, (sample) => sample.p99Ms).toFixed(2),
      (medianOf(samples, (sample) => sample.residentBytes) / 2 ** 20).toFixed(1),
      `${medianOf(samples, (sample) => sample.corePercent).toFixed(0)} %`,
      String(failed),
      `${medianOf(samples, (sample) => sample.othersPercent).toFixed(0)} %`,
    ];
  });
  const table = [[...head, 'req/s', 'p50 ms', 'p99 ms', 'RSS MiB', 'of its core', 'failed', 'others'], ...rows];
  return [
    '# Small keep-alive GET',
    '',
    describe(conditions),
    '',
    ...aligned(table),
    '',
    ...missing.map(({ name, reason }) => `${name} did not take part: ${reason}.`),
  ].join('\n');
}

function describe(c: Conditions): string {
  return [
    `Taken ${c.takenAt} on ${c.machine}, Node ${c.node}; load average before ${c.loadBefore.toFixed(2)}.`,
    `${c.connections} connections by ${c.generator}, backend ${c.backend}, ${c.rounds} alternating rounds of ${c.seconds} s.`,
    c.placement,
    'CPU is user and system time of all processes of the contender, divided by the requests answered.',
    'Values are medians of the rounds, ratios medians of the ratios within a round; spread is from the lowest to the',
    'highest round. "others" is what other programs took meanwhile, in percent of one core: a noisy measurement shows there.',
  ].join('\n');
}

function cpuOf(sample: Sample): number {
  return sample.cpuMicrosPerRequest;
}

function medianOf(samples: readonly Sample[], pick: (sample: Sample) => number): number {
  return median(samples.map(pick));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

function spreadOf(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}`;
}

/** Within a round both had the same machine, quiet or not. */
function ratio(samples: readonly Sample[], yardstick: readonly Sample[]): string {
  const ratios = samples.flatMap((sample, round) => {
    const other = yardstick[round];
    return other === undefined ? [] : [cpuOf(sample) / cpuOf(other)];
  });
  return ratios.length === 0 ? '' : median(ratios).toFixed(2);
}

/** A Markdown table that also reads well as it is: first column to the left, numbers to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  const lines = rows.map((row) => `| ${row.map(pad).join(' | ')} |`);
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [lines[0] ?? '', rule, ...lines.slice(1)];
}
