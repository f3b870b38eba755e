import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';

/** Only the owner may read and write. */
export const FILE_MODE = 0o600;

/**
 * Makes a file that appears under its name only when it is whole and on the disk: `write` fills the empty one at
 * `draft`, and whatever a crash leaves there is thrown away the next time.
 */
export function writeWhole(draft: string, file: string, write: () => void): void {
  removeDraft(draft);
  closeSync(openSync(draft, 'wx', FILE_MODE));
  try {
    write();
    sync(draft);
    renameSync(draft, file);
  } catch (error) {
    removeDraft(draft);
    throw error;
  }
  syncFolder(path.dirname(file));
}

/** Names that were made, changed or removed in a folder are on the disk only after this. */
export function syncFolder(folder: string): void {
  // Windows neither can nor has to.
  if (process.platform !== 'win32') sync(folder);
}

function sync(file: string): void {
  const handle = openSync(file, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function removeDraft(draft: string): void {
  for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(draft + suffix, { force: true });
}
