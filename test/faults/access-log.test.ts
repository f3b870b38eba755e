/** The access log of two workers under load: rotated, and stood in the way of. */
import { renameSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { type LogLine, logLines } from '../helpers/log-lines.ts';
import { makeWorld } from './fault-world.ts';
import { expectClean } from './load-account.ts';
import { pause } from './pause.ts';
import { SteadyLoad } from './steady-load.ts';

const ids = (lines: readonly LogLine[]): unknown[] => lines.map(({ id }) => id);

test('a log that is moved away under load goes on in a new file, and has each request once', async () => {
  const world = await makeWorld();
  const file = path.join(path.dirname(world.configFile), 'access.log');
  world.write({ ...world.config, accessLog: { path: './access.log' } });
  const proxy = world.start();
  await proxy.ready();
  const load = new SteadyLoad({ port: world.port, clients: 20, ratePerSecond: 150 });
  const files = [file];
  for (const name of ['1', '2', '3']) {
    await eventually(() => expect(logLines(file).length).toBeGreaterThan(0), 40_000);
    renameSync(file, `${file}.${name}`);
    files.push(`${file}.${name}`);
    proxy.signal('SIGHUP');
    await proxy.says('the configuration was applied', Number(name));
  }
  const restarted = await world.admin.must('POST', '/v1/workers/restart');
  expect(restarted.status).toBe(200);
  await expectClean(load, world);
  proxy.signal('SIGTERM');
  expect((await proxy.exited).code).toBe(0);
  const lines = files.flatMap(logLines);
  expect(new Set(ids(lines)).size).toBe(lines.length);
  expect(lines.length).toBe(load.requests.length);
  expect(new Set(lines.map(({ status }) => status))).toEqual(new Set([200]));
});

test('a log on standard output is whole lines among those of the program', async () => {
  const world = await makeWorld();
  world.write({ ...world.config, accessLog: { path: 'stdout' } });
  const proxy = world.start();
  await proxy.ready();
  const load = new SteadyLoad({ port: world.port, clients: 10, ratePerSecond: 100 });
  await pause(1_000);
  await expectClean(load, world);
  proxy.signal('SIGTERM');
  await proxy.exited;
  const lines = proxy.output.split('\n').filter((line) => line !== '');
  const parsed = lines.map((line) => JSON.parse(line) as LogLine);
  expect(parsed.filter(({ durationMs }) => durationMs !== undefined).length).toBe(load.requests.length);
});

test('a full disk costs the lines, counted, and no request', async () => {
  const world = await makeWorld();
  world.write({ ...world.config, accessLog: { path: '/dev/full' } });
  const proxy = world.start();
  await proxy.ready();
  const load = new SteadyLoad({ port: world.port, clients: 10, ratePerSecond: 100 });
  await pause(500);
  await expectClean(load, world);
  await eventually(
    async () => expect(await world.admin.metric('cutover_access_log_dropped_total')).toBe(load.requests.length),
    40_000,
  );
});
