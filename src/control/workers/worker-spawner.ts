/**
 * Starts worker processes with the listening sockets, wherever these are open: here, if they were bound here or came from
 * a service manager; or in the workers of a former primary, which then start the others.
 *
 * Sockets that are open in workers only must outlive all of them. So one more process inherits them and does nothing else,
 * the keeper. And new ones are bound only when no process is left that has the old ones: among sockets that share a port,
 * those that nobody accepts on would leave their part of the clients waiting.
 */
import { randomUUID } from 'node:crypto';

import type { Clock } from '../../base/clock.ts';
import type { ListenerSpec } from '../../snapshot/types.ts';
import type { SocketSet, Spawned, SpawnRequest } from '../../snapshot/worker-protocol.ts';
import type { Log } from '../log.ts';
import { bindSockets, type BoundSockets } from './bind-sockets.ts';
import type { ControlSocket } from './control-socket.ts';
import { isAlive } from './process-id.ts';
import { spawnWorker } from './spawn-worker.ts';
import type { WorkerLink } from './worker-link.ts';

/** How long a process that has the sockets may take to start another one. */
const SPAWN_MS_MAX = 2_000;
/** How long the keeper may take to start, before another one is started. */
const KEEPER_START_MS = 5_000;
/** How often it is looked for processes that are being started. */
const POLL_MS = 50;
/** Without a store no primary can follow this one: a worker that has lost it ends after a while. */
const LOST_ORPHAN_MS = 30_000;

export interface SpawnerOptions {
  readonly count: number;
  /** The program that a worker runs. */
  readonly entry: string;
  readonly control: ControlSocket;
  readonly listeners: readonly ListenerSpec[];
  /** Sockets that a service manager has opened; `null`: they are bound here. */
  readonly activated: readonly SocketSet[] | null;
  readonly clock: Clock;
  readonly log: Log;
}

export class WorkerSpawner {
  readonly #options: SpawnerOptions;
  readonly #links: ReadonlySet<WorkerLink>;
  /** Process ids of those that were started and have not connected yet, by name: they have the sockets, too. */
  readonly #coming = new Map<string, number>();
  #bound: BoundSockets | null = null;
  #sockets: readonly SocketSet[] = [];
  #keeper: string | null = null;
  #isClosed = false;
  /** Those that did not start a process when they were asked to. */
  readonly #silent = new WeakSet<WorkerLink>();

  /** `links`: the processes that are connected. */
  constructor(options: SpawnerOptions, links: ReadonlySet<WorkerLink>) {
    this.#options = options;
    this.#links = links;
    if (options.activated !== null) this.#bound = { sets: options.activated, close() {} };
  }

  get sockets(): readonly SocketSet[] {
    return this.#bound?.sets ?? this.#sockets;
  }

  /** Makes sure that there are sockets. Throws the system's error for the first that cannot be bound. */
  async prepare(): Promise<void> {
    if (this.#bound !== null || this.#holder() !== undefined) return;
    const { count, listeners } = this.#options;
    this.#bound = await bindSockets(listeners, count, { isShared: this.#links.size > 0 });
  }

  /** Starts the process of that name and number. It connects when it can; see `hasEnded`. */
  async spawn(index: number, name: string): Promise<void> {
    const { count, entry, control, listeners } = this.#options;
    const orphanMsMax = control.isFindable ? 0 : LOST_ORPHAN_MS;
    const { pid, sockets } = await this.#spawnFrom({ entry, index, count, name, orphanMsMax, listeners });
    this.#sockets = sockets;
    if (pid === null) throw new Error('the system could not start a process');
    this.#coming.set(name, pid);
  }

  async #spawnFrom(request: SpawnRequest): Promise<Spawned> {
    const { clock, control, count, listeners } = this.#options;
    while (this.#bound === null) {
      const holder = this.#holder();
      if (holder !== undefined) {
        const spawned = await this.#spawnBy(holder, request);
        if (spawned !== null) return spawned;
      } else if ([...this.#coming.values()].some(isAlive)) {
        await new Promise<void>((resolve) => void clock.setTimer(POLL_MS, resolve));
      } else {
        const bound = await bindSockets(listeners, count, { isShared: true });
        if (this.#bound === null) this.#bound = bound;
        else bound.close();
      }
    }
    return spawnWorker(request, control.path, this.#bound.sets);
  }

  /** `null`: it has ended meanwhile. Rejects where it cannot, or says nothing; then another one is asked the next time. */
  async #spawnBy(holder: WorkerLink, request: SpawnRequest): Promise<Spawned | null> {
    const { promise, resolve, reject } = Promise.withResolvers<Spawned | null>();
    const timer = this.#options.clock.setTimer(SPAWN_MS_MAX, () => {
      this.#silent.add(holder);
      reject(new Error(`process ${holder.pid} was asked to start it and said nothing for ${SPAWN_MS_MAX} ms`));
    });
    holder.spawn(request).then(resolve, (error: unknown) => (holder.isClosed ? resolve(null) : reject(error)));
    return promise.finally(() => timer.cancel());
  }

  /** One that drains has closed its sockets. */
  #holder(): WorkerLink | undefined {
    const holders = [...this.#links].filter(
      ({ hello, phase }) => phase !== 'draining' && (hello?.sockets.length ?? 0) > 0,
    );
    return holders.find((link) => !this.#silent.has(link)) ?? holders[0];
  }

  /** To be told of every process that connects. */
  arrived(name: string): void {
    this.#coming.delete(name);
  }

  /** Whether the process of that name ended before it connected: nothing else is heard of it. */
  hasEnded(name: string): boolean {
    const pid = this.#coming.get(name);
    return pid !== undefined && !isAlive(pid);
  }

  /** Ends a process that has not connected: as long as it is there, it has the sockets. */
  giveUp(name: string): void {
    const pid = this.#coming.get(name);
    this.#coming.delete(name);
    if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGKILL');
  }

  isKeeper(name: string): boolean {
    return name === this.#keeper;
  }

  /** Has the sockets kept, if that needs a process of its own. Resolves when it has them, or will not soon. */
  async keep(): Promise<void> {
    if (this.#isClosed || this.#bound !== null) return;
    const { clock, count, log } = this.#options;
    const name = `keeper-${randomUUID().slice(0, 8)}`;
    this.#keeper = name;
    const deadlineAt = clock.monotonicMs() + KEEPER_START_MS;
    try {
      await this.spawn(count, name);
      while (this.#coming.has(name) && !this.hasEnded(name) && clock.monotonicMs() < deadlineAt) {
        await new Promise<void>((resolve) => void clock.setTimer(POLL_MS, resolve));
      }
      if (!this.#coming.has(name)) return;
      throw new Error('it did not connect');
    } catch (error) {
      this.giveUp(name);
      if (this.#isClosed) return;
      log.warn({ err: error }, 'no process could be started to keep the listening sockets; it is tried again');
      clock.setTimer(KEEPER_START_MS, () => void this.keep());
    }
  }

  /** Starts nothing any more, and lets the sockets go that are open here. */
  close(): void {
    this.#isClosed = true;
    for (const name of this.#coming.keys()) this.giveUp(name);
    this.#bound?.close();
  }
}
