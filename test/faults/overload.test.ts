/**
 * More than there is room for: connections, file descriptors, local ports, time of the event loop. What is too much is
 * turned away at once and counted, what was let in is served, the operator is never locked out, nothing spins, and all
 * is well again when it is over, by itself.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { treeUsage } from '../../bench/process-tree.ts';
import type { ListenerDocument } from '../../src/schema/listener.ts';
import type { DataPlaneReport } from '../../src/snapshot/data-plane.ts';
import { ask as askNoted } from '../helpers/client-temper.ts';
import { eventually } from '../helpers/eventually.ts';
import type { ClientRequest } from '../helpers/http-client.ts';
import { type Balance, RequestLedger } from '../helpers/request-ledger.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { type PlaneProcess, startPlane } from '../helpers/start-plane.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';
import { makeWorld, startWorld } from './fault-world.ts';
import { freePorts } from './free-ports.ts';
import { expectClean } from './load-account.ts';
import { freeze } from './process-view.ts';
import { SteadyLoad } from './steady-load.ts';

const PROGRAM = path.join(import.meta.dirname, '../../src/main.ts');
const PORT_WORLD = path.join(import.meta.dirname, 'port-world.ts');

describe('connections', () => {
  test('of one client beyond its limit are closed at once; others and trusted proxies are let in', async () => {
    const backend = await startBackend('v1');
    const proxy = await startProxy({
      services: appService({ only: backend }),
      listener: { limits: { connectionsPerClient: 2 } },
      trustedProxies: ['127.0.0.3'],
    });
    const from = (localAddress: string) => startClient(proxy.port, { localAddress });
    const first = [await from('127.0.0.1'), await from('127.0.0.1')];
    for (const client of first) expect((await client.request()).status).toBe(200);
    await expectTurnedAway(proxy.port);
    expect((await (await from('127.0.0.2')).request()).status).toBe(200);
    const trusted = await Promise.all([1, 2, 3, 4].map(() => from('127.0.0.3')));
    for (const client of trusted) expect((await client.request()).status).toBe(200);
    first[0]?.close();
    await eventually(async () => expect((await (await from('127.0.0.1')).request()).status).toBe(200));
    const name = 'cutover_connections_refused_total{listener="web",reason="too_many_of_client"}';
    expect(await metric(proxy.admin, name)).toBeGreaterThanOrEqual(1);
  });

  test('beyond what a listener has room for are closed at once, and counted as such', async () => {
    const backend = await startBackend('v1');
    const listener = { limits: { connections: 2 } };
    const proxy = await startProxy({ services: appService({ only: backend }), listener });
    const clients = [await startClient(proxy.port), await startClient(proxy.port)];
    for (const client of clients) expect((await client.request()).status).toBe(200);
    for (let i = 0; i < 3; i += 1) await expectTurnedAway(proxy.port);
    const name = 'cutover_connections_refused_total{listener="web",reason="too_many_connections"}';
    expect(await metric(proxy.admin, name)).toBe(3);
    expect(await metric(proxy.admin, 'cutover_ledger_imbalance')).toBe(0);
    for (const client of clients) expect((await client.request()).status).toBe(200);
  });
});

describe('a worker that is late', () => {
  /** Above what a busy machine does to a process twice in a row. */
  const LIMIT_MS = 200;

  test('refuses new requests with 503 and Retry-After, finishes those it has, and takes new ones again', async () => {
    const { plane, backend } = await startLate(LIMIT_MS);
    const underWay = (await startClient(plane.port)).request({ path: '/hold' });
    await eventually(() => expect(backend.held).toBe(1));
    const client = await startClient(plane.port);
    for (let i = 0; i < 3; i += 1) await plane.stall(LIMIT_MS + 250);
    const refused = await client.request();
    expect(refused.status).toBe(503);
    expect(Number(refused.field('retry-after'))).toBeGreaterThan(0);
    expect(refused.field('x-request-id')).not.toBeNull();
    expect(backend.requests.length).toBe(1);
    backend.release();
    expect((await underWay).status).toBe(200);
    await eventually(async () => expect((await client.request()).status).toBe(200));
    const report = await plane.report();
    const overloaded = report.listeners[0]?.refused['overloaded'] ?? 0;
    expect(overloaded).toBeGreaterThan(0);
    expect(report.ledger.reduce((sum, { proxyFailed }) => sum + proxyFailed, 0)).toBe(overloaded);
    expectBalance(report);
  });

  test('refuses nothing and breaks nothing off for one pause, as of a stopped process that goes on', async () => {
    const timeouts = { connect: '5s', responseHead: '5s', requestBodyIdle: '5s', responseBodyIdle: '5s' };
    const { plane, backend } = await startLate(1_000, { timeouts });
    const ledger = new RequestLedger();
    const send = async (request: ClientRequest): Promise<void> => {
      await askNoted(await startClient(plane.port), ledger.begin(request.method ?? 'GET'), request);
    };
    const pieces = {
      bytes: Array.from({ length: 30 }, () => Buffer.alloc(100)),
      gapMs: 60,
      framing: 'chunked',
    } as const;
    const underWay = [
      send({ path: '/download?bytes=3000&piece=100&gap=60' }),
      send({ method: 'POST', path: '/upload', pieces }),
      send({ path: '/slow?ms=250' }),
    ];
    await eventually(() => expect(backend.requests.length).toBe(underWay.length));
    freeze(plane.pid);
    const waiting = [send({}), send({ method: 'POST', path: '/upload', body: 'a' })];
    // Longer than each of its limits in time.
    await wait(5_600);
    plane.signal('SIGCONT');
    await Promise.all([...underWay, ...waiting]);
    for (let i = 0; i < 20; i += 1) await send({});
    const { requests, ...account } = ledger.balance([backend]);
    expect(requests).toBe(25);
    expect(account).toEqual({ failed: [], lost: [], duplicated: [], wrongPool: [], truncated: [] });
    expect((await plane.report()).listeners[0]?.refused).toEqual({});
  });

  test('again and again sheds what comes meanwhile, is well again by itself, and never holds up the operator', async () => {
    const listener: ListenerDocument = { listen: `127.0.0.1:${(await freePorts(1))[0]}`, limits: { loopLag: '100ms' } };
    const world = await startWorld({ workers: 1, listeners: { web: listener } });
    const port = Number(listener.listen.split(':')[1]);
    const load = new SteadyLoad({ port, clients: 20, ratePerSecond: 200 });
    const [worker] = await world.settledWorkers(1);
    const pid = worker?.pid ?? 0;
    for (let burst = 0; burst < 8; burst += 1) {
      freeze(pid);
      await wait(200);
      // The primary answers although its worker does nothing.
      expect((await world.admin.call('GET', '/healthz')).status).toBe(200);
      process.kill(pid, 'SIGCONT');
      await wait(20);
    }
    const isShed = ({ failure }: { readonly failure: string | null }) => failure === 'status 503';
    await eventually(() => expect([...load.ledger.entries.values()].filter(isShed).length).toBeGreaterThan(0));
    await eventually(async () => expect((await ask(port)).status).toBe(200));
    await load.stop();
    const shed = [...load.ledger.entries.values()].filter(isShed).map(({ id }) => id);
    const arrived = new Set(world.blue.requests.map(({ id }) => id));
    expect(shed.filter((id) => arrived.has(id))).toEqual([]);
    await expectClean(load, world, { excused: shed, others: [''] });
  });

  async function startLate(limitMs: number, service: Parameters<typeof appService>[1] = {}) {
    const backend = await startBackend('v1');
    const listener: ListenerDocument = { listen: '127.0.0.1:0', limits: { loopLag: `${limitMs}ms` } };
    return {
      backend,
      plane: await startPlane({ listeners: { web: listener }, services: appService({ only: backend }, service) }),
    };
  }
});

