import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { AWAITED_POLL_MS, DrainWatch, IDLE_POLL_MS, OPEN_DRAINS_MAX } from '../../../src/control/drain-watch.ts';
import type { Receipt } from '../../../src/schema/api.ts';
import { FakeDataPlane } from '../../helpers/fake-data-plane.ts';
import { manualClock } from '../../helpers/manual-clock.ts';

const NEVER = new AbortController().signal;

describe('drain watch', () => {
  it('brings a receipt up to date when it is asked for', async () => {
    const { watch, dataPlane, follow } = startWatch();
    await follow('co_1', 5);
    dataPlane.finish('co_1', 3);
    expect((await watch.current('co_1'))?.drain).toMatchObject({
      state: 'draining',
      inFlightAtFlip: 5,
      completed: 3,
      remaining: 2,
    });
  });

  it('finds the end of a drain that nobody asks for, and lets it go', async () => {
    const { dataPlane, clock, settled, follow } = startWatch();
    await follow('co_1', 2);
    dataPlane.finish('co_1', 2);
    clock.advance(IDLE_POLL_MS);
    await setImmediate();
    expect(settled.map(({ drain }) => drain)).toEqual([
      { state: 'drained', inFlightAtFlip: 2, completed: 2, cut: 0, remaining: 0, longLived: 0 },
    ]);
    expect(dataPlane.forgotten).toEqual(['co_1']);
    expect(clock.pendingTimers()).toBe(0);
  });

  it('cuts what is left when the time is up, and not before', async () => {
    const { dataPlane, clock, settled, follow } = startWatch();
    await follow('co_1', 5, 10_000);
    dataPlane.finish('co_1', 2);
    clock.advance(9_999);
    await setImmediate();
    expect(settled).toEqual([]);
    clock.advance(1);
    await setImmediate();
    expect(settled.map(({ drain }) => drain)).toEqual([
      { state: 'cut', inFlightAtFlip: 5, completed: 2, cut: 3, remaining: 0, longLived: 0 },
    ]);
  });

  it('says drained, not cut, when nothing was left to cut', async () => {
    const { dataPlane, clock, settled, follow } = startWatch();
    await follow('co_1', 1, 10);
    dataPlane.finish('co_1', 1);
    clock.advance(10);
    await setImmediate();
    expect(settled[0]?.drain.state).toBe('drained');
  });

  it('never cuts without a time', async () => {
    const { clock, settled, follow } = startWatch();
    await follow('co_1', 1);
    for (let hour = 0; hour < 48; hour++) {
      clock.advance(3_600_000);
      await setImmediate();
    }
    expect(settled).toEqual([]);
  });

  it('holds an answer until the drain has ended', async () => {
    const { watch, dataPlane, clock, follow } = startWatch();
    await follow('co_1', 1);
    const held = watch.settled('co_1', 30_000, NEVER);
    dataPlane.finish('co_1', 1);
    clock.advance(AWAITED_POLL_MS);
    expect((await held)?.drain.state).toBe('drained');
  });

  it('holds it no longer than was asked for', async () => {
    const { watch, clock, follow } = startWatch();
    await follow('co_1', 1);
    const held = watch.settled('co_1', 1_000, NEVER);
    clock.advance(1_000);
    expect((await held)?.drain).toMatchObject({ state: 'draining', remaining: 1 });
  });

  it('holds it no longer than somebody waits', async () => {
    const { watch, follow } = startWatch();
    await follow('co_1', 1);
    const client = new AbortController();
    const held = watch.settled('co_1', 30_000, client.signal);
    client.abort();
    expect((await held)?.drain.state).toBe('draining');
  });

  it('answers everybody who waits when it closes', async () => {
    const { watch, settled, follow } = startWatch();
    await follow('co_1', 1);
    const held = watch.settled('co_1', 30_000, NEVER);
    watch.close();
    expect((await held)?.drain).toMatchObject({ state: 'draining', remaining: 1 });
    expect(settled).toHaveLength(1);
  });

  it('follows no more than its limit, and lets the oldest go', async () => {
    const { settled, follow } = startWatch();
    for (let n = 0; n <= OPEN_DRAINS_MAX; n++) await follow(`co_${n}`, 1);
    expect(settled.map(({ id }) => id)).toEqual(['co_0']);
  });

  it('knows nothing of drains that it does not follow', async () => {
    const { watch } = startWatch();
    expect(await watch.current('co_9')).toBeNull();
    expect(await watch.settled('co_9', 1_000, NEVER)).toBeNull();
  });
});

function startWatch() {
  const clock = manualClock();
  const dataPlane = new FakeDataPlane();
  const settled: Receipt[] = [];
  const onError = (error: unknown): void => expect.fail(String(error));
  const watch = new DrainWatch({ clock, dataPlane, onSettled: (receipt) => settled.push(receipt), onError });
  let generation = 0;
  const follow = async (id: string, inFlight: number, drainTimeoutMs: number | null = null): Promise<void> => {
    dataPlane.setInFlight('shop', 'blue', inFlight);
    generation += 1;
    const track = { id, pools: [{ service: 'shop', pool: 'blue' }] };
    await dataPlane.apply({ generation, changed: [], removed: [] }, [track]);
    watch.follow(receiptOf(id, inFlight), drainTimeoutMs);
  };
  return { watch, clock, dataPlane, settled, follow };
}

function receiptOf(id: string, inFlight: number): Receipt {
  return {
    id,
    kind: 'cutover',
    service: 'shop',
    from: { blue: 100 },
    to: { green: 100 },
    generation: { before: 1, after: 2 },
    requestedAt: '2030-01-01T00:00:00.000Z',
    appliedAt: '2030-01-01T00:00:00.001Z',
    barrierMs: 1,
    workers: { total: 1, applied: 1, fenced: 0 },
    drainTimeout: null,
    drain: { state: 'draining', inFlightAtFlip: inFlight, completed: 0, cut: 0, remaining: inFlight, longLived: 0 },
  };
}
