import type { DatabaseSync, StatementSync } from 'node:sqlite';

import type { AuditEntry, Receipt } from '../../schema/api.ts';
import type { ControlState, ServiceRecord } from '../state/control-state.ts';
import { seal, type SealedRow, unseal } from './sealed-row.ts';
import {
  AUDIT_ENTRIES_MAX,
  GENERATIONS_MAX,
  type GenerationRecord,
  IDEMPOTENCY_KEYS_MAX,
  type IdempotencyRecord,
  RECEIPTS_MAX,
} from './store.ts';

/**
 * The tables of the schema as the store speaks of them. Every method is one or two statements; the caller makes
 * transactions of them.
 */
export class SqliteTables {
  readonly #statements: Statements;

  constructor(database: DatabaseSync) {
    this.#statements = prepareAll(database);
  }

  state(): ControlState {
    const { readServices } = this.#statements;
    const { generation, deleted } = this.#core();
    const records = (readServices.all() as unknown as SealedRow[]).map((row) => unseal<ServiceRecord>(row));
    return {
      generation,
      services: new Map(records.map((record) => [record.name, record])),
      deleted: new Set(deleted),
    };
  }

  get generation(): number {
    return this.#core().generation;
  }

  putState(generation: number, deleted: ReadonlySet<string>): void {
    const { body, checksum } = seal({ generation, deleted: [...deleted] } satisfies StateRow);
    this.#statements.putState.run(body, checksum);
  }

  /** A change that changes nothing. (Where a row stays the same, SQLite writes nothing.) */
  countDisowned(): void {
    this.#statements.countDisowned.run();
  }

  putService(name: string, record: ServiceRecord): void {
    const { body, checksum } = seal(record);
    this.#statements.putService.run(name, body, checksum);
  }

  removeService(name: string): void {
    this.#statements.removeService.run(name);
  }

  addReceipt(receipt: Receipt): void {
    const { addReceipt, forgetReceipts } = this.#statements;
    const { body, checksum } = seal(receipt);
    const { lastInsertRowid } = addReceipt.run(receipt.id, receipt.service, body, checksum);
    forgetReceipts.run(Number(lastInsertRowid) - RECEIPTS_MAX);
  }

  replaceReceipt(receipt: Receipt): void {
    const { body, checksum } = seal(receipt);
    this.#statements.replaceReceipt.run(body, checksum, receipt.id);
  }

  receipt(id: string): Receipt | null {
    return one<Receipt>(this.#statements.readReceipt, id);
  }

  receipts(service: string, limit: number): Receipt[] {
    return all<Receipt>(this.#statements.readReceipts, service, limit);
  }

  addGeneration(generation: GenerationRecord): void {
    const { addGeneration, forgetGenerations } = this.#statements;
    const { body, checksum } = seal(generation);
    addGeneration.run(generation.number, body, checksum);
    forgetGenerations.run(generation.number - GENERATIONS_MAX);
  }

  generationRecord(number: number): GenerationRecord | null {
    return one<GenerationRecord>(this.#statements.readGeneration, number);
  }

  generationRecords(limit: number): GenerationRecord[] {
    return all<GenerationRecord>(this.#statements.readGenerations, limit);
  }

  addAuditEntry(entry: AuditEntry): void {
    const { addAuditEntry, forgetAuditEntries } = this.#statements;
    const { body, checksum } = seal(entry);
    const { lastInsertRowid } = addAuditEntry.run(body, checksum);
    forgetAuditEntries.run(Number(lastInsertRowid) - AUDIT_ENTRIES_MAX);
  }

  auditEntries(limit: number): AuditEntry[] {
    return all<AuditEntry>(this.#statements.readAuditEntries, limit);
  }

  /** In the place of an older one of the same key, if any, and younger than all others. */
  addKey(record: IdempotencyRecord): void {
    const { addKey, forgetKeys, removeKey } = this.#statements;
    const { body, checksum } = seal(record);
    removeKey.run(record.key);
    const { lastInsertRowid } = addKey.run(record.key, body, checksum);
    forgetKeys.run(Number(lastInsertRowid) - IDEMPOTENCY_KEYS_MAX);
  }

  replaceKey(record: IdempotencyRecord): void {
    const { body, checksum } = seal(record);
    this.#statements.replaceKey.run(body, checksum, record.key);
  }

  key(key: string): IdempotencyRecord | null {
    return one<IdempotencyRecord>(this.#statements.readKey, key);
  }

  #core(): StateRow {
    return unseal<StateRow>(this.#statements.readState.get() as unknown as SealedRow);
  }
}

interface StateRow {
  readonly generation: number;
  readonly deleted: readonly string[];
}

type Statements = ReturnType<typeof prepareAll>;

/**
 * What is forgotten is found by its age: `id` counts up by one, so that everything up to the newest less the limit is
 * too much. A gap, where an idempotency key was used again after its time, makes that one less than the limit.
 */
function prepareAll(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    readState: sql('SELECT body, checksum FROM state'),
    putState: sql('UPDATE state SET body = ?, checksum = ?'),
    countDisowned: sql('UPDATE state SET disowned = disowned + 1'),

    readServices: sql('SELECT body, checksum FROM services ORDER BY id'),
    putService: sql(
      'INSERT INTO services (name, body, checksum) VALUES (?, ?, ?) ' +
        'ON CONFLICT (name) DO UPDATE SET body = excluded.body, checksum = excluded.checksum',
    ),
    removeService: sql('DELETE FROM services WHERE name = ?'),

    readReceipt: sql('SELECT body, checksum FROM receipts WHERE receipt = ?'),
    readReceipts: sql('SELECT body, checksum FROM receipts WHERE service = ? ORDER BY id DESC LIMIT ?'),
    addReceipt: sql('INSERT INTO receipts (receipt, service, body, checksum) VALUES (?, ?, ?, ?)'),
    replaceReceipt: sql('UPDATE receipts SET body = ?, checksum = ? WHERE receipt = ?'),
    forgetReceipts: sql('DELETE FROM receipts WHERE id <= ?'),

    readGeneration: sql('SELECT body, checksum FROM generations WHERE id = ?'),
    readGenerations: sql('SELECT body, checksum FROM generations ORDER BY id DESC LIMIT ?'),
    addGeneration: sql('INSERT INTO generations (id, body, checksum) VALUES (?, ?, ?)'),
    forgetGenerations: sql('DELETE FROM generations WHERE id <= ?'),

    readAuditEntries: sql('SELECT body, checksum FROM audit ORDER BY id DESC LIMIT ?'),
    addAuditEntry: sql('INSERT INTO audit (body, checksum) VALUES (?, ?)'),
    forgetAuditEntries: sql('DELETE FROM audit WHERE id <= ?'),

    readKey: sql('SELECT body, checksum FROM idempotency_keys WHERE key = ?'),
    addKey: sql('INSERT INTO idempotency_keys (key, body, checksum) VALUES (?, ?, ?)'),
    replaceKey: sql('UPDATE idempotency_keys SET body = ?, checksum = ? WHERE key = ?'),
    removeKey: sql('DELETE FROM idempotency_keys WHERE key = ?'),
    forgetKeys: sql('DELETE FROM idempotency_keys WHERE id <= ?'),
  };
}

function one<T>(statement: StatementSync, key: string | number): T | null {
  const row = statement.get(key);
  return row === undefined ? null : unseal<T>(row as unknown as SealedRow);
}

function all<T>(statement: StatementSync, ...values: (string | number)[]): T[] {
  return (statement.all(...values) as unknown as SealedRow[]).map((row) => unseal<T>(row));
}
