/** Targets that come and go, as fast as they are checked or all at once. */
import { describe, expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { RequestLedger } from '../helpers/request-ledger.ts';
import { ask } from '../helpers/start-client.ts';
import { expectAccount, failuresFor, outcomesOf, send, startBroken } from './broken-world.ts';
import { pause } from './pause.ts';
import { SteadyLoad } from './steady-load.ts';

const CHECK_MS = 50;
const HEALTH = { path: '/healthz', interval: `${CHECK_MS}ms`, timeout: '10s', rise: 2, fall: 3 };

describe('a target that comes and goes at the period of its checks', () => {
  test.each([1, 2, 4])('by %i checks at a time costs nobody an answer', async (checks) => {
    const ledger = new RequestLedger();
    const service = { health: HEALTH, upstream: { idleConnections: 0 } };
    const world = await startBroken({ targets: 3, ledger, service });
    const load = new SteadyLoad({ port: world.proxy.port, clients: 10, ratePerSecond: 150, ledger });
    const [flapping] = world.faults;
    for (let flap = 0; flap < 10; flap += 1) {
      await flapping?.refuse();
      await pause(CHECK_MS * checks);
      await flapping?.accept();
      await pause(CHECK_MS * checks);
    }
    await load.stop();
    expect(outcomesOf(world)).toEqual({ old: ledger.entries.size });
    await expectAccount(world);
  });
});

describe('when every target is down', () => {
  test('for its checks alone, and that many cannot be, all of them serve, and one that is down in truth costs nobody', async () => {
    const ledger = new RequestLedger();
    // What the next pool says, and none of these.
    const health = { ...HEALTH, bodyContains: 'next' };
    const service = { health, panicPercent: 50, upstream: { idleConnections: 0 } };
    const world = await startBroken({ targets: 3, ledger, service });
    const panicking = () => world.proxy.admin.metric('cutover_pool_panicking', { pool: 'old' });
    await eventually(async () => expect(await panicking()).toBe(1));
    const load = new SteadyLoad({ port: world.proxy.port, clients: 10, ratePerSecond: 150, ledger });
    await eventually(() => expect(load.requests.length).toBeGreaterThan(30), 15_000);
    await world.faults[0]?.refuse();
    await eventually(() => expect(load.requests.length).toBeGreaterThan(80), 15_000);
    await load.stop();
    expect(outcomesOf(world)).toEqual({ old: ledger.entries.size });
    for (const { requests } of world.backends) expect(requests.some(({ id }) => id !== '')).toBe(true);
    await expectAccount(world);
  });

  test('the answer is 503 with Retry-After, and comes from an application again as soon as one is up', async () => {
    const world = await startBroken({ targets: 2, service: { health: HEALTH, upstream: { idleConnections: 0 } } });
    await send(world);
    for (const fault of world.faults) await fault.refuse();
    await eventually(async () => expect(await world.proxy.admin.metric('cutover_target_up', { pool: 'old' })).toBe(0));
    for (const method of ['GET', 'POST']) await send(world, { method });
    expect(outcomesOf(world)).toEqual({ old: 1, 'status 503': 2 });
    expect(await failuresFor(world, 'no_target')).toBe(2);
    expect(Number((await ask(world.proxy.port)).field('retry-after'))).toBeGreaterThan(0);
    await world.faults[1]?.accept();
    await eventually(async () => expect((await ask(world.proxy.port)).status).toBe(200));
    await send(world);
    await expectAccount(world);
  });
});
