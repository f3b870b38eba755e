/** The primary is needed to change something, not to serve. */
import { expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { startWorld } from './fault-world.ts';
import { isRunning, killNow } from './process-view.ts';
import { SteadyLoad } from './steady-load.ts';

test('nothing fails when the primary is killed, nor when the next one takes the workers over', async () => {
  const world = await startWorld();
  await world.admin.cutover('app', 'green');
  await world.admin.must('PATCH', `/v1/services/app/pools/blue/targets/${targetOf(world.blue.url)}`, {
    state: 'drain',
  });
  const orphans = (await world.workers()).map(({ pid }) => pid);
  const load = new SteadyLoad({ port: world.port, clients: 32, ratePerSecond: 300 });
  await pause(600);
  killNow(world.proxy.pid);
  await pause(1_000);
  expect(orphans.every(isRunning)).toBe(true);
  const next = world.start();
  await next.ready();
  await pause(1_000);
  await load.stop();
  const balance = load.ledger.balance([world.blue, world.green]);
  expect(balance).toMatchObject({ failed: [], lost: [], duplicated: [], wrongPool: [], truncated: [] });
  expect(world.blue.requests).toHaveLength(0);
  expect((await world.admin.must('GET', '/v1/services/app/split')).json).toMatchObject({ weights: { green: 100 } });
  const target = await world.admin.must('GET', `/v1/services/app/pools/blue/targets/${targetOf(world.blue.url)}`);
  expect(target.json).toMatchObject({ state: 'drain' });
  await eventually(() => expect(orphans.some(isRunning)).toBe(false), 15_000);
  await world.admin.cutover('app', 'blue', { force: true });
});

test('a second primary on the same state refuses to start and says who is there', async () => {
  const world = await startWorld();
  const second = world.start();
  expect((await second.exited).code).toBe(1);
  expect(second.output).toContain(String(world.proxy.pid));
  expect((await world.admin.must('GET', '/v1/status')).json).toMatchObject({ ready: true });
});

function targetOf(url: string): string {
  return new URL(url).host;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
