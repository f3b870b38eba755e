import type { Actor, AuditEntry, Receipt } from '../../schema/api.ts';
import type { ServiceDocument } from '../../schema/service.ts';
import type { ControlState, ServiceRecord } from '../state/control-state.ts';

/** Receipts, generations and audit entries kept; beyond that the oldest are forgotten. */
export const RECEIPTS_MAX = 10_000;
export const GENERATIONS_MAX = 1_000;
export const AUDIT_ENTRIES_MAX = 10_000;
/** Idempotency keys remembered, the oldest forgotten first. */
export const IDEMPOTENCY_KEYS_MAX = 10_000;

/**
 * What outlives a request, and with most stores the process. One process writes; `commit` is all or nothing.
 *
 * Every implementation passes test/unit/control/store/conformance.ts.
 */
export interface Store {
  /** Everything that has to be known to serve again. An empty store gives generation 0 and no services. */
  load(): Promise<ControlState>;
  /** One change, whole or not at all: when it resolves, a crash cannot undo it; when it rejects, nothing was kept. */
  commit(commit: Commit): Promise<void>;
  /** Brings a committed receipt up to date; one that was forgotten stays so. */
  saveReceipt(receipt: Receipt): Promise<void>;
  /** What the request with this key was answered; a key that was never committed stays unknown. */
  saveAnswer(key: string, answer: StoredAnswer): Promise<void>;
  /** A call that changed nothing, or was refused. */
  appendAudit(entry: AuditEntry): Promise<void>;

  receipt(id: string): Promise<Receipt | null>;
  /** Newest first. */
  receipts(service: string, limit: number): Promise<readonly Receipt[]>;
  generation(number: number): Promise<GenerationRecord | null>;
  /** Newest first. */
  generations(limit: number): Promise<readonly GenerationRecord[]>;
  /** Newest first. */
  audit(limit: number): Promise<readonly AuditEntry[]>;
  idempotencyKey(key: string): Promise<IdempotencyRecord | null>;

  close(): Promise<void>;
}

export interface Commit {
  /** Its number is one more than that of the commit before. */
  readonly generation: GenerationRecord;
  /** Records that are new or replaced; `null`: the service is gone. */
  readonly services: ReadonlyMap<string, ServiceRecord | null>;
  /** The whole of `ControlState.deleted`. */
  readonly deleted: ReadonlySet<string>;
  readonly receipts: readonly Receipt[];
  readonly idempotency: IdempotencyClaim | null;
  readonly audit: AuditEntry;
}

export interface GenerationRecord {
  readonly number: number;
  /** RFC 3339. */
  readonly at: string;
  readonly actor: Actor;
  readonly kind: string;
  readonly summary: string;
  readonly changes: readonly ServiceChange[];
}

export interface ServiceChange {
  readonly service: string;
  readonly before: ServiceDocument | null;
  readonly after: ServiceDocument | null;
}

/** A request that asked to be carried out once only. */
export interface IdempotencyClaim {
  readonly key: string;
  /** Of method, path and body: another request under the same key is a mistake. */
  readonly fingerprint: string;
}

export interface IdempotencyRecord extends IdempotencyClaim {
  /** The generation that the request made. */
  readonly generation: number;
  readonly committedAtMs: number;
  /** `null`: committed, but the process ended before the answer was kept. */
  readonly answer: StoredAnswer | null;
}

export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
