/** Those who wait, in the order in which they came. Joining and leaving, also from the middle, cost the same for any length. */
export interface Waiter<W> {
  next: W | null;
  previous: W | null;
}

export class WaitingLine<W extends Waiter<W>> {
  #first: W | null = null;
  #last: W | null = null;

  get first(): W | null {
    return this.#first;
  }

  join(waiter: W): void {
    waiter.previous = this.#last;
    waiter.next = null;
    if (this.#last === null) {
      this.#first = waiter;
    } else {
      this.#last.next = waiter;
    }
    this.#last = waiter;
  }

  /** `waiter` stands in this line. */
  leave(waiter: W): void {
    if (waiter.previous === null) {
      this.#first = waiter.next;
    } else {
      waiter.previous.next = waiter.next;
    }
    if (waiter.next === null) {
      this.#last = waiter.previous;
    } else {
      waiter.next.previous = waiter.previous;
    }
    waiter.next = null;
    waiter.previous = null;
  }
}
