/** Two primaries on one store: the second is kept out for as long as the first lives, and no longer. */
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { systemClock } from '../../src/base/clock.ts';
import { SqliteStore } from '../../src/control/store/sqlite-store.ts';
import { expectWhole } from './store-expectation.ts';
import { makeFolder, removeFolder } from './store-folder.ts';
import { StoreProcess, type StoreProcessOptions } from './store-process.ts';

describe('a store in use', () => {
  it('is refused to another process, with the id of the one that has it', async () => {
    const { process, folder } = await startProcess('stay');
    await expect(open(folder)).rejects.toMatchObject({
      reason: 'locked',
      message: expect.stringContaining(`The store in ${folder} is in use by process ${process.pid} `),
    });
  });

  it('stays locked when a second store of the same process was refused', async () => {
    const folder = makeTestFolder();
    await open(folder);
    await expect(open(folder)).rejects.toMatchObject({ reason: 'locked' });
    const other = StoreProcess.start({ folder, changes: 1, cache: makeTestFolder() });
    await other.ended();
    expect(other.refusal).toMatch(/^locked: /);
  });

  it('is free the moment that its process was killed', async () => {
    const { process, folder } = await startProcess('stay');
    await process.kill();
    await expectWhole(await open(folder), 1, 0);
  });

  it('is free when its process was killed, whoever that has left behind', async () => {
    const { process: primary, folder } = await startProcess('stay-with-child');
    await primary.says(/^child/m);
    const { child } = primary;
    onTestFinished(() => void process.kill(child, 'SIGKILL'));
    await primary.kill();
    expect(process.kill(child, 0)).toBe(true);
    await expectWhole(await open(folder), 1, 0);
  });

  it('goes to one of two that are started at the same time', async () => {
    const [folder, cache] = [path.join(makeTestFolder(), 'store'), makeTestFolder()];
    const two = [1, 2].map(() => StoreProcess.start({ folder, changes: 200, cache }));
    await Promise.all(two.map((process) => process.ended()));
    const refused = two.filter(({ refusal }) => refusal !== null);
    // Unless the first was done before the second came.
    expect(refused.length).toBeLessThanOrEqual(1);
    for (const { refusal } of refused) expect(refusal).toMatch(/^locked: /);
    await expectWhole(await open(folder), refused.length === 1 ? 200 : 400, 0);
  });
});

async function startProcess(atEnd: 'stay' | 'stay-with-child'): Promise<{ process: StoreProcess; folder: string }> {
  const folder = path.join(makeTestFolder(), 'store');
  const options: StoreProcessOptions = { folder, changes: 1, atEnd, cache: makeTestFolder() };
  const process = StoreProcess.start(options);
  await process.says(/^acknowledged 1$/m);
  return { process, folder };
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
