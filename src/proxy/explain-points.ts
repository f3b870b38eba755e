/** What is told of a request at each point of its way, in words. The way itself is in explain.ts. */
import type { Explanation } from '../snapshot/explain.ts';
import { type AffinityKey, SLOT_COUNT } from '../snapshot/types.ts';
import type { Decision } from './decide.ts';
import type { BoundMirror, MirrorBar } from './decide-mirror.ts';
import type { Pool } from './pool.ts';
import type { BoundService } from './routing.ts';
import type { FailedCondition } from './rules/condition.ts';
import { explainRules, type RuleOutcome } from './rules/explain-rules.ts';
import type { CompiledRule } from './rules/rule-set.ts';
import type { RequestFacts } from './split/request-facts.ts';
import { type Session, sessionResult, type SessionResult } from './split/sticky.ts';
import type { Target } from './upstream/target.ts';

export function rulesOf({ rules }: BoundService, facts: RequestFacts): Explanation['rules'] {
  if (rules === null) return [];
  const outcomes = explainRules(rules, facts);
  const last = outcomes.at(-1);
  return rules.rules.map((rule, i) => {
    const { name } = rule;
    const outcome = outcomes[i];
    if (outcome === undefined) {
      return { rule: name, outcome: 'not-asked', why: `"${last?.rule ?? ''}" matches before it` };
    }
    if (outcome.matches) return { rule: name, outcome: 'matches', why: `all its conditions hold${consequence(rule)}` };
    return { rule: name, ...failureOfRule(outcome) };
  });
}

function failureOfRule({ failed, thrown }: RuleOutcome): Pick<Explanation['rules'][number], 'outcome' | 'why'> {
  if (failed === null) return { outcome: 'throws', why: thrown instanceof Error ? thrown.message : String(thrown) };
  return { outcome: 'fails', why: wordsFor(failed) };
}

function wordsFor({ condition, wanted, seen }: FailedCondition): string {
  return seen === null
    ? `${condition} does not hold: wanted is ${wanted}`
    : `${condition} wants ${wanted}; the request has ${JSON.stringify(seen)}`;
}

/** What the rule does with what it matches; its pool and its answer are told of elsewhere. */
function consequence({ action }: CompiledRule): string {
  return action.rewrite === null ? '' : ', and it changes what the target is asked for';
}

const SESSION_WORDS: Readonly<Record<SessionResult, string>> = {
  bound: 'the cookie is bound to a target of the pool, which may serve it',
  created: 'the request has no such cookie, and is given one',
  moved: 'the cookie is bound to a target of another pool than the one that is chosen, and is given anew',
  unavailable:
    'the target that the cookie is bound to is down, out of balancing or in maint, and the cookie is given anew',
  unknown: 'nobody was given such a cookie, or its target is gone; it is given anew',
};

export function sessionOf(
  { spec, sessions }: BoundService,
  cookie: string | null,
  session: Session | null,
  pool: Pool,
): Explanation['session'] {
  if (spec.sticky === null || sessions === null) return null;
  return {
    cookie: spec.sticky.cookie.name,
    target: session === null ? null : `${session.pool.name} ${session.target.id}`,
    why: SESSION_WORDS[sessionResult(cookie, session, pool)],
  };
}

export function userOf({ user }: Decision): Explanation['user'] {
  if (user === null) return null;
  const key = keyName(user.key);
  const { isNew } = user;
  return { key, isNew, why: isNew ? `the request has no ${key}, and is given one` : `the request has ${key}` };
}

function keyName(key: AffinityKey): string {
  return key.kind === 'client-ip' ? key.kind : `${key.kind}:${key.name}`;
}

export function splitOf({ spec }: BoundService, { slot, user }: Decision): Explanation['split'] {
  if (slot === -1) return null;
  const shares: Record<string, number> = {};
  for (const { pool, from, to } of spec.slots) shares[pool] = (shares[pool] ?? 0) + (100 * (to - from)) / SLOT_COUNT;
  if (user === null || user.isNew) {
    const { keys } = spec.affinity;
    const unknown =
      keys.length === 0
        ? 'the service has no affinity'
        : `nothing tells who the user is: the request has none of ${keys.map(keyName).join(', ')}`;
    const why = user === null ? unknown : 'the user is new, and is given an id by chance';
    return { slot: null, isDrawn: true, shares, why: `${why}; the slot is drawn` };
  }
  const why = `${keyName(user.key)} and the salt of the affinity make slot ${slot} of ${SLOT_COUNT}, on every worker`;
  return { slot, isDrawn: false, shares, why };
}

