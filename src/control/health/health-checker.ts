import type { Clock, Timer } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { TargetHealth } from '../../snapshot/data-plane.ts';
import { type HealthState, afterCheck } from './health-state.ts';
import type { Probe, ProbeFailure } from './probe.ts';
import { type HealthCheck, type WantedTarget, isSameCheck } from './wanted-target.ts';

/** Checks under way at once. The rest wait their turn: sockets are finite, and so is the patience of a small machine. */
export const PROBES_MAX = 256;

/** Share of the interval by which each wait is lengthened or shortened, so that checks drift apart. */
export const INTERVAL_JITTER = 0.1;

/**
 * New targets are first checked this far apart, but all within one interval: a pool of two is known at once, ten
 * thousand targets do not burst.
 */
export const FIRST_CHECK_SPACING_MS = 2;

/** Shortest wait between two checks of a target, whatever was configured: no target is asked in a tight loop. */
const WAIT_MS_MIN = 10;

export interface HealthCheckerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly probe: Probe;
  /** Each new target's first state, and every change after it. Called synchronously; must not throw. */
  readonly onChange: (changes: readonly TargetHealth[]) => void;
  /** Default `PROBES_MAX`. */
  readonly probesMax?: number;
}

export interface TargetStatus extends TargetHealth {
  /** Whether checks decide; `false`: the service has none, the target counts as up. */
  readonly checked: boolean;
  /** What the last check found wrong; `null`: it passed, or there was none yet. */
  readonly failure: ProbeFailure | null;
  /** Since when it is up or down, in milliseconds since 1970. */
  readonly sinceMs: number;
}

/**
 * Asks every target whether it is well, and says when the answer changes.
 *
 * Health is keyed by (service, pool, target) and survives every configuration change that keeps the target: only a
 * change of the check itself restarts the waiting, and even that keeps the side the target was on. A check that was
 * under way when its target was removed or its check changed says nothing any more and is thrown away.
 */
export class HealthChecker {
  readonly #options: HealthCheckerOptions;
  readonly #probesMax: number;
  readonly #services = new Map<string, Map<string, WatchedTarget>>();
  /** Targets whose check is due and waits for a free probe, first come, first served. */
  readonly #due = new Set<WatchedTarget>();
  /** Checks under way; they settle, if only by their timeout. */
  readonly #underWay = new Set<Promise<void>>();
  #closed = false;

  constructor(options: HealthCheckerOptions) {
    this.#options = options;
    this.#probesMax = options.probesMax ?? PROBES_MAX;
  }

  /** The whole wanted set: services that it does not name are forgotten. */
  setTargets(targets: readonly WantedTarget[]): void {
    const byService = new Map<string, WantedTarget[]>();
    for (const target of targets) {
      const others = byService.get(target.service);
      if (others === undefined) byService.set(target.service, [target]);
      else others.push(target);
    }
    for (const service of this.#services.keys()) {
      if (!byService.has(service)) this.setService(service, []);
    }
    for (const [service, wanted] of byService) this.setService(service, wanted);
  }

