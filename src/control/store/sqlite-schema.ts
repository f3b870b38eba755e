import type { DatabaseSync } from 'node:sqlite';

import { seal } from './sealed-row.ts';

/** Marks a database as a store of this program: "Ctvr". Never to change. */
export const APPLICATION_ID = 0x43747672;

export interface Migration {
  /** The schema that it leads to, from the one before. */
  readonly version: number;
  readonly apply: (database: DatabaseSync) => void;
}

/**
 * The way from nothing to the schema of today, one step at a time; the version of a schema is the number of its steps.
 * A released step never changes, not even in its spaces: tables are compared with it. A new step comes with a sample
 * store of its schema for the test.
 *
 * In every schema each table keeps JSON in `body` and its CRC-32 in `checksum`, the one row of `state` has the
 * generation, and `generations` has their numbers for ids: so any version can look for damage in a store of any before
 * it, and name what a copy holds. All other columns are there to find rows by.
 */
export const MIGRATIONS: readonly Migration[] = [{ version: 1, apply: createTables }];

/** Brings a database to the last of `migrations`; each step is done whole or not at all. */
export function migrate(database: DatabaseSync, migrations: readonly Migration[] = MIGRATIONS): void {
  const current = schemaVersion(database);
  for (const { version, apply } of migrations) {
    if (version <= current) continue;
    database.exec('BEGIN IMMEDIATE');
    try {
      apply(database);
      // Part of the transaction, as it stands on the first page.
      database.exec(`PRAGMA user_version = ${version}; COMMIT`);
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }
}

export function schemaVersion(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
}

/**
 * `id` counts up: it is the order of services (as a `Map` has it), the number of a generation, and the age of what is
 * forgotten oldest first. `disowned` counts commits whose place in the write-ahead log was written over.
 */
function createTables(database: DatabaseSync): void {
  database.exec(`
    PRAGMA application_id = ${APPLICATION_ID};

    CREATE TABLE state (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      disowned INTEGER NOT NULL DEFAULT 0,
      body TEXT NOT NULL,
      checksum INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE services (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      body TEXT NOT NULL,
      checksum INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE receipts (
      id INTEGER PRIMARY KEY,
      receipt TEXT NOT NULL UNIQUE,
      service TEXT NOT NULL,
      body TEXT NOT NULL,
      checksum INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX receipts_by_service ON receipts (service, id);

    CREATE TABLE generations (
      id INTEGER PRIMARY KEY,
      body TEXT NOT NULL,
      checksum INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE audit (
      id INTEGER PRIMARY KEY,
      body TEXT NOT NULL,
      checksum INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE idempotency_keys (
      id INTEGER PRIMARY KEY,
      key TEXT NOT NULL UNIQUE,
      body TEXT NOT NULL,
      checksum INTEGER NOT NULL
    ) STRICT;
  `);
  const { body, checksum } = seal({ generation: 0, deleted: [] });
  database.prepare('INSERT INTO state (id, body, checksum) VALUES (1, ?, ?)').run(body, checksum);
}
