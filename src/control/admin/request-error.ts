import type { PlacedProblem } from '../control-error.ts';
import type { ProblemCode } from './problems.ts';

/** A request that the admin API refuses before the control plane hears of it. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: ProblemCode;
  readonly problems: readonly PlacedProblem[];
  /** Fields that the answer needs. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ProblemCode,
    detail: string,
    problems: readonly PlacedProblem[] = [],
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.code = code;
    this.problems = problems;
    this.headers = headers;
  }
}
