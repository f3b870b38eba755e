import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** In memory where that can be had: what a process leaves when it is killed does not depend on the disk. */
const ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** An empty folder. */
export function makeFolder(): string {
  return mkdtempSync(path.join(ROOT, 'cutover-store-'));
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** The files of a store by name, but for the shared memory, which nobody takes up again. */
export type Image = ReadonlyMap<string, Buffer>;

/** Of a folder that no store of this process has open: reading a file would give up its locks. */
export function imageOf(folder: string): Image {
  const names = readdirSync(folder).filter((name) => !name.endsWith('-shm'));
  return new Map(names.map((name) => [name, readFileSync(path.join(folder, name))]));
}

/** Makes the folder hold these files and nothing else. */
export function restore(folder: string, image: Image): void {
  removeFolder(folder);
  mkdirSync(folder, { mode: 0o700 });
  for (const [name, bytes] of image) writeFileSync(path.join(folder, name), bytes, { mode: 0o600 });
}
