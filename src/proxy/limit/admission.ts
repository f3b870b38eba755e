/**
 * How many requests a target may have at once, and who waits until one of them ends.
 *
 * There is one line for those whom any target may serve, one for each target that sessions are bound to, and one for those
 * whom any may serve but the one that they could not reach. A place that
 * becomes free goes to whoever has waited longest among those that may have it. Whoever waits has been counted on the
 * pool already: a cutover leaves it where it is, and a drain sees it.
 *
 * Two things hold between any two turns: no target has more than it may, and nobody waits for a target that has room.
 */
import type { AdmissionSpec } from '../../snapshot/protection-spec.ts';
import { type Deadlines, type Expiring, NEVER } from '../deadlines.ts';
import { type Waiter, WaitingLine } from './waiting-line.ts';

/** What is limited. */
export interface Limited {
  readonly inFlight: number;
  /** May be chosen for anybody. */
  readonly isEligible: boolean;
  /** May serve those who are bound to it. */
  readonly keepsSessions: boolean;
}

/** The request that waits. */
export interface Applicant<T> {
  /** Its turn has come: it enters `target` before it returns. */
  onRoom(target: T): void;
  onWaitedTooLong(): void;
}

/** A place in a line. */
export class Ticket<T> implements Waiter<Ticket<T>>, Expiring {
  next: Ticket<T> | null = null;
  previous: Ticket<T> | null = null;
  readonly number: number;
  readonly applicant: Applicant<T>;
  /** The only target that will do; null: any. */
  wanted: T | null;
  /** The only target that will not do; null: none. */
  avoided: T | null;
  deadlineAt: number;
  deadlineSlot = -1;

  constructor(number: number, applicant: Applicant<T>, wanted: T | null, avoided: T | null, deadlineAt: number) {
    this.number = number;
    this.applicant = applicant;
    this.wanted = wanted;
    this.avoided = avoided;
    this.deadlineAt = deadlineAt;
  }

  expire(): void {
    this.applicant.onWaitedTooLong();
  }
}

export class Admission<T extends Limited> {
  readonly #deadlines: Pick<Deadlines, 'nowMs' | 'add' | 'remove'>;
  readonly #anyTarget = new WaitingLine<Ticket<T>>();
  /** Lines that somebody stands in. */
  readonly #ofTarget: LinesByTarget<T> = new Map();
  readonly #ofAllBut: LinesByTarget<T> = new Map();
  #targets: readonly T[] = [];
  #inFlightMax = 0;
  #waitingMax = 0;
  #waitMs = 0;
  #tickets = 0;
  /** Where the search for a target with room begins. */
  #start = 0;
  /** Requests that wait. */
  waiting = 0;

  constructor(deadlines: Pick<Deadlines, 'nowMs' | 'add' | 'remove'>) {
    this.#deadlines = deadlines;
  }

  /** Takes what the operator set; this worker has one of `workers` parts of it. */
  update(spec: AdmissionSpec, workers: number, targets: readonly T[]): void {
    this.#inFlightMax = Math.ceil(spec.targetInFlightMax / workers);
    this.#waitingMax = Math.ceil(spec.queueMax / workers);
    this.#waitMs = spec.queueMs;
    this.#targets = targets;
    this.reconsider();
  }

  /** Nothing is limited any longer: everybody goes, or waits for a target that may serve. */
  release(targets: readonly T[]): void {
    this.#targets = targets;
    this.#inFlightMax = Number.POSITIVE_INFINITY;
    this.reconsider();
  }

  /**
   * Where a request for which the algorithm has chosen `chosen` may go now; null: it has to wait. One that is bound to its
   * target goes nowhere else.
   */
  place(chosen: T, isBound: boolean): T | null {
    if (isBound) {
      return this.hasRoom(chosen) && !this.#ofTarget.has(chosen) ? chosen : null;
    }
    if (this.#anyTarget.first !== null) {
      return null;
    }
    return this.hasRoom(chosen) ? chosen : this.another(chosen);
  }

  /** What `place` would answer; the next search begins where it would have begun. */
  peek(chosen: T, isBound: boolean): T | null {
    const start = this.#start;
    const placed = this.place(chosen, isBound);
    this.#start = start;
    return placed;
  }

  /** A target with room, other than `avoid`; null: there is none. */
  another(avoid: T): T | null {
    const { length } = this.#targets;
    for (let i = 0; i < length; i++) {
      this.#start = this.#start + 1 >= length ? 0 : this.#start + 1;
      const target = this.#targets[this.#start] as T;
      if (target !== avoid && target.isEligible && this.hasRoom(target)) {
        return target;
      }
    }
    return null;
  }

