import type { HealthView } from '../../src/control/health-view.ts';
import type { TargetStatus } from '../../src/control/health/health-checker.ts';
import type { WantedTarget } from '../../src/control/health/wanted-target.ts';

/** Health checks that never ask anybody: targets are as they start until the test says otherwise. */
export class FakeHealth implements HealthView {
  readonly wanted = new Map<string, readonly WantedTarget[]>();
  readonly #up = new Map<string, boolean>();

  setService(service: string, targets: readonly WantedTarget[]): void {
    this.wanted.set(service, targets);
    for (const { pool, target, check, initial } of targets) {
      const key = `${service}/${pool}/${target}`;
      if (!this.#up.has(key)) this.#up.set(key, check === null || initial === 'up');
    }
  }

  set(service: string, pool: string, target: string, up: boolean): void {
    this.#up.set(`${service}/${pool}/${target}`, up);
  }

  isUp(service: string, pool: string, target: string): boolean {
    return this.#up.get(`${service}/${pool}/${target}`) ?? false;
  }

  knows(service: string, pool: string, target: string): boolean {
    return this.#up.has(`${service}/${pool}/${target}`);
  }

  statuses(service?: string): TargetStatus[] {
    return [...this.wanted.values()]
      .flat()
      .filter((target) => service === undefined || target.service === service)
      .map(({ service: of, pool, target, check }) => ({
        service: of,
        pool,
        target,
        up: this.isUp(of, pool, target),
        checked: check !== null,
        failure: null,
        sinceMs: Date.UTC(2030, 0, 1),
      }));
  }
}
