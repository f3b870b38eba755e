import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';

const WORKSPACE = path.join(import.meta.dirname, '../../../bench/workspace.ts');

interface Measurement {
  readonly folder: string;
  readonly childPid: number;
  readonly exited: Promise<number | null>;
  readonly kill: (signal: NodeJS.Signals) => void;
}

/** A process with a workspace that has started a child, and then does what `then` says. */
async function startMeasurement(then: string): Promise<Measurement> {
  const script = `
    import { inWorkspace } from ${JSON.stringify(WORKSPACE)};
    await inWorkspace('test', { pinning: false }, async ({ children, folder }) => {
      const { pid } = await children.startFree('sleep', ['600']);
      console.log(JSON.stringify({ folder, childPid: pid }));
      ${then}
    });
  `;
  const args = ['--input-type=module', '--eval', script];
  const measurement = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(measurement, 'exit').then(([code]) => code as number | null);
  onTestFinished(() => void measurement.kill('SIGTERM'));
  const [line] = (await once(createInterface(measurement.stdout), 'line')) as [string];
  const said = JSON.parse(line) as { folder: string; childPid: number };
  return { ...said, exited, kill: (signal) => void measurement.kill(signal) };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test.each([
  ['its work is done', '', 0],
  ['its work fails', `throw new Error('no');`, 1],
])('processes and folder of a measurement are gone when %s', async (_when, then, code) => {
  const { folder, childPid, exited } = await startMeasurement(then);
  expect(await exited).toBe(code);
  expect([existsSync(folder), isRunning(childPid)]).toEqual([false, false]);
});

test.each(['SIGINT', 'SIGTERM'] as const)('they are gone after %s, too', async (signal) => {
  const { folder, childPid, exited, kill } = await startMeasurement(
    'await new Promise(() => setInterval(() => {}, 1e6));',
  );
  expect([existsSync(folder), isRunning(childPid)]).toEqual([true, true]);
  kill(signal);
  expect(await exited).toBe(130);
  await eventually(() => expect([existsSync(folder), isRunning(childPid)]).toEqual([false, false]));
});
