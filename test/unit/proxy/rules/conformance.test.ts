/** Conditions of rules: each kind, against requests that it lets through and requests that it does not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { checkRules } from '../../../../src/control/config/check-rules.ts';
import { createAjv } from '../../../../src/schema/ajv.ts';
import type { ConditionDocument } from '../../../../src/schema/condition.ts';
import { type RuleConfig, type RuleDocument, RuleSchema } from '../../../../src/schema/rule.ts';
import { compileRule } from '../../../../src/snapshot/compile-rules.ts';
import { explainRules } from '../../../../src/proxy/rules/explain-rules.ts';
import { NO_LOOKUPS } from '../../../../src/proxy/rules/lookups.ts';
import { RuleSet } from '../../../../src/proxy/rules/rule-set.ts';
import type { RequestFacts } from '../../../../src/proxy/split/request-facts.ts';

interface Asked {
  readonly method?: string;
  /** Path and query. */
  readonly uri?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly client?: string;
  readonly at?: string;
}

function factsOf({
  method = 'GET',
  uri = '/',
  fields = {},
  client = '192.0.2.1',
  at = '2030-01-01T12:00:00Z',
}: Asked): RequestFacts {
  const [path = '/', query = ''] = uri.split('?');
  return {
    method,
    path,
    query,
    search: uri.slice(path.length),
    host: 'shop.example.com',
    scheme: 'http',
    isFromTrustedProxy: false,
    nowMs: Date.parse(at),
    clientAddress: client,
    field: (name) => fields[name] ?? null,
  };
}

function setOf(...whens: readonly ConditionDocument[]): RuleSet {
  const rules = whens.map((when, i) => ({ name: `r${i}`, when, pool: 'green' }) as RuleConfig);
  return new RuleSet(rules.map(compileRule), NO_LOOKUPS);
}

/** A rule without its name. */
type RuleWish = Omit<RuleDocument, 'name' | 'when'> & { readonly when: ConditionDocument };

const MOBILE = 'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Mobile Safari/537.36';
const NIGHT: ConditionDocument = { time: { hours: '02:30-03:30', zone: 'Europe/Berlin' } };
const EVENING: ConditionDocument = { time: { hours: '22:00-06:00', days: ['fri'], zone: 'Europe/Berlin' } };

