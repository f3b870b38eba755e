/** Lets all that was gathered in one round of the event loop go together, after the last connection of it was read. */

export interface Flushable {
  flush(): void;
}

export class FlushRound {
  #waiting: Flushable[] = [];
  #spare: Flushable[] = [];

  /** It is flushed once for each time that it is added. */
  add(item: Flushable): void {
    if (this.#waiting.push(item) === 1) {
      setImmediate(this.#run);
    }
  }

  readonly #run = (): void => {
    const due = this.#waiting;
    this.#waiting = this.#spare;
    for (const item of due) {
      item.flush();
    }
    due.length = 0;
    this.#spare = due;
  };
}
