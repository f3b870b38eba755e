/** From conditions as data to conditions that can be asked. */
import { CidrSet } from '../../base/cidr.ts';
import type { ConditionSpec, GroupSource } from '../../snapshot/rule-spec.ts';
import { cookieOf, queryValueOf, type RequestFacts } from '../split/request-facts.ts';
import { all, any, type Condition, leaf, not } from './condition.ts';
import { deviceOf } from './device.ts';
import { claimTexts } from './jwt-verifier.ts';
import type { Lookups, RegionMap } from './lookups.ts';
import { textTest, wordsFor } from './text-test.ts';
import { TimeWindow } from './time-window.ts';

type Spec<K extends ConditionSpec['kind']> = Extract<ConditionSpec, { kind: K }>;

export function compileCondition(spec: ConditionSpec, lookups: Lookups): Condition {
  switch (spec.kind) {
    case 'all':
    case 'any': {
      const of = spec.of.map((one) => compileCondition(one, lookups));
      return spec.kind === 'all' ? all(spec.at, of) : any(spec.at, of);
    }
    case 'not':
      return not(spec.at, compileCondition(spec.of, lookups));
    case 'method':
      return methodCondition(spec);
    case 'path':
      return textCondition(spec, (facts) => facts.path);
    case 'header':
      return textCondition(spec, (facts) => facts.field(spec.name));
    case 'cookie':
      return textCondition(spec, (facts) => cookieOf(facts.field('cookie'), spec.name));
    case 'query':
      return textCondition(spec, (facts) => queryValueOf(facts.query, spec.name));
    case 'client-ip':
      return clientIpCondition(spec, lookups);
    case 'region':
      return regionCondition(spec, lookups.regionMaps.get(spec.map) ?? null);
    case 'device':
      return leaf(spec.at, spec.device, (facts) => deviceOf(facts) === spec.device, deviceOf);
    case 'user-group':
      return userGroupCondition(spec, lookups);
    case 'time':
      return timeCondition(spec);
    case 'function':
      return leaf(spec.at, `that ${spec.reference} says so`, lookups.userCondition(spec.reference), () => null);
  }
}

function methodCondition({ at, methods }: Spec<'method'>): Condition {
  const wanted = methods.join(', ');
  const set = new Set(methods);
  return leaf(
    at,
    wanted,
    (facts) => set.has(facts.method),
    (facts) => facts.method,
  );
}

function textCondition(
  { at, match }: Spec<'path' | 'header' | 'cookie' | 'query'>,
  textOf: (facts: RequestFacts) => string | null,
): Condition {
  const test = textTest(match);
  return leaf(at, wordsFor(match), (facts) => test(textOf(facts)), textOf);
}

function clientIpCondition({ at, blocks, sets }: Spec<'client-ip'>, { addressSets }: Lookups): Condition {
  const own = blocks.length === 0 ? null : new CidrSet(blocks);
  const named = sets.flatMap((name) => addressSets.get(name) ?? []);
  return leaf(
    at,
    `in ${[...blocks, ...sets].join(', ')}`,
    (facts) => {
      const address = facts.clientAddress;
      if (own !== null && own.has(address)) {
        return true;
      }
      for (let i = 0; i < named.length; i++) {
        if ((named[i] as (typeof named)[number]).find(address) >= 0) {
          return true;
        }
      }
      return false;
    },
    (facts) => facts.clientAddress,
  );
}

function regionCondition({ at, map, labels }: Spec<'region'>, found: RegionMap | null): Condition {
  const wanted = new Set<string | null>(labels);
  const seen = (facts: RequestFacts): string | null => (found === null ? null : regionOf(found, facts));
  return leaf(at, `${map}: ${labels.join(', ')}`, (facts) => wanted.has(seen(facts)), seen);
}

/** What a trusted proxy says counts before the ranges; null: no label. */
export function regionOf(map: RegionMap, facts: RequestFacts): string | null {
  const told = map.header !== '' && facts.isFromTrustedProxy ? facts.field(map.header) : null;
  return told ?? map.labels[map.table.find(facts.clientAddress)] ?? null;
}

function timeCondition({ at, window }: Spec<'time'>): Condition {
  const times = new TimeWindow(window);
  return leaf(
    at,
    `a time of the window, in ${window.zone}`,
    (facts) => times.has(facts.nowMs),
    (facts) => new Date(facts.nowMs).toISOString(),
  );
}

function userGroupCondition({ at, source, groups }: Spec<'user-group'>, lookups: Lookups): Condition {
  const wanted = new Set(groups);
  const groupsOf = groupReader(source, lookups);
  const where = source.kind === 'jwt' ? `${source.claim} of a token of ${source.key}` : `${source.kind} ${source.name}`;
  return leaf(
    at,
    `one of ${groups.join(', ')}, by ${where}`,
    (facts) => {
      const found = groupsOf(facts);
      return typeof found !== 'string' && found.some((group) => wanted.has(group));
    },
    (facts) => {
      const found = groupsOf(facts);
      return typeof found === 'string' ? found : found.length === 0 ? null : found.join(', ');
    },
  );
}

/** The groups that a request names, or why those of its token are not believed. */
type GroupReader = (facts: RequestFacts) => readonly string[] | string;

const NO_GROUPS: readonly string[] = [];

function groupReader(source: GroupSource, { jwtKeys }: Lookups): GroupReader {
  switch (source.kind) {
    case 'header':
      return (facts) => {
        const value = facts.field(source.name);
        return value === null ? NO_GROUPS : value.split(',').map((group) => group.trim());
      };
    case 'cookie':
      return (facts) => {
        const value = cookieOf(facts.field('cookie'), source.name);
        return value === null ? NO_GROUPS : [value];
      };
    case 'jwt': {
      const verifier = jwtKeys.get(source.key);
      return (facts) => {
        const token = tokenOf(source.cookie, facts);
        if (verifier === undefined || token === null) {
          return NO_GROUPS;
        }
        const verdict = verifier.verify(token, facts.nowMs);
        return 'refusal' in verdict ? verdict.refusal : claimTexts(verdict.claims, source.claim);
      };
    }
  }
}

function tokenOf(cookie: string, facts: RequestFacts): string | null {
  if (cookie !== '') {
    return cookieOf(facts.field('cookie'), cookie);
  }
  const authorization = facts.field('authorization');
  // RFC 9110 section 11.1: the name of a scheme is compared without regard to case.
  return authorization !== null && /^bearer /i.test(authorization) ? authorization.slice(7).trim() : null;
}
