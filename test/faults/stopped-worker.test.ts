/** A worker that says nothing cannot keep a receipt from coming, nor from being true. */
import { describe, expect, test } from 'vitest';

import { BARRIER_DEADLINE_MS } from '../../src/control/workers/worker-pool.ts';
import { type FaultWorld, IS_LONG, startWorld } from './fault-world.ts';
import { FlipLog } from './flip-log.ts';
import { expectClean } from './load-account.ts';
import { pause } from './pause.ts';
import { freeze, isRunning, peersOf } from './process-view.ts';
import { SteadyLoad } from './steady-load.ts';
import { Tunnel } from './tunnel.ts';

/** What a busy machine may add. */
const MARGIN_MS = 5_000;
const TIMES = IS_LONG ? 4 : 1;

describe('a worker that is stopped', () => {
  test('is fenced in time, and nothing later is answered by the old pool', async () => {
    const world = await startWorld();
    const load = new SteadyLoad({ port: world.port, clients: 40, ratePerSecond: 300 });
    const flips = new FlipLog();
    const excused: string[] = [];
    for (let time = 0; time < TIMES; time++) {
      await pause(500);
      const [stopped] = await world.workers();
      excused.push(...(await stopUnder(load, world, stopped?.pid ?? 0)));
      const askedAt = performance.now();
      const { workers } = await flips.flip(world);
      const tookMs = performance.now() - askedAt;
      expect(workers).toEqual({ total: 2, applied: 1, fenced: 1 });
      expect(tookMs).toBeGreaterThan(BARRIER_DEADLINE_MS - 100);
      expect(tookMs).toBeLessThan(BARRIER_DEADLINE_MS + MARGIN_MS);
      expect(isRunning(stopped?.pid ?? 0)).toBe(false);
      // What came to its line meanwhile waits for the replacement; what it held is lost, and nothing else.
      await world.settledWorkers();
      expect((await flips.flip(world)).workers).toEqual({ total: 2, applied: 2, fenced: 0 });
      expect((await world.admin.must('GET', '/v1/status')).json.workers.fenced).toBe(time + 1);
      console.log(`receipt with fenced: 1 after ${Math.round(tookMs)} ms`);
    }
    await pause(500);
    await expectClean(load, world, { excused });
    expect(flips.broken(load).broken).toEqual([]);
    expect(flips.broken(load).bound).toBeGreaterThan(100);
  });

  test('keeps no receipt from being read, and what it held is cut in it', async () => {
    const world = await startWorld({ workers: 1 });
    const tunnel = await Tunnel.open(world.port);
    const receipt = await world.admin.cutover('app', 'green');
    expect(receipt.drain).toMatchObject({ state: 'draining', inFlightAtFlip: 1, longLived: 1 });
    const [worker] = await world.workers();
    freeze(worker?.pid ?? 0);
    const askedAt = performance.now();
    expect((await world.admin.receipt('app', receipt.id)).drain).toMatchObject({ state: 'draining', remaining: 1 });
    expect(performance.now() - askedAt).toBeLessThan(BARRIER_DEADLINE_MS + MARGIN_MS);
    await world.admin.cutover('app', 'blue');
    expect((await world.admin.receipt('app', receipt.id, 5)).drain).toMatchObject({
      state: 'cut',
      inFlightAtFlip: 1,
      cut: 1,
      remaining: 0,
    });
    await expect(tunnel.say('gone')).rejects.toThrow();
  });
});

/** Stops a worker. Resolves with the ids of the requests that are under way on it, or come to it until it is ended. */
async function stopUnder(load: SteadyLoad, { port }: FaultWorld, pid: number): Promise<string[]> {
  await pause(1);
  freeze(pid);
  // Clients that keep a connection to it will use it: each has one request that gets no answer.
  const peers = peersOf(pid, port);
  return new Promise((resolve) => {
    setTimeout(() => {
      const held = load.underWay.filter(({ address }) => peers.has(address));
      resolve(held.map(({ entry }) => entry.id));
    }, STUCK_MS);
  });
}

/** Until every client that keeps a connection has come to use it. */
const STUCK_MS = 400;
