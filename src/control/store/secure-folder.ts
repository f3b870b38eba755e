import { chmodSync, lstatSync, mkdirSync, readdirSync, type Stats } from 'node:fs';
import path from 'node:path';

import { FILE_MODE, syncFolder } from './durable-file.ts';
import { StoreError } from './store-error.ts';
import { isStoreFile } from './store-files.ts';

/** Only the owner may enter, list and change. */
const FOLDER_MODE = 0o700;

/**
 * Makes sure that `folder` is there and that nobody else can read or change what is in it: it holds the secrets that
 * sign cookies, and whoever writes to it decides where traffic goes. What is ours and open to others is closed; what is
 * not ours, or not what it seems, is refused.
 *
 * Looks at files by name only. It must not open one: closing it would give up all locks that this process has on it, be
 * they SQLite's (fcntl(2), "Record locks").
 */
export function secureFolder(folder: string): void {
  const stats = lstatSync(folder, { throwIfNoEntry: false }) ?? makeFolder(folder);
  requireOurs(folder, stats);
  if (!stats.isDirectory()) throw new StoreError('unsafe', `${folder} is not a folder; state.path has to name one.`);
  const names = readdirSync(folder);
  if (isOpenToOthers(stats)) closeFolder(folder, names);
  for (const name of names) {
    if (isStoreFile(name)) secureFile(path.join(folder, name));
  }
}

function makeFolder(folder: string): Stats {
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  // Else a power failure could take the folder away with everything that was acknowledged in it.
  syncFolder(path.dirname(folder));
  return lstatSync(folder);
}

/** A folder with strange things in it may be open for a reason. */
function closeFolder(folder: string, names: readonly string[]): void {
  const strange = names.find((name) => !isStoreFile(name));
  if (strange !== undefined) {
    throw new StoreError(
      'unsafe',
      `The folder ${folder} is open to other users, and "${strange}" in it is not the store's: ` +
        'let state.path name a folder of its own, or close this one with chmod 700.',
    );
  }
  chmodSync(folder, FOLDER_MODE);
}

function secureFile(file: string): void {
  const stats = lstatSync(file, { throwIfNoEntry: false });
  // The process that uses the store has renamed or removed it meanwhile; the lock is still to be asked for.
  if (stats === undefined) return;
  requireOurs(file, stats);
  if (!stats.isFile()) throw new StoreError('unsafe', `${file} is not a file; move it out of the store's folder.`);
  if (isOpenToOthers(stats)) chmodSync(file, FILE_MODE);
}

function requireOurs(file: string, stats: Stats): void {
  if (stats.isSymbolicLink()) {
    throw new StoreError('unsafe', `${file} is a symbolic link, which could lead anywhere; name what it points to.`);
  }
  const user = process.geteuid?.();
  if (user === undefined || stats.uid === user) return;
  throw new StoreError(
    'unsafe',
    `${file} belongs to the user ${stats.uid}, but this process runs as ${user}: ` +
      `let state.path name a folder that is made by ${user}, or change the owner of this one.`,
  );
}

/** Where there are no owners, as on Windows, modes say nothing either. */
function isOpenToOthers(stats: Stats): boolean {
  return process.geteuid !== undefined && (stats.mode & 0o077) !== 0;
}
