import { closeSync } from 'node:fs';

import type { SocketAddress, SocketSet } from '../../snapshot/worker-protocol.ts';
import { bindSockets, type BoundSockets, resolveHost } from './bind-sockets.ts';

/**
 * The listening sockets that a worker has inherited, for itself and for the workers that it starts: when the primary that
 * bound them is gone, they live on in the workers alone, and the next primary has its workers started from there.
 */
export class HeldSockets {
  #sets: readonly SocketSet[];
  readonly #bound: BoundSockets[] = [];
  /** One at a time: two that ask for the same new listener get the same sockets. */
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(sets: readonly SocketSet[]) {
    this.#sets = sets;
  }

  get sets(): readonly SocketSet[] {
    return this.#sets;
  }

  /** The sockets of these listeners, `count` or more of each. What is not there yet is bound. */
  of(listeners: readonly SocketAddress[], count: number): Promise<SocketSet[]> {
    const found = this.#turn.then(async () => {
      const sets: SocketSet[] = [];
      for (const listener of listeners) sets.push(await this.#find(listener, count));
      return sets;
    });
    this.#turn = found.catch(() => {});
    return found;
  }

  async #find(listener: SocketAddress, count: number): Promise<SocketSet> {
    const host = await resolveHost(listener.host);
    const known = this.#sets.find((set) =>
      listener.port === 0 ? set.listener === listener.name : set.host === host && set.port === listener.port,
    );
    const missing = count - (known?.fds.length ?? 0);
    if (known !== undefined && missing <= 0) return { ...known, listener: listener.name };
    if (this.#isClosed) throw new Error('this worker drains and has closed its sockets');
    // Where processes of ours listen on the port, that it is taken says nothing.
    const isShared = this.#sets.some(({ port }) => port === listener.port);
    const bound = await bindSockets([{ ...listener, port: known?.port ?? listener.port }], missing, { isShared });
    this.#bound.push(bound);
    const [added] = bound.sets;
    if (added === undefined) throw new Error(`no socket was bound for listener ${listener.name}`);
    const whole = { ...added, fds: [...(known?.fds ?? []), ...added.fds] };
    this.#sets = [...this.#sets.filter((set) => set !== known), whole];
    return whole;
  }

  /**
   * Gives them up, so that a port which nobody listens on any more refuses connections instead of leaving them waiting.
   * `adopted` are the descriptors that a server has made its own: it has closed them itself.
   */
  close(adopted: ReadonlySet<number>): void {
    this.#isClosed = true;
    const own = new Set(this.#bound.flatMap(({ sets }) => sets.flatMap(({ fds }) => fds)));
    for (const fd of this.#sets.flatMap(({ fds }) => fds)) if (!adopted.has(fd) && !own.has(fd)) closeSync(fd);
    for (const bound of this.#bound) bound.close();
    this.#sets = [];
  }
}
