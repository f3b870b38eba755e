/** What drains count down, over several workers, some of which may be gone. */
import type { DataPlaneReport, DrainCount, DrainRequest } from '../../snapshot/data-plane.ts';

export const NO_DRAIN: DrainCount = { inFlightAtFlip: 0, remaining: 0, cut: 0, longLived: 0 };

export function sumDrains(counts: readonly DrainCount[]): DrainCount {
  return counts.reduce(
    (sum, count) => ({
      inFlightAtFlip: sum.inFlightAtFlip + count.inFlightAtFlip,
      remaining: sum.remaining + count.remaining,
      cut: sum.cut + count.cut,
      longLived: sum.longLived + count.longLived,
    }),
    NO_DRAIN,
  );
}

/** What a fenced worker had under way on the tracked pools, as far as it was heard of: all of it was cut. */
export function cutOf(report: DataPlaneReport | null, track: DrainRequest): DrainCount {
  const inFlight = (report?.pools ?? [])
    .filter(({ service, pool }) => track.pools.some((one) => one.service === service && one.pool === pool))
    .reduce((sum, pool) => sum + pool.inFlight, 0);
  return { inFlightAtFlip: inFlight, remaining: 0, cut: inFlight, longLived: 0 };
}

/** Drains of workers that are gone: what they had left was cut. */
export class PastDrains {
  readonly #counts = new Map<string, DrainCount>();

  get(id: string): DrainCount | null {
    return this.#counts.get(id) ?? null;
  }

  add(id: string, count: DrainCount): void {
    this.#counts.set(id, sumDrains([this.#counts.get(id) ?? NO_DRAIN, count]));
  }

  /** The last that was heard of a worker's drains. */
  addLost(drains: ReadonlyMap<string, DrainCount>): void {
    for (const [id, count] of drains) {
      this.add(id, { ...count, cut: count.cut + count.remaining, remaining: 0, longLived: 0 });
    }
  }

  forget(id: string): void {
    this.#counts.delete(id);
  }
}
