/** How the program ends, and how it takes a new file, on signals. */
import { describe, expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { startClient } from '../helpers/start-client.ts';
import { type FaultWorld, IS_LONG, makeWorld, startWorld } from './fault-world.ts';
import { expectServedWell } from './load-account.ts';
import { pause } from './pause.ts';
import { freeze } from './process-view.ts';
import { SteadyLoad } from './steady-load.ts';
import { Tunnel } from './tunnel.ts';

const APPLIED = 'the configuration was applied';
const NOT_APPLIED = 'the configuration was not applied: the one before stays in force';
const ENDING = 'ending: requests under way are finished first';

describe.each(IS_LONG ? (['SIGTERM', 'SIGINT'] as const) : (['SIGTERM'] as const))('%s', (signal) => {
  test('fails readiness first, then turns connections away, drops nothing and exits 0', async () => {
    const world = await startWorld({ shutdown: { announce: '1500ms', drainTimeout: '10s' } });
    const load = startLoad(world);
    const client = await startClient(world.port);
    // Opened to have one at hand, as browsers do; it must keep nothing from ending.
    const unused = await startClient(world.port);
    const slow = (await startClient(world.port))
      .request({ path: '/slow?ms=2700' })
      .then(({ status }) => status, String);
    await pause(400);
    expect((await client.request()).field('connection')).toBe(null);
    expect((await world.admin.call('GET', '/readyz')).status).toBe(200);

    world.proxy.signal(signal);
    await eventually(async () => expect((await world.admin.call('GET', '/readyz')).status).toBe(503));
    expect((await client.request()).field('connection')).toBe('close');
    // Whoever watches readiness turns away now; until then everything is served.
    await expectServedWell(load, world, { others: [''] });
    await eventually(() => expect(startClient(world.port)).rejects.toThrow(/ECONNREFUSED/));
    expect(await slow).toBe(200);
    expect(await unused.ended()).toBe('fin');
    expect(await world.proxy.exited).toEqual({ code: 0, signal: null });
    expect(world.pids()).toEqual([]);
  });
});

describe('the end', () => {
  const HURRIED = { shutdown: { announce: '50ms', drainTimeout: '300ms' } };

  test('of what the deadline had to cut has exit code 3', async () => {
    const world = await startWorld(HURRIED);
    const held = (await startClient(world.port)).request({ path: '/hold' }).then(
      ({ status }) => status,
      () => 'broken',
    );
    const tunnel = await Tunnel.open(world.port);
    await eventually(() => expect(world.blue.held).toBe(1));
    world.proxy.signal('SIGTERM');
    expect((await world.proxy.exited).code).toBe(3);
    expect(await held).toBe(503);
    await expect(tunnel.say('gone')).rejects.toThrow();
    expect(world.pids()).toEqual([]);
  });

  test('of a worker that is stopped is an end all the same, and what it held counts as cut', async () => {
    const world = await startWorld(HURRIED);
    const tunnels = await Promise.all(Array.from({ length: 8 }, () => Tunnel.open(world.port)));
    expect(tunnels.length).toBe(8);
    // Longer than it takes to be asked for a count.
    await pause(1_300);
    for (const { pid } of await world.workers()) freeze(pid);
    world.proxy.signal('SIGTERM');
    expect((await world.proxy.exited).code).toBe(3);
    expect(world.pids()).toEqual([]);
  });

  test('comes at once with a second signal, for the workers too', async () => {
    const world = await startWorld({ shutdown: { announce: '20s', drainTimeout: '60s' } });
    void (await startClient(world.port)).request({ path: '/hold' }).catch(() => {});
    await eventually(() => expect(world.blue.held).toBe(1));
    world.proxy.signal('SIGTERM');
    await world.proxy.says(ENDING);
    const askedAt = performance.now();
    world.proxy.signal('SIGINT');
    expect(await world.proxy.exited).toEqual({ code: 130, signal: null });
    // Well before the announcement is over.
    expect(performance.now() - askedAt).toBeLessThan(10_000);
    expect(world.pids()).toEqual([]);
  });

  test('may be asked for at any moment of the start, and leaves no process behind', async () => {
    const world = await makeWorld();
    for (const afterMs of IS_LONG ? [200, 300, 400, 500, 600, 800, 1_000, 1_500] : [400, 600, 800]) {
      const proxy = world.start();
      await pause(afterMs);
      const hasWorkers = proxy.saidTimes('a worker accepts') > 0;
      proxy.signal('SIGTERM');
      // Before the program has come to listen to signals, the system answers them with the end.
      const ends = hasWorkers
        ? [{ code: 0, signal: null }]
        : [
            { code: 0, signal: null },
            { code: null, signal: 'SIGTERM' },
          ];
      expect(ends).toContainEqual(await proxy.exited);
      await eventually(() => expect(world.pids()).toEqual([]));
    }
  });
});

describe('SIGHUP', () => {
  const TIMES = IS_LONG ? 20 : 6;

  test('under load applies the file, and a broken one changes nothing', async () => {
    const world = await startWorld();
    const load = startLoad(world);
    const { app } = world.config.services ?? {};
    if (app === undefined) throw new Error('the world has a service app');
    const broken = [
      'services: { app: { pools: [',
      '{}',
      JSON.stringify({ ...world.config, services: { app: { ...app, split: { red: 100 } } } }),
      JSON.stringify({ ...world.config, workers: 1 }),
    ];
    for (let time = 1; time <= TIMES; time++) {
      const generation = await world.admin.metric('cutover_generation');
      world.write(broken[time % broken.length] ?? '');
      world.proxy.signal('SIGHUP');
      await world.proxy.says(NOT_APPLIED, time);
      expect(await world.admin.metric('cutover_generation')).toBe(generation);
      const to = time % 2 === 1 ? 'green' : 'blue';
      world.write({ ...world.config, services: { app: { ...app, split: { [to]: 100 } } } });
      world.proxy.signal('SIGHUP');
      await world.proxy.says(APPLIED, time);
      expect((await world.admin.must('GET', '/v1/services/app/split')).json.weights).toEqual({ [to]: 100 });
    }
    expect(world.proxy.saidTimes(NOT_APPLIED)).toBe(TIMES);
    await expectServedWell(load, world);
  });

  test('while the program starts is heard when it has', async () => {
    const world = await makeWorld();
    const proxy = world.start();
    await proxy.says('a worker accepts');
    proxy.signal('SIGHUP');
    await proxy.ready();
    await eventually(() => expect(proxy.saidTimes(APPLIED)).toBe(1));
  });
});

function startLoad({ port }: FaultWorld): SteadyLoad {
  return new SteadyLoad({ port, clients: 24, ratePerSecond: IS_LONG ? 200 : 100 });
}
