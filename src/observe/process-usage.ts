import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface ProcessUsage {
  readonly cpuUserSeconds: number;
  readonly cpuSystemSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly startedAtSeconds: number;
  /** Of the time since `take` was called before. */
  readonly lagSeconds: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** A timer that should fire this often tells by its delay how late the event loop is. */
const LAG_RESOLUTION_MS = 20;

/** What this process uses of the machine. */
export class ProcessUsageMeter {
  readonly #delays = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  readonly #startedAtSeconds = performance.timeOrigin / 1000;

  constructor() {
    this.#delays.enable();
  }

  take(): ProcessUsage {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    const usage: ProcessUsage = {
      cpuUserSeconds: user / 1e6,
      cpuSystemSeconds: system / 1e6,
      residentBytes: rss,
      heapUsedBytes: heapUsed,
      startedAtSeconds: this.#startedAtSeconds,
      lagSeconds: {
        p50: lagSeconds(this.#delays.percentile(50)),
        p99: lagSeconds(this.#delays.percentile(99)),
        max: this.#delays.count === 0 ? 0 : lagSeconds(this.#delays.max),
      },
    };
    this.#delays.reset();
    return usage;
  }

  close(): void {
    this.#delays.disable();
  }
}

/** The histogram holds the whole time between two firings; what is above the resolution is the lag. */
function lagSeconds(betweenNs: number): number {
  return Math.max(0, betweenNs / 1e9 - LAG_RESOLUTION_MS / 1000);
}
