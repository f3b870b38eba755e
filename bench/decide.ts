/**
 * What a decision costs: nanoseconds to find the rule among 1 to 1,000 of a service, and the service among 1 to 10,000.
 *
 *     node bench/decide.ts
 */
import { RouteTable } from '../src/proxy/route/route-table.ts';
import { NO_LOOKUPS } from '../src/proxy/rules/lookups.ts';
import { RuleSet } from '../src/proxy/rules/rule-set.ts';
import type { RequestFacts } from '../src/proxy/split/request-facts.ts';
import type { ConditionDocument } from '../src/schema/condition.ts';
import type { RuleConfig } from '../src/schema/rule.ts';
import { compileRule } from '../src/snapshot/compile-rules.ts';

/** Decisions of one round, and rounds of which the median counts. */
const DECISIONS = 50_000;
const ROUNDS = 9;
const WARM_UP = 20_000;

const FIELDS: Readonly<Record<string, string>> = {
  'x-tenant': 'nobody',
  cookie: 'uid=4711; theme=dark',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
};

const FACTS: RequestFacts = {
  method: 'GET',
  path: '/catalog/items/4711',
  query: 'page=2',
  search: '?page=2',
  host: 'shop.example.com',
  scheme: 'http',
  isFromTrustedProxy: false,
  nowMs: 0,
  clientAddress: '203.0.113.9',
  field: (name) => FIELDS[name] ?? null,
};

/** Kinds of lists; the request matches none of their rules, so that all of them have to be ruled out. */
const LISTS: Readonly<Record<string, (i: number) => ConditionDocument>> = {
  'path, exact': (i) => ({ path: `/page/${i}` }),
  'path, prefix': (i) => ({ path: { prefix: `/section-${i}` } }),
  'path, glob': (i) => ({ path: { glob: `/section-${i}/*/edit` } }),
  'header, exact': (i) => ({ headers: { 'x-tenant': `tenant-${i}` } }),
  'client address': (i) => ({ clientIp: [`10.${i >> 8}.${i & 255}.0/24`] }),
  'method and regex': (i) => ({ method: ['POST'], path: { regex: `/${i}$` } }),
  mixed: (i) =>
    [
      { path: { prefix: `/section-${i}` }, method: ['GET' as const] },
      { headers: { 'x-tenant': `tenant-${i}` } },
      { clientIp: [`10.${i >> 8}.${i & 255}.0/24`] },
      { cookies: { uid: String(i + 10_000) } },
    ][i % 4] as ConditionDocument,
  'path, regex not anchored': (i) => ({ path: { regex: `/item-${i}$` } }),
  'path, regex of nothing that it must have (asked one by one)': (i) => ({ path: { regex: `[xyz]${i}$` } }),
};

function ruleSet(count: number, when: (i: number) => ConditionDocument): RuleSet {
  const rules = Array.from(
    { length: count },
    (_, i) => ({ name: `r${i}`, when: when(i), pool: 'green' }) as RuleConfig,
  );
  return new RuleSet(rules.map(compileRule), NO_LOOKUPS);
}

function nanosPer(decide: () => unknown, decisions = DECISIONS): number {
  // Compiled by then, however few of them are counted.
  for (let i = 0; i < Math.min(WARM_UP, decisions * 2); i++) decide();
  const rounds = Array.from({ length: ROUNDS }, () => {
    const startedMs = performance.now();
    for (let i = 0; i < decisions; i++) {
      if (decide() === undefined) throw new Error('a decision gives null or something');
    }
    return ((performance.now() - startedMs) * 1e6) / decisions;
  });
  return rounds.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? 0;
}

function row(name: string, counts: readonly number[], measure: (count: number) => number): void {
  const nanos = counts.map(measure);
  const ratio = (nanos.at(-1) ?? 0) / (nanos[0] ?? 1);
  const more = (nanos.at(-1) ?? 0) - (nanos[0] ?? 0);
  const cells = [name.padEnd(60), ...nanos.map((one) => one.toFixed(0).padStart(8)), ratio.toFixed(1), more.toFixed(0)];
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}

process.stdout.write(
  'ns per decision, where no rule matches\n\n| rules | 1 | 10 | 100 | 1,000 | ratio | more |\n|---|---|---|---|---|---|---|\n',
);
for (const [name, when] of Object.entries(LISTS)) {
  row(name, [1, 10, 100, 1_000], (count) => {
    const set = ruleSet(count, when);
    return nanosPer(() => set.firstMatch(FACTS), count === 1_000 ? DECISIONS / 50 : DECISIONS);
  });
}

process.stdout.write('\nns per look-up\n\n| services | 1 | 100 | 10,000 | ratio | more |\n|---|---|---|---|---|---|\n');
const ROUTES: Readonly<Record<string, (i: number) => { hosts: readonly string[]; pathPrefix: string }>> = {
  'by host': (i) => ({ hosts: [`s${i}.example.com`], pathPrefix: '/' }),
  'by wildcard': (i) => ({ hosts: [`*.s${i}.example.com`], pathPrefix: '/' }),
  'by path': (i) => ({ hosts: [], pathPrefix: `/s${i}` }),
};
for (const [name, route] of Object.entries(ROUTES)) {
  row(name, [1, 100, 10_000], (count) => {
    const table = new RouteTable(Array.from({ length: count }, (_, i) => ({ ...route(i), service: `s${i}` })));
    const host = name === 'by wildcard' ? 'a.s0.example.com' : 's0.example.com';
    return nanosPer(() => table.find(host, '/s0/items'));
  });
}
