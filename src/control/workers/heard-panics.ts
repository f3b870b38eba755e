import type { PoolPanic } from '../../snapshot/data-plane.ts';

/** Which workers say that so few targets of a pool are well that they use all: one who begins speaks for all. */
export class HeardPanics<Worker> {
  readonly #onChange: (panic: PoolPanic) => void;
  /** By pool. */
  readonly #panicking = new Map<string, { readonly panic: PoolPanic; readonly workers: Set<Worker> }>();

  /** `onChange` hears of the first that begins, and of the last that ends. */
  constructor(onChange: (panic: PoolPanic) => void) {
    this.#onChange = onChange;
  }

  heard(worker: Worker, panic: PoolPanic): null {
    const key = `${panic.service}\n${panic.pool}`;
    const known = this.#panicking.get(key);
    if (panic.isPanic) {
      if (known !== undefined) known.workers.add(worker);
      else {
        this.#panicking.set(key, { panic, workers: new Set([worker]) });
        this.#onChange(panic);
      }
    } else if (known !== undefined) this.#leave(key, worker);
    return null;
  }

  /** The worker is gone. */
  lost(worker: Worker): void {
    for (const key of this.#panicking.keys()) this.#leave(key, worker);
  }

  #leave(key: string, worker: Worker): void {
    const known = this.#panicking.get(key);
    if (known === undefined || !known.workers.delete(worker) || known.workers.size > 0) return;
    this.#panicking.delete(key);
    this.#onChange({ ...known.panic, isPanic: false });
  }
}
