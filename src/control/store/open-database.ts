import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

import type { Clock } from '../../base/clock.ts';
import { copyDatabase } from './copy-database.ts';
import { writeWhole } from './durable-file.ts';
import { readMark } from './generation-mark.ts';
import { inspectDatabase } from './inspect-database.ts';
import { type Migration, MIGRATIONS, migrate, schemaVersion } from './sqlite-schema.ts';
import { StoreError, storeErrorOf } from './store-error.ts';
import type { StoreFiles } from './store-files.ts';
import { wayBack } from './way-back.ts';

/** How long an operator's sqlite3 may keep us from writing before a change is refused; all else waits meanwhile. */
const BUSY_TIMEOUT_MS = 100;
/** What a write-ahead log that had to grow is cut down to when it starts anew. */
const LOG_BYTES_MAX = 8 * 2 ** 20;

/**
 * The database of the store, sound and of today's schema; a new one where there never was one. The caller holds the
 * lock. Throws a `StoreError` otherwise, which says how to get going again, and leaves everything as it was.
 */
export function openDatabase(
  files: StoreFiles,
  clock: Clock,
  migrations: readonly Migration[] = MIGRATIONS,
): DatabaseSync {
  if (existsSync(files.database)) requireSound(files, clock, migrations);
  else createDatabase(files, clock, migrations);
  const database = new DatabaseSync(files.database, { timeout: BUSY_TIMEOUT_MS });
  try {
    configure(database, files);
    const schema = schemaVersion(database);
    if (schema < migrations.length) {
      // Kept until the next migration: the version of before can be started on it again.
      copyDatabase(database, files, files.ofSchema(schema));
      migrate(database, migrations);
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function requireSound(files: StoreFiles, clock: Clock, migrations: readonly Migration[]): void {
  try {
    rollBack(files);
    const { generation } = inspectDatabase(files.database, migrations);
    const acknowledged = readMark(files.mark);
    if (generation < acknowledged) throw lostGenerations(files, generation, acknowledged);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    if (error.reason === 'too-new') throw advised(error, wayBack(files, files.ofSchema(migrations.length), clock));
    if (error.reason === 'damaged') throw advised(error, wayBack(files, files.lastGood, clock));
    throw error;
  }
}

/**
 * A new database, or a copy that was put in its place, gets its write-ahead log when it is first opened. A crash in the
 * middle of that leaves a journal, which only somebody who may write can roll back.
 */
function rollBack({ database: file }: StoreFiles): void {
  if (!existsSync(`${file}-journal`)) return;
  const database = new DatabaseSync(file);
  try {
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
  } catch (error) {
    throw storeErrorOf(error, `The store ${file}`);
  } finally {
    database.close();
  }
}

function lostGenerations({ database, mark }: StoreFiles, generation: number, acknowledged: number): StoreError {
  return new StoreError(
    'damaged',
    `The store ${database} has lost its end: it holds generation ${generation}, ` +
      `but ${acknowledged} was acknowledged. Its write-ahead log, ${database}-wal, was cut or taken away. ` +
      `If generation ${generation} is what you want, remove ${mark}.`,
  );
}

function advised(error: StoreError, advice: string): StoreError {
  return new StoreError(error.reason, `${error.message} Nothing was changed. ${advice}`, { cause: error });
}

/** Never in the place of one that went: that would be an empty state where there was one. */
function createDatabase(files: StoreFiles, clock: Clock, migrations: readonly Migration[]): void {
  const trace = [`${files.database}-wal`, files.mark, files.lastGood].find((file) => existsSync(file));
  if (trace !== undefined) {
    const error = new StoreError('damaged', `The store ${files.database} is missing, though ${trace} is there.`);
    throw advised(error, wayBack(files, files.lastGood, clock));
  }
  writeWhole(files.draft, files.database, () => {
    const database = new DatabaseSync(files.draft);
    try {
      // Nothing to go back to: a draft that is not whole is thrown away.
      database.exec('PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF');
      migrate(database, migrations);
    } finally {
      database.close();
    }
  });
}

function configure(database: DatabaseSync, { folder }: StoreFiles): void {
  const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'];
  if (mode !== 'wal') {
    const detail = `The file system of ${folder} cannot hold a store: no memory can be shared through it (NFS, SMB).`;
    throw new StoreError('io', detail);
  }
  // FULL: a commit returns when it is on the disk. With less, a power failure may take acknowledged changes away.
  database.exec(`PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${LOG_BYTES_MAX}; PRAGMA trusted_schema = OFF`);
}
