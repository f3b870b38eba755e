import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

import type { Clock } from '../../base/clock.ts';
import { FILE_MODE } from './durable-file.ts';
import { StoreError, storeErrorOf } from './store-error.ts';
import type { StoreFiles } from './store-files.ts';

/**
 * Keeps a second primary off the same folder.
 *
 * It is the lock that SQLite takes for `BEGIN EXCLUSIVE`, on an empty database of its own: fcntl(2) record locks, which
 * the kernel takes back the moment their process is gone, however it ended. Child processes do not inherit them, so
 * that workers which outlive a killed primary do not keep its successor out, as they might with flock(2). Node offers
 * neither call by itself.
 *
 * It is not the database of the store, because everything done to that one (looking whether it is sound, migrating it,
 * putting a copy in its place) has to be done under the lock already.
 *
 * The file at `files.lock` must never be opened by other means in the process that holds it: closing any descriptor of
 * a file gives up all record locks that the process has on it.
 */
export class StoreLock {
  readonly #files: StoreFiles;
  readonly #database: DatabaseSync;

  private constructor(files: StoreFiles, database: DatabaseSync) {
    this.#files = files;
    this.#database = database;
  }

  /** Throws a `StoreError` that names the holder when there is one; does not wait. */
  static acquire(files: StoreFiles, clock: Clock): StoreLock {
    if (!existsSync(files.lock)) createEmpty(files.lock);
    const database = new DatabaseSync(files.lock, { timeout: 0 });
    try {
      // A journal on the disk would be left behind by a killed process; there is nothing to put into it.
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      // Where the file cannot be written, SQLite begins all the same and locks nothing. This is never committed.
      database.exec('PRAGMA user_version = 1');
    } catch (error) {
      database.close();
      throw lockErrorOf(error, files);
    }
    tell(files.holder, `${process.pid} ${new Date(clock.wallMs()).toISOString()}\n`);
    return new StoreLock(files, database);
  }

  release(): void {
    if (!this.#database.isOpen) return;
    // Before the lock: afterwards it may be the next holder's.
    tellNoMore(this.#files.holder);
    this.#database.close();
  }
}

function createEmpty(file: string): void {
  try {
    closeSync(openSync(file, 'wx', FILE_MODE));
  } catch (error) {
    // Another process was quicker: it has created what was to be there.
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

/** Only tells who holds the lock: a disk that has no space for it is no reason to stop. */
function tell(file: string, text: string): void {
  try {
    writeFileSync(file, text, { mode: FILE_MODE });
  } catch {
    tellNoMore(file);
  }
}

function tellNoMore(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // It names a process that is gone, which nobody reads while the lock is free.
  }
}

function lockErrorOf(error: unknown, { folder, holder, lock }: StoreFiles): unknown {
  const translated = storeErrorOf(error, `The lock ${lock}`);
  if (!(translated instanceof StoreError) || translated.reason !== 'locked') return translated;
  return new StoreError(
    'locked',
    `The store in ${folder} is in use by ${holderOf(holder)}: one folder serves one primary. ` +
      'End that one first, or give this one another state.path.',
    { cause: error },
  );
}

function holderOf(file: string): string {
  const [, pid, since] = /^(\d+) (\S+)\n$/.exec(readOrEmpty(file)) ?? [];
  return pid === undefined ? 'another process' : `process ${pid} (since ${since})`;
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
