/**
 * A parser in a process of its own, to which cases are sent in batches. Its death while it reads is reported with the
 * cases that it was reading.
 */
import { fork, type ChildProcess } from 'node:child_process';
import type { FuzzCase } from './fuzz-case.ts';
import type { WireReading } from './wire-reading.ts';

export class ReaderProcess {
  readonly #child: ChildProcess;
  readonly #waiting: Waiting[] = [];
  #death: string | null = null;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (readings) => this.#waiting.shift()?.resolve(readings as readonly WireReading[]));
    child.once('exit', (code, signal) => {
      this.#death = `the reading process ended with ${signal ?? `code ${code}`}`;
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(this.#death));
    });
  }

  /** llhttp, driven directly. */
  static llhttp(): ReaderProcess {
    return ReaderProcess.#start('./llhttp-child.ts');
  }

  /** `node:http`, over real sockets. */
  static nodeHttp(): ReaderProcess {
    return ReaderProcess.#start('./node-http-child.ts');
  }

  static #start(module: string): ReaderProcess {
    // Nothing of how this process was started (a debugger, a loader of the test runner) is meant for the child.
    const child = fork(new URL(module, import.meta.url), { serialization: 'advanced', execArgv: [] });
    return new ReaderProcess(child);
  }

  /** The readings of `cases`, in order. Rejects if the process ends first. */
  read(cases: readonly FuzzCase[]): Promise<readonly WireReading[]> {
    if (this.#death !== null) return Promise.reject(new Error(this.#death));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.send(cases);
    });
  }

  async close(): Promise<void> {
    if (this.#death !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.disconnect();
    await gone;
  }
}

interface Waiting {
  readonly resolve: (readings: readonly WireReading[]) => void;
  readonly reject: (error: Error) => void;
}
