import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type LoadGenerator, type LoadResult, runToEnd } from '../load.ts';
import { quantile } from '../quantile.ts';

export function h2load(path: string): LoadGenerator {
  return {
    name: 'h2load',
    suits: ({ kind, uploadBytes, isClosing }) => kind === 'http2' && uploadBytes === 0 && !isClosing,
    async run(task) {
      const { load, origin, seconds, folder } = task;
      const log = join(folder, 'h2load.log');
      await rm(log, { force: true }); // it would be added to
      const shape = ['-t1', `-c${load.connections}`, `-m${load.streams}`, '-D', String(seconds), `--log-file=${log}`];
      const said = await runToEnd(task, path, [...shape, `${origin}${load.path}`]);
      return readReport(said, await readFile(log, 'utf8'), seconds);
    },
  };
}

/** From what it prints, and its log: a line for each request, of when it began, its status, and how many µs it took. */
export function readReport(said: string, log: string, seconds: number): LoadResult {
  const count = (pattern: RegExp): number => Number(pattern.exec(said)?.[1] ?? Number.NaN);
  const protocol = /Application protocol: (\S+)/.exec(said)?.[1];
  if (protocol !== 'h2') throw new Error(`h2load spoke ${protocol ?? 'with nobody'}, not h2:\n${said.slice(-500)}`);
  const micros = log
    .split('\n')
    .map((line) => Number(line.split('\t')[2]))
    .filter((time) => time >= 0);
  const sorted = Float64Array.from(micros).toSorted();
  return {
    requests: count(/, (\d+) succeeded/),
    seconds,
    p50Ms: quantile(sorted, 0.5) / 1000,
    p99Ms: quantile(sorted, 0.99) / 1000,
    failed: count(/, (\d+) failed/), // 4xx and 5xx are among these
  };
}
