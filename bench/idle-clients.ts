/**
 * What clients cost that only keep their connection, in memory: `node bench/idle-clients.ts`.
 *
 *   --clients 8000   each asks once and then stays
 *   --more 4         times that half of them leave, and as many others come
 *
 * Memory is what Linux counts as resident for the proxy and its children. A program that starts with room to spare takes
 * the first clients for nothing, so that the last column goes by what it had at the end.
 */
import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBackend } from './backend.ts';
import { Children } from './children.ts';
import type { Contender } from './contender.ts';
import { cutover } from './contenders/cutover.ts';
import { haproxy } from './contenders/haproxy.ts';
import { nginx } from './contenders/nginx.ts';
import { freePort } from './free-port.ts';
import { becomesReady } from './measure.ts';
import { treeUsage } from './process-tree.ts';

/** Clients that come at the same time: fewer than wait in a listening socket's queue. */
const AT_ONCE = 100;
/** Loopback addresses that they come from, so that no pair of addresses runs out of ports. */
const ADDRESSES = 16;
/** For what has been allocated for a moment to be given back. */
const SETTLE_MS = 3000;
/** Besides the clients, for whoever asks whether the proxy is ready. */
const SPARE_CONNECTIONS = 100;

const { values } = parseArgs({
  options: { clients: { type: 'string', default: '8000' }, more: { type: 'string', default: '4' } },
});
const clients = Number(values.clients);
const children = new Children({ pinning: false });
const folder = await mkdtemp(join(tmpdir(), 'cutover-idle-'));

try {
  await main();
} finally {
  await children.stopAll();
  await rm(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const backendPort = await freePort();
  await startBackend({ children, core: 0, port: backendPort, folder });
  console.log(
    `${clients} clients that ask once and stay; Node ${process.versions.node}, ${availableParallelism()} cores`,
  );
  console.log('proxy         alone MiB     with them    later      KiB a client');
  for (const contender of [cutover, nginx, haproxy]) await show(contender, backendPort);
}

async function show(contender: Contender, backendPort: number): Promise<void> {
  const probed = await contender.probe();
  if ('missing' in probed) return console.log(`${contender.name.padEnd(10)} does not take part: ${probed.missing}`);
  const port = await freePort();
  const own = join(folder, contender.name);
  await mkdir(own);
  const clientsMax = clients + SPARE_CONNECTIONS;
  const child = await contender.start({ children, core: 0, port, backendPort, clientsMax, folder: own });
  await becomesReady(contender.name, child, `http://127.0.0.1:${port}/`);

  const alone = await residentKiB(child.pid);
  const staying = await ofClients(port, clients / 2);
  const leaving = await ofClients(port, clients / 2);
  const joined = await residentKiB(child.pid);
  for (let n = 0; n < Number(values.more); n++) {
    leaving.forEach((socket) => socket.destroy());
    leaving.splice(0, Infinity, ...(await ofClients(port, clients / 2)));
  }
  const later = await residentKiB(child.pid);
  [...staying, ...leaving].forEach((socket) => socket.destroy());
  const mib = [alone, joined, later].map((kib) => (kib / 1024).toFixed(1).padStart(12));
  console.log(contender.name.padEnd(10), ...mib, ((later - alone) / clients).toFixed(1).padStart(14));
}

async function residentKiB(pid: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return (await treeUsage(pid)).residentBytes / 1024;
}

/** So many clients, each of which has had an answer. */
async function ofClients(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const some = Math.min(AT_ONCE, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: some }, (_, n) => askOnce(port, n)))));
  }
  return sockets;
}

function askOnce(port: number, n: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.1.${1 + (n % ADDRESSES)}` });
  socket.once('error', reject);
  socket.once('close', () => reject(new Error('a client was thrown out before it had an answer')));
  socket.once('data', () => resolve(socket));
  socket.write('GET / HTTP/1.1\r\nHost: idle.test\r\n\r\n');
  return promise;
}
