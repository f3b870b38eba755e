import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release } from 'node:os';

/** "2 × AMD EPYC, Node 26.10.0, load average before 0.10" */
export function describeRun(): string {
  const [load = 0] = loadavg();
  return `${processors()}, Node ${process.versions.node}, load average before ${load.toFixed(2)}`;
}

/** "2 × AMD EPYC, 24 GiB, Linux 6.18" */
export async function describeMachine(): Promise<string> {
  const memory = /MemTotal:\s+(\d+)/.exec(await readFile('/proc/meminfo', 'utf8'))?.[1];
  return `${processors()}, ${Math.round(Number(memory ?? 0) / 2 ** 20)} GiB, Linux ${release()}`;
}

function processors(): string {
  return `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown processor'}`;
}
