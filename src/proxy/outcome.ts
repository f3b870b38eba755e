/** How a request ended: the bucket of the ledger it is counted in, exactly once. */
import { type FailureCode, failureOf } from './errors.ts';

export type Outcome = 'completed' | 'clientAborted' | 'upstreamFailed' | 'proxyFailed' | 'cut';

/** The ledger bucket of a request that failed with `code`. */
export function outcomeOf(code: FailureCode): Outcome {
  if (code === 'cut') {
    return 'cut';
  }
  const failure = failureOf(code);
  switch (failure.source) {
    case 'upstream':
      return 'upstreamFailed';
    case 'proxy':
      return 'proxyFailed';
    case 'client':
      return failure.status === 499 ? 'clientAborted' : 'completed';
  }
}
