import { statfsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';

import { writeWhole } from './durable-file.ts';
import { StoreError } from './store-error.ts';
import type { StoreFiles } from './store-files.ts';

/** Free space that must be there, in sizes of the database: a copy must not be what fills the disk. */
const FREE_SPACE_FACTOR = 2;

/**
 * Makes `file` a copy of all that is committed, at once or not at all.
 *
 * `VACUUM INTO` writes every row anew, so that it fails on a damaged page, where a copy page by page would take the
 * damage along.
 */
export function copyDatabase(database: DatabaseSync, { folder, draft }: StoreFiles, file: string): void {
  const { bavail, bsize } = statfsSync(folder);
  const bytes = sizeOf(database);
  if (bavail * bsize < bytes * FREE_SPACE_FACTOR) {
    throw new StoreError('full', `No space is left in ${folder} for a copy of the store, which takes ${bytes} bytes.`);
  }
  writeWhole(draft, file, () => void database.prepare('VACUUM INTO ?').run(draft));
}

/** In bytes, what the write-ahead log holds included. */
function sizeOf(database: DatabaseSync): number {
  const row = database.prepare('SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size').get();
  return Number(row?.['bytes']);
}
