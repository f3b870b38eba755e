import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

/** An empty folder of the test's own. */
export function makeFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'cutover-store-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The files of a folder, by name. */
export type Image = ReadonlyMap<string, Buffer>;

/** What a process that is killed now would leave; but for the shared memory, which nobody takes up again. */
export function imageOf(folder: string): Image {
  const names = readdirSync(folder).filter((name) => !name.endsWith('-shm'));
  return new Map(names.map((name) => [name, readFileSync(path.join(folder, name))]));
}

/** The folder with these files and nothing else. */
export function restore(folder: string, image: Image): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  for (const [name, bytes] of image) writeFileSync(path.join(folder, name), bytes, { mode: 0o600 });
}