const CASES: readonly (readonly [when: ConditionDocument, asked: Asked, matches: boolean])[] = [
  [{ method: ['POST', 'PUT'] }, { method: 'PUT' }, true],
  [{ method: ['POST', 'PUT'] }, { method: 'GET' }, false],
  [{ path: '/a' }, { uri: '/a?x=1' }, true],
  [{ path: '/a' }, { uri: '/a/' }, false],
  [{ path: { in: ['/a', '/b'] } }, { uri: '/b' }, true],
  [{ path: { prefix: '/api' } }, { uri: '/api' }, true],
  [{ path: { prefix: '/api' } }, { uri: '/api/x' }, true],
  [{ path: { prefix: '/api' } }, { uri: '/apix' }, false],
  [{ path: { prefix: '/api/' } }, { uri: '/api' }, true],
  [{ path: { prefix: '/' } }, { uri: '/anything' }, true],
  [{ path: { glob: '/u/*/edit' } }, { uri: '/u/7/edit' }, true],
  [{ path: { glob: '/u/*/edit' } }, { uri: '/u/7/8/edit' }, false],
  [{ path: { regex: '^/v[12](/|$)' } }, { uri: '/v2' }, true],
  [{ path: { regex: '^/v[12](/|$)' } }, { uri: '/v3' }, false],
  [{ headers: { 'x-a': 'b' } }, { fields: { 'x-a': 'b' } }, true],
  [{ headers: { 'x-a': 'b' } }, { fields: { 'x-a': 'B' } }, false],
  [{ headers: { 'x-a': 'b' } }, {}, false],
  [{ headers: { 'x-a': { in: ['b', 'c'] } } }, { fields: { 'x-a': 'c' } }, true],
  [{ headers: { 'x-a': { prefix: 'be' } } }, { fields: { 'x-a': 'beta' } }, true],
  [{ headers: { 'x-a': { suffix: 'ta' } } }, { fields: { 'x-a': 'beta' } }, true],
  [{ headers: { 'x-a': { contains: 'et' } } }, { fields: { 'x-a': 'beta' } }, true],
  [{ headers: { 'x-a': { glob: 'b*a' } } }, { fields: { 'x-a': 'b/e/a' } }, true],
  [{ headers: { 'x-a': { regex: '(?i)^BETA$' } } }, { fields: { 'x-a': 'beta' } }, true],
  [{ headers: { 'x-a': { contains: '' + 'x' } } }, {}, false],
  [{ headers: { 'x-a': { present: true } } }, { fields: { 'x-a': '' } }, true],
  [{ headers: { 'x-a': { present: false } } }, {}, true],
  [{ headers: { 'x-a': { present: false } } }, { fields: { 'x-a': '' } }, false],
  [{ cookies: { beta: '1' } }, { fields: { cookie: 'a=2; beta=1' } }, true],
  [{ cookies: { beta: '1' } }, { fields: { cookie: 'xbeta=1' } }, false],
  [{ cookies: { beta: { present: true } } }, { fields: { cookie: 'beta=' } }, true],
  [{ query: { q: 'a b' } }, { uri: '/?x=1&q=a%20b' }, true],
  [{ query: { q: 'a b' } }, { uri: '/?q=a+b' }, true],
  [{ query: { q: 'a' } }, { uri: '/?q=b&q=a' }, false],
  [{ query: { 'a b': '' } }, { uri: '/?a+b' }, true],
  [{ query: { q: '%zz' } }, { uri: '/?q=%zz' }, true],
  [{ query: { q: { present: false } } }, { uri: '/?qq=1' }, true],
  [{ clientIp: ['10.0.0.0/8', '2001:db8::/32'] }, { client: '10.9.8.7' }, true],
  [{ clientIp: ['10.0.0.0/8', '2001:db8::/32'] }, { client: '2001:db8::7' }, true],
  [{ clientIp: ['10.0.0.0/8', '2001:db8::/32'] }, { client: '11.0.0.1' }, false],
  [{ clientIp: ['10.0.0.0/8'] }, { client: 'unknown' }, false],
  [{ device: 'mobile' }, { fields: { 'user-agent': MOBILE } }, true],
  [{ device: 'mobile' }, { fields: { 'user-agent': MOBILE, 'sec-ch-ua-mobile': '?0' } }, false],
  [{ device: 'mobile' }, { fields: { 'sec-ch-ua-mobile': '?1' } }, true],
  [{ device: 'desktop' }, {}, true],
  [{ userGroup: { header: 'x-groups', in: ['beta'] } }, { fields: { 'x-groups': 'staff, beta' } }, true],
  [{ userGroup: { header: 'x-groups', in: ['beta'] } }, { fields: { 'x-groups': 'betas' } }, false],
  [{ userGroup: { cookie: 'group', in: ['beta'] } }, { fields: { cookie: 'group=beta' } }, true],
  [{ time: { from: '2030-01-01T12:00:00Z' } }, {}, true],
  [{ time: { to: '2030-01-01T12:00:00Z' } }, {}, false],
  [{ time: { hours: '12:00-13:00' } }, {}, true],
  [{ time: { hours: '11:00-12:00' } }, {}, false],
  // 2030-01-04 is a Friday; Berlin is an hour ahead of UTC in winter.
  [EVENING, { at: '2030-01-04T20:59:00Z' }, false],
  [EVENING, { at: '2030-01-04T21:00:00Z' }, true],
  [EVENING, { at: '2030-01-05T04:59:00Z' }, true],
  [EVENING, { at: '2030-01-05T05:00:00Z' }, false],
  [EVENING, { at: '2030-01-05T21:30:00Z' }, false],
  [EVENING, { at: '2030-01-04T01:00:00Z' }, false],
  // Berlin has no hour from two to three on 2030-03-31, and two of them on 2030-10-27.
  [NIGHT, { at: '2030-03-31T00:59:00Z' }, false],
  [NIGHT, { at: '2030-03-31T01:15:00Z' }, true],
  [NIGHT, { at: '2030-03-31T01:30:00Z' }, false],
  [NIGHT, { at: '2030-10-27T00:30:00Z' }, true],
  [NIGHT, { at: '2030-10-27T01:15:00Z' }, false],
  [NIGHT, { at: '2030-10-27T01:30:00Z' }, true],
  [{ all: [{ path: '/a' }, { method: ['GET'] }] }, { uri: '/a' }, true],
  [{ all: [{ path: '/a' }, { method: ['POST'] }] }, { uri: '/a' }, false],
  [{ any: [{ path: '/a' }, { path: '/b' }] }, { uri: '/b' }, true],
  [{ any: [{ path: '/a' }, { path: '/b' }] }, { uri: '/c' }, false],
  [{ not: { path: '/a' } }, { uri: '/b' }, true],
  [{ path: '/a', not: { method: ['GET'] } }, { uri: '/a' }, false],
];

