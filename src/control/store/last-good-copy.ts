import type { DatabaseSync } from 'node:sqlite';

import type { Clock, Timer } from '../../base/clock.ts';
import type { Log } from '../log.ts';
import { copyDatabase } from './copy-database.ts';
import { readGeneration } from './inspect-database.ts';
import type { StoreFiles } from './store-files.ts';

/**
 * How old the copy may get while the store is open. Copying holds up everything else in the process: with full
 * histories for 30 ms where there are 100 services, for 100 where there are 10,000.
 */
export const COPY_INTERVAL_MS = 24 * 3_600_000;

export interface LastGoodCopyOptions {
  readonly files: StoreFiles;
  readonly database: DatabaseSync;
  readonly clock: Clock;
  readonly log?: Log;
  /** What the database has now. */
  readonly generation: () => number;
}

/**
 * Keeps a copy of the store beside it: made when it was opened and found good, every day, and when it is closed; each
 * time only if a generation has come since. It replaces the copy before it at once or not at all.
 */
export class LastGoodCopy {
  readonly #options: LastGoodCopyOptions;
  #generation: number | null;
  #timer: Timer | null = null;

  constructor(options: LastGoodCopyOptions) {
    this.#options = options;
    this.#generation = readGeneration(options.files.lastGood);
    this.#copyAndWait();
  }

  /** Makes the last copy. */
  close(): void {
    this.#timer?.cancel();
    this.#copy();
  }

  #copyAndWait(): void {
    this.#copy();
    this.#timer = this.#options.clock.setTimer(COPY_INTERVAL_MS, () => this.#copyAndWait());
  }

  #copy(): void {
    const { database, files, log } = this.#options;
    const generation = this.#options.generation();
    if (generation === this.#generation) return;
    try {
      copyDatabase(database, files, files.lastGood);
      this.#generation = generation;
    } catch (error) {
      // The store itself is as good as before, and the copy of before is still there.
      log?.warn({ err: error, file: files.lastGood }, 'the last good copy of the store was not brought up to date');
    }
  }
}
