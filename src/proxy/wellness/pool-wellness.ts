/**
 * Which targets of a pool are well enough to be chosen, and for how much, beyond what checks and operators say. Belongs to
 * the pool and outlives snapshots; where none of it is asked for there is none.
 */
import type { ServiceSpec } from '../../snapshot/types.ts';
import type { Deadlines } from '../deadlines.ts';
import { type Ejectable, type Ejection, Ejector } from './ejector.ts';
import type { Ending } from './failure-watch.ts';
import { isPanic, type Panicking } from './panic.ts';
import { SlowStart, type Starting } from './slow-start.ts';

/** A target as it is judged. */
export interface Judged extends Starting, Ejectable, Panicking {
  /** It is used, well or not: too few are. */
  isLastResort: boolean;
}

export interface PoolWellnessContext {
  readonly deadlines: Pick<Deadlines, 'nowMs' | 'add' | 'remove'>;
  /** Hears of targets that were taken out of balancing by what was seen here. */
  readonly onEjection: (ejection: Ejection) => void;
  /** So few are well that all are used; or no longer. */
  readonly onPanic: (isPanic: boolean) => void;
  /** Other targets may be chosen, or by other weights. */
  readonly onChange: () => void;
}

export class PoolWellness<T extends Judged> {
  readonly #context: PoolWellnessContext;
  #service: ServiceSpec;
  #targets: readonly T[];
  #ejector: Ejector<T> | null = null;
  #slowStart: SlowStart<T> | null = null;
  #isPanic = false;

  /** `targets` are those of the pool so far: whoever of them is well has been in service. */
  constructor(service: ServiceSpec, targets: readonly T[], context: PoolWellnessContext) {
    this.#service = service;
    this.#targets = targets;
    this.#context = context;
  }

  static isWanted({ ejection, panicPercent, slowStart }: ServiceSpec): boolean {
    return ejection !== null || panicPercent > 0 || slowStart !== null;
  }

  /** Takes a new snapshot's settings and targets. */
  update(service: ServiceSpec, targets: readonly T[]): void {
    const { deadlines, onEjection, onChange } = this.#context;
    const { ejection, slowStart } = service;
    if (slowStart === null) {
      this.#slowStart?.close();
      this.#slowStart = null;
    } else {
      this.#slowStart ??= new SlowStart(slowStart, this.#targets, deadlines, onChange);
    }
    this.#service = service;
    this.#targets = targets;
    if (ejection === null) {
      this.#ejector?.close();
      this.#ejector = null;
    } else {
      this.#ejector ??= new Ejector(ejection, { deadlines, onEjection, onChange: () => this.#ejectionChanged() });
      this.#ejector.update(ejection, targets);
    }
    this.#reconsiderRest();
  }

  /** Targets have changed sides. */
  reconsider(): void {
    this.#ejector?.reconsider();
    this.#reconsiderRest();
  }

  /** One try at a target has ended. */
  record(target: T, ending: Ending): void {
    this.#ejector?.record(target, ending);
  }

  /** What another worker has found. */
  believe(ejection: Ejection): void {
    this.#ejector?.believe(ejection);
  }

  /** Whether so few are well that all are used; null: that is not asked for. */
  get isPanic(): boolean | null {
    return this.#service.panicPercent === 0 ? null : this.#isPanic;
  }

  /** How often the target was taken out by what was seen here, by reason. */
  ejections(target: T): Record<string, number> {
    return this.#ejector?.counts(target) ?? {};
  }

  /** Gone, or not asked for any longer. */
  close(): void {
    this.#ejector?.close();
    this.#ejector = null;
    this.#slowStart?.close();
    this.#slowStart = null;
    this.#panic(false);
  }

  #ejectionChanged(): void {
    this.#reconsiderRest();
    this.#context.onChange();
  }

  #reconsiderRest(): void {
    this.#panic(isPanic(this.#targets, this.#service.panicPercent));
    const { slowStart } = this.#service;
    if (slowStart !== null) {
      this.#slowStart?.update(slowStart, this.#targets);
    }
  }
  #panic(isPanic: boolean): void {
    for (const target of this.#targets) {
      target.isLastResort = isPanic;
    }
    if (isPanic !== this.#isPanic) {
      this.#isPanic = isPanic;
      this.#context.onPanic(isPanic);
    }
  }
}
