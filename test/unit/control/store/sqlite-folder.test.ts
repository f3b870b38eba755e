import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { systemClock } from '../../../../src/base/clock.ts';
import { SqliteStore } from '../../../../src/control/store/sqlite-store.ts';
import { change } from '../../../faults/store-changes.ts';

const isRoot = process.geteuid?.() === 0;

describe('the folder of a store', () => {
  it('and everything in it is closed to other users, whatever the umask', async () => {
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const folder = path.join(makeFolder(), 'store');
    const store = await open(folder);
    await store.commit(change(1));
    expect(modeOf(folder)).toBe('700');
    const names = readdirSync(folder);
    expect(names).toEqual(
      expect.arrayContaining(['store.db', 'store.db-wal', 'store.db-shm', 'last-good.db', 'store.pid']),
    );
    expect(names.filter((name) => modeOf(path.join(folder, name)) !== '600')).toEqual([]);
  });

  it('is closed where it was open', async () => {
    const folder = makeFolder();
    await (await open(folder)).close();
    chmodSync(folder, 0o755);
    chmodSync(path.join(folder, 'store.db'), 0o644);
    await open(folder);
    expect([modeOf(folder), modeOf(path.join(folder, 'store.db'))]).toEqual(['700', '600']);
  });

  it('is left alone where it is open and holds the files of others', async () => {
    const folder = makeFolder();
    chmodSync(folder, 0o755);
    writeFileSync(path.join(folder, 'notes.txt'), '');
    await expect(open(folder)).rejects.toMatchObject({
      reason: 'unsafe',
      message: expect.stringContaining('notes.txt'),
    });
    expect(modeOf(folder)).toBe('755');
    expect(readdirSync(folder)).toEqual(['notes.txt']);
  });

  it('may hold the files of others where it is closed', async () => {
    const folder = makeFolder();
    mkdirSync(path.join(folder, 'lost+found'));
    await open(folder);
  });

  it('must not be a symbolic link', async () => {
    const root = makeFolder();
    symlinkSync(makeFolder(), path.join(root, 'link'));
    await expectRefused(path.join(root, 'link'), path.join(root, 'link'), 'symbolic link');
    await expectRefused(`${path.join(root, 'link')}/`, path.join(root, 'link'), 'symbolic link');
  });

  it('must not be a file', async () => {
    const file = path.join(makeFolder(), 'store');
    writeFileSync(file, '');
    await expectRefused(file, file, 'not a folder');
  });

  it.each(['store.db', 'store.db-wal', 'store.lock', 'store.pid', 'last-good.db', 'draft.db', 'store.db-mark'])(
    'must not hold a symbolic link in the place of %s',
    async (name) => {
      const folder = makeFolder();
      await (await open(folder)).close();
      const elsewhere = path.join(makeFolder(), 'victim');
      writeFileSync(elsewhere, 'precious');
      rmSync(path.join(folder, name), { force: true });
      symlinkSync(elsewhere, path.join(folder, name));
      await expectRefused(folder, path.join(folder, name), 'symbolic link');
    },
  );

  it('must not hold a folder in the place of a file', async () => {
    const folder = makeFolder();
    mkdirSync(path.join(folder, 'store.db'));
    await expectRefused(folder, path.join(folder, 'store.db'), 'not a file');
  });

  it.skipIf(!isRoot)('must belong to the user of the process, and so must its files', async () => {
    const folder = makeFolder();
    await (await open(folder)).close();
    chownSync(path.join(folder, 'store.db'), 65_534, 65_534);
    await expectRefused(folder, path.join(folder, 'store.db'), 'belongs to the user 65534');
    chownSync(path.join(folder, 'store.db'), 0, 0);
    chownSync(folder, 65_534, 65_534);
    await expectRefused(folder, folder, 'belongs to the user 65534');
  });

  it('serves one store at a time, and says whose it is', async () => {
    const folder = makeFolder();
    const first = await open(folder);
    await expect(open(folder)).rejects.toMatchObject({
      reason: 'locked',
      message: expect.stringContaining(`in use by process ${process.pid} (since `),
    });
    await first.commit(change(1));
    await first.close();
    expect((await (await open(folder)).load()).generation).toBe(1);
  });

  it('can be moved to another place while nobody uses it', async () => {
    const [folder, other] = [path.join(makeFolder(), 'a'), path.join(makeFolder(), 'b')];
    const store = await open(folder);
    await store.commit(change(1));
    await store.close();
    renameSync(folder, other);
    expect((await (await open(other)).load()).generation).toBe(1);
  });
});

async function expectRefused(folder: string, culprit: string, why: string): Promise<void> {
  const refusal: unknown = await open(folder).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ name: 'StoreError', reason: 'unsafe', message: expect.stringContaining(why) });
  expect((refusal as Error).message.startsWith(`${culprit} `)).toBe(true);
}

async function open(folder: string): Promise<SqliteStore> {
  const store = await SqliteStore.open(folder, { clock: systemClock });
  onTestFinished(() => store.close());
  return store;
}

function modeOf(file: string): string {
  return (lstatSync(file).mode & 0o777).toString(8);
}

function makeFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'cutover-store-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
