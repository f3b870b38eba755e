/** Conditions as the data plane asks them: each a function of what is known of a request. */
import type { RequestFacts } from '../split/request-facts.ts';

export interface Condition {
  /** Where it stands, as a JSON pointer below the rule's `when`. */
  readonly at: string;
  holds(facts: RequestFacts): boolean;
  /** Why it does not hold; null: it does. For explaining only. */
  failure(facts: RequestFacts): FailedCondition | null;
}

export interface FailedCondition {
  /** JSON pointer below the rule's `when`, such as "/headers/x-group". */
  readonly condition: string;
  /** What it wants, in words. */
  readonly wanted: string;
  /** What the request has there; null: nothing. */
  readonly seen: string | null;
}

/** A condition that asks one thing. */
export function leaf(
  at: string,
  wanted: string,
  holds: (facts: RequestFacts) => boolean,
  seen: (facts: RequestFacts) => string | null,
): Condition {
  const failure = (facts: RequestFacts): FailedCondition | null =>
    holds(facts) ? null : { condition: at, wanted, seen: seen(facts) };
  return { at, holds, failure };
}

export function all(at: string, of: readonly Condition[]): Condition {
  return {
    at,
    holds(facts) {
      for (let i = 0; i < of.length; i++) {
        if (!(of[i] as Condition).holds(facts)) {
          return false;
        }
      }
      return true;
    },
    failure(facts) {
      for (const condition of of) {
        const failed = condition.failure(facts);
        if (failed !== null) {
          return failed;
        }
      }
      return null;
    },
  };
}

export function any(at: string, of: readonly Condition[]): Condition {
  return {
    at,
    holds(facts) {
      for (let i = 0; i < of.length; i++) {
        if ((of[i] as Condition).holds(facts)) {
          return true;
        }
      }
      return false;
    },
    failure(facts) {
      return this.holds(facts) ? null : { condition: at, wanted: 'one that holds', seen: null };
    },
  };
}

export function not(at: string, of: Condition): Condition {
  return {
    at,
    holds: (facts) => !of.holds(facts),
    failure: (facts) => (of.holds(facts) ? { condition: at, wanted: 'what does not hold', seen: null } : null),
  };
}
