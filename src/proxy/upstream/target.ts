/** One address of an application server, as it lives on from snapshot to snapshot. */
import { Histogram } from '../counters.ts';
import { TargetLoad } from '../target-load.ts';
import type { TargetReport } from '../../snapshot/data-plane.ts';
import type { AdminState, TargetSpec } from '../../snapshot/types.ts';
import { type ConnectionLimits, ConnectionPool, type ConnectionShared } from './connection-pool.ts';
import { ShadowRest } from './shadow-rest.ts';

export class Target {
  readonly id: string;
  readonly connections: ConnectionPool;
  /** Mirrored copies have connections of their own, so that a slow shadow holds up nothing that is live. */
  readonly shadowConnections: ConnectionPool;
  readonly shadowRest = new ShadowRest();
  readonly connects = new Histogram();
  readonly load = new TargetLoad();
  /** What its operator has set. */
  fullWeight: number;
  /** What of its weight it has at this moment: above 0, at most 1. */
  weightShare = 1;
  zone: string;
  isBackup: boolean;
  state: AdminState;
  up = true;
  /** Its circuit breaker keeps it from being chosen. */
  isTripped = false;

  constructor(spec: TargetSpec, shared: ConnectionShared, limits: ConnectionLimits) {
    this.id = spec.id;
    this.fullWeight = spec.weight;
    this.zone = spec.zone;
    this.isBackup = spec.backup;
    this.state = spec.state;
    this.connections = new ConnectionPool(spec.host, spec.port, shared, limits);
    this.shadowConnections = new ConnectionPool(spec.host, spec.port, shared, limits);
  }

  /** Takes what the operator set in a new snapshot. */
  update(spec: TargetSpec, limits: ConnectionLimits): void {
    this.fullWeight = spec.weight;
    this.zone = spec.zone;
    this.isBackup = spec.backup;
    this.state = spec.state;
    this.connections.limits = limits;
    this.shadowConnections.limits = limits;
  }

  /** Takes the health and the load of another, as they are now. */
  imitate(other: Target): void {
    this.up = other.up;
    this.isTripped = other.isTripped;
    this.weightShare = other.weightShare;
    this.load.imitate(other.load);
  }

  get inFlight(): number {
    return this.load.inFlight;
  }

  /** What it is chosen by. */
  get weight(): number {
    return this.fullWeight * this.weightShare;
  }

  /** May be chosen for new users. */
  get isEligible(): boolean {
    return this.isWell && !this.isTripped;
  }

  /** Neither its checks nor its operator keep it from being chosen. */
  get isWell(): boolean {
    return this.up && this.state === 'ready' && this.fullWeight > 0;
  }

  /** May go on serving those who are bound to it: a draining target keeps its sticky sessions. */
  get keepsSessions(): boolean {
    return this.up && !this.isTripped && this.state !== 'maint';
  }

  /** Gone from every snapshot: what is under way finishes, nothing is kept. */
  retire(): void {
    this.load.release();
    this.connections.close();
    this.shadowConnections.close();
  }

  report(): TargetReport {
    return {
      target: this.id,
      up: this.up,
      inFlight: this.inFlight,
      idleConnections: this.connections.idleCount,
      connects: this.connects.report(),
    };
  }
}
