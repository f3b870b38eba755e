/**
 * Where workers find the primary: a socket in the file system that only this user can reach, and beside it the process
 * ids of the workers, so that the next primary knows whom to wait for.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import path from 'node:path';

import { isAlive } from './process-id.ts';
import { privateTemporaryFolder } from './temporary-folder.ts';

/** Longest path of a socket on Linux, less some. */
const SOCKET_PATH_CHARS_MAX = 100;

export class ControlSocket {
  readonly path: string;
  /** Whether another process will look for workers here. */
  readonly isFindable: boolean;
  readonly #pidsPath: string;
  readonly #folder: string;

  private constructor(folder: string, name: string, isFindable: boolean) {
    this.isFindable = isFindable;
    this.#folder = folder;
    this.path = path.join(folder, `${name}.sock`);
    this.#pidsPath = path.join(folder, `${name}.workers`);
  }

  /** That of the store in the folder `statePath`; with "memory", one that no other process will look for. */
  static async at(statePath: string): Promise<ControlSocket> {
    const isKept = statePath !== 'memory';
    const folder = path.resolve(statePath);
    if (isKept && path.join(folder, 'primary.sock').length <= SOCKET_PATH_CHARS_MAX) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return new ControlSocket(folder, 'primary', true);
    }
    const key = isKept ? folder : `memory ${process.pid} ${performance.timeOrigin}`;
    const shared = await privateTemporaryFolder();
    return new ControlSocket(shared, createHash('sha256').update(key).digest('hex').slice(0, 16), isKept);
  }

  /** Takes the place of a former primary's socket; whoever holds the store's lock may. */
  async listen(server: Server): Promise<void> {
    await rm(this.path, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.path, () => {
        server.off('error', reject);
        resolve();
      });
    });
  }

  /** Process ids of workers that are still alive. */
  async survivors(): Promise<number[]> {
    const text = await readFile(this.#pidsPath, 'utf8').catch(() => '');
    return text
      .split('\n')
      .map(Number)
      .filter((pid) => Number.isInteger(pid) && pid > 1 && isAlive(pid));
  }

  async remember(pids: readonly number[]): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writeFile(this.#pidsPath, pids.join('\n'), { mode: 0o600 });
  }

  async close(): Promise<void> {
    await rm(this.path, { force: true });
    if (!this.isFindable) await this.forget();
  }

  /** No worker is left: nobody need be waited for. */
  async forget(): Promise<void> {
    await rm(this.#pidsPath, { force: true });
  }
}
