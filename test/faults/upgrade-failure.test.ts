/** An upgrade that fails, in whatever way and at whatever moment, leaves somebody who serves. */
import { describe, expect, test } from 'vitest';

import type { ConfigDocument } from '../../src/schema/config.ts';
import { ask } from '../helpers/start-client.ts';
import { type FaultWorld, IS_LONG, startWorld, takenPort } from './fault-world.ts';
import { expectClean } from './load-account.ts';
import { pause } from './pause.ts';
import { freeze, killNow } from './process-view.ts';
import { SteadyLoad } from './steady-load.ts';
import { Tunnel } from './tunnel.ts';

const HANDED_OVER = 'another primary takes over';

describe('an upgrade that fails gives everything back', () => {
  const FAILURES: readonly (readonly [why: string, (world: FaultWorld) => Promise<Partial<ConfigDocument>>])[] = [
    ['an admin address that is taken', async () => ({ admin: { listen: `127.0.0.1:${await takenPort()}` } })],
    [
      'the address of a new listener that is taken',
      async ({ config }) => {
        return { listeners: { ...config.listeners, more: { listen: `127.0.0.1:${await takenPort()}` } } };
      },
    ],
    [
      'a file that does not go with what the API has made',
      async ({ config }) => {
        const { app } = config.services ?? {};
        const other = { pools: app?.pools ?? {}, split: { green: 100 }, match: { hosts: ['made.test'] } };
        return { services: { ...config.services, other } };
      },
    ],
  ];

  test(`for whatever reason: ${FAILURES.map(([why]) => why).join('; ')}`, async () => {
    const world = await startWorld();
    // A file that was applied since the start stays in force as well.
    const { app } = world.config.services ?? {};
    if (app === undefined) throw new Error('the world has a service app');
    const reloaded = { ...world.config, services: { app: { ...app, match: { pathPrefix: '/' } } } };
    world.write(reloaded);
    world.proxy.signal('SIGHUP');
    await world.proxy.says('the configuration was applied');
    await world.admin.must('PUT', '/v1/services/made', { ...app, match: { hosts: ['made.test'] } });
    const load = startLoad(world);
    const tunnel = await Tunnel.open(world.port);
    for (const [place, [, failure]] of FAILURES.entries()) {
      world.write({ ...reloaded, ...(await failure(world)) });
      const successor = world.start({ command: 'upgrade' });
      expect(await successor.exited).toEqual({ code: 1, signal: null });
      await world.proxy.ready(place + 2);
      const to = place % 2 === 0 ? 'green' : 'blue';
      await world.admin.cutover('app', to);
      expect((await ask(world.port)).field('x-version')).toBe(to);
      expect(await tunnel.say('still')).toBe('blue:still');
    }
    expect((await world.admin.must('GET', '/v1/services/app')).json.match).toEqual({ pathPrefix: '/' });
    await tunnel.close();
    await expectClean(load, world, { others: [''] });
    await world.settledWorkers();
  });

  test('killed at any moment', async () => {
    const world = await startWorld();
    const load = startLoad(world);
    const moments = IS_LONG ? [0, 20, 60, 100, 150, 200, 250, 300, 400, 500] : [60, 300];
    let served = 1;
    for (const afterMs of moments) {
      const successor = world.start({ command: 'upgrade' });
      await world.proxy.says(HANDED_OVER, served);
      await pause(afterMs);
      killNow(successor.pid);
      served += 1;
      await world.proxy.ready(served);
      await world.admin.cutover('app', served % 2 === 0 ? 'green' : 'blue');
    }
    await world.settledWorkers();
    await expectClean(load, world);
  });
});

test('an upgrade that hangs is ended in time, and the former primary serves again', async () => {
  const world = await startWorld({ shutdown: { handOverTimeout: '2s' } });
  const load = startLoad(world);
  const successor = world.start({ command: 'upgrade' });
  await world.proxy.says(HANDED_OVER);
  freeze(successor.pid);
  await world.proxy.ready(2);
  expect(await successor.exited).toEqual({ code: null, signal: 'SIGKILL' });
  await world.admin.cutover('app', 'green');
  await world.settledWorkers();
  await expectClean(load, world);
});

test('the former primary killed in the middle of an upgrade does not keep its successor from serving', async () => {
  const world = await startWorld();
  const load = startLoad(world);
  const successor = world.start({ command: 'upgrade' });
  await world.proxy.says(HANDED_OVER);
  killNow(world.proxy.pid);
  await successor.ready();
  await pause(300);
  expect(successor.isRunning).toBe(true);
  await world.admin.cutover('app', 'green');
  await world.settledWorkers();
  await expectClean(load, world);
});

function startLoad({ port }: FaultWorld): SteadyLoad {
  return new SteadyLoad({ port, clients: 24, ratePerSecond: IS_LONG ? 200 : 100 });
}