describe('file descriptors', () => {
  const noPrlimit = whyNot('prlimit', ['--version']);
  /** Of each process of the program. */
  const DESCRIPTORS = 256;
  const CLIENTS = 300;
  /** Of one core, while there is nothing to do but to turn away; what spins takes all of it. */
  const CPU_SHARE_MAX = 0.3;
  const WATCHED_MS = 600;

  test.for([0, 1])('are kept for targets, store and admin API, with %i workers', async (workers, t) => {
    if (noPrlimit !== null) t.skip(noPrlimit);
    const world = await makeWorld({ workers });
    const command = [`--nofile=${DESCRIPTORS}`, process.execPath, PROGRAM, 'run', '--config', world.configFile];
    const program = spawn('prlimit', command, { stdio: 'ignore' });
    await eventually(async () => expect((await world.admin.call('GET', '/readyz')).status).toBe(200), 50_000);

    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => openIdle(world.port)));
    await eventually(async () => expect(await metric(world.admin, TURNED_AWAY)).toBeGreaterThan(CLIENTS / 3));
    const before = await treeUsage(program.pid ?? 0);
    await wait(WATCHED_MS);
    const after = await treeUsage(program.pid ?? 0);
    expect((after.cpuSeconds - before.cpuSeconds) * 1_000).toBeLessThan(CPU_SHARE_MAX * WATCHED_MS);

    const letIn = clients.filter((socket) => !socket.destroyed);
    expect(letIn.length).toBeGreaterThan(50);
    const ids = letIn.map((__, index) => `let-in-${index}`);
    const answers = await Promise.all(letIn.map((socket, index) => statusLine(socket, ids[index] ?? '')));
    expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 200 OK']));
    expect(world.blue.requests.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    const receipt = await world.admin.must('POST', '/v1/services/app/cutovers', { to: 'green' });
    expect(receipt.json.workers.fenced).toBe(0);
    expect(await metric(world.admin, 'cutover_ledger_imbalance')).toBe(0);

    for (const socket of clients) socket.destroy();
    await eventually(async () => expect((await ask(world.port)).field('x-version')).toBe('green'));
  });

  test('run out all the same: no new connection to a target is 503, nothing spins, and it is over when it is over', async (t) => {
    if (noPrlimit !== null) t.skip(noPrlimit);
    const backend = await startBackend('v1');
    const plane = await startPlane({
      listeners: { web: { listen: '127.0.0.1:0' } },
      // Every request needs a connection of its own.
      services: appService({ only: backend }, { upstream: { idleConnections: 0 } }),
    });
    const clients = await Promise.all(Array.from({ length: 8 }, () => startClient(plane.port)));
    const ledger = new RequestLedger();
    const askAll = (method: string) =>
      Promise.all(clients.map((client) => askNoted(client, ledger.begin(method), { method })));
    await askAll('GET');
    expect(ledger.balance([backend]).failed).toEqual([]);

    limitDescriptors(plane, firstFreeDescriptor(plane));
    await askAll('POST');
    const refused = await clients[0]?.request();
    expect([refused?.status, refused?.field('retry-after')]).toEqual([503, expect.anything()]);
    const turnedAway = await Promise.all(Array.from({ length: 50 }, () => openIdle(plane.port)));
    const before = await plane.cpuMicros();
    await wait(WATCHED_MS);
    expect(((await plane.cpuMicros()) - before) / 1_000).toBeLessThan(CPU_SHARE_MAX * WATCHED_MS);

    limitDescriptors(plane, 10_000);
    for (const socket of turnedAway) socket.destroy();
    await askAll('PUT');
    expect((await ask(plane.port)).status).toBe(200);
    const { requests, failed, ...account } = ledger.balance([backend]);
    expect(requests).toBe(3 * clients.length);
    expect(failed).toEqual(clients.map((_, index) => `POST-${clients.length + index + 1}: status 503`));
    expect(account).toEqual({ lost: [], duplicated: [], wrongPool: [], truncated: [] });
    const arrived = new Set(backend.requests.map(({ id }) => id));
    expect(failed.filter((failure) => arrived.has(failure.split(':')[0] ?? ''))).toEqual([]);
    const report = await plane.report();
    expect(report.pools[0]?.failures).toEqual({ no_descriptors: clients.length + 1 });
    expectBalance(report);
  });

  const TURNED_AWAY = 'cutover_connections_refused_total{listener="web",reason="too_few_descriptors"}';

  function firstFreeDescriptor({ pid }: PlaneProcess): number {
    const taken = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
    let descriptor = 0;
    while (taken.has(descriptor)) descriptor += 1;
    return descriptor;
  }

  /** The soft limit alone: it can be raised again. */
  function limitDescriptors({ pid }: PlaneProcess, soft: number): void {
    const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--nofile=${soft}:`], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  }
});

describe('local ports', () => {
  const namespace = process.getuid?.() === 0 ? '-n' : '-rn';
  const noNamespace = whyNot('unshare', [namespace, 'ip', 'link', 'set', 'lo', 'up'], { isPeer: false });

  test('run out: no further connection to a target is 503, and kept ones go on working', async (t) => {
    if (noNamespace !== null) t.skip(noNamespace);
    const script = 'ip link set lo up && echo 40000 40009 >/proc/sys/net/ipv4/ip_local_port_range && exec "$@"';
    const child = spawn('unshare', [namespace, 'sh', '-c', script, 'sh', process.execPath, PORT_WORLD], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    await once(child, 'close');
    const found = JSON.parse(output) as PortFindings;
    expect(found.refused).toEqual(['status 503', 'status 503']);
    expect(found.held).toEqual(Array.from({ length: 10 }, () => 'v1'));
    expect(found.afterwards).toEqual(['v1', 'v1', 'v1']);
    const { requests, failed, ...account } = found.balance;
    expect([requests, failed.length]).toEqual([15, 2]);
    expect(account).toEqual({ lost: [], duplicated: [], wrongPool: [], truncated: [] });
    expect(found.cpuMsMeanwhile).toBeLessThan(100);
    expect(found.report.pools[0]?.failures).toEqual({ no_ports: 2 });
    expectBalance(found.report);
  });
});

/** What port-world.ts prints. */
export interface PortFindings {
  /** Of requests beyond what there were ports for. */
  readonly refused: readonly string[];
  /** Of those that had all the ports. */
  readonly held: readonly string[];
  readonly afterwards: readonly string[];
  /** Of half a second in which all ports were taken. */
  readonly cpuMsMeanwhile: number;
  readonly balance: Balance;
  readonly report: DataPlaneReport;
}

function expectBalance({ ledger }: DataPlaneReport): void {
  for (const { accepted, completed, clientAborted, upstreamFailed, proxyFailed, cut, inFlight } of ledger) {
    expect(accepted).toBe(completed + clientAborted + upstreamFailed + proxyFailed + cut + inFlight);
  }
}

async function metric(
  admin: { must(method: string, path: string): Promise<{ text: string }> },
  series: string,
): Promise<number> {
  const { text } = await admin.must('GET', '/metrics');
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length + 1) ?? 0,
  );
}

async function expectTurnedAway(port: number): Promise<void> {
  const socket = await openIdle(port);
  if (!socket.destroyed) await once(socket, 'close');
  expect(socket.bytesRead).toBe(0);
}

async function openIdle(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  return socket;
}

async function statusLine(socket: Socket, id: string): Promise<string> {
  socket.write(`GET / HTTP/1.1\r\nHost: app.test\r\nX-Test-Id: ${id}\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return answer.toString('latin1').split('\r\n')[0] ?? '';
}

/** Why a program does not do here what a test needs; `null`: it does. Fails where all peers of the tests must be there. */
function whyNot(command: string, args: readonly string[], { isPeer = true } = {}): string | null {
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return null;
  const reason = `${command} does not do what is needed here: ${error?.message ?? stderr}`;
  if (isPeer && process.env['CUTOVER_REQUIRE_PEERS'] === '1') throw new Error(reason);
  return reason;
}