export function poolOf({ spec }: BoundService, pool: Pool, decision: Decision): NonNullable<Explanation['pool']> {
  const { name } = pool;
  const version = spec.pools.find((one) => one.name === name)?.version ?? '';
  const { rule } = decision;
  if (rule !== null && rule.action.pool === name && !decision.bySession && decision.slot === -1) {
    return { name, version, by: 'rule', why: `the rule "${rule.name}" sends it there` };
  }
  if (decision.bySession) return { name, version, by: 'session', why: 'its session is there' };
  if (decision.slot === -1) return { name, version, by: 'only', why: 'it has all of the traffic' };
  return { name, version, by: 'split', why: `it owns the slot ${decision.slot}` };
}

export function answerOf({ rule }: Decision, facts: RequestFacts): Explanation['answer'] {
  const answer = rule?.action.answer ?? null;
  if (rule === null || answer === null) return null;
  const { status, fields } = answer.for(facts);
  const location = /^Location: ([^\r]*)/m.exec(fields)?.[1] ?? null;
  return { status, location, why: `the rule "${rule.name}" answers it, and no target is asked` };
}

// --- the target ------------------------------------------------------------------------------------------------------

/** `score`: what the algorithm goes by, or null; undefined: the target is none that it chooses among. */
export function candidateOf(target: Target, score: number | null | undefined): Explanation['targets'][number] {
  const { id, state, up, weight, zone, isBackup, inFlight } = target;
  const isEligible = score !== undefined;
  const why = isEligible ? whyEligible(target) : whyNot(target);
  return { target: id, state, up, weight, zone, isBackup, inFlight, isEligible, score: score ?? null, why };
}

function whyEligible({ isWell, isLastResort }: Target): string {
  return isWell || !isLastResort ? 'it may be chosen' : 'it may be chosen: so few are well that all are used';
}

function whyNot(target: Target): string {
  const { state, up, weight, isBackup, isEjected, isTripped } = target;
  if (!up) return 'it is down';
  if (isTripped) return 'its circuit breaker is open on this worker';
  if (isEjected) return 'it is out of balancing for a while: too many requests have failed on it';
  if (state === 'drain') return 'it drains: it serves those alone who are bound to it';
  if (state === 'maint') return 'it is in maint';
  if (weight === 0) return 'its weight is 0';
  return isBackup ? 'it is a backup, and others may serve' : 'targets of another zone come before it';
}

export function choiceOf(
  service: BoundService,
  { id }: Target,
  { isBound, hasMoved }: { readonly isBound: boolean; readonly hasMoved: boolean },
  meaning: string,
): Explanation['choice'] {
  const { name, function: reference } = service.spec.algorithm;
  const algorithm = reference ?? name;
  if (isBound) return { target: id, by: 'session', algorithm, meaning: '', why: 'its session is bound to it' };
  if (hasMoved) {
    return { target: id, by: 'room', algorithm, meaning, why: 'the one that is chosen has as many requests as it may' };
  }
  const why =
    reference === null
      ? `${algorithm} chooses it next`
      : `${algorithm}, made anew for this question, chooses it: one that remembers may choose another`;
  return { target: id, by: 'algorithm', algorithm, meaning, why };
}

const MIRROR_WORDS: Readonly<Record<Exclude<MirrorBar, 'condition'>, string>> = {
  'same-pool': 'the request itself goes to that pool',
  upgrade: 'a connection that is upgraded cannot be copied',
  'unsafe-method': 'the method may change something, and the mirror does not say `unsafeMethods: true`',
};

/** `bar`: why no request like this one is copied; null: only the draw decides. An error is one of user code. `slot` as of `mirrorSlot`. */
export function mirrorOf(
  { spec: { pool, share }, when }: BoundMirror,
  facts: RequestFacts,
  bar: MirrorBar | Error | null,
  slot: number,
): NonNullable<Explanation['mirror']> {
  const percent = (100 * share) / SLOT_COUNT;
  const told = { pool, percent };
  if (bar instanceof Error) {
    return { ...told, outcome: 'not-copied', why: `a function of \`when\` fails: ${bar.message}` };
  }
  if (bar === 'condition') {
    const failed = when?.failure(facts) ?? null;
    return { ...told, outcome: 'not-copied', why: failed === null ? '`when` does not hold' : wordsFor(failed) };
  }
  if (bar !== null) return { ...told, outcome: 'not-copied', why: MIRROR_WORDS[bar] };
  if (share >= SLOT_COUNT) return { ...told, outcome: 'copied', why: 'every request that can be copied is' };
  if (slot < 0) return { ...told, outcome: 'drawn', why: `${percent} % of the requests are drawn` };
  const why = `the user's slot for copies is ${slot}, and those below ${share} of ${SLOT_COUNT} are copied`;
  return { ...told, outcome: slot < share ? 'copied' : 'not-copied', why };
}
