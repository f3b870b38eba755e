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
  /** Taken out of balancing for what became of its requests. */
  isEjected = false;
  /** So few of its pool are well that it is used, well or not. */
  isLastResort = false;

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
    this.isEjected = other.isEjected;
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
    return (this.isWell || (this.isLastResort && this.isReady)) && !this.isTripped;
  }

  /** Neither its checks, nor what became of its requests, nor its operator keep it from being chosen. */
  get isWell(): boolean {
    return this.up && !this.isEjected && this.isReady;
  }

  /** Its operator lets it be chosen. */
  get isReady(): boolean {
    return this.state === 'ready' && this.fullWeight > 0;
  }

  /** May go on serving those who are bound to it: a draining target keeps its sticky sessions. */
  get keepsSessions(): boolean {
    const isWell = this.up && !this.isEjected;
    return (isWell || this.isLastResort) && !this.isTripped && this.state !== 'maint';
  }

  /** Gone from every snapshot: what is under way finishes, nothing is kept. */
  retire(): void {
    this.load.release();
    this.connections.close();
    this.shadowConnections.close();
  }

  /** `ejections`: how often it was taken out here, by reason. */
  report(ejections: Readonly<Record<string, number>>): TargetReport {
    return {
      target: this.id,
      up: this.up,
      inFlight: this.inFlight,
      idleConnections: this.connections.idleCount,
      ejected: this.isEjected ? 1 : 0,
      ejections,
      weightShare: this.weightShare,
      connects: this.connects.report(),
    };
  }
}
