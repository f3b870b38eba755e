/**
 * Which targets of a pool are well enough to be chosen, and for how much, beyond what checks and operators say. Belongs to
 * the pool and outlives snapshots; where none of it is asked for there is none.
 */
import type { ServiceSpec } from '../../snapshot/types.ts';
import type { Deadlines } from '../deadlines.ts';
import { SlowStart, type Starting } from './slow-start.ts';

export interface PoolWellnessContext {
  readonly deadlines: Pick<Deadlines, 'nowMs' | 'add' | 'remove'>;
  /** Other targets may be chosen, or by other weights. */
  readonly onChange: () => void;
}

export class PoolWellness<T extends Starting> {
  readonly #context: PoolWellnessContext;
  #service: ServiceSpec;
  #targets: readonly T[];
  #slowStart: SlowStart<T> | null = null;

  /** `targets` are those of the pool so far: whoever of them is well has been in service. */
  constructor(service: ServiceSpec, targets: readonly T[], context: PoolWellnessContext) {
    this.#service = service;
    this.#targets = targets;
    this.#context = context;
  }

  static isWanted({ slowStart }: ServiceSpec): boolean {
    return slowStart !== null;
  }

  /** Takes a new snapshot's settings and targets. */
  update(service: ServiceSpec, targets: readonly T[]): void {
    const { slowStart } = service;
    if (slowStart === null) {
      this.#slowStart?.close();
      this.#slowStart = null;
    } else {
      const { deadlines, onChange } = this.#context;
      this.#slowStart ??= new SlowStart(slowStart, this.#targets, deadlines, onChange);
    }
    this.#service = service;
    this.#targets = targets;
    this.reconsider();
  }

  /** Targets have changed sides. */
  reconsider(): void {
    const { slowStart } = this.#service;
    if (slowStart !== null) {
      this.#slowStart?.update(slowStart, this.#targets);
    }
  }

  /** Gone, or not asked for any longer. */
  close(): void {
    this.#slowStart?.close();
    this.#slowStart = null;
  }
}
