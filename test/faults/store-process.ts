import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { onTestFinished } from 'vitest';

const WRITER = path.join(import.meta.dirname, 'store-writer.ts');

export interface StoreProcessOptions {
  readonly folder: string;
  readonly changes: number;
  /** See store-writer.ts; default: it closes the store and ends. */
  readonly atEnd?: 'stay' | 'stay-with-child' | 'crash';
  /** What strace is to do to its system calls, such as "inject=fsync:error=EIO:when=3". */
  readonly tamper?: string;
  /** Keeps compiled modules, so that the next process starts in half the time. */
  readonly cache: string;
}

/** A process with a store of its own, and all that it has said. */
export class StoreProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  /** What strace tells. */
  readonly #trace: string;
  #said = '';

  /** Ends with the test. */
  static start(options: StoreProcessOptions): StoreProcess {
    const process = new StoreProcess(options);
    onTestFinished(() => process.kill());
    return process;
  }

  constructor({ folder, changes, atEnd, tamper, cache }: StoreProcessOptions) {
    this.#trace = `${folder}.trace`;
    const writer = [process.execPath, WRITER, folder, String(changes), ...(atEnd === undefined ? [] : [atEnd])];
    const [command = '', ...args] = tamper === undefined ? writer : [...this.#straceThat(tamper), ...writer];
    const env = { ...process.env, NODE_COMPILE_CACHE: cache };
    // A group of its own: what strace runs ends with it.
    this.#child = spawn(command, args, { env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#closed = once(this.#child, 'close');
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The last change that it has said to be kept; 0: none. */
  get acknowledged(): number {
    return Number(
      this.#said
        .match(/^acknowledged \d+$/gm)
        ?.at(-1)
        ?.split(' ')[1] ?? 0,
    );
  }

  /** The process that it has started and left behind. */
  get child(): number {
    return Number(/^child (\d+)$/m.exec(this.#said)?.[1]);
  }

  /** Why the store was not opened or took no change, its reason first; `null`: nothing was refused. */
  get refusal(): string | null {
    return /^refused (.*)$/m.exec(this.#said)?.[1] ?? null;
  }

  /** Whether it came to the system call that was to be tampered with. */
  get wasTamperedWith(): boolean {
    return readFileSync(this.#trace, 'utf8').includes('(INJECTED)');
  }

  /** Until it has said so. */
  async says(line: RegExp): Promise<void> {
    while (!line.test(this.#said))
      await Promise.race([once(this.#child.stdout ?? this.#child, 'data'), this.#failed()]);
  }

  /** Until it has ended; whether it did so by itself and without a mistake. */
  async ended(): Promise<boolean> {
    await this.#closed;
    return this.#child.exitCode === 0;
  }

  /** With SIGKILL. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) process.kill(-this.pid, 'SIGKILL');
    await this.#closed;
  }

  #straceThat(tamper: string): string[] {
    const calls = /^inject=([^:]*)/.exec(tamper)?.[1] ?? '';
    // Stopping at no other call makes a start faster by half, but with it strace 6.1 injects no signals.
    const filter = tamper.includes(':signal=') ? [] : ['-f', '--seccomp-bpf'];
    return ['strace', ...filter, '-qq', '-o', this.#trace, '-e', `trace=${calls}`, '-e', tamper];
  }

  async #failed(): Promise<never> {
    await this.#closed;
    throw new Error(`the process ended, having said ${JSON.stringify(this.#said)}`);
  }
}

/** Why tests with strace cannot run here; `null`: they can. Fails where all peers of the tests must be there. */
export function whyNoStrace(): string | null {
  const { status, error, stderr } = spawnSync('strace', ['-f', '--seccomp-bpf', '-qq', 'true'], { encoding: 'utf8' });
  if (status === 0) return null;
  const reason = `strace does not run here: ${error?.message ?? stderr}`;
  if (process.env['CUTOVER_REQUIRE_PEERS'] === '1') throw new Error(reason);
  return reason;
}
