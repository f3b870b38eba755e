/**
 * The account of every request: of each generation, how many were accepted and how each of them ended, so that
 * accepted = completed + clientAborted + upstreamFailed + proxyFailed + cut + inFlight at every moment.
 *
 * A cohort is the requests of one pool that were routed by one generation. When a cutover takes traffic from a pool,
 * the pool's cohorts of that moment are the requests it still has to finish: no request can join them any more.
 */
import type { DrainCount, LedgerReport } from '../snapshot/data-plane.ts';
import type { Outcome } from './outcome.ts';

/** Generations whose account is kept apart; older finished ones are added up in one entry. */
const GENERATIONS_MAX = 64;

export class GenerationLedger {
  readonly generation: number;
  accepted = 0;
  inFlight = 0;
  completed = 0;
  clientAborted = 0;
  upstreamFailed = 0;
  proxyFailed = 0;
  cut = 0;

  constructor(generation: number) {
    this.generation = generation;
  }

  enter(): void {
    this.accepted++;
    this.inFlight++;
  }

  leave(outcome: Outcome): void {
    this.inFlight--;
    this[outcome]++;
  }

  add(other: GenerationLedger): void {
    this.accepted += other.accepted;
    this.inFlight += other.inFlight;
    this.completed += other.completed;
    this.clientAborted += other.clientAborted;
    this.upstreamFailed += other.upstreamFailed;
    this.proxyFailed += other.proxyFailed;
    this.cut += other.cut;
  }

  report(): LedgerReport {
    const { generation, accepted, completed, clientAborted, upstreamFailed, proxyFailed, cut, inFlight } = this;
    return { generation, accepted, completed, clientAborted, upstreamFailed, proxyFailed, cut, inFlight };
  }
}

export class Ledger {
  /** What is no longer told apart by generation; its generation is 0. */
  readonly #older = new GenerationLedger(0);
  /** The newest. */
  current = new GenerationLedger(0);
  #generations: GenerationLedger[] = [this.current];

  /** The account of a generation that is about to be applied. */
  open(generation: number): GenerationLedger {
    this.current = new GenerationLedger(generation);
    this.#generations.push(this.current);
    if (this.#generations.length > GENERATIONS_MAX) {
      this.#foldFinished();
    }
    return this.current;
  }

  #foldFinished(): void {
    const surplus = this.#generations.length - GENERATIONS_MAX;
    let folded = 0;
    this.#generations = this.#generations.filter((entry) => {
      if (folded < surplus && entry.inFlight === 0 && entry !== this.current) {
        this.#older.add(entry);
        folded++;
        return false;
      }
      return true;
    });
  }

  report(): LedgerReport[] {
    const older = this.#older.accepted > 0 ? [this.#older.report()] : [];
    return [...older, ...this.#generations.map((entry) => entry.report())];
  }
}

/** A request under way, as its cohort sees it: a link of the list of those that a drain may have to cut. */
export interface CohortMember {
  next: CohortMember | null;
  previous: CohortMember | null;
  readonly isTunnel: boolean;
  cut(): void;
}

export class Cohort {
  readonly generation: number;
  readonly ledger: GenerationLedger;
  inFlight = 0;
  tunnels = 0;
  cutCount = 0;
  #first: CohortMember | null = null;

  constructor(ledger: GenerationLedger) {
    this.generation = ledger.generation;
    this.ledger = ledger;
  }

  enter(member: CohortMember): void {
    this.inFlight++;
    this.ledger.enter();
    member.next = this.#first;
    if (this.#first !== null) {
      this.#first.previous = member;
    }
    this.#first = member;
  }

  leave(member: CohortMember, outcome: Outcome): void {
    this.inFlight--;
    this.ledger.leave(outcome);
    if (member.isTunnel) {
      this.tunnels--;
    }
    if (outcome === 'cut') {
      this.cutCount++;
    }
    if (member.previous === null) {
      this.#first = member.next;
    } else {
      member.previous.next = member.next;
    }
    if (member.next !== null) {
      member.next.previous = member.previous;
    }
    member.next = null;
    member.previous = null;
  }

  cutAll(): void {
    for (let member = this.#first; member !== null; member = this.#first) {
      member.cut();
    }
  }
}

/** The requests that some pools had under way at one flip, counted down. */
export class Drain {
  readonly #cohorts: readonly Cohort[];
  readonly #inFlightAtFlip: number;
  readonly #cutBefore: number;

  constructor(cohorts: readonly Cohort[]) {
    this.#cohorts = cohorts;
    this.#inFlightAtFlip = sum(cohorts, (cohort) => cohort.inFlight);
    this.#cutBefore = sum(cohorts, (cohort) => cohort.cutCount);
  }

  count(): DrainCount {
    return {
      inFlightAtFlip: this.#inFlightAtFlip,
      remaining: sum(this.#cohorts, (cohort) => cohort.inFlight),
      cut: sum(this.#cohorts, (cohort) => cohort.cutCount) - this.#cutBefore,
      longLived: sum(this.#cohorts, (cohort) => cohort.tunnels),
    };
  }

  cut(): void {
    for (const cohort of this.#cohorts) {
      cohort.cutAll();
    }
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
