import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { systemClock } from '../../../../src/base/clock.ts';
import type { Log } from '../../../../src/control/log.ts';
import type { ServiceRecord } from '../../../../src/control/state/control-state.ts';
import { readGeneration } from '../../../../src/control/store/inspect-database.ts';
import { MemoryStore } from '../../../../src/control/store/memory-store.ts';
import { openStore } from '../../../../src/control/store/open-store.ts';
import { SqliteStore, type SqliteStoreOptions } from '../../../../src/control/store/sqlite-store.ts';
import type { Commit } from '../../../../src/control/store/store.ts';
import { change } from '../../../faults/store-changes.ts';
import { manualClock } from '../../../helpers/manual-clock.ts';
import { describeStore } from './conformance.ts';

/** Ten thousand commits say nothing about the disk, so they need not wait for it. */
const ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const DAY_MS = 24 * 3_600_000;

describeStore('sqlite store', async () => {
  const folder = makeFolder();
  return { store: await open(folder), reopen: () => open(folder) };
});

describe('what is kept in a folder', () => {
  it('has its services in the order in which they came, over restarts', async () => {
    const folder = makeFolder();
    const store = await open(folder);
    await store.commit(commitOf(1, ['b', 'a', 'c']));
    await store.commit({ ...commitOf(2, []), services: new Map([['b', null]]) });
    await store.commit(commitOf(3, ['b', 'a']));
    await store.close();
    expect([...(await (await open(folder)).load()).services.keys()]).toEqual(['a', 'c', 'b']);
  });

  it('is as it was when a change cannot be written down', async () => {
    const store = await open(makeFolder());
    await store.commit(change(1));
    const unspeakable = { ...change(2).audit, detail: 1n as unknown as string };
    await expect(store.commit({ ...change(2), audit: unspeakable })).rejects.toThrow('BigInt');
    expect((await store.load()).generation).toBe(1);
    expect(await store.receipt('co_2')).toBeNull();
    await store.commit(change(2));
    expect((await store.load()).generation).toBe(2);
  });

  it('takes a change among ten thousand services as it does among a hundred', async () => {
    const sizes = [100, 10_000];
    const stores = await Promise.all(sizes.map(() => open(makeFolder(tmpdir()))));
    for (const [index, store] of stores.entries()) {
      await store.commit(
        commitOf(
          1,
          Array.from({ length: sizes[index] ?? 0 }, (_, number) => `service-${number}`),
        ),
      );
    }
    const tookMs = stores.map((): number[] => []);
    // In turns: what else the machine does meanwhile slows both.
    for (let n = 2; n <= 40; n++) {
      for (const [index, store] of stores.entries()) {
        const startedMs = performance.now();
        await store.commit(commitOf(n, [`service-${n}`]));
        tookMs[index]?.push(performance.now() - startedMs);
      }
    }
    const [few = 0, many = Infinity] = tookMs.map((times) => times.toSorted((a, b) => a - b)[20]);
    // Were all written each time, it would be a hundred times as long.
    expect(many / few).toBeLessThan(20);
  });

  it('can be closed twice', async () => {
    const store = await open(makeFolder());
    await store.close();
    await store.close();
  });
});

describe('the last good copy', () => {
  it('is made when the store is opened and when it is closed', async () => {
    const folder = makeFolder();
    const copy = path.join(folder, 'last-good.db');
    const store = await open(folder);
    await store.commit(change(1));
    expect(readGeneration(copy)).toBe(0);
    await store.close();
    expect(readGeneration(copy)).toBe(1);
  });

  it('is brought up to date every day', async () => {
    const folder = makeFolder();
    const clock = manualClock();
    const store = await open(folder, { clock });
    for (const day of [1, 2]) {
      await store.commit(change(day));
      clock.advance(DAY_MS);
      expect(readGeneration(path.join(folder, 'last-good.db'))).toBe(day);
    }
    await store.close();
    expect(clock.pendingTimers()).toBe(0);
  });

  it('is missed in the log, and no change is refused, where it cannot be made', async () => {
    const folder = makeFolder();
    const clock = manualClock();
    const warnings: string[] = [];
    const log: Log = { info: () => {}, warn: (_fields, message) => warnings.push(message), error: () => {} };
    const store = await open(folder, { clock, log });
    mkdirSync(path.join(folder, 'draft.db'));
    await store.commit(change(1));
    clock.advance(DAY_MS);
    expect(warnings).toEqual([expect.stringContaining('copy')]);
    expect(readGeneration(path.join(folder, 'last-good.db'))).toBe(0);
    await store.commit(change(2));
  });
});

describe('the path of a store', () => {
  it('"memory" keeps nothing', async () => {
    expect(await openStore('memory', { clock: systemClock })).toBeInstanceOf(MemoryStore);
  });

  it('names a folder that is made where there is none', async () => {
    const folder = path.join(makeFolder(), 'var', 'cutover');
    const store = await openStore(folder, { clock: systemClock });
    await store.commit(change(1));
    await store.close();
    expect((await (await open(folder)).load()).generation).toBe(1);
  });
});

function commitOf(number: number, services: readonly string[]): Commit {
  return {
    ...change(number),
    generation: { ...change(number).generation, changes: [] },
    services: new Map(services.map((name) => [name, recordOf(name)])),
    deleted: new Set(),
  };
}

function recordOf(name: string): ServiceRecord {
  const document = { pools: { blue: { version: '1', targets: [{ url: 'http://127.0.0.1:3001' }] } } };
  // What is compiled is of no concern to a store, but for its size.
  const spec = { name, ballast: 'x'.repeat(1_000) } as unknown as ServiceRecord['spec'];
  return { name, document, base: document, earlierSplits: [], spec, stickySecret: 'secret' };
}

async function open(folder: string, options: SqliteStoreOptions = { clock: systemClock }): Promise<SqliteStore> {
  const store = await SqliteStore.open(folder, options);
  onTestFinished(() => store.close());
  return store;
}

function makeFolder(root = ROOT): string {
  const folder = mkdtempSync(path.join(root, 'cutover-store-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
