import type { TargetStatus } from './health/health-checker.ts';
import type { WantedTarget } from './health/wanted-target.ts';

/** What the rest of the control plane needs of the health checks. */
export interface HealthView {
  /** All targets to watch of one service; none: it is forgotten. */
  setService(service: string, targets: readonly WantedTarget[]): void;
  /** Whether the target may get traffic; an unknown one may not. */
  isUp(service: string, pool: string, target: string): boolean;
  /** Whether the target is watched. */
  knows(service: string, pool: string, target: string): boolean;
  statuses(service?: string): readonly TargetStatus[];
}
