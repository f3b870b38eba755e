import type { Actor, Receipt } from '../../schema/api.ts';
import type { ServiceDocument } from '../../schema/service.ts';
import type { UserModule } from '../../snapshot/data-plane.ts';
import type { LookupSpec } from '../../snapshot/lookup-spec.ts';
import type { Problem } from '../../schema/problem.ts';
import type { IdempotencyClaim, ServiceChange } from '../store/store.ts';
import type { ControlState, ServiceRecord } from './control-state.ts';
import type { Preconditions } from './entity-tag.ts';

export const CHANGE_KINDS = [
  'config',
  'lookups',
  'service.put',
  'service.patch',
  'service.delete',
  'pool.put',
  'pool.delete',
  'target.patch',
  'mirror.put',
  'mirror.delete',
  'pause.put',
  'pause.delete',
  'split',
  'cutover',
  'rollback',
  'changeset',
] as const;

export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** Who asks for a change, and under which conditions. */
export interface ChangeContext {
  readonly actor: Actor;
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly requestedAtMs: number;
  readonly preconditions: Preconditions;
  readonly idempotency: IdempotencyClaim | null;
}

/** One change, before its turn. */
export interface Change {
  readonly kind: ChangeKind;
  /** The service that it was asked of; `null`: all of them. */
  readonly service: string | null;
  /**
   * What is to be different, seen from the state that its turn finds. Pure, and all or nothing: throws a `ControlError`
   * where it cannot be done.
   */
  readonly edit: (state: ControlState) => Edits;
  /** Where a problem of a service stands in what was sent; default: the service is what was sent. */
  readonly locate?: (service: string, problem: Problem) => Problem;
  /** Asked for by changes of traffic: one for each service whose traffic moves. */
  readonly receipts?: readonly ReceiptWish[];
  /** Services of which a pool that gets its first traffic by this is to be made warm before. */
  readonly warms?: readonly string[];
  /** What was made warm for it, by service. */
  readonly warmed?: ReadonlyMap<string, WarmUpAccount>;
  /** All the user code that the configuration file names, where this is one: only what is in here can be named. */
  readonly modules?: readonly UserModule[];
  /** All that rules may look things up in from it on; not given: as before. */
  readonly lookups?: readonly LookupSpec[];
  /** Whether it makes a generation even if nothing differs. */
  readonly always?: boolean;
}

/** What of it was made warm before traffic was moved. */
export type WarmUpAccount = NonNullable<Receipt['warmUp']>;

export interface ReceiptWish {
  readonly kind: Receipt['kind'];
  readonly service: string;
  /** `null`: what is left of the drain is never cut. */
  readonly drainTimeout: string | null;
}

export interface Edits {
  /** By name; `null`: the service is to be gone. */
  readonly services: ReadonlyMap<string, ServiceEdit | null>;
  /** The whole of `ControlState.deleted`, where it changes. */
  readonly deleted?: ReadonlySet<string>;
  /** The change in one line. */
  readonly summary: string;
  /** Where run-time changes stand against the configuration file that is applied, as JSON pointers into it. */
  readonly kept?: readonly string[];
  /** Where some were given up, because the file no longer has what they named. */
  readonly dropped?: readonly string[];
}

export type ServiceEdit = Pick<ServiceRecord, 'document' | 'base'>;

/** What a change of traffic did, and where it stands. */
export interface Outcome {
  readonly before: ControlState;
  readonly state: ControlState;
  /** Each service that differs, before and after. */
  readonly changes: readonly ServiceChange[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  /** One for each that the change asked for, in that order. */
  readonly receipts: readonly Receipt[];
  readonly edits: Edits;
}

/** What a change would do, and has not done. */
export interface Rehearsal {
  readonly before: ControlState;
  /** As it would be; its generation is one that does not exist. */
  readonly next: ControlState;
  readonly changes: readonly ServiceChange[];
}

/** Edits of one service's document, which must exist. */
export function editDocument(record: ServiceRecord, document: ServiceDocument, summary: string): Edits {
  return { services: new Map([[record.name, { document, base: record.base }]]), summary };
}
