/**
 * The disk takes no more, or fails. A change that was refused is not there, not even after a crash; everything before
 * it is; and once the disk takes writes again, so does the store.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { systemClock } from '../../src/base/clock.ts';
import { SqliteStore } from '../../src/control/store/sqlite-store.ts';
import { StoreError } from '../../src/control/store/store-error.ts';
import { carryOut, change } from './store-changes.ts';
import { expectWhole } from './store-expectation.ts';
import { imageOf, makeFolder, removeFolder, restore } from './store-folder.ts';
import { StoreProcess, whyNoStrace } from './store-process.ts';

const DISK_BYTES = 512 * 1024;
/** Processes at a time: as many processors as the tests may count on. */
const LANES = 2;
/** A hundred processes: seconds on an idle machine, more on a busy one. */
const SWEEP_TIMEOUT_MS = 120_000;

const noStrace = whyNoStrace();
const isRoot = process.geteuid?.() === 0;

describe('a full disk', () => {
  it('refuses changes and keeps nothing of them, and takes them again when there is space', async (t) => {
    const disk = mountDisk() ?? t.skip('a small disk cannot be mounted here');
    const store = await open(path.join(disk, 'store'));
    await carryOut(store, 1);
    fill(disk);
    const refused = await untilRefused(store, 2);
    await expect(store.commit(change(refused))).rejects.toMatchObject({ name: 'StoreError', reason: 'full' });
    await expectWhole(store, refused - 1, 0);
    empty(disk);
    await carryOut(store, refused);
    await expectWhole(store, refused, 0);
  });

  it('does not keep a store from opening that was killed', async (t) => {
    const disk = mountDisk() ?? t.skip('a small disk cannot be mounted here');
    const folder = path.join(disk, 'store');
    await StoreProcess.start({ folder, changes: 3, atEnd: 'crash', cache: makeTestFolder() }).ended();
    fill(disk);
    await expectWhole(await open(folder), 3, 0);
  });

  it('keeps one from opening that has ended, says why, and does it no harm', async (t) => {
    const disk = mountDisk() ?? t.skip('a small disk cannot be mounted here');
    const folder = path.join(disk, 'store');
    await StoreProcess.start({ folder, changes: 3, cache: makeTestFolder() }).ended();
    fill(disk);
    const refusal: unknown = await open(folder).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ name: 'StoreError', reason: 'full' });
    expect((refusal as StoreError).message).toContain(folder);
    empty(disk);
    await expectWhole(await open(folder), 3, 0);
  });

  it('keeps a new one from being made, and leaves nothing that would be in its way later', async (t) => {
    const disk = mountDisk() ?? t.skip('a small disk cannot be mounted here');
    fill(disk, 16_384);
    const folder = path.join(disk, 'store');
    await expect(open(folder)).rejects.toMatchObject({ name: 'StoreError', reason: 'full' });
    empty(disk);
    await carryOut(await open(folder), 1);
  });
});

describe('a folder that may not be written', () => {
  it('refuses to open, says why, and opens with everything when it may be written again', async (t) => {
    const disk = isRoot ? (mountDisk() ?? t.skip('a small disk cannot be mounted here')) : makeTestFolder();
    const folder = path.join(disk, 'store');
    await StoreProcess.start({ folder, changes: 3, atEnd: 'crash', cache: makeTestFolder() }).ended();
    setWritable(disk, folder, false);
    const refusal: unknown = await open(folder).catch((error: unknown) => error);
    setWritable(disk, folder, true);
    expect(refusal).toMatchObject({ name: 'StoreError', reason: 'read-only' });
    expect((refusal as StoreError).message).toContain(folder);
    await expectWhole(await open(folder), 3, 0);
  });
});

describe('a disk that fails', () => {
  const failures = [
    { what: 'at each sync', calls: 'fsync,fdatasync', errno: 'EIO' },
    { what: 'at each write', calls: 'pwrite64', errno: 'ENOSPC' },
  ];
  it.for(failures)(
    '$what takes nothing with it that was acknowledged, and nothing comes back that was refused',
    { timeout: SWEEP_TIMEOUT_MS },
    async ({ calls, errno }, t) => {
      if (noStrace !== null) t.skip(noStrace);
      const root = makeTestFolder();
      const [begun, cache] = [path.join(root, 'begun'), path.join(root, 'cache')];
      await StoreProcess.start({ folder: begun, changes: 1, atEnd: 'crash', cache }).ended();
      const image = imageOf(begun);
      let next = 1;
      let isOver = false;
      let refused = 0;
      const lane = async (): Promise<void> => {
        while (!isOver) {
          const nth = next++;
          const folder = path.join(root, String(nth));
          restore(folder, image);
          const tamper = `inject=${calls}:error=${errno}:when=${nth}`;
          const process = StoreProcess.start({ folder, changes: 1, atEnd: 'crash', tamper, cache });
          await process.ended();
          if (process.refusal !== null) refused += 1;
          isOver = !process.wasTamperedWith;
          const store = await SqliteStore.open(folder, { clock: systemClock });
          await expectWhole(store, Math.max(1, process.acknowledged), 0);
          await store.close();
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
      expect(refused).toBeGreaterThan(0);
    },
  );
});

/** The number of the change that was, by then. */
async function untilRefused(store: SqliteStore, from: number): Promise<number> {
  for (let n = from; ; n++) {
    try {
      await store.commit(change(n));
    } catch {
      return n;
    }
  }
}

/** A disk of its own, in memory; `null`: that cannot be had. */
function mountDisk(): string | null {
  const folder = makeTestFolder();
  const disk = path.join(folder, 'disk');
  mkdirSync(disk);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', disk]).status !== 0) return null;
  onTestFinished(() => void spawnSync('umount', ['-l', disk]));
  return disk;
}

/** Leaves so many bytes. */
function fill(disk: string, leaveBytes = 0): void {
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(path.join(disk, 'ballast'), Buffer.alloc(bavail * bsize - leaveBytes));
}

function empty(disk: string): void {
  rmSync(path.join(disk, 'ballast'));
}

/** Nothing is forbidden to root by the mode of a folder. */
function setWritable(disk: string, folder: string, writable: boolean): void {
  if (isRoot) spawnSync('mount', ['-o', `remount,${writable ? 'rw' : 'ro'}`, disk]);
  else chmodSync(folder, writable ? 0o700 : 0o500);
}

async function open(folder: string): Promise<SqliteStore> {
  const store = await SqliteStore.open(folder, { clock: systemClock });
  onTestFinished(() => store.close());
  return store;
}

function makeTestFolder(): string {
  const folder = makeFolder();
  onTestFinished(() => removeFolder(folder));
  return folder;
}
