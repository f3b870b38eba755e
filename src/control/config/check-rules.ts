/** Everything that a schema cannot see of rules: names that must exist, what fits together, and conditions inside of conditions. */
import { closestName } from '../../base/closest-name.ts';
import { problemFinder } from '../../schema/find-problems.ts';
import {
  CONDITION_DEPTH_MAX,
  type ConditionDocument,
  ConditionSchema,
  CONDITIONS_MAX,
} from '../../schema/condition.ts';
import { type Problem, pointerOf, problemsUnder } from '../../schema/problem.ts';
import type { RuleDocument } from '../../schema/rule.ts';
import type { ServiceDocument } from '../../schema/service.ts';
import { isAddressSetName, pathPrefixOf } from '../../snapshot/compile-rules.ts';
import { checkPoolName } from './check-pool-name.ts';
import { NO_LOOKUP_NAMES, type LookupNames } from './lookup-names.ts';

/** Paths count from the service. */
export function checkRules(
  service: Pick<ServiceDocument, 'pools' | 'rules'>,
  names: LookupNames = NO_LOOKUP_NAMES,
): Problem[] {
  const firstByName = new Map<string, number>();
  return (service.rules ?? []).flatMap((rule, index) => {
    const path = pointerOf('rules', index);
    const problems = [
      ...(rule.pool === undefined ? [] : checkPoolName(`${path}/pool`, rule.pool, service)),
      ...problemsUnder(`${path}/when`, checkWhen(rule.when as ConditionDocument, names)),
      ...problemsUnder(path, checkActions(rule)),
    ];
    const first = firstByName.get(rule.name);
    if (first === undefined) firstByName.set(rule.name, index);
    else problems.push({ path: `${path}/name`, message: `is the name of rule ${first} already; names must be unique` });
    return problems;
  });
}

/** Only the names of what conditions look things up in. Paths count from the service. */
export function checkLookupNames(
  { rules = [], mirror }: Pick<ServiceDocument, 'rules' | 'mirror'>,
  names: LookupNames,
): Problem[] {
  const ofMirror = mirror?.when === undefined ? [] : checkNames(mirror.when as ConditionDocument, names);
  return [
    ...rules.flatMap((rule, index) =>
      problemsUnder(pointerOf('rules', index, 'when'), checkNames(rule.when as ConditionDocument, names)),
    ),
    ...problemsUnder('/mirror/when', ofMirror),
  ];
}

const formProblems = problemFinder(ConditionSchema);

/** The outermost has passed the schema; what it holds has not. Paths count from it. */
export function checkWhen(when: ConditionDocument, names: LookupNames = NO_LOOKUP_NAMES): Problem[] {
  const inner = innerConditions(when);
  const form = inner.conditions.flatMap(({ at, condition }) =>
    at === '' ? [] : problemsUnder(at, formProblems(condition)),
  );
  if (form.length > 0 || inner.problem !== null) return inner.problem === null ? form : [...form, inner.problem];
  return [
    ...inner.conditions.flatMap(({ at, condition }) => problemsUnder(at, checkCondition(condition))),
    ...checkNames(when, names),
  ];
}

interface Inner {
  readonly conditions: readonly { readonly at: string; readonly condition: ConditionDocument }[];
  readonly problem: Problem | null;
}

/** A condition and all that it holds, each where it stands; what is no object is told by the schema of its holder. */
function innerConditions(when: ConditionDocument): Inner {
  const conditions: { at: string; condition: ConditionDocument }[] = [];
  const waiting = [{ at: '', condition: when, depth: 1 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { at, condition, depth } = next;
    if (depth > CONDITION_DEPTH_MAX) {
      return { conditions, problem: { path: at, message: `is nested more than ${CONDITION_DEPTH_MAX} deep` } };
    }
    if (conditions.length === CONDITIONS_MAX) {
      return { conditions, problem: { path: '', message: `holds more than ${CONDITIONS_MAX} conditions` } };
    }
    conditions.push({ at, condition });
    waiting.push(...heldBy(condition).map((held) => ({ ...held, at: at + held.at, depth: depth + 1 })));
  }
  return { conditions, problem: null };
}

function heldBy({ all, any, not }: ConditionDocument): { at: string; condition: ConditionDocument }[] {
  const lists = Object.entries({ all, any }).flatMap(([field, list]) =>
    Array.isArray(list)
      ? (list as ConditionDocument[]).map((condition, i) => ({ at: pointerOf(field, i), condition }))
      : [],
  );
  const held = not === undefined ? lists : [...lists, { at: '/not', condition: not }];
  return held.filter(({ condition }) => typeof condition === 'object' && condition !== null);
}

function checkCondition(condition: ConditionDocument): Problem[] {
  const { userGroup, time } = condition;
  const problems: Problem[] = [];
  if (isEmpty(condition)) {
    problems.push({
      path: '',
      message:
        'has no condition; give one, such as "path", "headers" or "clientIp" (for everything, use "split" or "mirror" without "when")',
    });
  }
  if (userGroup !== undefined) {
    const sources = [userGroup.header, userGroup.cookie, userGroup.jwt].filter((one) => one !== undefined);
    if (sources.length !== 1) {
      problems.push({ path: '/userGroup', message: 'needs exactly one of "header", "cookie" and "jwt"' });
    }
  }
  if (time !== undefined) problems.push(...checkTime(time));
  return problems;
}

function isEmpty(condition: ConditionDocument): boolean {
  return Object.values(condition).every((value) =>
    Array.isArray(value) ? value.length === 0 : typeof value === 'object' && Object.keys(value).length === 0,
  );
}

function checkTime({ from, to, hours, days, zone }: NonNullable<ConditionDocument['time']>): Problem[] {
  if (from === undefined && to === undefined && hours === undefined && days === undefined) {
    return [{ path: '/time', message: 'needs one of "from", "to", "hours" and "days"' }];
  }
  if (from !== undefined && to !== undefined && Date.parse(from) >= Date.parse(to)) {
    return [{ path: '/time/to', message: 'must be later than "from"' }];
  }
  if (zone !== undefined && hours === undefined && days === undefined) {
    return [
      {
        path: '/time/zone',
        message: 'says nothing without "hours" or "days": "from" and "to" have zones of their own',
      },
    ];
  }
  return [];
}

/** Paths count from the outermost condition. */
function checkNames(when: ConditionDocument, names: LookupNames): Problem[] {
  return innerConditions(when).conditions.flatMap(({ at, condition: { clientIp = [], region, userGroup } }) => [
    ...clientIp.flatMap((text, i) =>
      isAddressSetName(text) ? checkName(at + pointerOf('clientIp', i), 'address set', text, names.addressSets) : [],
    ),
    ...(region === undefined ? [] : checkName(`${at}/region/map`, 'map of regions', region.map, names.regions)),
    ...(userGroup?.jwt === undefined
      ? []
      : checkName(`${at}/userGroup/jwt/key`, 'key of tokens', userGroup.jwt.key, names.jwtKeys)),
  ]);
}

function checkName(path: string, what: string, name: string, known: ReadonlySet<string>): Problem[] {
  if (known.has(name)) return [];
  const meant = closestName(name, known);
  const list = [...known].map((one) => `"${one}"`).join(', ');
  const right =
    meant !== null ? `did you mean "${meant}"?` : known.size === 0 ? 'the configuration has none' : `there are ${list}`;
  return [{ path, message: `there is no ${what} "${name}"; ${right}` }];
}

/** Fields that say how a message is framed, where it came from, or what is done with its connection: never an operator's to write. */
const RESERVED_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-request-id',
]);

