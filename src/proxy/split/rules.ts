/** Rules choose a pool before the split does: in order, the first whose conditions all hold. */
import { CidrSet } from '../../base/cidr.ts';
import type { RuleSpec } from '../../snapshot/types.ts';
import type { RequestFacts } from './request-facts.ts';

export interface CompiledRule {
  readonly name: string;
  readonly pool: string;
  readonly headers: RuleSpec['when']['headers'];
  readonly clientIp: CidrSet | null;
}

export function compileRules(rules: readonly RuleSpec[]): CompiledRule[] {
  return rules.map(({ name, pool, when }) => ({
    name,
    pool,
    headers: when.headers,
    clientIp: when.clientIp.length === 0 ? null : new CidrSet(when.clientIp),
  }));
}

/** The first rule that matches, or null. */
export function firstMatch(rules: readonly CompiledRule[], facts: RequestFacts): CompiledRule | null {
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i] as CompiledRule;
    if (matches(rule, facts)) {
      return rule;
    }
  }
  return null;
}

function matches(rule: CompiledRule, facts: RequestFacts): boolean {
  for (let i = 0; i < rule.headers.length; i++) {
    const [name, value] = rule.headers[i] as readonly [string, string];
    if (facts.field(name) !== value) {
      return false;
    }
  }
  return rule.clientIp === null || rule.clientIp.has(facts.clientAddress);
}
