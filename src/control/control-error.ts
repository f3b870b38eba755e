import type { Problem } from '../schema/problem.ts';

/** Why a change or a reading was refused. The admin API gives each a status and a stable `type` (admin/problems.ts). */
export type ControlErrorCode =
  | 'invalid'
  | 'not-found'
  | 'precondition-failed'
  | 'no-healthy-target'
  | 'warm-up-failed'
  | 'pool-in-use'
  | 'no-earlier-split'
  | 'restart-required'
  | 'idempotency-key-reused'
  | 'idempotency-key-in-progress'
  | 'idempotency-key-unfinished'
  | 'too-many-changes'
  | 'shutting-down'
  | 'store-failed'
  | 'store-full'
  | 'apply-failed'
  | 'no-worker-answers';

/** A wrong field of what was sent, with its place in the text where that is known (configuration files). */
export interface PlacedProblem extends Problem {
  readonly line?: number;
  readonly column?: number;
}

/** An operator's mistake or a state of affairs that stands in the way; never a mistake of ours (see `assert`). */
export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly code: ControlErrorCode;
  /** All wrong fields at once; empty where no single field is at fault. */
  readonly problems: readonly PlacedProblem[];
  /** Whether the audit has it already. */
  isAudited = false;

  constructor(code: ControlErrorCode, detail: string, problems: readonly PlacedProblem[] = [], options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
    this.problems = problems;
  }
}
