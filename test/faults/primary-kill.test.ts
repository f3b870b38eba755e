/** The primary is needed to change something, not to serve. */
import { describe, expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { ask } from '../helpers/start-client.ts';
import { type FaultWorld, IS_LONG, startWorld } from './fault-world.ts';
import { killUnder } from './kill-under.ts';
import { expectClean } from './load-account.ts';
import { pause } from './pause.ts';
import { isRunning, killNow } from './process-view.ts';
import { SteadyLoad } from './steady-load.ts';
import { Tunnel } from './tunnel.ts';

const ALONE_MS = IS_LONG ? 5_000 : 800;
const RESTARTS = IS_LONG ? 5 : 1;

describe('a primary that is killed', () => {
  test('fails no request, nor does the next one, which knows all that was acknowledged', async () => {
    const world = await startWorld();
    const load = startLoad(world);
    const tunnel = await Tunnel.open(world.port);
    const former: number[] = [];
    let running = world.proxy;
    for (let restart = 0; restart < RESTARTS; restart++) {
      const orphans = (await world.workers()).map(({ pid }) => pid).filter((pid) => !former.includes(pid));
      former.push(...orphans);
      const [to, idle] = restart % 2 === 0 ? (['green', 'blue'] as const) : (['blue', 'green'] as const);
      const target = `/v1/services/app/pools/${idle}/targets/${world[idle].target}`;
      await world.admin.cutover('app', to);
      await world.admin.must('PATCH', target, { state: 'drain' });
      const generation = await world.admin.metric('cutover_generation');
      killNow(running.pid);
      await pause(ALONE_MS);
      expect(orphans.every(isRunning)).toBe(true);

      running = world.start();
      await running.ready();
      const { json } = await world.admin.must('GET', '/v1/services/app/split');
      expect(json.weights).toEqual({ [to]: 100 });
      expect((await world.admin.must('GET', target)).json.state).toBe('drain');
      expect(await world.admin.metric('cutover_generation')).toBe(generation + 1);
      await world.admin.must('PATCH', target, { state: 'ready' });
      await tunnel.say('still');
      // But for the one with the tunnel, the old ones end as soon as their clients have come again.
      await eventually(() => expect(orphans.filter(isRunning).length).toBeLessThan(2));
    }
    await pause(300);
    await tunnel.close();
    await expectClean(load, world, { others: [''] });
    await world.settledWorkers();
  });

  test('while it replaces a worker, and then with all workers, leaves nothing behind and nothing out', async () => {
    const world = await startWorld();
    await world.admin.cutover('app', 'green');
    const [victim] = await world.workers();
    const before = world.pids();
    killNow(victim?.pid ?? 0);
    await eventually(() => expect(world.pids().some((pid) => !before.includes(pid))).toBe(true));
    killNow(world.proxy.pid);
    await world.start().ready();
    await world.settledWorkers();
    world.pids().forEach(killNow);
    await world.start().ready();
    await world.settledWorkers();
    expect((await ask(world.port)).field('x-version')).toBe('green');
  });
});

describe('after a primary was killed, the death of all workers at once', () => {
  test.each(IS_LONG ? [1, 2] : [1])('(%i) costs only what was under way on them', async (workers) => {
    const world = await startWorld({ workers });
    const former = (await world.workers()).map(({ pid }) => pid);
    const tunnel = await Tunnel.open(world.port);
    killNow(world.proxy.pid);
    await world.start().ready();
    const load = startLoad(world);
    await pause(500);
    const serving = (await world.workers()).map(({ pid }) => pid).filter((pid) => !former.includes(pid));
    const excused = await killUnder(load, world.port, serving);
    await pause(700);
    expect(await tunnel.say('still')).toBe('blue:still');
    await expectClean(load, world, { others: [''], excused });
    await tunnel.close();
    await world.settledWorkers(workers);
  });
});

test('a second primary on the same state refuses to start, says who is there, and disturbs nobody', async () => {
  const world = await startWorld();
  const load = startLoad(world);
  const second = world.start();
  expect((await second.exited).code).toBe(1);
  expect(second.output).toContain(`process ${world.proxy.pid}`);
  await world.admin.cutover('app', 'green');
  await expectClean(load, world);
});

function startLoad({ port }: FaultWorld): SteadyLoad {
  return new SteadyLoad({ port, clients: 40, ratePerSecond: IS_LONG ? 300 : 150 });
}