  /** All wanted targets of one service, and no other service is touched; none: the service is forgotten. */
  setService(service: string, targets: readonly WantedTarget[]): void {
    if (this.#closed) return;
    const before = this.#services.get(service) ?? new Map<string, WatchedTarget>();
    const after = new Map<string, WatchedTarget>();
    const changes: TargetHealth[] = [];
    const restarted: WatchedTarget[] = [];
    for (const wanted of targets) {
      const key = keyOf(wanted.pool, wanted.target);
      const kept = before.get(key);
      before.delete(key);
      if (kept !== undefined && isSameCheck(kept.wanted, wanted)) {
        after.set(key, kept);
        continue;
      }
      const watched = this.#restart(kept, wanted);
      after.set(key, watched);
      restarted.push(watched);
      if (kept === undefined || kept.state.up !== watched.state.up) changes.push(healthOf(watched));
    }
    for (const gone of before.values()) this.#stop(gone);
    if (after.size > 0) this.#services.set(service, after);
    else this.#services.delete(service);
    this.#spreadFirstChecks(restarted);
    if (changes.length > 0) this.#options.onChange(changes);
  }

  /** An unknown target is not up. */
  isUp(service: string, pool: string, target: string): boolean {
    return this.#services.get(service)?.get(keyOf(pool, target))?.state.up ?? false;
  }

  knows(service: string, pool: string, target: string): boolean {
    return this.#services.get(service)?.has(keyOf(pool, target)) ?? false;
  }

  /** Of one service, or of all. */
  statuses(service?: string): TargetStatus[] {
    const targets =
      service === undefined
        ? [...this.#services.values()].flatMap((watched) => [...watched.values()])
        : [...(this.#services.get(service)?.values() ?? [])];
    return targets.map((watched) => ({
      ...healthOf(watched),
      checked: watched.wanted.check !== null,
      failure: watched.failure,
      sinceMs: watched.sinceMs,
    }));
  }

  /** Ends all checks; resolves when the last socket of theirs is let go. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const targets of this.#services.values()) {
      for (const watched of targets.values()) this.#stop(watched);
    }
    this.#services.clear();
    await Promise.all(this.#underWay);
  }

  #restart(kept: WatchedTarget | undefined, wanted: WantedTarget): WatchedTarget {
    if (kept !== undefined) this.#stop(kept);
    const up = wanted.check === null || (kept?.state.up ?? wanted.initial === 'up');
    const isSameSide = kept?.state.up === up;
    return {
      wanted,
      state: { up, against: 0 },
      failure: wanted.check === null ? null : (kept?.failure ?? null),
      sinceMs: isSameSide ? kept.sinceMs : this.#options.clock.wallMs(),
      timer: null,
      underWay: null,
      stopped: false,
    };
  }

  #stop(watched: WatchedTarget): void {
    watched.timer?.cancel();
    watched.timer = null;
    this.#due.delete(watched);
    watched.stopped = true;
    watched.underWay?.abort();
  }

  #spreadFirstChecks(targets: readonly WatchedTarget[]): void {
    targets.forEach((watched, i) => {
      const { check } = watched.wanted;
      if (check === null) return;
      const windowMs = Math.min(check.intervalMs, targets.length * FIRST_CHECK_SPACING_MS);
      const place = (i + this.#options.random.next()) / targets.length;
      this.#schedule(watched, place * windowMs);
    });
  }

  #schedule(watched: WatchedTarget, delayMs: number): void {
    watched.timer = this.#options.clock.setTimer(delayMs, () => {
      watched.timer = null;
      this.#due.add(watched);
      this.#startDueChecks();
    });
  }

  #startDueChecks(): void {
    for (const watched of this.#due) {
      if (this.#underWay.size >= this.#probesMax) return;
      this.#due.delete(watched);
      const { check } = watched.wanted;
      if (check !== null) this.#start(watched, check);
    }
  }

  #start(watched: WatchedTarget, check: HealthCheck): void {
    const ended = this.#check(watched, check).finally(() => {
      this.#underWay.delete(ended);
      this.#startDueChecks();
    });
    this.#underWay.add(ended);
  }

  async #check(watched: WatchedTarget, check: HealthCheck): Promise<void> {
    const { clock, probe, random } = this.#options;
    const startedAtMs = clock.monotonicMs();
    const ending = new AbortController();
    const deadline = clock.setTimer(check.timeoutMs, () => ending.abort());
    watched.underWay = ending;
    const { host, port } = watched.wanted;
    const result = await probe({ host, port, check }, ending.signal);
    deadline.cancel();
    watched.underWay = null;
    if (watched.stopped) return;
    // An answer that came in the same turn as the deadline came too late.
    this.#record(watched, check, ending.signal.aborted ? 'timeout' : result);
    const waitMs = check.intervalMs * (1 + INTERVAL_JITTER * (2 * random.next() - 1));
    this.#schedule(watched, Math.max(WAIT_MS_MIN, waitMs - (clock.monotonicMs() - startedAtMs)));
  }

  #record(watched: WatchedTarget, check: HealthCheck, failure: ProbeFailure | null): void {
    const before = watched.state;
    watched.state = afterCheck(before, failure === null, check);
    watched.failure = failure;
    if (watched.state.up === before.up) return;
    watched.sinceMs = this.#options.clock.wallMs();
    this.#options.onChange([healthOf(watched)]);
  }
}

interface WatchedTarget {
  readonly wanted: WantedTarget;
  state: HealthState;
  failure: ProbeFailure | null;
  sinceMs: number;
  /** Until the next check. */
  timer: Timer | null;
  /** Ends the check that is under way, by its deadline or because the target is stopped. */
  underWay: AbortController | null;
  /** Removed or replaced: nothing is recorded for it any more. */
  stopped: boolean;
}

/** Pool names hold no "/". */
function keyOf(pool: string, target: string): string {
  return `${pool}/${target}`;
}

function healthOf({ wanted: { service, pool, target }, state: { up } }: WatchedTarget): TargetHealth {
  return { service, pool, target, up };
}
