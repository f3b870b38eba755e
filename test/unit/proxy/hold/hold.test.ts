import { describe, expect, it } from 'vitest';

import { Deadlines } from '../../../../src/proxy/deadlines.ts';
import type { Downstream } from '../../../../src/proxy/downstream.ts';
import { Hold } from '../../../../src/proxy/hold/hold.ts';
import type { PauseSpec } from '../../../../src/snapshot/protection-spec.ts';
import { manualClock } from '../../../helpers/manual-clock.ts';

const SPEC: PauseSpec = { timeoutMs: 30_000, requestsMax: 100, bytesMax: 10_000, resumeOverMs: 1_000, healthPath: '' };
const HEAD = Buffer.alloc(100);

function world(spec: Partial<PauseSpec> = {}, workers = 1) {
  const clock = manualClock();
  const deadlines = new Deadlines(clock);
  deadlines.start();
  const hold = new Hold({ clock, deadlines, resume: (begin) => begin() });
  const pause = (more: Partial<PauseSpec> = {}) => hold.pause({ ...SPEC, ...spec, ...more }, workers);
  pause();
  /** Who was let go, in order; who was refused, with the code. */
  const gone: number[] = [];
  const refused: (readonly [number, string])[] = [];
  let paused = 0;
  const come = (name: number) => {
    const downstream: Partial<Downstream> = {
      beginAgain: () => {
        gone.push(name);
        return null;
      },
      refuse: (code) => void refused.push([name, code]),
      pauseRequest: () => void paused++,
    };
    return hold.take(downstream as Downstream, HEAD, false);
  };
  return { clock, hold, pause, come, gone, refused, timesPaused: () => paused };
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('a resume', () => {
  it('lets everybody go in order, evenly over its time', () => {
    const { clock, hold, come, gone } = world();
    upTo(100).forEach(come);
    hold.resume();
    for (let tenth = 1; tenth <= 10; tenth++) {
      expect(Math.abs(gone.length - (tenth - 1) * 10), `${gone.length} after ${tenth - 1} tenths`).toBeLessThanOrEqual(
        2,
      );
      clock.advance(100);
    }
    expect(gone).toEqual(upTo(100));
    expect([hold.waiting, hold.report()]).toEqual([0, { resumed: 100 }]);
  });

  it.each([0, 1, 20, 21, 5_000])('is over within its time, and one step, where that is %s ms', (resumeOverMs) => {
    const { clock, hold, come, gone } = world({ resumeOverMs });
    upTo(7).forEach(come);
    hold.resume();
    clock.advance(resumeOverMs + 20);
    expect(gone).toEqual(upTo(7));
    expect(clock.pendingTimers()).toBe(1);
  });

  it('is stopped by the next pause: who was not let go yet waits on', () => {
    const { clock, hold, pause, come, gone } = world();
    upTo(100).forEach(come);
    hold.resume();
    clock.advance(500);
    const before = gone.length;
    pause();
    clock.advance(5_000);
    expect(gone.length).toBe(before);
    expect(hold.waiting).toBe(100 - before);
    hold.resume();
    clock.advance(1_020);
    expect(gone).toEqual(upTo(100));
  });

  it('goes on as it has begun where it is asked for again', () => {
    const { clock, hold, come, gone } = world();
    upTo(10).forEach(come);
    hold.resume();
    clock.advance(500);
    hold.resume();
    clock.advance(520);
    expect(gone).toEqual(upTo(10));
  });
});

describe('a wait', () => {
  it('ends after its time, counted from when it began', () => {
    const { clock, hold, come, refused } = world({ timeoutMs: 1_000 });
    come(1);
    clock.advance(600);
    come(2);
    clock.advance(600);
    expect(refused).toEqual([[1, 'hold_timeout']]);
    clock.advance(600);
    expect(refused.at(-1)).toEqual([2, 'hold_timeout']);
    expect([hold.waiting, hold.report()]).toEqual([0, { 'timed-out': 2 }]);
  });

  it('is not taken up beyond the number, of which each worker has its part, rounded up', () => {
    const { hold, come } = world({ requestsMax: 5 }, 2);
    expect(upTo(5).map((name) => come(name) !== null)).toEqual([true, true, true, false, false]);
    expect(hold.report()).toEqual({ full: 2 });
  });

  it('holds no more bytes than all may together, and gives them back', () => {
    const { hold, come, refused } = world({ bytesMax: 1_000 });
    const first = come(1);
    const second = come(2);
    first?.requestBody(Buffer.alloc(700));
    second?.requestBody(Buffer.alloc(200));
    expect([refused, hold.waiting]).toEqual([[[2, 'hold_full']], 1]);
    expect(come(3)).not.toBeNull();
    expect(come(4)).not.toBeNull();
    expect(come(5)).toBeNull();
    first?.onClientGone();
    expect(come(6)).not.toBeNull();
  });

  it('stops a client that sends more than has room', () => {
    const { come, timesPaused } = world({ bytesMax: 1_000_000 });
    const held = come(1);
    held?.requestBody(Buffer.alloc(65_536));
    expect(timesPaused()).toBe(0);
    held?.requestBody(Buffer.alloc(1));
    expect(timesPaused()).toBe(1);
  });

  it('is over once: what comes of it later changes nothing', () => {
    const { clock, hold, come, refused } = world({ timeoutMs: 1_000 });
    const held = come(1);
    held?.onClientGone();
    held?.requestBody(Buffer.alloc(10));
    held?.onClientFault('malformed_body');
    clock.advance(5_000);
    expect([refused, hold.waiting, hold.report()]).toEqual([[[1, 'client_closed']], 0, { 'client-gone': 1 }]);
  });

  it('ends with the process', () => {
    const { clock, hold, come, refused, gone } = world();
    upTo(3).forEach(come);
    hold.resume();
    hold.cutAll();
    clock.advance(5_000);
    expect(gone.length + refused.length).toBe(3);
    expect(new Set(refused.map(([, code]) => code))).toEqual(new Set(['cut']));
    expect(hold.waiting).toBe(0);
  });
});
