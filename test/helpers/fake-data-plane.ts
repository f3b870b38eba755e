import { setImmediate } from 'node:timers/promises';

import type {
  Applied,
  DataPlane,
  DataPlaneReport,
  DrainCount,
  DrainRequest,
  ModuleProblem,
  TargetHealth,
  UserModule,
  WarmedTarget,
  WarmUpCall,
} from '../../src/snapshot/data-plane.ts';
import type { ListenerCredentials } from '../../src/snapshot/credential-spec.ts';
import type { ExplainQuestion, Explanation } from '../../src/snapshot/explain.ts';
import type { ServiceSpec, SnapshotUpdate } from '../../src/snapshot/types.ts';

/**
 * A data plane without sockets: it keeps the snapshot as a real one would, and the test says how many requests are under
 * way on which pool.
 */
export class FakeDataPlane implements DataPlane {
  readonly updates: SnapshotUpdate[] = [];
  readonly tracked: DrainRequest[] = [];
  readonly forgotten: string[] = [];
  readonly questions: { readonly question: ExplainQuestion; readonly proposed: SnapshotUpdate | null }[] = [];
  readonly health = new Map<string, boolean>();
  readonly services = new Map<string, ServiceSpec>();
  generation = 0;
  /** The service that requests are explained to be for. */
  explained: Explanation['service'] = null;
  /** What the next apply rejects with. */
  failNextApply: Error | null = null;
  /** Held by an apply until the test lets it go. */
  barrier: Promise<void> | null = null;
  readonly #inFlight = new Map<string, number>();
  readonly #drains = new Map<string, { pools: string[]; count: DrainCount }>();

  /** Requests under way on a pool from now on. */
  setInFlight(service: string, pool: string, count: number): void {
    this.#inFlight.set(`${service}/${pool}`, count);
  }

  /** Of those left behind by a change, this many end by themselves. */
  finish(id: string, count: number): void {
    const drain = this.#drains.get(id);
    if (drain !== undefined) drain.count = { ...drain.count, remaining: drain.count.remaining - count };
  }

  /** What was asked to be loaded. */
  readonly prepared: UserModule[] = [];
  /** What the next preparation finds wrong. */
  moduleProblems: readonly ModuleProblem[] = [];

  async prepare(modules: readonly UserModule[]): Promise<readonly ModuleProblem[]> {
    this.prepared.push(...modules);
    const problems = this.moduleProblems;
    this.moduleProblems = [];
    return problems;
  }

  async apply(update: SnapshotUpdate, tracks: readonly DrainRequest[] = []): Promise<Applied> {
    await (this.barrier ?? setImmediate());
    if (this.failNextApply !== null) {
      const error = this.failNextApply;
      this.failNextApply = null;
      throw error;
    }
    this.updates.push(update);
    this.generation = update.generation;
    for (const spec of update.changed) this.services.set(spec.name, spec);
    for (const name of update.removed) this.services.delete(name);
    for (const change of update.health ?? []) this.health.set(keyOf(change), change.up);
    const drains = Object.fromEntries(tracks.map((track) => [track.id, this.#track(track)]));
    return { generation: update.generation, drains, workers: ONE_WORKER };
  }

  /** What listeners were to show, in order. */
  readonly credentials: ListenerCredentials[] = [];

  /** How often the access log was to be opened again. */
  reopened = 0;

  reopenAccessLog(): void {
    this.reopened += 1;
  }

  async useCredentials(credentials: ListenerCredentials): Promise<void> {
    this.credentials.push(credentials);
  }

  #track(track: DrainRequest): DrainCount {
    this.tracked.push(track);
    const pools = track.pools.map(({ service, pool }) => `${service}/${pool}`);
    const inFlightAtFlip = pools.reduce((sum, pool) => sum + (this.#inFlight.get(pool) ?? 0), 0);
    const count = { inFlightAtFlip, remaining: inFlightAtFlip, cut: 0, longLived: 0 };
    this.#drains.set(track.id, { pools, count });
    return count;
  }

  /** Pools that were to be made warm, and what becomes of that. */
  readonly warmUps: WarmUpCall[] = [];
  warmed: readonly WarmedTarget[] = [];

  async warmUp(call: WarmUpCall): Promise<readonly WarmedTarget[]> {
    this.warmUps.push(call);
    return this.warmed;
  }

  setHealth(changes: readonly TargetHealth[]): void {
    for (const change of changes) this.health.set(keyOf(change), change.up);
  }

  async drainCount(id: string): Promise<DrainCount | null> {
    return this.#drains.get(id)?.count ?? null;
  }

  async cutDrain(id: string): Promise<DrainCount | null> {
    const drain = this.#drains.get(id);
    if (drain === undefined) return null;
    drain.count = { ...drain.count, cut: drain.count.cut + drain.count.remaining, remaining: 0 };
    return drain.count;
  }

  forgetDrain(id: string): void {
    this.forgotten.push(id);
    this.#drains.delete(id);
  }

  /** Decides nothing: what it is asked is for the test to look at. */
  async explain(question: ExplainQuestion, proposed: SnapshotUpdate | null): Promise<Explanation> {
    this.questions.push({ question, proposed });
    const point = {
      request: null,
      service: this.explained,
      session: null,
      user: null,
      split: null,
      pool: null,
      answer: null,
    };
    const isProposed = proposed !== null;
    const refusal = { code: 'no_service', status: 404, why: 'there is no proxy here' };
    const rest = { rules: [], targets: [], choice: null, wait: null, mirror: null, refusal };
    return { generation: this.generation, isProposed, worker: '0', ...point, ...rest };
  }

  async report(): Promise<DataPlaneReport> {
    const pools = [...this.services.values()].flatMap((spec) =>
      spec.pools.map((pool) => ({
        service: spec.name,
        pool: pool.name,
        version: pool.version,
        inFlight: this.#inFlight.get(`${spec.name}/${pool.name}`) ?? 0,
        traffic: [],
        failures: {},
        retries: {},
        targets: [],
        mirrorDropped: {},
        mirrorFailures: {},
        sessions: {},
        waiting: 0,
        breakers: {},
        kept: {},
      })),
    );
    const workers = [{ worker: '0', pid: process.pid, generation: this.generation }];
    const { generation } = this;
    return { generation, workers, pools, workersFenced: 0, services: [], listeners: [], buffered: {}, ledger: [] };
  }
}

const ONE_WORKER = { total: 1, applied: 1, fenced: 0 };

function keyOf({ service, pool, target }: TargetHealth): string {
  return `${service}/${pool}/${target}`;
}
