import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { ConfigDocument } from '../../src/schema/config.ts';
import type { DataPlaneReport } from '../../src/snapshot/data-plane.ts';

type Question =
  | { readonly ask: 'serve'; readonly config: ConfigDocument }
  | { readonly ask: 'cpu' | 'held' }
  | { readonly ask: 'report' }
  | { readonly ask: 'stall'; readonly forMs: number };

export type PlaneQuestion = Question & { readonly id: number };

export interface PlaneAnswer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

export interface PlaneMemory {
  /** Heap and buffers that are in use. */
  readonly heldBytes: number;
  readonly residentBytes: number;
}

const ENTRY = fileURLToPath(new URL('./plane-process.ts', import.meta.url));

/** A data plane in a process of its own. */
export class PlaneProcess {
  readonly #child: ChildProcess;
  readonly #config: ConfigDocument;
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  #asked = 0;
  /** Of its first listener. */
  port = 0;

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  private constructor(child: ChildProcess, config: ConfigDocument) {
    this.#child = child;
    this.#config = config;
    child.on('message', ({ id, value, error }: PlaneAnswer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value as never);
      else waiting?.reject(new Error(error));
    });
    child.on('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the data plane ended (${code ?? signal})`));
      this.#waiting.clear();
    });
  }

  static async start(config: ConfigDocument): Promise<PlaneProcess> {
    const plane = new PlaneProcess(fork(ENTRY, { execArgv: ['--expose-gc'] }), config);
    await plane.startAfresh();
    return plane;
  }

  /** Another data plane in the same process: nothing is left of what went on before, but its code is compiled. */
  async startAfresh(): Promise<void> {
    this.port = await this.#ask<number>({ ask: 'serve', config: this.#config });
  }

  /** Processor time since its start, on all threads. */
  cpuMicros(): Promise<number> {
    return this.#ask({ ask: 'cpu' });
  }

  held(): Promise<PlaneMemory> {
    return this.#ask({ ask: 'held' });
  }

  report(): Promise<DataPlaneReport> {
    return this.#ask({ ask: 'report' });
  }

  /** Keeps its event loop from turning for so long; resolves when it turns again. */
  stall(forMs: number): Promise<void> {
    return this.#ask({ ask: 'stall', forMs });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }

  #ask<T>(question: Question): Promise<T> {
    const id = ++this.#asked;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ ...question, id } satisfies PlaneQuestion);
    });
  }
}

/** A data plane in a process of its own, for the running test. */
export async function startPlane(
  config: Pick<ConfigDocument, 'listeners' | 'services' | 'trustedProxies'>,
): Promise<PlaneProcess> {
  const plane = await PlaneProcess.start(config);
  onTestFinished(() => plane.close());
  return plane;
}
