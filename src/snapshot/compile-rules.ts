/** From rules as operators write them to rules as the data plane serves them. */
import { isCidr } from '../base/cidr.ts';
import type { ConditionDocument } from '../schema/condition.ts';
import { WEEKDAYS } from '../schema/condition.ts';
import { hoursOf } from '../schema/hours.ts';
import { pointerOf } from '../schema/problem.ts';
import type { RuleConfig } from '../schema/rule.ts';
import type { TextMatchDocument } from '../schema/text-match.ts';
import type { AnswerSpec, ConditionSpec, GroupSource, RewriteSpec, RuleSpec, TextMatchSpec } from './rule-spec.ts';

/** `rule` has passed validation. */
export function compileRule(rule: RuleConfig): RuleSpec {
  const when = rule.when as ConditionDocument;
  return {
    name: rule.name,
    when: compileCondition(when, ''),
    pathPrefix: pathPrefixOf(when) ?? '',
    pool: rule.pool ?? null,
    answer: compileAnswer(rule),
    rewrite: rule.rewrite === undefined ? null : compileRewrite(rule.rewrite),
  };
}

/** The prefix that every path must have which the conditions let through; null: they name none, or "/". */
export function pathPrefixOf({ path }: ConditionDocument): string | null {
  if (typeof path !== 'object' || path.prefix === undefined) return null;
  return path.prefix.replace(/\/$/, '') || null;
}

/** The address sets that conditions name, and where. */
export function isAddressSetName(text: string): boolean {
  return !isCidr(text);
}

/** `at`: where it stands, as a JSON pointer below the outermost. */
export function compileCondition(document: ConditionDocument, at: string): ConditionSpec {
  const parts = partsOf(document, at);
  return parts.length === 1 ? (parts[0] as ConditionSpec) : { at, kind: 'all', of: parts };
}

/** The cheap ones first: what is left of the conditions is not asked for once one has failed. */
function partsOf(document: ConditionDocument, at: string): ConditionSpec[] {
  const {
    method,
    path,
    headers = {},
    cookies = {},
    query = {},
    device,
    userGroup,
    time,
    region,
    clientIp = [],
    function: reference,
  } = document;
  const named = (
    kind: 'header' | 'cookie' | 'query',
    field: string,
    matches: Readonly<Record<string, TextMatchDocument>>,
  ) =>
    Object.entries(matches).map(([name, match]): ConditionSpec => {
      return { at: at + pointerOf(field, name), kind, name, match: compileMatch(match) };
    });
  return [
    ...(method === undefined ? [] : [{ at: `${at}/method`, kind: 'method', methods: method } as const]),
    ...(path === undefined ? [] : [{ at: `${at}/path`, kind: 'path', match: compilePathMatch(path) } as const]),
    ...named('header', 'headers', headers),
    ...(clientIp.length === 0 ? [] : [compileClientIp(clientIp, at)]),
    ...named('cookie', 'cookies', cookies),
    ...named('query', 'query', query),
    ...(device === undefined ? [] : [{ at: `${at}/device`, kind: 'device', device } as const]),
    ...(region === undefined
      ? []
      : [{ at: `${at}/region`, kind: 'region', map: region.map, labels: region.in } as const]),
    ...(time === undefined ? [] : [compileTime(time, at)]),
    ...(userGroup === undefined ? [] : [compileUserGroup(userGroup, at)]),
    ...compileNested(document, at),
    ...(reference === undefined ? [] : [{ at: `${at}/function`, kind: 'function', reference } as const]),
  ];
}

function compileNested({ all, any, not }: ConditionDocument, at: string): ConditionSpec[] {
  const each = (field: 'all' | 'any', list: readonly ConditionDocument[]): ConditionSpec => ({
    at: `${at}/${field}`,
    kind: field,
    of: list.map((one, i) => compileCondition(one, at + pointerOf(field, i))),
  });
  return [
    ...(all === undefined ? [] : [each('all', all)]),
    ...(any === undefined ? [] : [each('any', any)]),
    ...(not === undefined ? [] : [{ at: `${at}/not`, kind: 'not', of: compileCondition(not, `${at}/not`) } as const]),
  ];
}

function compileMatch(match: TextMatchDocument): TextMatchSpec {
  if (typeof match === 'string') return { kind: 'exact', text: match };
  const [kind, value] = Object.entries(match)[0] as [keyof typeof match, never];
  if (kind === 'in') return { kind, texts: value };
  if (kind === 'present') return { kind, present: value };
  return { kind, text: value };
}

function compilePathMatch(match: TextMatchDocument): TextMatchSpec {
  const spec = compileMatch(match);
  if (spec.kind === 'glob') return { kind: 'path-glob', text: spec.text };
  if (spec.kind === 'prefix') return { kind: 'path-prefix', text: spec.text.replace(/(?<=.)\/$/, '') };
  return spec;
}

function compileClientIp(clientIp: readonly string[], at: string): ConditionSpec {
  const sets = clientIp.filter(isAddressSetName);
  const blocks = clientIp.filter((text) => !isAddressSetName(text));
  return { at: `${at}/clientIp`, kind: 'client-ip', blocks, sets };
}

function compileTime(time: NonNullable<ConditionDocument['time']>, at: string): ConditionSpec {
  const momentMs = (text: string | undefined): number | null => (text === undefined ? null : Date.parse(text));
  const window = {
    fromMs: momentMs(time.from),
    toMs: momentMs(time.to),
    hours: time.hours === undefined ? null : hoursOf(time.hours),
    days: (time.days ?? []).map((day) => WEEKDAYS.indexOf(day)),
    zone: time.zone ?? 'UTC',
  };
  return { at: `${at}/time`, kind: 'time', window };
}

function compileUserGroup(group: NonNullable<ConditionDocument['userGroup']>, at: string): ConditionSpec {
  return { at: `${at}/userGroup`, kind: 'user-group', source: groupSource(group), groups: group.in };
}

function groupSource({ header, cookie, jwt }: NonNullable<ConditionDocument['userGroup']>): GroupSource {
  if (jwt !== undefined) return { kind: 'jwt', key: jwt.key, claim: jwt.claim, cookie: jwt.cookie ?? '' };
  return header === undefined ? { kind: 'cookie', name: cookie ?? '' } : { kind: 'header', name: header };
}

function compileAnswer({ redirect, respond }: RuleConfig): AnswerSpec | null {
  if (redirect !== undefined) {
    return { status: redirect.status, location: redirect.location, body: '', contentType: '', fields: [] };
  }
  if (respond === undefined) return null;
  const { status, body, contentType, headers } = respond;
  return { status, location: null, body, contentType: body === '' ? '' : contentType, fields: Object.entries(headers) };
}

function compileRewrite(rewrite: NonNullable<RuleConfig['rewrite']>): RewriteSpec {
  return {
    path: rewrite.path ?? null,
    stripPrefix: (rewrite.stripPrefix ?? '').replace(/\/$/, ''),
    addPrefix: (rewrite.addPrefix ?? '').replace(/\/$/, ''),
    query: rewrite.query ?? null,
    host: rewrite.host ?? null,
    set: Object.entries(rewrite.setHeaders),
    remove: rewrite.removeHeaders,
  };
}
