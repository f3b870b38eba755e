import { fileURLToPath } from 'node:url';
import { type LoadGenerator, lastLine, runToEnd } from '../load.ts';

const SCRIPT = fileURLToPath(new URL('./wrk-script.lua', import.meta.url));

export function wrk(path: string): LoadGenerator {
  return {
    name: 'wrk',
    suits: ({ kind }) => kind === 'http',
    async run(task) {
      const { load, origin, seconds } = task;
      const asked = [String(load.uploadBytes), load.isClosing ? 'close' : 'keep'];
      const shape = ['-t1', `-c${load.connections}`, `-d${seconds}s`, '-s', SCRIPT];
      const said = await runToEnd(task, path, [...shape, `${origin}${load.path}`, '--', ...asked]);
      const report = JSON.parse(lastLine(said)) as WrkReport;
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

/** What wrk-script.lua prints. */
interface WrkReport {
  readonly requests: number;
  readonly refused: number;
  readonly broken: number;
  readonly durationMicros: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
}
