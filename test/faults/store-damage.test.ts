/**
 * The files of the store are cut, taken away or altered while nobody uses them. It then opens with everything that was
 * acknowledged, or says what is wrong and how to get going again, and leaves the files as they are.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { systemClock } from '../../src/base/clock.ts';
import { seededRandom } from '../../src/base/random.ts';
import { SqliteStore } from '../../src/control/store/sqlite-store.ts';
import { StoreError } from '../../src/control/store/store-error.ts';
import { carryOut } from './store-changes.ts';
import { expectWhole } from './store-expectation.ts';
import { type Image, imageOf, makeFolder, removeFolder, restore } from './store-folder.ts';
import { StoreProcess } from './store-process.ts';

/** Thousands of stores or a hundred processes: seconds on an idle machine, more on a busy one. */
const SWEEP_TIMEOUT_MS = 120_000;
const CHANGES = 2;
const CUT_BYTES = 100;
const FLIPS = 200;

describe('a damaged store', () => {
  /** As a kill leaves it: all changes are in the write-ahead log. */
  let killed: Image;
  /** As an orderly end leaves it: all changes are in the database, and in its copy. */
  let ended: Image;

  beforeAll(async () => {
    const root = makeFolder();
    const [folder, cache] = [path.join(root, 'store'), path.join(root, 'cache')];
    await new StoreProcess({ folder, changes: CHANGES, atEnd: 'crash', cache }).ended();
    killed = imageOf(folder);
    await new StoreProcess({ folder, changes: 0, cache }).ended();
    ended = imageOf(folder);
    removeFolder(root);
  });

  it('is whole or refused wherever the database was cut after a kill', { timeout: SWEEP_TIMEOUT_MS }, async () => {
    const { whole, refused } = await cutEverywhere(killed, 'store.db');
    // What is in the log makes up for what is cut off behind the first page.
    expect([whole > 0, refused > 0]).toEqual([true, true]);
  });

  it(
    'is whole or refused wherever the write-ahead log was cut after a kill',
    { timeout: SWEEP_TIMEOUT_MS },
    async () => {
      const { whole, refused } = await cutEverywhere(killed, 'store.db-wal');
      // Whole where only what follows the last change is gone.
      expect([whole > 0, refused > 0]).toEqual([true, true]);
    },
  );

  it('is refused wherever the database was cut after an orderly end', { timeout: SWEEP_TIMEOUT_MS }, async () => {
    const { whole } = await cutEverywhere(ended, 'store.db');
    expect(whole).toBe(0);
  });

  it('is whole or refused whichever bit has flipped', { timeout: SWEEP_TIMEOUT_MS }, async () => {
    const folder = makeTestFolder();
    const seed = Date.now();
    const random = seededRandom(seed);
    let refused = 0;
    for (let flip = 0; flip < FLIPS; flip++) {
      const bytes = Buffer.from(bytesOf(ended, 'store.db'));
      const at = Math.floor(random.next() * bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (flip % 8));
      const how = `with the seed ${seed}, bit ${flip % 8} of byte ${at}`;
      if (!(await isWhole(folder, new Map(ended).set('store.db', bytes), how))) refused += 1;
    }
    expect(refused).toBeGreaterThan(0);
  });

  it('is refused when its write-ahead log was taken away, with the generations that are gone', async () => {
    const folder = makeTestFolder();
    restore(folder, without(killed, 'store.db-wal'));
    const { message } = await refusalOf(folder);
    expect(message).toContain(`it holds generation 0, but ${CHANGES} was acknowledged`);
  });

  it('opens without its write-ahead log once the operator has removed the mark, as the refusal says', async () => {
    const folder = makeTestFolder();
    restore(folder, without(killed, 'store.db-wal'));
    const { message } = await refusalOf(folder);
    expect(message).toContain(`remove ${path.join(folder, 'store.db-mark')}`);
    restore(folder, without(killed, 'store.db-wal', 'store.db-mark'));
    expect((await (await open(folder)).load()).generation).toBe(0);
  });

  it('gets no empty database when its own is gone', async () => {
    const folder = makeTestFolder();
    restore(folder, without(ended, 'store.db'));
    const { message } = await refusalOf(folder);
    expect(message).toContain(`${path.join(folder, 'store.db')} is missing`);
    expect(existsSync(path.join(folder, 'store.db'))).toBe(false);
  });

  it('is refused with its path when another file is in its place', async () => {
    const folder = makeTestFolder();
    restore(folder, new Map(ended).set('store.db', Buffer.from('version: 1\nservices: {}\n')));
    const { reason, message } = await refusalOf(folder);
    expect(reason).toBe('damaged');
    expect(message).toContain(path.join(folder, 'store.db'));
  });

  it('is refused with the table of a row that was altered', async () => {
    const folder = makeTestFolder();
    const bytes = Buffer.from(bytesOf(ended, 'store.db'));
    const port = bytes.indexOf('http://127.0.0.1:3002') + 'http://127.0.0.1:'.length;
    bytes.write('4', port);
    restore(folder, new Map(ended).set('store.db', bytes));
    const { message } = await refusalOf(folder);
    expect(message).toMatch(/row \d+ of the table (services|generations) does not match its checksum/);
  });

  it('goes back to its last good copy by the command that the refusal names', async () => {
    const folder = path.join(makeTestFolder(), "an operator's store");
    restore(folder, new Map(ended).set('store.db', Buffer.alloc(0)));
    const { message } = await refusalOf(folder);
    expect(message).toContain(`a copy of generation ${CHANGES}`);
    execFileSync('sh', ['-c', commandIn(message)]);
    const store = await open(folder);
    await expectWhole(store, CHANGES, 0);
    await carryOut(store, CHANGES + 1);
  });

  it('begins anew, where there is no copy, by the command that the refusal names', async () => {
    const folder = makeTestFolder();
    restore(folder, without(new Map(ended).set('store.db', Buffer.alloc(0)), 'last-good.db'));
    const { message } = await refusalOf(folder);
    expect(message).toContain('no copy');
    execFileSync('sh', ['-c', commandIn(message)]);
    expect((await (await open(folder)).load()).generation).toBe(0);
  });
});