describe('a condition', () => {
  it.each(CASES)('%j on %j is %s', (when, asked, matches) => {
    const validate = createAjv({ fillDefaults: false, allErrors: true }).compile(RuleSchema);
    const rule = { name: 'r', when, pool: 'green' };
    validate(rule);
    expect(validate.errors).toBeNull();
    const facts = factsOf(asked);
    expect(setOf(when).firstMatch(facts) !== null).toBe(matches);
    // Among many, where it is found by an index.
    const others = Array.from({ length: 20 }, (_, i): ConditionDocument => ({ path: `/other/${i}` }));
    expect(setOf(...others, when).firstMatch(facts)?.name).toBe(matches ? 'r20' : undefined);
    const [outcome] = explainRules(setOf(when), facts);
    expect(outcome?.matches).toBe(matches);
    expect(outcome?.failed === null).toBe(matches);
  });

  it('that fails is named, with what was there instead', () => {
    const set = setOf({ path: { prefix: '/a' }, headers: { 'x-group': 'beta' } });
    expect(explainRules(set, factsOf({ uri: '/a/b', fields: { 'x-group': 'alpha' } }))[0]?.failed).toEqual({
      condition: '/headers/x-group',
      wanted: '"beta"',
      seen: 'alpha',
    });
  });
});

describe('many rules', () => {
  it('give the first that matches, found by the index as one by one', () => {
    const leaf: fc.Arbitrary<ConditionDocument> = fc.oneof(
      fc.constantFrom('/a', '/a/b', '/c').map((path) => ({ path })),
      fc.constantFrom('/a', '/a/b', '/').map((prefix) => ({ path: { prefix } })),
      fc.constantFrom('/a/*', '/*/b', '/a/b/**', '**/b/c', '*x/b').map((glob) => ({ path: { glob } })),
      fc
        .constantFrom('^/a/b', '^/a/?b', '^/c|^/a', 'b$', '^/a/b/?$', 'a/b$', '/a/b/c', '(?:x/b)$', 'x.b|/a/b')
        .map((regex) => ({ path: { regex } })),
      fc.constantFrom('1', '2').map((value) => ({ headers: { 'x-a': value } })),
      fc.constantFrom('1', '2').map((value) => ({ cookies: { c: { in: [value, '3'] } } })),
      fc.constantFrom('1', '2').map((value) => ({ query: { q: value } })),
      fc.constantFrom('10.0.0.0/8', '10.1.0.0/16', '10.1.2.3').map((block) => ({ clientIp: [block] })),
      fc.constantFrom('GET' as const, 'POST' as const).map((method) => ({ method: [method] })),
      fc.constantFrom('mobile' as const, 'desktop' as const).map((device) => ({ device })),
    );
    const when = fc.oneof(
      leaf,
      fc.tuple(leaf, leaf).map((all) => ({ all })),
      fc.tuple(leaf, leaf).map((any) => ({ any })),
      leaf.map((not) => ({ not })),
    );
    const asked = fc.record({
      method: fc.constantFrom('GET', 'POST'),
      uri: fc.constantFrom('/', '/a', '/a/b', '/a/b/c', '/ab', '/c?q=1', '/x/b?q=2'),
      client: fc.constantFrom('10.1.2.3', '10.1.9.9', '10.9.9.9', '::1'),
      fields: fc.record({ 'x-a': fc.constantFrom('1', '2', '3'), cookie: fc.constantFrom('c=1', 'c=2', '') }),
    });
    fc.assert(
      fc.property(fc.array(when, { minLength: 5, maxLength: 30 }), asked, (whens, one) => {
        const set = setOf(...whens);
        const facts = factsOf(one);
        return set.firstMatch(facts)?.name === explainRules(set, facts).find(({ matches }) => matches)?.rule;
      }),
      { numRuns: 500 },
    );
  });
});

