/** A new version of the program takes over from the running one. */
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';

import { IS_LONG, startWorld } from './fault-world.ts';
import { SteadyLoad } from './steady-load.ts';

const UPGRADES = IS_LONG ? 10 : 3;

test('upgrades in a row under load refuse and drop nothing', async () => {
  const world = await startWorld();
  const load = new SteadyLoad({ port: world.port, clients: 32, ratePerSecond: 300 });
  let running = world.proxy;
  for (let upgrade = 0; upgrade < UPGRADES; upgrade++) {
    const next = world.start({ command: 'upgrade' });
    await next.ready();
    expect((await running.exited).code).toBe(0);
    running = next;
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  await load.stop();
  const balance = load.ledger.balance([world.blue, world.green]);
  console.log(`upgrades ${UPGRADES}, requests ${balance.requests}, failed ${balance.failed.length}`);
  expect(balance).toMatchObject({ failed: [], lost: [], duplicated: [], wrongPool: [], truncated: [] });
});

test('a successor that cannot start gives everything back', async () => {
  const world = await startWorld();
  const taken = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void taken.close());
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  const load = new SteadyLoad({ port: world.port, clients: 16, ratePerSecond: 200 });
  world.write({ ...world.config, admin: { listen: `127.0.0.1:${port}` } });
  const successor = world.start({ command: 'upgrade' });
  expect((await successor.exited).code).toBe(1);
  expect(successor.output).toContain(`127.0.0.1:${port}`);
  await world.proxy.ready(2);
  await load.stop();
  expect(load.ledger.balance([world.blue, world.green])).toMatchObject({ failed: [], lost: [], truncated: [] });
  await world.admin.cutover('app', 'green');
});

test('there is nothing to upgrade where nothing runs', async () => {
  const world = await startWorld();
  world.proxy.signal('SIGTERM');
  expect((await world.proxy.exited).code).toBe(0);
  const successor = world.start({ command: 'upgrade' });
  expect((await successor.exited).code).toBe(1);
  expect(successor.output).toContain('cutover run');
});
