/** How the program ends, and how it takes a new file. */
import { request } from 'node:http';
import { expect, test } from 'vitest';

import { startWorld } from './fault-world.ts';
import { SteadyLoad } from './steady-load.ts';

const SHUTDOWN = { announce: '700ms', drainTimeout: '5s' };

test.each(['SIGTERM', 'SIGINT'] as const)('%s: readiness fails first, nothing is dropped, exit 0', async (signal) => {
  const world = await startWorld({ shutdown: SHUTDOWN });
  const load = new SteadyLoad({ port: world.port, clients: 16, ratePerSecond: 200 });
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect((await world.admin.call('GET', '/readyz')).status).toBe(200);
  world.proxy.signal(signal);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect((await world.admin.call('GET', '/readyz')).status).toBe(503);
  // Still everything is served; whoever watches readiness turns away in this time.
  await load.stop();
  expect((await world.proxy.exited).code).toBe(0);
  expect(load.ledger.balance([world.blue, world.green])).toMatchObject({ failed: [], lost: [], truncated: [] });
  expect(world.pids()).toEqual([]);
});

test('what the end had to cut makes exit code 3', async () => {
  const world = await startWorld({ shutdown: { announce: '50ms', drainTimeout: '500ms' } });
  const outgoing = request({ host: '127.0.0.1', port: world.port, path: '/hold' }).end();
  const failed = new Promise((resolve) => outgoing.once('error', resolve).once('response', resolve));
  await new Promise((resolve) => setTimeout(resolve, 300));
  world.proxy.signal('SIGTERM');
  expect((await world.proxy.exited).code).toBe(3);
  await failed;
});

test('a second signal ends it at once', async () => {
  const world = await startWorld({ shutdown: { announce: '50ms', drainTimeout: '60s' } });
  const outgoing = request({ host: '127.0.0.1', port: world.port, path: '/hold' }).end();
  outgoing.once('error', () => {});
  await new Promise((resolve) => setTimeout(resolve, 300));
  world.proxy.signal('SIGTERM');
  await world.proxy.says('ending: requests under way are finished first');
  const askedAt = performance.now();
  world.proxy.signal('SIGTERM');
  expect((await world.proxy.exited).code).toBe(130);
  expect(performance.now() - askedAt).toBeLessThan(5_000);
});

test('SIGHUP applies the file, and a broken file changes nothing', async () => {
  const world = await startWorld();
  const load = new SteadyLoad({ port: world.port, clients: 16, ratePerSecond: 200 });
  for (let time = 1; time <= 5; time++) {
    world.write('services: { app: { pools: [');
    world.proxy.signal('SIGHUP');
    await world.proxy.says('the configuration was not applied: the one before stays in force', time);
  }
  const { app } = world.config.services ?? {};
  if (app === undefined) throw new Error('the world has a service app');
  world.write({ ...world.config, services: { app: { ...app, split: { green: 100 } } } });
  world.proxy.signal('SIGHUP');
  await world.proxy.says('the configuration was applied');
  expect((await world.admin.must('GET', '/v1/services/app/split')).json).toMatchObject({ weights: { green: 100 } });
  await load.stop();
  expect(load.ledger.balance([world.blue, world.green])).toMatchObject({ failed: [], lost: [], truncated: [] });
});

test('workers are replaced on request, and nothing is dropped', async () => {
  const world = await startWorld();
  const load = new SteadyLoad({ port: world.port, clients: 16, ratePerSecond: 200 });
  const before = (await world.workers()).map(({ pid }) => pid);
  expect((await world.admin.must('POST', '/v1/workers/restart')).json).toEqual({ restarted: 2 });
  await new Promise((resolve) => setTimeout(resolve, 300));
  await load.stop();
  const after = (await world.settledWorkers()).map(({ pid }) => pid);
  expect(after.filter((pid) => before.includes(pid))).toEqual([]);
  expect(load.ledger.balance([world.blue, world.green])).toMatchObject({ failed: [], lost: [], truncated: [] });
});
