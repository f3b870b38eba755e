/**
 * Whom a pool prefers, with every algorithm alike: targets in reserve (`backup`) only serve while no other may, and
 * targets of the proxy's own zone come before those of others.
 *
 * The own zone serves everything as long as enough of its weight may. Below that it keeps what it can carry, its share
 * of the weight that would be enough, and the rest goes to all other zones: with 70 % enough, a zone that has lost half
 * of its weight keeps 50/70 of the requests. Weight that its operator has drained counts as lost too.
 */
import { hash32 } from '../../base/hash.ts';
import type { Balancer, BalancerContext, Candidate, Explanation } from './balancer.ts';

export interface PreferableCandidate extends Candidate {
  readonly zone: string;
  readonly isBackup: boolean;
  /** What its operator has set. */
  readonly fullWeight: number;
  readonly isEligible: boolean;
}

export interface ZonePreference {
  /** Where the proxy runs. */
  readonly own: string;
  /** Share of the own zone's weight, from 0 to 1, that is enough to serve everything. */
  readonly enough: number;
}

type BalancerMaker<C extends Candidate> = (candidates: readonly C[]) => Balancer<C>;

/** Which keys leave the zone must have nothing to do with where in it a key would go. */
const ZONE_SEED = 0x5a6f6e65;

/** Chooses among the eligible of `targets`, each part of them by a balancer of its own. */
export function preferring<C extends PreferableCandidate>(
  targets: readonly C[],
  zone: ZonePreference | null,
  context: BalancerContext,
  balancerOf: BalancerMaker<C>,
): Balancer<C> {
  const [primary, reserve] = [false, true].map((isBackup) => {
    const part = targets.filter((target) => target.isBackup === isBackup);
    return preferringZone(part, zone, context, balancerOf);
  });
  return inOrder(primary ?? null, reserve ?? null) ?? NOBODY;
}

function preferringZone<C extends PreferableCandidate>(
  targets: readonly C[],
  zone: ZonePreference | null,
  context: BalancerContext,
  balancerOf: BalancerMaker<C>,
): Balancer<C> | null {
  const eligible = targets.filter((target) => target.isEligible);
  const balance = (part: readonly C[]): Balancer<C> | null => (part.length === 0 ? null : balancerOf(part));
  if (zone === null) {
    return balance(eligible);
  }
  const own = balance(eligible.filter((target) => target.zone === zone.own));
  const others = balance(eligible.filter((target) => target.zone !== zone.own));
  const share = shareOfZone(targets, zone);
  return own === null || others === null || share >= 1
    ? inOrder(own, others)
    : new ZoneSpread(own, others, share, context);
}

/** The part of the requests that the own zone keeps. */
function shareOfZone(targets: readonly PreferableCandidate[], zone: ZonePreference): number {
  let all = 0;
  let eligible = 0;
  for (const target of targets) {
    if (target.zone === zone.own) {
      all += target.fullWeight;
      eligible += target.isEligible ? target.weight : 0;
    }
  }
  return eligible === 0 ? 0 : eligible / all / zone.enough;
}

function inOrder<C extends Candidate>(first: Balancer<C> | null, second: Balancer<C> | null): Balancer<C> | null {
  return first === null || second === null ? (first ?? second) : new InOrder(first, second);
}

/** The second has its turn where the first has nobody but the one to be avoided. */
class InOrder<C extends Candidate> implements Balancer<C> {
  readonly #first: Balancer<C>;
  readonly #second: Balancer<C>;

  constructor(first: Balancer<C>, second: Balancer<C>) {
    this.#first = first;
    this.#second = second;
  }

  pick(avoid: C | null, key: string): C | null {
    const chosen = this.#first.pick(avoid, key);
    return chosen !== null && chosen === avoid ? this.#second.pick(avoid, key) : chosen;
  }

  peek(avoid: C | null, key: string): C | null {
    const chosen = this.#first.peek(avoid, key);
    return chosen !== null && chosen === avoid ? this.#second.peek(avoid, key) : chosen;
  }

  explain(key: string): Explanation<C> {
    return this.#first.explain(key);
  }
}

class ZoneSpread<C extends Candidate> implements Balancer<C> {
  readonly #own: Balancer<C>;
  readonly #others: Balancer<C>;
  readonly #share: number;
  /** What the own zone has a claim to: a request each time that it makes up one. */
  #claim: number;

  constructor(own: Balancer<C>, others: Balancer<C>, share: number, { random }: BalancerContext) {
    this.#own = own;
    this.#others = others;
    this.#share = share;
    this.#claim = random.next();
  }

  pick(avoid: C | null, key: string): C | null {
    const isOwn = this.#isOwn(key);
    if (key === '') {
      this.#claim += this.#share - (isOwn ? 1 : 0);
    }
    const chosen = (isOwn ? this.#own : this.#others).pick(avoid, key);
    return chosen !== null && chosen === avoid ? (isOwn ? this.#others : this.#own).pick(avoid, key) : chosen;
  }

  peek(avoid: C | null, key: string): C | null {
    const isOwn = this.#isOwn(key);
    const chosen = (isOwn ? this.#own : this.#others).peek(avoid, key);
    return chosen !== null && chosen === avoid ? (isOwn ? this.#others : this.#own).peek(avoid, key) : chosen;
  }

  explain(key: string): Explanation<C> {
    const isOwn = this.#isOwn(key);
    const { meaning, scores } = (isOwn ? this.#own : this.#others).explain(key);
    const percent = Math.round(this.#share * 100);
    const where = isOwn ? 'this one stays' : 'this one goes to the others';
    return { meaning: `the own zone can carry ${percent} % of the requests, and ${where}: ${meaning}`, scores };
  }

  /** Requests with a key are told apart by it, or a key's target would change with every request. */
  #isOwn(key: string): boolean {
    return key === '' ? this.#claim + this.#share >= 1 : hash32(key, ZONE_SEED) / 2 ** 32 < this.#share;
  }
}

const NOBODY: Balancer<never> = {
  pick: () => null,
  peek: () => null,
  explain: () => ({ meaning: 'no target may be chosen', scores: [] }),
};
