import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { treeUsage } from '../../../bench/process-tree.ts';

/** Uses so much processor time in a thread of a grandchild, says "done" and stays. */
const BUSY_SECONDS = 0.4;
const GRANDCHILD = `
  const { Worker } = require('node:worker_threads');
  const spin = 'while (process.cpuUsage().user + process.cpuUsage().system < ${BUSY_SECONDS * 1e6}) {}';
  new Worker(spin, { eval: true }).once('exit', () => console.log('done'));
  setInterval(() => {}, 1000);
  process.once('disconnect', () => process.exit());
`;
const CHILD = `
  const { spawn } = require('node:child_process');
  spawn(process.execPath, ['-e', process.env.GRANDCHILD], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
`;

test('processor time of threads and of descendants counts', async () => {
  const child = spawn(process.execPath, ['-e', CHILD], {
    env: { ...process.env, GRANDCHILD },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  await once(child.stdout, 'data');
  const usage = await treeUsage(child.pid ?? 0);
  expect(usage.cpuSeconds).toBeGreaterThanOrEqual(BUSY_SECONDS - 0.02);
  expect(usage.cpuSeconds).toBeLessThan(BUSY_SECONDS + 3);
  expect(usage.userSeconds + usage.systemSeconds).toBeCloseTo(usage.cpuSeconds);
  expect(usage.residentBytes).toBeGreaterThan(20 * 2 ** 20);
});

test('a process that is gone has used nothing', async () => {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  expect(await treeUsage(child.pid ?? 0)).toEqual({
    cpuSeconds: 0,
    userSeconds: 0,
    systemSeconds: 0,
    residentBytes: 0,
  });
});
