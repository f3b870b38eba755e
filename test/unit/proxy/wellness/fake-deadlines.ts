import type { Deadlines, Expiring } from '../../../../src/proxy/deadlines.ts';

/** Deadlines that strike to the millisecond, when a test moves the time on. */
export interface FakeDeadlines extends Pick<Deadlines, 'nowMs' | 'add' | 'remove'> {
  advance(ms: number): void;
  /** How many have something set. */
  readonly items: number;
}

export function fakeDeadlines(): FakeDeadlines {
  const items = new Set<Expiring>();
  const deadlines = {
    nowMs: 0,
    add: (item: Expiring) => void items.add(item),
    remove: (item: Expiring) => void items.delete(item),
    get items() {
      return items.size;
    },
    advance(ms: number) {
      const untilMs = deadlines.nowMs + ms;
      for (;;) {
        const next = [...items].toSorted((a, b) => a.deadlineAt - b.deadlineAt)[0];
        if (next === undefined || next.deadlineAt > untilMs) break;
        deadlines.nowMs = Math.max(deadlines.nowMs, next.deadlineAt);
        next.expire();
      }
      deadlines.nowMs = untilMs;
    },
  };
  return deadlines;
}
