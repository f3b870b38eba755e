/**
 * The sockets that clients connect to, bound here and listened on by the workers that inherit them. Every worker has a
 * socket of its own in each listener's group (SO_REUSEPORT): the kernel spreads connections over them evenly, and no
 * two workers wake for one connection. The primary keeps all of them open, so that a worker's death leaves the
 * connections in its queue to the worker that replaces it.
 */
import { lookup } from 'node:dns/promises';
import * as net from 'node:net';

import type { SocketAddress, SocketSet } from '../../snapshot/worker-protocol.ts';

export interface BoundSockets {
  readonly sets: readonly SocketSet[];
  close(): void;
}

/** Whether this Node can bind a socket for others to listen on (from version 26 on). */
export const canBindForWorkers = typeof net.BoundSocket === 'function';

/**
 * Binds `count` sockets for every listener. Throws the system's error for the first that cannot be bound.
 * `isShared`: processes of ours still listen there, so that being taken is no reason not to.
 */
export async function bindSockets(
  listeners: readonly SocketAddress[],
  count: number,
  { isShared }: { readonly isShared: boolean },
): Promise<BoundSockets> {
  const bound: net.BoundSocket[] = [];
  const sets: SocketSet[] = [];
  try {
    for (const listener of listeners) {
      const host = await resolveHost(listener.host);
      const port = isShared && listener.port !== 0 ? listener.port : free(host, listener.port);
      const group = Array.from({ length: count }, () => new net.BoundSocket({ host, port, reusePort: true }));
      bound.push(...group);
      sets.push({ listener: listener.name, host, port, fds: group.map((socket) => socket.fd()) });
    }
  } catch (error) {
    for (const socket of bound) socket.close();
    throw error;
  }
  return {
    sets,
    close() {
      for (const socket of bound) socket.close();
    },
  };
}

/** The address that a listener's host stands for. */
export async function resolveHost(host: string): Promise<string> {
  return net.isIP(host) === 0 ? (await lookup(host)).address : host;
}

/**
 * The port, once it is sure that nobody else has it: among sockets that all share a port, a stranger of the same user
 * would go unnoticed and take half of the connections.
 */
function free(host: string, port: number): number {
  const probe = new net.BoundSocket({ host, port });
  const address = probe.address();
  probe.close();
  return typeof address === 'string' ? port : address.port;
}
