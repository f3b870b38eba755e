import type { Timer } from '../../base/clock.ts';
import { type HealthCheck, areSameChecks } from './wanted-target.ts';

/** One check of one address, for all who want just that. */
export class CheckGroup<Member> {
  readonly host: string;
  readonly port: number;
  readonly check: HealthCheck;
  readonly members = new Set<Member>();
  /** Until the next check. */
  timer: Timer | null = null;
  /** Ends the check that is under way, by its deadline or because nobody wants it any more. */
  underWay: AbortController | null = null;
  /** Whether any check has ended yet. */
  wasChecked = false;

  constructor(host: string, port: number, check: HealthCheck) {
    this.host = host;
    this.port = port;
    this.check = check;
  }
}

/** All checks that anybody wants. */
export class CheckGroups<Member> {
  /** By address. */
  readonly #groups = new Map<string, CheckGroup<Member>[]>();

  /** The check that is made of this address already, or a new one that nobody has begun. */
  join(member: Member, host: string, port: number, check: HealthCheck): CheckGroup<Member> {
    const key = `${host} ${port}`;
    const ofAddress = this.#groups.get(key) ?? [];
    let group = ofAddress.find((one) => areSameChecks(one.check, check));
    if (group === undefined) {
      group = new CheckGroup<Member>(host, port, check);
      this.#groups.set(key, [...ofAddress, group]);
    }
    group.members.add(member);
    return group;
  }

  /** Whether nobody is left; then the check was ended, and its answer is worth nothing. */
  leave(member: Member, group: CheckGroup<Member>): boolean {
    group.members.delete(member);
    if (group.members.size > 0) return false;
    group.timer?.cancel();
    group.timer = null;
    group.underWay?.abort();
    const key = `${group.host} ${group.port}`;
    const others = (this.#groups.get(key) ?? []).filter((one) => one !== group);
    if (others.length > 0) this.#groups.set(key, others);
    else this.#groups.delete(key);
    return true;
  }
}
