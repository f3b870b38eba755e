import type { ServiceDocument, Split } from '../../schema/service.ts';
import type { ServiceSpec } from '../../snapshot/types.ts';

/** Splits that a service remembers of those it had before; more are forgotten, oldest first. */
export const EARLIER_SPLITS_MAX = 16;

/** Everything that the operator set, and what was compiled from it. Immutable: a change makes the next one. */
export interface ControlState {
  /** Counts up by one with each change; 0: nothing was ever served. */
  readonly generation: number;
  readonly services: ReadonlyMap<string, ServiceRecord>;
  /** Services of the file that were deleted at run time: they stay away for as long as the file names them. */
  readonly deleted: ReadonlySet<string>;
}

export interface ServiceRecord {
  readonly name: string;
  /** What is in force, as its operator wrote it, defaults left out. */
  readonly document: ServiceDocument;
  /** What the configuration file says; `null`: the service was made by the API. */
  readonly base: ServiceDocument | null;
  /** The splits before the one in force, the latest last; what a rollback goes back to. */
  readonly earlierSplits: readonly Split[];
  /** What is served. Kept so that a restart moves no user to another slot. */
  readonly spec: ServiceSpec;
  /** Made once, so that sticky sessions outlive restarts; used where the document names no secret. */
  readonly stickySecret: string;
}

export const EMPTY_STATE: ControlState = { generation: 0, services: new Map(), deleted: new Set() };