/** Cuts a file at every hundredth byte; says how often the store was whole all the same, and how often refused. */
async function cutEverywhere(image: Image, victim: string): Promise<{ whole: number; refused: number }> {
  const folder = makeTestFolder();
  const bytes = bytesOf(image, victim);
  const outcome = { whole: 0, refused: 0 };
  for (let length = 0; length < bytes.length; length += CUT_BYTES) {
    const cut = new Map(image).set(victim, bytes.subarray(0, length));
    outcome[(await isWhole(folder, cut, `${victim} cut at ${length}`)) ? 'whole' : 'refused'] += 1;
  }
  return outcome;
}

/** Whether the store opens, which it may only with everything; if it does not, everything has to stay as it was. */
async function isWhole(folder: string, image: Image, how: string): Promise<boolean> {
  restore(folder, image);
  try {
    const store = await SqliteStore.open(folder, { clock: systemClock });
    await expectWhole(store, CHANGES, 0);
    await store.close();
    return true;
  } catch (error) {
    // A bit of the schema's version makes a store of another version.
    const reasons: unknown[] = ['damaged', 'too-new'];
    if (!(error instanceof StoreError) || !reasons.includes(error.reason)) throw new Error(how, { cause: error });
    const after = imageOf(folder);
    for (const name of ['store.db', 'store.db-wal', 'store.db-mark', 'last-good.db']) {
      expect(bytesOf(after, name).equals(bytesOf(image, name)), `${name}: ${how}`).toBe(true);
    }
    return false;
  }
}

async function refusalOf(folder: string): Promise<StoreError> {
  const refusal = await open(folder).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(StoreError);
  return refusal as StoreError;
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

/** The last thing that a refusal says. */
function commandIn(message: string): string {
  return message.slice(message.lastIndexOf(': cd ') + 2);
}

function bytesOf(image: Image, name: string): Buffer {
  return image.get(name) ?? Buffer.alloc(0);
}

function without(image: Image, ...names: string[]): Image {
  return new Map([...image].filter(([name]) => !names.includes(name)));
}
