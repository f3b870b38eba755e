import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

import { systemClock } from '../../../../src/base/clock.ts';
import { SqliteStore } from '../../../../src/control/store/sqlite-store.ts';
import { describeStore } from './conformance.ts';

/** Ten thousand commits say nothing about the disk, so they need not wait for it. */
const ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

describeStore('sqlite store', async () => {
  const folder = mkdtempSync(path.join(ROOT, 'cutover-store-'));
  const open = async () => {
    const store = await SqliteStore.open(folder, { clock: systemClock });
    onTestFinished(() => store.close());
    return store;
  };
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return { store: await open(), reopen: open };
});
