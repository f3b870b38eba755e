import { assert } from '../../base/assert.ts';
import type { AuditEntry, Receipt } from '../../schema/api.ts';
import { type ControlState, EMPTY_STATE } from '../state/control-state.ts';
import {
  AUDIT_ENTRIES_MAX,
  type Commit,
  GENERATIONS_MAX,
  type GenerationRecord,
  IDEMPOTENCY_KEYS_MAX,
  type IdempotencyRecord,
  RECEIPTS_MAX,
  type Store,
  type StoredAnswer,
} from './store.ts';

/** Keeps everything until the process ends, and nothing longer. */
export class MemoryStore implements Store {
  #state: ControlState = EMPTY_STATE;
  readonly #receipts = new Map<string, Receipt>();
  readonly #generations = new Map<number, GenerationRecord>();
  readonly #audit: AuditEntry[] = [];
  readonly #keys = new Map<string, IdempotencyRecord>();

  async load(): Promise<ControlState> {
    return this.#state;
  }

  async commit({ generation, services, deleted, receipts, idempotency, audit }: Commit): Promise<void> {
    const { number } = generation;
    assert(number === this.#state.generation + 1, `generation ${number} follows ${this.#state.generation}`);
    const next = new Map(this.#state.services);
    for (const [name, record] of services) {
      if (record === null) next.delete(name);
      else next.set(name, record);
    }
    this.#state = { generation: number, services: next, deleted };
    remember(this.#generations, number, generation, GENERATIONS_MAX);
    for (const receipt of receipts) remember(this.#receipts, receipt.id, receipt, RECEIPTS_MAX);
    if (idempotency !== null) {
      const committedAtMs = Date.parse(generation.at);
      const record = { ...idempotency, generation: number, committedAtMs, answer: null };
      this.#keys.delete(idempotency.key);
      remember(this.#keys, idempotency.key, record, IDEMPOTENCY_KEYS_MAX);
    }
    await this.appendAudit(audit);
  }

  async saveReceipt(receipt: Receipt): Promise<void> {
    if (this.#receipts.has(receipt.id)) this.#receipts.set(receipt.id, receipt);
  }

  async saveAnswer(key: string, answer: StoredAnswer): Promise<void> {
    const record = this.#keys.get(key);
    if (record !== undefined) this.#keys.set(key, { ...record, answer });
  }

  async appendAudit(entry: AuditEntry): Promise<void> {
    this.#audit.push(entry);
    if (this.#audit.length > AUDIT_ENTRIES_MAX) this.#audit.shift();
  }

  async receipt(id: string): Promise<Receipt | null> {
    return this.#receipts.get(id) ?? null;
  }

  async receipts(service: string, limit: number): Promise<readonly Receipt[]> {
    const ofService = [...this.#receipts.values()].filter((receipt) => receipt.service === service);
    return newestFirst(ofService, limit);
  }

  async generation(number: number): Promise<GenerationRecord | null> {
    return this.#generations.get(number) ?? null;
  }

  async generations(limit: number): Promise<readonly GenerationRecord[]> {
    return newestFirst([...this.#generations.values()], limit);
  }

  async audit(limit: number): Promise<readonly AuditEntry[]> {
    return newestFirst(this.#audit, limit);
  }

  async idempotencyKey(key: string): Promise<IdempotencyRecord | null> {
    return this.#keys.get(key) ?? null;
  }

  async close(): Promise<void> {}
}

/** A `Map` keeps the order of insertion: its first key is the oldest. */
function remember<K, V>(map: Map<K, V>, key: K, value: V, sizeMax: number): void {
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= sizeMax) return;
    map.delete(oldest);
  }
}

function newestFirst<T>(oldestFirst: readonly T[], limit: number): T[] {
  return oldestFirst.slice(Math.max(0, oldestFirst.length - limit)).toReversed();
}
