import { fork, type ChildProcess } from 'node:child_process';

/** To the process: what to open, at first, and then what it is asked. */
export type LiveProxyOrder = 'state' | { readonly targetPorts: readonly number[]; readonly http2: boolean };

/** Of all proxies in the process. */
export interface LiveProxyState {
  readonly residentBytes: number;
  readonly inFlight: number;
  readonly isBalanced: boolean;
}

/** The process of `live-proxy-child.ts`. */
export class LiveProxy {
  readonly ports: readonly number[];
  /** How it ended; null: it runs. */
  death: string | null = null;
  readonly #child: ChildProcess;
  #stderr = '';

  private constructor(child: ChildProcess, ports: readonly number[]) {
    this.#child = child;
    this.ports = ports;
    child.stderr?.on('data', (text: Buffer) => {
      this.#stderr = (this.#stderr + text.toString()).slice(-4096);
    });
    child.once('exit', (code, signal) => {
      this.death = `${signal ?? `exit code ${code}`}\n${this.#stderr}`;
    });
  }

  /** Opens one proxy per target. `http2`: whether their listeners speak it, too. */
  static async start(targetPorts: readonly number[], http2 = false): Promise<LiveProxy> {
    const module = new URL('./live-proxy-child.ts', import.meta.url);
    const child = fork(module, { execArgv: [], stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    child.send({ targetPorts, http2 } satisfies LiveProxyOrder);
    const ports = await new Promise<readonly number[]>((resolve, reject) => {
      child.once('message', (message) => resolve(message as readonly number[]));
      child.once('exit', (code) => reject(new Error(`the proxies did not start: exit code ${code}`)));
    });
    return new LiveProxy(child, ports);
  }

  /** Null: it runs no longer. */
  async state(): Promise<LiveProxyState | null> {
    if (this.death !== null) return null;
    const child = this.#child;
    return new Promise((resolve) => {
      const onExit = () => resolve(null);
      child.once('exit', onExit);
      child.once('message', (message) => {
        child.off('exit', onExit);
        resolve(message as unknown as LiveProxyState);
      });
      child.send('state' satisfies LiveProxyOrder);
    });
  }

  async close(): Promise<void> {
    if (this.death !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.disconnect();
    await gone;
  }
}