describe('a rule', () => {
  const POOLS = { blue: {}, green: {} };
  const problemsOf = (rule: RuleWish): string[] =>
    checkRules({ pools: POOLS, rules: [{ name: 'r', ...rule } as RuleDocument] }).map(
      ({ path, message }) => `${path} ${message}`,
    );
  const path = { path: '/a' };
  const nested = (depth: number): ConditionDocument => (depth === 0 ? path : { not: nested(depth - 1) });

  it.each<[rule: RuleWish, problem: string]>([
    [{ when: {}, pool: 'green' }, '/rules/0/when has no condition'],
    [{ when: { all: [{}] }, pool: 'green' }, '/rules/0/when/all/0 has no condition'],
    [{ when: path }, '/rules/0 does nothing'],
    [{ when: path, pool: 'gren' }, '/rules/0/pool there is no pool "gren"; did you mean "green"?'],
    [{ when: path, pool: 'green', redirect: { location: '/' } }, '/rules/0/pool cannot stand beside "redirect"'],
    [
      { when: path, redirect: { location: '/{rest}' } },
      '/rules/0/redirect/location has "{rest}", which needs a prefix',
    ],
    [{ when: path, respond: { status: 204, body: 'x' } }, '/rules/0/respond/body cannot be sent with status 204'],
    [{ when: path, rewrite: {} }, '/rules/0/rewrite changes nothing'],
    [
      { when: path, rewrite: { setHeaders: { host: 'x' } } },
      '/rules/0/rewrite/setHeaders/host must not be "host": use "host"',
    ],
    [{ when: path, rewrite: { removeHeaders: ['transfer-encoding'] } }, '/rules/0/rewrite/removeHeaders/0 must not be'],
    [
      { when: path, respond: { status: 200, headers: { date: 'x' } } },
      '/rules/0/respond/headers/date must not be "date"',
    ],
    [{ when: path, rewrite: { path: '/x', addPrefix: '/y' } }, '/rules/0/rewrite/path replaces the whole path'],
    [{ when: { userGroup: { in: ['a'] } }, pool: 'green' }, '/rules/0/when/userGroup needs exactly one'],
    [{ when: { time: {} }, pool: 'green' }, '/rules/0/when/time needs one of'],
    [{ when: { clientIp: ['office'] }, pool: 'green' }, '/rules/0/when/clientIp/0 there is no address set "office"'],
    [{ when: nested(20), pool: 'green' }, 'is nested more than 8 deep'],
    [
      { when: { any: Array.from({ length: 100 }, () => path) }, pool: 'green' },
      '/rules/0/when holds more than 100 conditions',
    ],
    [
      { when: { not: { pth: '/a' } as never }, pool: 'green' },
      '/rules/0/when/not/pth unknown field "pth"; did you mean "path"?',
    ],
    [{ when: { any: [{ path: { regex: '(a)\\1' } }] }, pool: 'green' }, 'back-references are not possible'],
  ])('%j is refused', (rule, problem) => {
    expect(problemsOf(rule)).toEqual(expect.arrayContaining([expect.stringContaining(problem)]));
  });
});
