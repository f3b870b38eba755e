import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { type Server, createConnection, createServer } from 'node:net';

import { isLoopback } from '../../base/endpoint.ts';
import { parseListenAddress } from '../../schema/listen-address.ts';
import { loopbackHosts } from './request-guard.ts';
import type { AdminServer } from './server.ts';

const UNIX_PREFIX = 'unix:';

/** Only the user that runs the proxy may connect. */
const SOCKET_MODE = 0o600;

export interface RunningAdmin {
  /** "http://127.0.0.1:9900" or "unix:/run/cutover.sock". */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Opens the admin API at "127.0.0.1:9900" or "unix:/run/cutover.sock". Refuses any address that other machines could reach:
 * the API asks nobody who they are. `hosts` are further "host:port" that requests may name.
 */
export async function listenAdmin(
  server: AdminServer,
  address: string,
  hosts: readonly string[] = [],
): Promise<RunningAdmin> {
  // Paused until the gate lets it in: what is not served yet is not read.
  const listener = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) =>
    server.gate.enter(socket),
  );
  const url = address.startsWith(UNIX_PREFIX)
    ? await listenOnSocket(listener, server, address.slice(UNIX_PREFIX.length))
    : await listenOnLoopback(listener, server, address, hosts);
  return { url, close: () => close(listener, server) };
}

async function listenOnLoopback(
  listener: Server,
  { allowed }: AdminServer,
  address: string,
  hosts: readonly string[],
): Promise<string> {
  const parsed = parseListenAddress(address);
  if ('problem' in parsed) throw new Error(`The admin address "${address}" ${parsed.problem}.`);
  if (!isLoopback(parsed.host)) {
    throw new Error(
      `The admin address "${address}" can be reached from other machines, and the admin API asks nobody who they are. ` +
        'Use 127.0.0.1, [::1] or unix:/path.',
    );
  }
  await listening(listener, { host: parsed.host, port: parsed.port });
  const bound = listener.address();
  const port = bound !== null && typeof bound === 'object' ? bound.port : parsed.port;
  allowed.hosts = loopbackHosts(port, hosts);
  return `http://${parsed.host.includes(':') ? `[${parsed.host}]` : parsed.host}:${port}`;
}

async function listenOnSocket(listener: Server, { allowed }: AdminServer, path: string): Promise<string> {
  await removeDeadSocket(path);
  // From the first moment on: between listening and chmod anybody could connect.
  const umask = process.umask(0o777 & ~SOCKET_MODE);
  // Node binds before `listen` returns: no other file of this process is made under this mask.
  const opened = listening(listener, { path });
  process.umask(umask);
  await opened;
  chmodSync(path, SOCKET_MODE);
  allowed.hosts = null;
  return UNIX_PREFIX + path;
}

/** A process that was killed leaves its socket behind; one that answers is somebody's. Anything else is not ours to remove. */
async function removeDeadSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`The admin address unix:${path} is taken by something that is not a socket.`);
  if (await isAnswered(path)) throw new Error(`The admin address unix:${path} is in use by another process.`);
  unlinkSync(path);
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function listening(listener: Server, options: { host: string; port: number } | { path: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(options, () => {
      listener.off('error', reject);
      resolve();
    });
  });
}

/** How long calls under way at the end may take to be answered. */
const CLOSE_GRACE_MS = 1_000;

async function close(listener: Server, { app, http, gate }: AdminServer): Promise<void> {
  const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
  await app.close();
  // Closes idle connections and stops looking at timeouts; that it does not listen itself is no error here.
  http.close(() => {});
  await gate.emptied(CLOSE_GRACE_MS);
  gate.closeAll();
  await closed;
}
