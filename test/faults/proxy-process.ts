import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { eventually } from '../helpers/eventually.ts';

const PROGRAM = path.join(import.meta.dirname, '../../src/main.ts');

/** Long enough for a machine that has other things to do. */
const START_PATIENCE_MS = 50_000;

export interface ProxyCommand {
  readonly command: 'run' | 'upgrade';
  readonly configFile: string;
  /** What it says goes here. To a file: its workers, which may outlive it and the test, say theirs there too. */
  readonly logFile: string;
  readonly nodeArgs?: readonly string[];
}

export interface LogEntry {
  readonly time: number;
  readonly pid: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** The program as an operator starts it. Whoever starts it ends it, and its workers. */
export class ProxyProcess {
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly #child: ChildProcess;
  readonly #logFile: string;

  constructor({ command, configFile, logFile, nodeArgs = [] }: ProxyCommand) {
    this.#logFile = logFile;
    const log = openSync(logFile, 'a', 0o600);
    this.#child = spawn(process.execPath, [...nodeArgs, PROGRAM, command, '--config', configFile], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.exited = new Promise((resolve) => this.#child.once('exit', (code, signal) => resolve({ code, signal })));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** All that it has said. */
  get output(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  /** What it has logged so far. */
  get log(): LogEntry[] {
    return this.#logOf('');
  }

  /** How often it has logged `msg`. */
  saidTimes(msg: string): number {
    return this.#logOf(msg).filter((entry) => entry.msg === msg).length;
  }

  /** What it has logged on lines with `text`. */
  #logOf(text: string): LogEntry[] {
    const lines = this.output.split('\n').filter((line) => line.startsWith('{"level"') && line.includes(text));
    return lines.map((line) => JSON.parse(line) as LogEntry).filter(({ pid }) => pid === this.pid);
  }

  /** Resolves when it has logged `msg` so many times. */
  async says(msg: string, times = 1): Promise<void> {
    await eventually(() => {
      if (this.saidTimes(msg) >= times) return;
      throw new Error(`process ${this.pid} has not said "${msg}" ${times} times, but:\n${this.output}`);
    }, START_PATIENCE_MS);
  }

  /** Resolves when it serves and its admin API answers, `times` over. */
  ready(times = 1): Promise<void> {
    return this.says('admin API ready', times);
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name);
  }
}
