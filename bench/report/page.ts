import type { Conditions, Results } from '../results.ts';
import { overviewRows } from './overview.ts';
import { scenarioPart } from './scenario-table.ts';
import { textTable } from './text-table.ts';
import { judge, verdictRows } from './verdict.ts';

/** A picture beside the page. */
export interface Plot {
  readonly file: string;
  readonly title: string;
}

/** The results as a Markdown page. */
export function resultPage(results: Results, plots: readonly Plot[]): string {
  const { conditions, scenarios, missing } = results;
  const overview = overviewRows(results);
  return [
    '# Cutover next to other proxies',
    '',
    describe(conditions),
    '',
    ...[
      ...missing.map(({ name, reason }) => `${name} took no part: ${reason}.`),
      ...conditions.missingTools.map((line) => `${line}.`),
    ].flatMap((line) => [line, '']),
    '## Goals',
    '',
    ...textTable(verdictRows(judge(results))),
    '',
    ...(overview.length > 1 ? ['## Processor time', '', ...textTable(overview), ''] : []),
    ...plots.flatMap(({ file, title }) => [`![${title}](${file})`, '']),
    '## Scenarios',
    '',
    ...scenarios.flatMap(scenarioPart),
  ].join('\n');
}

function describe(c: Conditions): string {
  return [
    `Taken ${c.takenAt} on ${c.machine}, Node ${c.node}; load average before ${c.loadBefore.toFixed(2)}.`,
    `${c.rounds} alternating rounds of ${c.seconds} s in each scenario; the backend is ${c.backend}.`,
    c.placement,
    'CPU is user and system time of all processes of the contender, divided by the requests answered.',
    'Values are medians of the rounds, ratios medians of the ratios within a round; spread is from the lowest to the',
    'highest round. "others" is what other programs took meanwhile, in percent of one core: a noisy measurement shows there.',
    'Latencies at a fixed rate are timed from when a request was due, at the same rate for all.',
  ].join('\n');
}
