/** Why each rule of a service matches a request or does not: by the same conditions that the data plane asks. */
import type { RequestFacts } from '../split/request-facts.ts';
import type { FailedCondition } from './condition.ts';
import type { RuleSet } from './rule-set.ts';

export interface RuleOutcome {
  readonly rule: string;
  readonly matches: boolean;
  /** The first condition that did not hold; null where all did. */
  readonly failed: FailedCondition | null;
}

/** Every rule, in order; the first that matches is the one that `firstMatch` gives. */
export function explainRules({ rules }: RuleSet, facts: RequestFacts): RuleOutcome[] {
  return rules.map(({ name, when }) => {
    const failed = when.failure(facts);
    return { rule: name, matches: failed === null, failed };
  });
}
