import { ControlError } from '../control-error.ts';

/** Changes that may wait for those before them. A change takes milliseconds, so a longer queue is an attack or a loop. */
export const WAITING_CHANGES_MAX = 1_024;

/** Runs one task after the other, in the order of asking. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new ControlError('shutting-down', 'The proxy is ending; nothing was changed.');
    if (this.#waiting >= WAITING_CHANGES_MAX) {
      throw new ControlError('too-many-changes', `${WAITING_CHANGES_MAX} changes are waiting already; try again soon.`);
    }
    this.#waiting += 1;
    const turn = this.#last.then(task).finally(() => {
      this.#waiting -= 1;
    });
    // A task that fails is its asker's business; the next one runs all the same.
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Takes no more tasks; resolves when the last has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
  }
}
