/**
 * Finds the rules that could match a request without asking each: by the guards of their conditions. Of a thousand rules that
 * each want another path, header or network it leaves those that want this one.
 */
import { AddressTable, tableOf } from '../../base/address-table.ts';
import { LiteralFinder } from '../../base/pattern/literal-finder.ts';
import { parseBlock } from '../../base/ip-address.ts';
import { cookieOf, queryValueOf, type RequestFacts } from '../split/request-facts.ts';
import type { Guard, GuardKey } from './guard.ts';

/** Numbers of rules, ascending. */
export type RuleList = readonly number[];

/** Fields, cookies and parameters that are looked up: each costs a search of the head, whatever comes of it. */
const NAMES_MAX = 8;

/** Blocks of all rules together that are looked up as one. */
const BLOCKS_MAX = 20_000;

/** Lists of parts that are walked side by side; of a path with more of them one is made. */
const PART_LISTS_MAX = 8;

interface NamedKeys {
  readonly kind: 'header' | 'cookie' | 'query';
  readonly name: string;
  readonly byValue: Map<string, number[]>;
}

export class RuleIndex {
  /** Rules without a guard: to be asked in any case. */
  readonly #others: number[] = [];
  readonly #byPath = new Map<string, number[]>();
  readonly #byPrefix = new Map<string, number[]>();
  #longestPrefix = 0;
  readonly #byPart = new Map<string, number[]>();
  readonly #parts: LiteralFinder;
  /** By the numbers of the finder. */
  readonly #partLists: readonly RuleList[];
  // Used again for each request.
  readonly #foundParts: number[] = [];
  readonly #byMethod = new Map<string, number[]>();
  readonly #named: NamedKeys[] = [];
  #networks: AddressTable | null = null;
  #networkLists: readonly RuleList[] = [];

  /** A guard for each rule, in their order. */
  constructor(guards: readonly (Guard | null)[]) {
    const lookedUp = namesToLookUp(guards);
    const blocks = guards.flatMap((guard) => guard?.keys.filter(({ kind }) => kind === 'client-ip') ?? []);
    const hasNetworks = blocks.length <= BLOCKS_MAX;
    const networks: { readonly key: GuardKey; readonly rule: number }[] = [];
    guards.forEach((guard, rule) => {
      const canLookUp = (key: GuardKey): boolean =>
        key.kind === 'client-ip' ? hasNetworks : key.name === '' || lookedUp.has(`${key.kind} ${key.name}`);
      if (guard === null || !guard.keys.every(canLookUp)) {
        this.#others.push(rule);
        return;
      }
      for (const key of guard.keys) {
        if (key.kind === 'client-ip') {
          networks.push({ key, rule });
        } else {
          this.#add(key, rule);
        }
      }
    });
    if (networks.length > 0) {
      this.#indexNetworks(networks);
    }
    this.#parts = new LiteralFinder([...this.#byPart.keys()]);
    this.#partLists = [...this.#byPart.values()];
  }

