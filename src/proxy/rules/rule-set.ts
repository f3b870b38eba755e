/** The rules of one service, ready to be asked: in order, the first whose conditions all hold. */
import { lookupKey } from '../../snapshot/lookup-spec.ts';
import type { ConditionSpec, RuleSpec } from '../../snapshot/rule-spec.ts';
import type { RequestFacts } from '../split/request-facts.ts';
import { compileCondition } from './compile-condition.ts';
import type { Condition } from './condition.ts';
import { guardOf } from './guard.ts';
import type { Lookups } from './lookups.ts';
import { RuleAction } from './rule-action.ts';
import { RuleIndex, type RuleList } from './rule-index.ts';

export interface CompiledRule {
  readonly name: string;
  readonly when: Condition;
  readonly action: RuleAction;
}

/** Fewer rules than this are asked one by one: that costs less than to look up which. */
const INDEXED_RULES_MIN = 5;

export class RuleSet {
  readonly rules: readonly CompiledRule[];
  /** Keys of what the conditions look things up in. */
  readonly lookups: ReadonlySet<string>;
  readonly #index: RuleIndex | null;
  // Used again for each request: rules are asked in one synchronous stretch.
  readonly #lists: RuleList[] = [];
  readonly #positions: number[] = [];

  constructor(specs: readonly RuleSpec[], lookups: Lookups) {
    this.rules = specs.map((spec) => ({
      name: spec.name,
      when: compileCondition(spec.when, lookups),
      action: new RuleAction(spec),
    }));
    this.lookups = new Set(specs.flatMap(({ when }) => lookupsOf(when)));
    this.#index = specs.length < INDEXED_RULES_MIN ? null : new RuleIndex(specs.map(({ when }) => guardOf(when)));
  }

  /** The first rule that matches, or null. */
  firstMatch(facts: RequestFacts): CompiledRule | null {
    if (this.#index !== null) {
      return this.#firstOf(this.#index.collect(facts, this.#lists), facts);
    }
    for (let i = 0; i < this.rules.length; i++) {
      const rule = this.rules[i] as CompiledRule;
      if (rule.when.holds(facts)) {
        return rule;
      }
    }
    return null;
  }

  /** Walks the first `count` lists side by side, so that rules are asked in their order. */
  #firstOf(count: number, facts: RequestFacts): CompiledRule | null {
    const positions = this.#positions;
    for (let i = 0; i < count; i++) {
      positions[i] = 0;
    }
    for (;;) {
      const next = this.#nextNumber(count);
      if (next === NONE) {
        return null;
      }
      const rule = this.rules[next] as CompiledRule;
      if (rule.when.holds(facts)) {
        return rule;
      }
    }
  }

  /** The lowest number that no list has passed yet; every list that begins with it moves on. */
  #nextNumber(count: number): number {
    let next = NONE;
    for (let i = 0; i < count; i++) {
      const number = (this.#lists[i] as RuleList)[this.#positions[i] as number];
      if (number !== undefined && number < next) {
        next = number;
      }
    }
    for (let i = 0; i < count; i++) {
      if ((this.#lists[i] as RuleList)[this.#positions[i] as number] === next) {
        this.#positions[i] = (this.#positions[i] as number) + 1;
      }
    }
    return next;
  }
}

/** Above every number of a rule. */
const NONE = 0x3fff_ffff;

/** Keys of what a condition looks things up in. */
export function lookupsOf(spec: ConditionSpec): string[] {
  switch (spec.kind) {
    case 'all':
    case 'any':
      return spec.of.flatMap(lookupsOf);
    case 'not':
      return lookupsOf(spec.of);
    case 'client-ip':
      return spec.sets.map((name) => lookupKey('address-set', name));
    case 'region':
      return [lookupKey('region-map', spec.map)];
    case 'user-group':
      return spec.source.kind === 'jwt' ? [lookupKey('jwt-key', spec.source.key)] : [];
    default:
      return [];
  }
}
