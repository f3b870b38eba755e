import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** How long a child may take to end after SIGTERM before it is killed, where nothing else is said. */
const GRACE_MS = 2000;
/** Of what a child says the end is kept: enough for a report, or to see why it failed. */
const OUTPUT_CHARS_MAX = 64 * 1024;

export interface Child {
  readonly pid: number;
  /** What it has said so far, both streams. */
  output(): string;
  readonly exited: Promise<number | null>;
  /** Asks it to end, and makes it where it does not. */
  stop(): Promise<void>;
}

/** Every process that a measurement starts, each on the core it was given, all ended together. */
export class Children {
  /** Each with its grace in milliseconds. */
  readonly #running = new Map<ChildProcess, number>();
  readonly #pinning: boolean;

  /** `pinning`: whether `taskset` is there to hold processes to a core. */
  constructor(options: { readonly pinning: boolean }) {
    this.#pinning = options.pinning;
    // The last resort, should this process end without `stopAll`. Not SIGKILL: the children of a killed child live on.
    process.once('exit', () => {
      for (const child of this.#running.keys()) child.kill('SIGTERM');
    });
  }

  start(core: number, command: string, args: readonly string[]): Promise<Child> {
    const pinned = ['-c', String(core), command, ...args];
    return this.#pinning ? this.startFree('taskset', pinned) : this.startFree(command, args);
  }

  /** On any core. `graceMs`: how long it may take to end before it is killed. */
  async startFree(file: string, argv: readonly string[], graceMs = GRACE_MS): Promise<Child> {
    const child = spawn(file, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (text: string): void => {
      output = (output + text).slice(-OUTPUT_CHARS_MAX);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    await once(child, 'spawn');
    this.#running.set(child, graceMs);
    const exited = new Promise<number | null>((resolve) => {
      child.once('close', (code) => {
        this.#running.delete(child);
        resolve(code);
      });
    });
    if (child.pid === undefined) throw new Error(`${file} has no process id`);
    return { pid: child.pid, output: () => output, exited, stop: () => stop(child, graceMs) };
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map(([child, graceMs]) => stop(child, graceMs)));
  }
}

async function stop(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await closed;
  clearTimeout(kill);
}
