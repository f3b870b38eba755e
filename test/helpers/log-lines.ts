import { existsSync, readFileSync } from 'node:fs';

import { eventually } from './eventually.ts';

/** A line of an access log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** The lines that are in a file; each has to be whole. */
export function logLines(file: string): LogLine[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.slice(0, -1).map((line) => JSON.parse(line) as LogLine);
}

/** Resolves with the lines when there are so many. */
export function untilLogged(file: string, count: number): Promise<LogLine[]> {
  return eventually(() => {
    const lines = logLines(file);
    if (lines.length >= count) return lines;
    throw new Error(`${lines.length} lines where ${count} are awaited: ${JSON.stringify(lines)}`);
  }, 40_000);
}
