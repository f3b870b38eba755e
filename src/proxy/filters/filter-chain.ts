/**
 * The filters of one service. A request goes through them in order, until one answers it; its response goes back through
 * them in the order turned round. Services without filters have no chain.
 */
import type { FilterAnswer, RequestFilter, ResponseFilter, UserFunction } from '../../modules/user-code.ts';
import { UserCodeError } from '../../modules/user-code-error.ts';
import type { FilterSpec } from '../../snapshot/types.ts';
import type { OwnAnswer } from '../http1/own-answer.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { ResponseEdits } from '../http1/response-writer.ts';
import { checkedAnswer } from './checked-answer.ts';
import type { FilteredRequest } from './filtered-request.ts';
import { FilteredResponse } from './filtered-response.ts';
import { disregard, isThenable } from './thenable.ts';

interface Bound<F> {
  readonly reference: string;
  readonly call: F;
}

export class FilterChain {
  readonly #requests: readonly Bound<RequestFilter>[];
  readonly #responses: readonly Bound<ResponseFilter>[];

  /** `find` gives the function of a reference. */
  constructor(filters: readonly FilterSpec[], find: (reference: string) => UserFunction) {
    const bind = <F>(references: readonly (string | null)[]): Bound<F>[] =>
      references
        .filter((reference) => reference !== null)
        .map((reference) => ({ reference, call: find(reference) as F }));
    this.#requests = bind(filters.map(({ onRequest }) => onRequest));
    this.#responses = bind(filters.map(({ onResponse }) => onResponse).toReversed());
  }

  /** Whether anything is to be done when the response comes. */
  get seesResponses(): boolean {
    return this.#responses.length > 0;
  }

  /** The answer that a filter gives itself, or null. Throws a `UserCodeError`. */
  request(request: FilteredRequest): OwnAnswer | null {
    for (const { reference, call } of this.#requests) {
      const answer = guarded(reference, () => {
        const returned = call(request) as FilterAnswer | undefined;
        return returned === undefined ? null : checkedAnswer(returned);
      });
      if (answer !== null) return answer;
    }
    return null;
  }

  /** What goes to the client otherwise than it came. Throws a `UserCodeError`. */
  response(head: ResponseHead, request: FilteredRequest): ResponseEdits {
    const response = new FilteredResponse(head);
    for (const { reference, call } of this.#responses) {
      guarded(reference, () => {
        const returned: unknown = call(response, request);
        if (returned !== undefined) refuseReturned(returned);
      });
    }
    return response.seal();
  }
}

function guarded<T>(reference: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new UserCodeError(reference, error);
  }
}

function refuseReturned(returned: unknown): never {
  if (isThenable(returned)) disregard(returned);
  throw new TypeError(
    isThenable(returned) ? 'it returned a promise, and nobody waits for one' : 'it must return nothing',
  );
}
