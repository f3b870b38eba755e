/** What belongs to a service as a whole and outlives snapshots: the rates of its clients, and the requests that it holds. */
import type { ServiceReport } from '../snapshot/data-plane.ts';
import type { ServiceSpec } from '../snapshot/types.ts';
import { Hold, type HoldContext } from './hold/hold.ts';
import { type HashSeeds, RateLimiter } from './limit/rate-limiter.ts';

export interface LiveServiceContext extends HoldContext {
  readonly seeds: HashSeeds;
  /** This worker is one of so many. */
  readonly workers: number;
}

export class LiveService {
  readonly name: string;
  readonly #context: LiveServiceContext;
  rateLimiter: RateLimiter | null = null;
  hold: Hold | null = null;

  constructor(name: string, context: LiveServiceContext) {
    this.name = name;
    this.#context = context;
  }

  static isWanted({ rateLimit, pause }: ServiceSpec): boolean {
    return rateLimit !== null || pause !== null;
  }

  /** Takes a snapshot that is about to be in force. */
  update({ rateLimit, pause }: ServiceSpec): void {
    if (rateLimit === null) {
      this.rateLimiter = null;
    } else if (this.rateLimiter === null) {
      this.rateLimiter = new RateLimiter(rateLimit, this.#context.seeds);
    } else {
      this.rateLimiter.update(rateLimit);
    }
    if (pause !== null) {
      this.hold ??= new Hold(this.#context);
      this.hold.pause(pause, this.#context.workers);
    }
  }

  report(): ServiceReport {
    return {
      service: this.name,
      rateLimited: this.rateLimiter?.refused ?? 0,
      held: this.hold?.waiting ?? 0,
      holds: this.hold?.report() ?? {},
    };
  }
}
