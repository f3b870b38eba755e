/** Why each rule of a service matches a request or does not: by the same conditions that the data plane asks. */
import type { RequestFacts } from '../split/request-facts.ts';
import type { FailedCondition } from './condition.ts';
import type { RuleSet } from './rule-set.ts';

export interface RuleOutcome {
  readonly rule: string;
  readonly matches: boolean;
  /** The first condition that did not hold; null where all did, or one threw. */
  readonly failed: FailedCondition | null;
  /** What a condition threw that is a function of the operator; null: nothing. */
  readonly thrown: unknown;
}

/** Rules in order, up to the one that `firstMatch` gives: none after it is asked. All of them where none matches. */
export function explainRules({ rules }: RuleSet, facts: RequestFacts): RuleOutcome[] {
  const outcomes: RuleOutcome[] = [];
  for (const { name, when } of rules) {
    const outcome = outcomeOf(() => when.failure(facts));
    outcomes.push({ rule: name, ...outcome });
    if (outcome.matches) break;
  }
  return outcomes;
}

function outcomeOf(failureOf: () => FailedCondition | null): Omit<RuleOutcome, 'rule'> {
  try {
    const failed = failureOf();
    return { matches: failed === null, failed, thrown: null };
  } catch (thrown) {
    return { matches: false, failed: null, thrown };
  }
}
