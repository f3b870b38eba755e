/**
 * Why a store could not be opened, read or written:
 *
 *   locked      another process holds it
 *   damaged     what is on the disk is not what was written
 *   too-new     a later version of this program wrote it
 *   unsafe      others could read or change it
 *   full        no space is left
 *   read-only   it may not be written
 *   io          the disk failed otherwise
 */
export type StoreErrorReason = 'locked' | 'damaged' | 'too-new' | 'unsafe' | 'full' | 'read-only' | 'io';

/** The world's doing, never a mistake of ours. The message tells the operator what, where, and what would be right. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly reason: StoreErrorReason;

  constructor(reason: StoreErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * What SQLite or the file system said, as a `StoreError` about `what`, such as "The store /data/store.db"; anything
 * else that was thrown, as it is. The only place that knows their codes.
 */
export function storeErrorOf(error: unknown, what: string): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error;
  const reason = reasonOf(error);
  return reason === null
    ? error
    : new StoreError(reason, `${what} ${SAYINGS[reason]} (${textOf(error)}).`, { cause: error });
}

/** Whether a commit that failed like this may be whole on the disk all the same. */
export function isInDoubt(error: unknown): boolean {
  return error instanceof Error && sqliteCodeOf(error) % 256 === SQLITE_IOERR;
}

const SAYINGS: Readonly<Record<StoreErrorReason, string>> = {
  locked: 'is in use by another process',
  damaged: 'is damaged',
  'too-new': 'was written by a later version',
  unsafe: 'is open to others',
  full: 'cannot be written: no space is left',
  'read-only': 'cannot be written: it is read-only',
  io: 'cannot be read or written: the disk failed',
};

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html); the lowest 8 bits of every code. */
const SQLITE_IOERR = 10;
const SQLITE_REASONS: ReadonlyMap<number, StoreErrorReason> = new Map([
  [1, 'damaged'], // ERROR: not the format, or not the tables, that our statements are written for
  [5, 'locked'], // BUSY
  [6, 'locked'], // LOCKED
  [8, 'read-only'], // READONLY
  [SQLITE_IOERR, 'io'],
  [11, 'damaged'], // CORRUPT
  [13, 'full'], // FULL
  [14, 'io'], // CANTOPEN
  [26, 'damaged'], // NOTADB
]);
/** SQLITE_IOERR_SHMSIZE: no space for the index of the write-ahead log. */
const SQLITE_IOERR_SHMSIZE = 4_874;

const SYSTEM_REASONS: Readonly<Record<string, StoreErrorReason>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EROFS: 'read-only',
  EACCES: 'read-only',
  EPERM: 'read-only',
};

function reasonOf(error: Error): StoreErrorReason | null {
  const sqliteCode = sqliteCodeOf(error);
  if (sqliteCode === SQLITE_IOERR_SHMSIZE) return 'full';
  if (sqliteCode !== 0) return SQLITE_REASONS.get(sqliteCode % 256) ?? null;
  if (!('syscall' in error) || !('code' in error)) return null;
  return SYSTEM_REASONS[String(error.code)] ?? 'io';
}

/** The extended result code; 0: it is no error of SQLite's. */
function sqliteCodeOf(error: Error): number {
  return 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : 0;
}

function textOf(error: Error): string {
  const code = sqliteCodeOf(error);
  return code === 0 ? error.message : `SQLite ${code}: ${error.message}`;
}