  get isFull(): boolean {
    return this.waiting >= this.#waitingMax;
  }

  /** Milliseconds after which whoever finds the line full may come again. */
  get waitMs(): number {
    return this.#waitMs;
  }

  join(applicant: Applicant<T>, wanted: T | null): Ticket<T> {
    return this.#join(applicant, wanted, null);
  }

  /** For a target other than `avoided`, which could not be reached; null: there is none, or the line is full. */
  joinForOther(applicant: Applicant<T>, avoided: T): Ticket<T> | null {
    return this.#hasOther(avoided) && !this.isFull ? this.#join(applicant, null, avoided) : null;
  }

  #join(applicant: Applicant<T>, wanted: T | null, avoided: T | null): Ticket<T> {
    const ticket = new Ticket(++this.#tickets, applicant, wanted, avoided, this.#deadlines.nowMs + this.#waitMs);
    this.#lineOf(ticket).join(ticket);
    this.#deadlines.add(ticket);
    this.waiting++;
    return ticket;
  }

  #hasOther(avoided: T): boolean {
    return this.#targets.some((target) => target !== avoided && target.isEligible);
  }

  /** Gives a place in the line up, whoever stands there. */
  leave(ticket: Ticket<T>): void {
    this.#deadlines.remove(ticket);
    ticket.deadlineAt = NEVER;
    this.waiting--;
    this.#leaveLine(ticket);
  }

  #leaveLine(ticket: Ticket<T>): void {
    const line = this.#lineOf(ticket);
    line.leave(ticket);
    if (line.first === null) {
      if (ticket.wanted !== null) {
        this.#ofTarget.delete(ticket.wanted);
      } else if (ticket.avoided !== null) {
        this.#ofAllBut.delete(ticket.avoided);
      }
    }
  }

  /** A request has left `target`: those who wait for it may have their turn. */
  roomAt(target: T): void {
    while (this.waiting > 0 && this.hasRoom(target)) {
      const ticket = this.#nextFor(target);
      if (ticket === null) {
        return;
      }
      this.leave(ticket);
      ticket.applicant.onRoom(target);
    }
  }

  /** Targets, or what may be sent to them, have changed. */
  reconsider(): void {
    if (this.waiting === 0) {
      return;
    }
    for (const [target, line] of this.#ofTarget) {
      if (!target.keepsSessions || !this.#targets.includes(target)) {
        this.#takeAny(line);
      }
    }
    for (const [avoided, line] of this.#ofAllBut) {
      if (!this.#hasOther(avoided)) {
        this.#takeAny(line);
      }
    }
    for (const target of this.#targets) {
      this.roomAt(target);
    }
  }

  /** Whoever stands in `line` takes any target from now on. */
  #takeAny(line: WaitingLine<Ticket<T>>): void {
    for (let ticket = line.first; ticket !== null; ticket = line.first) {
      this.#leaveLine(ticket);
      ticket.wanted = null;
      ticket.avoided = null;
      this.#anyTarget.join(ticket);
    }
  }

  /** Who has waited longest among those that `target` may serve. */
  #nextFor(target: T): Ticket<T> | null {
    let next = target.keepsSessions ? (this.#ofTarget.get(target)?.first ?? null) : null;
    if (target.isEligible) {
      next = earlier(next, this.#anyTarget.first);
      for (const [avoided, line] of this.#ofAllBut) {
        next = avoided === target ? next : earlier(next, line.first);
      }
    }
    return next;
  }

  hasRoom(target: T): boolean {
    return target.inFlight < this.#inFlightMax;
  }

  #lineOf({ wanted, avoided }: Ticket<T>): WaitingLine<Ticket<T>> {
    if (wanted !== null) {
      return lineIn(this.#ofTarget, wanted);
    }
    return avoided === null ? this.#anyTarget : lineIn(this.#ofAllBut, avoided);
  }
}

type LinesByTarget<T> = Map<T, WaitingLine<Ticket<T>>>;

function lineIn<T>(lines: LinesByTarget<T>, target: T): WaitingLine<Ticket<T>> {
  let line = lines.get(target);
  if (line === undefined) {
    line = new WaitingLine();
    lines.set(target, line);
  }
  return line;
}

function earlier<T>(one: Ticket<T> | null, other: Ticket<T> | null): Ticket<T> | null {
  if (one === null || other === null) {
    return one ?? other;
  }
  return one.number < other.number ? one : other;
}
