import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type LoadGenerator, lastLine, runToEnd } from '../load.ts';

export const autocannon: LoadGenerator = {
  name: 'autocannon',
  suits: ({ kind }) => kind === 'http',
  async run(task) {
    const { load, origin, seconds, folder } = task;
    const script = join(dirname(createRequire(import.meta.url).resolve('autocannon')), 'autocannon.js');
    const shape = ['--json', '--no-progress', '-c', String(load.connections), '-d', String(seconds)];
    const closing = load.isClosing ? ['-H', 'Connection=close'] : [];
    const body = load.uploadBytes > 0 ? ['-m', 'POST', '-i', await bodyFile(folder, load.uploadBytes)] : [];
    const args = [script, ...shape, ...closing, ...body, `${origin}${load.path}`];
    const report = JSON.parse(lastLine(await runToEnd(task, process.execPath, args))) as AutocannonReport;
    return {
      requests: report['2xx'],
      seconds: report.duration,
      p50Ms: report.latency.p50,
      p99Ms: report.latency.p99,
      failed: report.non2xx + report.errors,
    };
  },
};

async function bodyFile(folder: string, bytes: number): Promise<string> {
  const file = join(folder, `body-${bytes}`);
  await writeFile(file, Buffer.alloc(bytes, 'x'));
  return file;
}

interface AutocannonReport {
  readonly '2xx': number;
  readonly non2xx: number;
  readonly errors: number;
  readonly duration: number;
  readonly latency: { readonly p50: number; readonly p99: number };
}
