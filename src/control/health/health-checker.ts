import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { TargetHealth } from '../../snapshot/data-plane.ts';
import { type HealthState, afterCheck } from './health-state.ts';
import type { Probe, ProbeFailure } from './probe.ts';
import { type CheckGroup, CheckGroups } from './check-groups.ts';
import { type WantedTarget, isSameCheck } from './wanted-target.ts';

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
 * An address that several pools name is asked once for all of them where they want the same check; each pool still has
 * a health of its own, as one may have been told that its target starts down.
 *
 * Health is keyed by (service, pool, target) and survives every configuration change that keeps the target: only a
 * change of the check itself restarts the waiting, and even that keeps the side the target was on. A check that was
 * under way when its target was removed or its check changed says nothing any more and is thrown away.
 */
export class HealthChecker {
  readonly #options: HealthCheckerOptions;
  readonly #probesMax: number;
  readonly #services = new Map<string, Map<string, WatchedTarget>>();
  readonly #groups = new CheckGroups<WatchedTarget>();
  /** Checks that are due and wait for a free probe, first come, first served. */
  readonly #due = new Set<Group>();
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
    const formed: Group[] = [];
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
      this.#join(watched, formed);
      if (kept === undefined || kept.state.up !== watched.state.up) changes.push(healthOf(watched));
    }
    for (const gone of before.values()) this.#stop(gone);
    if (after.size > 0) this.#services.set(service, after);
    else this.#services.delete(service);
    this.#spreadFirstChecks(formed.filter(({ members }) => members.size > 0));
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
      group: null,
    };
  }

  /** Takes up what is known already where the same check goes on for another pool. */
  #join(watched: WatchedTarget, formed: Group[]): void {
    const { check, host, port } = watched.wanted;
    if (check === null) return;
    const group = this.#groups.join(watched, host, port, check);
    if (group.members.size === 1) formed.push(group);
    else this.#adopt(watched, group);
    watched.group = group;
  }

  #adopt(watched: WatchedTarget, group: Group): void {
    const [other] = group.members;
    if (other === undefined || other === watched || !group.wasChecked) return;
    if (watched.state.up !== other.state.up) watched.sinceMs = other.sinceMs;
    watched.state = { ...other.state };
    watched.failure = other.failure;
  }

  #stop(watched: WatchedTarget): void {
    const { group } = watched;
    if (group === null) return;
    watched.group = null;
    if (this.#groups.leave(watched, group)) this.#due.delete(group);
  }

  #spreadFirstChecks(groups: readonly Group[]): void {
    groups.forEach((group, i) => {
      const windowMs = Math.min(group.check.intervalMs, groups.length * FIRST_CHECK_SPACING_MS);
      const place = (i + this.#options.random.next()) / groups.length;
      this.#schedule(group, place * windowMs);
    });
  }

  #schedule(group: Group, delayMs: number): void {
    group.timer = this.#options.clock.setTimer(delayMs, () => {
      group.timer = null;
      this.#due.add(group);
      this.#startDueChecks();
    });
  }

  #startDueChecks(): void {
    for (const group of this.#due) {
      if (this.#underWay.size >= this.#probesMax) return;
      this.#due.delete(group);
      this.#start(group);
    }
  }

  #start(group: Group): void {
    const ended = this.#check(group).finally(() => {
      this.#underWay.delete(ended);
      this.#startDueChecks();
    });
    this.#underWay.add(ended);
  }

  async #check(group: Group): Promise<void> {
    const { clock, probe, random } = this.#options;
    const { check, host, port } = group;
    const startedAtMs = clock.monotonicMs();
    const ending = new AbortController();
    const deadline = clock.setTimer(check.timeoutMs, () => ending.abort());
    group.underWay = ending;
    const result = await probe({ host, port, check }, ending.signal);
    deadline.cancel();
    group.underWay = null;
    if (group.members.size === 0) return;
    // An answer that came in the same turn as the deadline came too late.
    this.#record(group, ending.signal.aborted ? 'timeout' : result);
    const intervalMs = isUnsettled(group) ? check.downIntervalMs : check.intervalMs;
    const waitMs = intervalMs * (1 + INTERVAL_JITTER * (2 * random.next() - 1));
    this.#schedule(group, Math.max(WAIT_MS_MIN, waitMs - (clock.monotonicMs() - startedAtMs)));
  }

  #record(group: Group, failure: ProbeFailure | null): void {
    group.wasChecked = true;
    const changes: TargetHealth[] = [];
    for (const watched of group.members) {
      const before = watched.state;
      watched.state = afterCheck(before, failure === null, group.check);
      watched.failure = failure;
      if (watched.state.up === before.up) continue;
      watched.sinceMs = this.#options.clock.wallMs();
      changes.push(healthOf(watched));
    }
    if (changes.length > 0) this.#options.onChange(changes);
  }
}

type Group = CheckGroup<WatchedTarget>;

interface WatchedTarget {
  readonly wanted: WantedTarget;
  state: HealthState;
  failure: ProbeFailure | null;
  sinceMs: number;
  /** The check that it takes part in; `null`: none, or it was removed or replaced, and nothing is recorded any more. */
  group: Group | null;
}

/** Some target is down, or about to change sides: what it is should soon be known. */
function isUnsettled({ members }: Group): boolean {
  for (const { state } of members) if (!state.up || state.against > 0) return true;
  return false;
}

/** Pool names hold no "/". */
function keyOf(pool: string, target: string): string {
  return `${pool}/${target}`;
}

function healthOf({ wanted: { service, pool, target }, state: { up } }: WatchedTarget): TargetHealth {
  return { service, pool, target, up };
}
