/**
 * The process that writes the store is killed with SIGKILL, wherever it is. What it has acknowledged is there
 * afterwards; what was under way is there whole or not at all; and the store opens again and goes on.
 */
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { systemClock } from '../../src/base/clock.ts';
import { seededRandom } from '../../src/base/random.ts';
import { SqliteStore } from '../../src/control/store/sqlite-store.ts';
import { carryOut } from './store-changes.ts';
import { expectWhole } from './store-expectation.ts';
import { makeFolder, removeFolder } from './store-folder.ts';
import { StoreProcess, whyNoStrace } from './store-process.ts';

/** Every system call by which the store changes a folder or a file. */
const WRITES = 'mkdir,chmod,pwrite64,fsync,fdatasync,ftruncate,rename,unlink';
/** Processes at a time: as many processors as the tests may count on. */
const LANES = 2;
const RANDOM_KILLS = 10;
/** Thousands of stores or a hundred processes: seconds on an idle machine, more on a busy one. */
const SWEEP_TIMEOUT_MS = 120_000;

const noStrace = whyNoStrace();

describe('a store whose process is killed', () => {
  it(
    'at each of its writes holds what was acknowledged, and of the change under way all or nothing',
    { timeout: SWEEP_TIMEOUT_MS },
    async (t) => {
      if (noStrace !== null) t.skip(noStrace);
      const root = makeFolder();
      onTestFinished(() => removeFolder(root));
      const cache = path.join(root, 'cache');
      await StoreProcess.start({ folder: path.join(root, 'untampered'), changes: 1, cache }).ended();
      let next = 1;
      let survived = 0;
      const lane = async (): Promise<void> => {
        while (survived === 0) {
          const nth = next++;
          const folder = path.join(root, String(nth));
          const process = StoreProcess.start({
            folder,
            changes: 1,
            tamper: `inject=${WRITES}:signal=KILL:when=${nth}`,
            cache,
          });
          if (await process.ended()) survived = nth;
          await expectToGoOn(folder, process.acknowledged);
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
      // As many as a new store, a change and an orderly end take.
      expect(survived).toBeGreaterThan(80);
    },
  );

  it(
    'at random moments holds what was acknowledged, and of the change under way all or nothing',
    { timeout: SWEEP_TIMEOUT_MS },
    async () => {
      const root = makeFolder();
      onTestFinished(() => removeFolder(root));
      const [folder, cache] = [path.join(root, 'store'), path.join(root, 'cache')];
      const seed = Date.now();
      const random = seededRandom(seed);
      let acknowledged = 0;
      for (let kill = 0; kill < RANDOM_KILLS; kill++) {
        const process = StoreProcess.start({ folder, changes: 10_000, cache });
        await process.says(/^open$/m);
        await new Promise((resolve) => setTimeout(resolve, random.next() * 20));
        await process.kill();
        const store = await SqliteStore.open(folder, { clock: systemClock });
        acknowledged = await expectWhole(store, Math.max(process.acknowledged, acknowledged), 1).catch(
          (error: unknown) => {
            throw new Error(`with the seed ${seed}, after kill ${kill}`, { cause: error });
          },
        );
        await store.close();
      }
      expect(acknowledged).toBeGreaterThan(0);
    },
  );
});

async function expectToGoOn(folder: string, acknowledged: number): Promise<void> {
  const store = await SqliteStore.open(folder, { clock: systemClock });
  await carryOut(store, 1 + (await expectWhole(store, acknowledged, 1)));
  await store.close();
}
