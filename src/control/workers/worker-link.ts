import type { Socket } from 'node:net';

import { Calls } from '../../base/calls.ts';
import type {
  Applied,
  DataPlaneReport,
  DrainCount,
  DrainRequest,
  ModuleProblem,
  TargetEjection,
  TargetHealth,
  UserModule,
  WarmedTarget,
  WarmUpCall,
} from '../../snapshot/data-plane.ts';
import type { ListenerCredentials } from '../../snapshot/credential-spec.ts';
import type { ExplainQuestion, Explanation } from '../../snapshot/explain.ts';
import type { SnapshotUpdate } from '../../snapshot/types.ts';
import type { ApplyAnswer, Drained, Hello, PrimaryCalls, Spawned } from '../../snapshot/worker-protocol.ts';
import { kill } from './process-id.ts';

/**
 * `setup`: has been sent the routing, accepts nothing yet. `accepting`: serves. `draining`: finishes what it has; its
 * requests are still routed by every new generation.
 */
export type WorkerPhase = 'hello' | 'setup' | 'accepting' | 'draining';

/** One worker process, as long as its connection stands. */
export class WorkerLink {
  readonly #socket: Socket;
  readonly #calls: Calls;
  phase: WorkerPhase = 'hello';
  /** Of the worker's first message. */
  hello: Hello | null = null;
  /** Since when it accepts, on the monotonic clock of the primary; `null`: it does not, or did before it was met. */
  acceptsSinceMs: number | null = null;
  /** The last generation that it has acknowledged. */
  generation = 0;
  /** What it counted when it was last asked. */
  lastReport: DataPlaneReport | null = null;
  /** Its part of each tracked drain, as last heard. */
  readonly drains = new Map<string, DrainCount>();
  /** It has finished what it had, and ends. */
  hasDrained = false;
  /** Settles when the process is gone. */
  readonly closed: Promise<void>;

  /** `onCall` hears what the other side asks for. */
  constructor(socket: Socket, onCall: (method: string, params: unknown) => unknown) {
    this.#socket = socket;
    this.#calls = new Calls(socket, onCall);
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  get name(): string {
    return this.hello?.name ?? '';
  }

  get isClosed(): boolean {
    return this.#socket.closed;
  }

  get pid(): number {
    return this.hello?.pid ?? 0;
  }

  prepare(modules: readonly UserModule[]): Promise<readonly ModuleProblem[]> {
    return this.#call('prepare', modules);
  }

  async apply(update: SnapshotUpdate, tracks: readonly DrainRequest[]): Promise<Applied> {
    const track = tracks[0] ?? null;
    const answer = await this.#call<'apply', ApplyAnswer>('apply', { update, track, tracks });
    this.generation = answer.generation;
    const { drains = track === null || answer.drain === null ? {} : { [track.id]: answer.drain } } = answer;
    for (const [id, count] of Object.entries(drains)) this.drains.set(id, count);
    return { ...answer, drains };
  }

  async setup(setup: PrimaryCalls['setup']): Promise<void> {
    await this.#call('setup', setup);
    this.generation = setup.update.generation;
  }

  accept(): Promise<void> {
    return this.#call('accept', null);
  }

  useCredentials(credentials: ListenerCredentials): Promise<void> {
    return this.#call('credentials', credentials);
  }

  reopenAccessLog(): void {
    this.#tell('reopenAccessLog', null);
  }

  setHealth(changes: readonly TargetHealth[]): void {
    this.#tell('health', changes);
  }

  /** A worker of a version that knows nothing of it makes nothing warm. */
  async warmUp(call: WarmUpCall): Promise<readonly WarmedTarget[]> {
    return (await this.#call<'warmUp', readonly WarmedTarget[] | undefined>('warmUp', call)) ?? [];
  }

  setEjection(ejection: TargetEjection): void {
    this.#tell('ejection', ejection);
  }

  async report(): Promise<DataPlaneReport> {
    this.lastReport = await this.#call<'report', DataPlaneReport>('report', null);
    return this.lastReport;
  }

  async drainCount(id: string): Promise<DrainCount | null> {
    return this.#keepDrain(id, await this.#call<'drainCount', DrainCount | null>('drainCount', id));
  }

  async cutDrain(id: string): Promise<DrainCount | null> {
    return this.#keepDrain(id, await this.#call<'cutDrain', DrainCount | null>('cutDrain', id));
  }

  #keepDrain(id: string, count: DrainCount | null): DrainCount | null {
    // One that was forgotten while this was asked stays so.
    if (count !== null && this.drains.has(id)) this.drains.set(id, count);
    return count;
  }

  forgetDrain(id: string): void {
    this.drains.delete(id);
    this.#tell('forgetDrain', id);
  }

  async explain(question: ExplainQuestion, proposed: SnapshotUpdate | null): Promise<Explanation> {
    const answer = await this.#call<'explain', Explanation | undefined>('explain', { question, proposed });
    if (answer === undefined) throw new Error('a worker of another version cannot explain');
    return answer;
  }

  announce(): void {
    this.#tell('announce', null);
  }

  async drain(drain: PrimaryCalls['drain']): Promise<Drained> {
    this.phase = 'draining';
    const drained = await this.#call<'drain', Drained>('drain', drain);
    this.lastReport = drained.report;
    this.hasDrained = true;
    return drained;
  }

  spawn(request: PrimaryCalls['spawn']): Promise<Spawned> {
    return this.#call<'spawn', Spawned>('spawn', request);
  }

  /** Ends the process, whatever it is doing; also one that is stopped. Resolves when it is gone. */
  async kill(): Promise<void> {
    kill(this.pid);
    await this.closed;
  }

  /** Lets the connection go; the worker goes on by itself. */
  release(): void {
    this.#socket.destroy();
  }

  #call<Method extends keyof PrimaryCalls, Result = void>(
    method: Method,
    params: PrimaryCalls[Method],
  ): Promise<Result> {
    return this.#calls.call<Result>(method, params);
  }

  /** What needs no answer; that the worker is gone is heard elsewhere. */
  #tell<Method extends keyof PrimaryCalls>(method: Method, params: PrimaryCalls[Method]): void {
    this.#call(method, params).catch(() => {});
  }
}
