import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { dirname, join } from 'node:path';
import type { Children } from './children.ts';
import { installed } from './installed.ts';

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
}

export interface LoadResult {
  /** Answered 2xx or 3xx. */
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Anything else: other answers, connections that failed, timeouts. */
  readonly failed: number;
}

export interface LoadGenerator {
  readonly name: string;
  run(children: Children, core: number, load: Load): Promise<LoadResult>;
}

export async function findLoadGenerator(): Promise<LoadGenerator> {
  const path = await installed('wrk');
  return path === null ? autocannon : wrk(path);
}

const WRK_REPORT = fileURLToPath(new URL('./wrk-report.lua', import.meta.url));

function wrk(path: string): LoadGenerator {
  return {
    name: 'wrk',
    async run(children, core, { url, connections, seconds }) {
      const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', WRK_REPORT, url];
      const report = JSON.parse(lastLine(await runToEnd(children, core, path, args))) as WrkReport;
      return {
        requests: report.requests - report.refused,
        seconds: report.durationMicros / 1e6,
        p50Ms: report.p50Micros / 1000,
        p99Ms: report.p99Micros / 1000,
        failed: report.refused + report.broken,
      };
    },
  };
}

/** What wrk-report.lua prints. */
interface WrkReport {
  readonly requests: number;
  readonly refused: number;
  readonly broken: number;
  readonly durationMicros: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
}

const autocannon: LoadGenerator = {
  name: 'autocannon',
  async run(children, core, { url, connections, seconds }) {
    const script = join(dirname(createRequire(import.meta.url).resolve('autocannon')), 'autocannon.js');
    const args = [script, '--json', '--no-progress', '-c', String(connections), '-d', String(seconds), url];
    const report = JSON.parse(lastLine(await runToEnd(children, core, process.execPath, args))) as AutocannonReport;
    return {
      requests: report['2xx'],
      seconds: report.duration,
      p50Ms: report.latency.p50,
      p99Ms: report.latency.p99,
      failed: report.non2xx + report.errors,
    };
  },
};

interface AutocannonReport {
  readonly '2xx': number;
  readonly non2xx: number;
  readonly errors: number;
  readonly duration: number;
  readonly latency: { readonly p50: number; readonly p99: number };
}

async function runToEnd(children: Children, core: number, command: string, args: readonly string[]): Promise<string> {
  const child = await children.start(core, command, args);
  const code = await child.exited;
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${child.output()}`);
  return child.output();
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}
