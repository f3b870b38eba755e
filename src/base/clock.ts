import { performance } from 'node:perf_hooks';

/**
 * Time as a dependency. Every span (timeout, drain, window) is measured with `monotonicMs`, which no clock change moves;
 * `wallMs` is for what people read.
 */
export interface Clock {
  /** Milliseconds since an arbitrary start, never going back; with a fraction. */
  monotonicMs(): number;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  wallMs(): number;
  /** Calls `fn` once after `ms`, unless cancelled. A pending timer keeps no process alive. */
  setTimer(ms: number, fn: () => void): Timer;
}

export interface Timer {
  /** Does nothing once the timer has fired. */
  cancel(): void;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer(ms, fn) {
    const handle = setTimeout(fn, ms);
    // What keeps a proxy running are its sockets; a forgotten timer must not hold up its end.
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};
