/** A new version of the program takes over from the running one, and a client notices nothing. */
import { describe, expect, test } from 'vitest';

import { downloadBody } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { type FaultWorld, IS_LONG, makeWorld, startWorld } from './fault-world.ts';
import { freePorts } from './free-ports.ts';
import { expectClean } from './load-account.ts';
import { pause } from './pause.ts';
import type { ProxyProcess } from './proxy-process.ts';
import { SteadyLoad } from './steady-load.ts';
import { Tunnel } from './tunnel.ts';

const UPGRADES = IS_LONG ? 10 : 3;

describe('upgrades in a row under load', () => {
  test('refuse and drop nothing; the old ones exit 0, and what outlives them stays whole', async () => {
    const world = await startWorld();
    const load = startLoad(world);
    const tunnel = await Tunnel.open(world.port);
    const client = await startClient(world.port);
    const bytes = 40_000 * (IS_LONG ? 20 : 4);
    const download = client.request({
      path: `/download?bytes=${bytes}&piece=2000&gap=50`,
      fields: [['X-Test-Id', 'long']],
    });
    let running = world.proxy;
    for (let upgrade = 1; upgrade <= UPGRADES; upgrade++) {
      running = await upgradeFrom(world, running);
      expect(await tunnel.say(`after ${upgrade}`)).toBe(`blue:after ${upgrade}`);
      await world.admin.cutover('app', upgrade % 2 === 1 ? 'green' : 'blue');
    }
    expect((await download).body.equals(downloadBody('blue', 'long', bytes))).toBe(true);
    await tunnel.close();
    await expectClean(load, world, { others: ['', 'long'] });
    await world.settledWorkers();
    console.log(`${UPGRADES} upgrades: ${load.requests.length} requests, slowest ${Math.round(load.slowestMs())} ms`);
  }, 180_000);

  test('refuse and drop nothing where listeners come and go and the number of workers changes', async () => {
    const world = await startWorld({ workers: 1 });
    const load = startLoad(world);
    const tunnel = await Tunnel.open(world.port);
    const [more = 0] = await freePorts(1);
    const { web } = world.config.listeners;
    if (web === undefined) throw new Error('the world has a listener');
    world.write({ ...world.config, workers: 2, listeners: { web, more: { listen: `127.0.0.1:${more}` } } });
    const second = await upgradeFrom(world, world.proxy);
    expect((await ask(more)).status).toBe(200);
    world.write({ ...world.config, workers: 1 });
    await upgradeFrom(world, second);
    await pause(500);
    // Besides the load there were the tunnel and the request to the new listener, neither of which has an id.
    await expectClean(load, world, { others: [''] });
    expect(load.slowestMs()).toBeLessThan(5_000);
    // The listener is gone at once, although there is a worker left from each time before.
    await eventually(() => expect(ask(more)).rejects.toThrow(/ECONNREFUSED/));
    expect(await tunnel.say('still')).toBe('blue:still');
  });
});

test('there is nothing to upgrade where nothing runs', async () => {
  const world = await makeWorld();
  const successor = world.start({ command: 'upgrade' });
  expect((await successor.exited).code).toBe(1);
  expect(successor.output).toContain('cutover run');
});

function startLoad({ port }: FaultWorld): SteadyLoad {
  return new SteadyLoad({ port, clients: 24, ratePerSecond: 200 });
}

async function upgradeFrom(world: FaultWorld, former: ProxyProcess): Promise<ProxyProcess> {
  const next = world.start({ command: 'upgrade' });
  await next.ready();
  expect(await former.exited).toEqual({ code: 0, signal: null });
  return next;
}
