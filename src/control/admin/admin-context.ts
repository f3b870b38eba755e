import type { FastifyInstance } from 'fastify';

import type { Clock } from '../../base/clock.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { Log } from '../log.ts';
import type { AccessControl } from './access-control.ts';
import type { IdempotencyKeys } from './idempotency.ts';

/** What the routes work with. */
export interface AdminContext {
  readonly control: ControlPlane;
  readonly access: AccessControl;
  readonly keys: IdempotencyKeys;
  readonly clock: Clock;
  readonly log: Log;
  /** The worker processes; `null`: this process serves alone. */
  readonly workers: WorkerProcesses | null;
  /** The metrics in Prometheus's text format. */
  readonly metrics: { text(): Promise<string>; readonly contentType: string };
}

export interface WorkerProcesses {
  /** Replaces every worker, one after the other, and drops nothing. Resolves when all new ones accept. */
  restart(): Promise<{ restarted: number }>;
}

/** Adds the routes of one resource. */
export type Routes = (app: FastifyInstance, context: AdminContext) => void;

/** Options of a route, kept in its `config`. */
declare module 'fastify' {
  interface FastifyContextConfig {
    /** Media types that a body may have; default: JSON. */
    readonly accepts?: readonly string[];
    /** Methods that the resource knows, for a route that is there to refuse the others. */
    readonly allow?: string;
    /** Whether the body may be left out. */
    readonly isBodyOptional?: boolean;
    /** Whether the body goes to the route as text, unparsed. */
    readonly isBodyText?: boolean;
  }
}