  #add({ kind, name, value }: GuardKey, rule: number): void {
    switch (kind) {
      case 'path':
        return addTo(this.#byPath, value, rule);
      case 'path-prefix':
        this.#longestPrefix = Math.max(this.#longestPrefix, value.length);
        return addTo(this.#byPrefix, value, rule);
      case 'path-part':
        return addTo(this.#byPart, value, rule);
      case 'method':
        return addTo(this.#byMethod, value, rule);
      case 'client-ip':
        return;
      default: {
        let named = this.#named.find((one) => one.kind === kind && one.name === name);
        if (named === undefined) {
          named = { kind, name, byValue: new Map() };
          this.#named.push(named);
        }
        addTo(named.byValue, value, rule);
      }
    }
  }

  /** Where networks of several rules lie in each other, the innermost range is for the rules of all of them. */
  #indexNetworks(networks: readonly { readonly key: GuardKey; readonly rule: number }[]): void {
    const lists: RuleList[] = [];
    const numberOf = new Map<string, number>();
    const entries = networks.flatMap(({ key, rule }) => {
      const block = parseBlock(key.value);
      return block === null ? [] : [{ block, value: rule }];
    });
    const table = tableOf(entries, (rules) => {
      const list = [...new Set(rules)].toSorted((a, b) => a - b);
      const key = list.join();
      const known = numberOf.get(key) ?? lists.push(list) - 1;
      numberOf.set(key, known);
      return known;
    });
    this.#networks = new AddressTable(table);
    this.#networkLists = lists;
  }

  /** Puts the lists whose rules could match into `lists`, from 0 on. Returns how many there are. */
  collect(facts: RequestFacts, lists: RuleList[]): number {
    let count = 0;
    if (this.#others.length > 0) {
      lists[count++] = this.#others;
    }
    if (this.#byPath.size > 0) {
      count = put(this.#byPath.get(facts.path), lists, count);
    }
    if (this.#longestPrefix > 0) {
      count = this.#collectPrefixes(facts.path, lists, count);
    }
    if (this.#parts.size > 0) {
      count = this.#collectParts(facts.path, lists, count);
    }
    for (let i = 0; i < this.#named.length; i++) {
      const named = this.#named[i] as NamedKeys;
      const value = valueOf(named, facts);
      count = value === null ? count : put(named.byValue.get(value), lists, count);
    }
    if (this.#networks !== null) {
      const found = this.#networks.find(facts.clientAddress);
      count = found < 0 ? count : put(this.#networkLists[found], lists, count);
    }
    return this.#byMethod.size > 0 ? put(this.#byMethod.get(facts.method), lists, count) : count;
  }

  #collectParts(path: string, lists: RuleList[], from: number): number {
    const found = this.#foundParts;
    found.length = 0;
    this.#parts.find(path, found);
    if (found.length > PART_LISTS_MAX) {
      const rules = new Set([...new Set(found)].flatMap((part) => this.#partLists[part] as RuleList));
      lists[from] = [...rules].toSorted((a, b) => a - b);
      return from + 1;
    }
    let count = from;
    for (let i = 0; i < found.length; i++) {
      // A part may be there twice.
      if (found.indexOf(found[i] as number) === i) {
        lists[count++] = this.#partLists[found[i] as number] as RuleList;
      }
    }
    return count;
  }

  #collectPrefixes(path: string, lists: RuleList[], from: number): number {
    let count = from;
    // The longest candidate is the path itself, or its longest part that ends at a segment border within reach.
    const longest = this.#longestPrefix;
    let end = path.length <= longest ? path.length : path.lastIndexOf('/', longest);
    while (end > 0) {
      count = put(this.#byPrefix.get(end === path.length ? path : path.substring(0, end)), lists, count);
      end = path.lastIndexOf('/', end - 1);
    }
    return count;
  }
}

/** The names that most rules are found by. */
function namesToLookUp(guards: readonly (Guard | null)[]): ReadonlySet<string> {
  const uses = new Map<string, number>();
  for (const { kind, name } of guards.flatMap((guard) => guard?.keys ?? [])) {
    if (name !== '') {
      uses.set(`${kind} ${name}`, (uses.get(`${kind} ${name}`) ?? 0) + 1);
    }
  }
  const byUse = [...uses].toSorted(([, a], [, b]) => b - a);
  return new Set(byUse.slice(0, NAMES_MAX).map(([name]) => name));
}

function valueOf({ kind, name }: NamedKeys, facts: RequestFacts): string | null {
  switch (kind) {
    case 'header':
      return facts.field(name);
    case 'cookie':
      return cookieOf(facts.field('cookie'), name);
    case 'query':
      return queryValueOf(facts.query, name);
  }
}

function addTo(map: Map<string, number[]>, key: string, rule: number): void {
  const list = map.get(key);
  if (list === undefined) {
    map.set(key, [rule]);
  } else if (list[list.length - 1] !== rule) {
    list.push(rule);
  }
}

function put(list: RuleList | undefined, lists: RuleList[], count: number): number {
  if (list === undefined) {
    return count;
  }
  lists[count] = list;
  return count + 1;
}
