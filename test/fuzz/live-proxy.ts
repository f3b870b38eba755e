import { fork, type ChildProcess } from 'node:child_process';

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

  /** Opens one proxy per target. */
  static async start(targetPorts: readonly number[]): Promise<LiveProxy> {
    const module = new URL('./live-proxy-child.ts', import.meta.url);
    const child = fork(module, { execArgv: [], stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    child.send(targetPorts);
    const ports = await new Promise<readonly number[]>((resolve, reject) => {
      child.once('message', (message) => resolve(message as readonly number[]));
      child.once('exit', (code) => reject(new Error(`the proxies did not start: exit code ${code}`)));
    });
    return new LiveProxy(child, ports);
  }

  async close(): Promise<void> {
    if (this.death !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.disconnect();
    await gone;
  }
}