/** Paths count from the rule. */
function checkActions(rule: RuleDocument): Problem[] {
  const { pool, redirect, respond, rewrite } = rule;
  const given = Object.entries({ pool, redirect, respond, rewrite }).flatMap(([name, value]) =>
    value === undefined ? [] : name,
  );
  if (given.length === 0) {
    return [{ path: '', message: 'does nothing; give "pool", "rewrite", "redirect" or "respond"' }];
  }
  const answer = given.find((name) => name === 'redirect' || name === 'respond');
  if (answer !== undefined && given.length > 1) {
    const other = given.find((name) => name !== answer) ?? '';
    return [{ path: pointerOf(other), message: `cannot stand beside "${answer}", which answers by itself` }];
  }
  return [
    ...checkRest('/redirect/location', redirect?.location, rule),
    ...checkRest('/rewrite/path', rewrite?.path, rule),
    ...(respond === undefined ? [] : checkRespond(respond)),
    ...(rewrite === undefined ? [] : checkRewrite(rewrite)),
  ];
}

function checkRest(path: string, template: string | undefined, { when }: RuleDocument): Problem[] {
  if (template?.includes('{rest}') !== true || pathPrefixOf(when as ConditionDocument) !== null) return [];
  return [{ path, message: 'has "{rest}", which needs a prefix that it is behind of: when: { path: { prefix: … } }' }];
}

function checkRespond({ status, body = '', headers = {} }: NonNullable<RuleDocument['respond']>): Problem[] {
  const hasNoBody = status === 204 || status === 205 || status === 304;
  return [
    ...(hasNoBody && body !== '' ? [{ path: '/respond/body', message: `cannot be sent with status ${status}` }] : []),
    ...checkFields('/respond/headers', headers),
    ...(Object.hasOwn(headers, 'date') ? [reserved(pointerOf('respond', 'headers', 'date'), 'date', true)] : []),
    ...(Object.hasOwn(headers, 'content-type')
      ? [{ path: '/respond/headers/content-type', message: 'is written as "contentType"', atKey: true }]
      : []),
  ];
}

function checkRewrite(rewrite: NonNullable<RuleDocument['rewrite']>): Problem[] {
  const { path, stripPrefix, addPrefix, setHeaders = {}, removeHeaders = [] } = rewrite;
  const isNothing = Object.values(rewrite).every(
    (value) => typeof value === 'object' && Object.keys(value).length === 0,
  );
  return [
    ...(isNothing ? [{ path: '/rewrite', message: 'changes nothing' }] : []),
    ...(path !== undefined && (stripPrefix !== undefined || addPrefix !== undefined)
      ? [{ path: '/rewrite/path', message: 'replaces the whole path; leave out "stripPrefix" and "addPrefix", or it' }]
      : []),
    ...checkFields('/rewrite/setHeaders', setHeaders),
    ...removeHeaders.flatMap((name, i) => checkField(pointerOf('rewrite', 'removeHeaders', i), name)),
  ];
}

function checkFields(path: string, fields: Readonly<Record<string, string>>): Problem[] {
  return Object.keys(fields).flatMap((name) => checkField(path + pointerOf(name), name, true));
}

/** Whether a field may be written, or taken away. */
export function checkField(path: string, name: string, atKey = false): Problem[] {
  const isReserved = RESERVED_FIELDS.has(name) || name.startsWith('x-forwarded-') || name.startsWith('proxy-');
  return isReserved ? [reserved(path, name, atKey)] : [];
}

function reserved(path: string, name: string, atKey: boolean): Problem {
  const right = name === 'host' ? 'use "host"' : 'the proxy writes it itself, or lets it pass';
  return { path, message: `must not be "${name}": ${right}`, atKey };
}
