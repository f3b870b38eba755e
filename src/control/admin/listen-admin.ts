import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { type Server, createConnection, createServer } from 'node:net';

import { assert } from '../../base/assert.ts';
import { isLoopback } from '../../base/endpoint.ts';
import { parseListenAddress } from '../../schema/listen-address.ts';
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
 * Opens the admin API at "127.0.0.1:9900" or "unix:/run/cutover.sock". Refuses an address that other machines reach, unless
 * TLS is spoken and callers have to say who they are, or `isInsecureAllowed`.
 */
export async function listenAdmin(
  server: AdminServer,
  address: string,
  { isInsecureAllowed = false }: { readonly isInsecureAllowed?: boolean } = {},
): Promise<RunningAdmin> {
  // Paused until the gate lets it in: what is not served yet is not read.
  const listener = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) =>
    server.gate.enter(socket),
  );
  const url = address.startsWith(UNIX_PREFIX)
    ? await listenOnSocket(listener, server, address.slice(UNIX_PREFIX.length))
    : await listenOnPort(listener, server, address, isInsecureAllowed);
  return { url, close: () => close(listener, server) };
}

async function listenOnPort(
  listener: Server,
  { allowed, access, http }: AdminServer,
  address: string,
  isInsecureAllowed: boolean,
): Promise<string> {
  const parsed = parseListenAddress(address);
  if ('problem' in parsed) throw new Error(`The admin address "${address}" ${parsed.problem}.`);
  const mayBeReached = isInsecureAllowed || (http.isTls && !access.isOpen);
  if (!mayBeReached && !isLoopback(parsed.host)) throw reachable(address);
  await listening(listener, { host: parsed.host, port: parsed.port });
  const bound = listener.address();
  assert(bound !== null && typeof bound === 'object', 'what listens on a port has an address');
  if (!mayBeReached && !isLoopback(bound.address)) {
    // "localhost" may be anything that the system's files make of it.
    listener.close();
    throw reachable(address);
  }
  allowed.listensOn(bound.port);
  return `${allowed.scheme}://${parsed.host.includes(':') ? `[${parsed.host}]` : parsed.host}:${bound.port}`;
}

function reachable(address: string): Error {
  return new Error(
    `The admin address "${address}" can be reached from other machines: that needs admin.tls, and admin.tokens or ` +
      'admin.clients. Without them, use 127.0.0.1, [::1] or unix:/path.',
  );
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
  allowed.listensOnSocketFile();
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

async function close(listener: Server, { app, http, gate, refusals }: AdminServer): Promise<void> {
  const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
  await app.close();
  // Closes idle connections and stops looking at timeouts; that it does not listen itself is no error here.
  http.server.close(() => {});
  await gate.emptied(CLOSE_GRACE_MS);
  gate.closeAll();
  await closed;
  await refusals.close();
}
