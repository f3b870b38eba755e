import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';

import { systemClock } from '../../../../src/base/clock.ts';
import { readGeneration } from '../../../../src/control/store/inspect-database.ts';
import { openDatabase } from '../../../../src/control/store/open-database.ts';
import { type Migration, MIGRATIONS, migrate, schemaVersion } from '../../../../src/control/store/sqlite-schema.ts';
import { SqliteStore } from '../../../../src/control/store/sqlite-store.ts';
import { storeFiles } from '../../../../src/control/store/store-files.ts';
import { carryOut } from '../../../faults/store-changes.ts';
import { expectWhole } from '../../../faults/store-expectation.ts';

/** A step that no version has made yet. */
const NEXT: Migration = {
  version: MIGRATIONS.length + 1,
  apply: (database) => database.exec('ALTER TABLE audit ADD COLUMN digest TEXT'),
};
const LATER = [...MIGRATIONS, NEXT];

describe('the schema', () => {
  it('has its steps numbered without a gap', () => {
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, index) => index + 1));
  });

  it.each(MIGRATIONS)('of version $version is opened with all that is in it', async ({ version }) => {
    const store = await SqliteStore.open(makeStoreOf(version), { clock: systemClock });
    onTestFinished(() => store.close());
    await expectWhole(store, 2, 0);
    await carryOut(store, 3);
    await expectWhole(store, 3, 0);
  });

  it('is brought up to date step by step, each in the same transaction as its number', () => {
    const database = new DatabaseSync(':memory:');
    const broken: Migration = {
      version: 3,
      apply: () => {
        database.exec('CREATE TABLE half (id INTEGER)');
        throw new Error('the step failed');
      },
    };
    expect(() => migrate(database, [...LATER.slice(0, 2), broken])).toThrow('the step failed');
    expect(schemaVersion(database)).toBe(2);
    expect(database.prepare(`SELECT name FROM sqlite_schema WHERE name = 'half'`).all()).toEqual([]);
  });

  it('is brought up to date only once a copy of before is kept, and the version of before can be started on that', async () => {
    const folder = makeStoreOf(MIGRATIONS.length);
    const files = storeFiles(folder);
    const later = openDatabase(files, systemClock, LATER);
    expect(schemaVersion(later)).toBe(LATER.length);
    later.close();
    expect(readGeneration(files.ofSchema(MIGRATIONS.length))).toBe(2);

    const refusal: unknown = await SqliteStore.open(folder, { clock: systemClock }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ name: 'StoreError', reason: 'too-new' });
    const { message } = refusal as Error;
    expect(message).toContain(files.database);
    expect(message).toContain(`its schema is ${LATER.length}, and this version knows those up to ${MIGRATIONS.length}`);
    expect(message).toContain(`cp schema-${MIGRATIONS.length}.db store.db`);
  });

  it('is opened once it is that of this version, and not copied again', async () => {
    const folder = makeStoreOf(MIGRATIONS.length);
    const files = storeFiles(folder);
    for (let times = 0; times < 2; times++) openDatabase(files, systemClock, MIGRATIONS).close();
    expect(readGeneration(files.ofSchema(MIGRATIONS.length))).toBeNull();
  });
});

/** The store that the version of the program with that schema left behind: changes 1 and 2, told in its own words. */
function makeStoreOf(version: number): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'cutover-store-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const database = new DatabaseSync(storeFiles(folder).database);
  database.exec(readFileSync(path.join(import.meta.dirname, `sqlite-schema-${version}.sql`), 'utf8'));
  database.close();
  return folder;
}
