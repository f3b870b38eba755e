import type { Clock, Timer } from '../../src/base/clock.ts';

export interface ManualClock extends Clock {
  /** Moves time on, firing what becomes due in the order of its time; timers set by a firing one count too. */
  advance(ms: number): void;
  /** How many timers wait. */
  pendingTimers(): number;
}

interface Pending {
  readonly dueMs: number;
  readonly fn: () => void;
}

/** Time that stands still until a test moves it. */
export function manualClock(startWallMs = Date.UTC(2030, 0, 1)): ManualClock {
  let nowMs = 0;
  const pending = new Set<Pending>();

  function nextDue(untilMs: number): Pending | null {
    let next: Pending | null = null;
    for (const timer of pending) {
      // Strictly earlier: of those due at the same time the one that was set first fires first.
      if (timer.dueMs <= untilMs && (next === null || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  }

  return {
    monotonicMs: () => nowMs,
    wallMs: () => startWallMs + nowMs,
    setTimer(ms, fn): Timer {
      const timer: Pending = { dueMs: nowMs + Math.max(0, ms), fn };
      pending.add(timer);
      return { cancel: () => void pending.delete(timer) };
    },
    advance(ms) {
      const untilMs = nowMs + ms;
      for (let timer = nextDue(untilMs); timer !== null; timer = nextDue(untilMs)) {
        pending.delete(timer);
        nowMs = timer.dueMs;
        timer.fn();
      }
      nowMs = untilMs;
    },
    pendingTimers: () => pending.size,
  };
}
