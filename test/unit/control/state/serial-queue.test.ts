import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { SerialQueue, WAITING_CHANGES_MAX } from '../../../../src/control/state/serial-queue.ts';

describe('serial queue', () => {
  it('runs one task at a time, in the order of asking', async () => {
    const queue = new SerialQueue();
    const log: string[] = [];
    const task = (name: string) => async () => {
      log.push(`${name} begins`);
      await setImmediate();
      log.push(`${name} ends`);
    };
    await Promise.all([queue.run(task('a')), queue.run(task('b'))]);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  });

  it('goes on after a task that failed', async () => {
    const queue = new SerialQueue();
    const failed = queue.run(() => Promise.reject(new Error('no')));
    const next = queue.run(async () => 'yes');
    await expect(failed).rejects.toThrow('no');
    expect(await next).toBe('yes');
  });

  it('refuses more than may wait, and takes again once there is room', async () => {
    const queue = new SerialQueue();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const waiting = Array.from({ length: WAITING_CHANGES_MAX }, () => queue.run(() => gate));
    await expect(queue.run(async () => {})).rejects.toMatchObject({ code: 'too-many-changes' });
    open();
    await Promise.all(waiting);
    expect(await queue.run(async () => 'room')).toBe('room');
  });

  it('closes after its last task, and takes none from then on', async () => {
    const queue = new SerialQueue();
    let done = false;
    void queue.run(async () => {
      await setImmediate();
      done = true;
    });
    await queue.close();
    expect(done).toBe(true);
    await expect(queue.run(async () => {})).rejects.toMatchObject({ code: 'shutting-down' });
  });
});
