/**
 * What clients cost that only keep their connection, in memory: `node bench/idle-clients.ts`.
 *
 *   --clients 10000  each asks once and then stays; fewer where no process may have so many files open
 *   --more 4         times that half of them leave, and as many others come
 *
 * Memory is what Linux counts as resident for the proxy and its children. A program that starts with room to spare takes
 * the first clients for nothing, so that the last column goes by what it had at the end.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBackend } from './backend.ts';
import type { Contender } from './contender.ts';
import { CONTENDERS } from './contenders/all.ts';
import { freePort } from './free-port.ts';
import { describeRun } from './machine.ts';
import { becomesReady } from './measure.ts';
import { printResult } from './print-result.ts';
import { treeUsage } from './process-tree.ts';
import { type Workspace, inWorkspace } from './workspace.ts';

/** Clients that come at the same time: fewer than wait in a listening socket's queue. */
const AT_ONCE = 100;
/** Loopback addresses that they come from, so that no pair of addresses runs out of ports. */
const ADDRESSES = 16;
/** For what has been allocated for a moment to be given back. */
const SETTLE_MS = 3000;
/** Besides the clients, for whoever asks whether the proxy is ready. */
const SPARE_CONNECTIONS = 100;

/** Of the files that a process may have open: a proxy keeps as many more for connections to targets, and some besides. */
const CLIENTS_SHARE = 0.4;
/** The others are of the kind of one of these. */
const ASKED = ['cutover', 'nginx', 'haproxy', 'caddy', 'http-proxy'];

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '10000' },
    more: { type: 'string', default: '4' },
    json: { type: 'boolean', default: false },
  },
});
const clients = Math.min(Number(values.clients), await clientsMax());

interface Memory {
  readonly aloneKiB: number;
  readonly joinedKiB: number;
  readonly laterKiB: number;
  readonly kiBPerClient: number;
}

async function main({ children, folder }: Workspace): Promise<void> {
  const backendPort = await freePort();
  await startBackend({ children, core: 0, port: backendPort, folder });
  console.log(`${clients} clients that ask once and stay; ${describeRun()}`);
  const rows = [[`${clients.toLocaleString('en-US')} clients`, 'alone MiB', 'with them', 'later', 'KiB a client']];
  let ofOurs = Number.NaN;
  for (const contender of CONTENDERS.filter(({ name }) => ASKED.includes(name))) {
    const probed = await contender.probe();
    if ('missing' in probed) {
      console.log(`${contender.name} does not take part: ${probed.missing}`);
      continue;
    }
    console.log(`asking ${contender.name}`);
    const { aloneKiB, joinedKiB, laterKiB, kiBPerClient } = await measureMemory(
      contender,
      backendPort,
      children,
      folder,
    );
    const mib = [aloneKiB, joinedKiB, laterKiB].map((kib) => (kib / 1024).toFixed(1));
    rows.push([contender.name, ...mib, kiBPerClient.toFixed(1)]);
    if (contender.name === 'cutover') ofOurs = kiBPerClient;
  }
  printResult({ table: rows, figures: { 'KiB a client': ofOurs } }, values.json);
}

/** Even, since half of them leave. */
async function clientsMax(): Promise<number> {
  const files = /^Max open files\s+(\d+)/m.exec(await readFile('/proc/self/limits', 'utf8'))?.[1];
  return files === undefined ? Number.POSITIVE_INFINITY : 2 * Math.floor((Number(files) * CLIENTS_SHARE) / 2);
}

async function measureMemory(
  contender: Contender,
  backendPort: number,
  children: Workspace['children'],
  folder: string,
): Promise<Memory> {
  const port = await freePort();
  const own = join(folder, contender.name);
  await mkdir(own);
  const child = await contender.start({
    children,
    core: 0,
    port,
    targets: [`127.0.0.1:${backendPort}`],
    clientsMax: clients + SPARE_CONNECTIONS,
    folder: own,
    setting: { entry: 'http' },
    certificate: null,
  });
  await becomesReady(contender.name, child, `http://127.0.0.1:${port}/`);
  const aloneKiB = await residentKiB(child.pid);
  const staying = await ofClients(port, clients / 2);
  const leaving = await ofClients(port, clients / 2);
  const joinedKiB = await residentKiB(child.pid);
  for (let n = 0; n < Number(values.more); n++) {
    leaving.forEach((socket) => socket.destroy());
    leaving.splice(0, Infinity, ...(await ofClients(port, clients / 2)));
  }
  const laterKiB = await residentKiB(child.pid);
  [...staying, ...leaving].forEach((socket) => socket.destroy());
  await child.stop();
  return { aloneKiB, joinedKiB, laterKiB, kiBPerClient: (laterKiB - aloneKiB) / clients };
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

await inWorkspace('idle', { pinning: false }, main);
