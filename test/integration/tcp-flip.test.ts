/** Cutovers of what has connections instead of requests: none is cut, and none that comes later goes to the old pool. */
import { Agent, createServer as createHttps, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { ConfigDocument } from '../../src/schema/config.ts';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { createProxy } from '../../src/index.ts';
import { AdminClient, type Receipt } from '../helpers/admin-client.ts';
import { createAuthority } from '../helpers/certificates.ts';
import { eventually } from '../helpers/eventually.ts';
import { TcpClient } from '../helpers/tcp-client.ts';
import { greeting, startTcpTarget } from '../helpers/tcp-target.ts';

const LIVE = 200;

interface World {
  readonly port: number;
  readonly admin: AdminClient;
  readonly close: (options: { drainMs: number }) => Promise<{ cut: number }>;
}

async function startWorld(db: Omit<ServiceDocument, 'match'>, workers = 0): Promise<World> {
  const config: ConfigDocument = {
    listeners: { db: { listen: '127.0.0.1:0', protocol: 'tcp' } },
    admin: { listen: '127.0.0.1:0' },
    state: { path: 'memory' },
    workers,
    services: { db: { match: { listeners: ['db'] }, ...db } },
  };
  const proxy = await createProxy({ config });
  let closing: Promise<{ cut: number }> | null = null;
  const close = (options: { drainMs: number }): Promise<{ cut: number }> => (closing ??= proxy.close(options));
  onTestFinished(async () => {
    await close({ drainMs: 0 });
  });
  return {
    port: proxy.listener('db').port,
    admin: new AdminClient(proxy.admin.url),
    close,
  };
}

async function startPools(workers = 0): Promise<World> {
  const [blue, green] = [await startTcpTarget(greeting('blue')), await startTcpTarget(greeting('green'))];
  return startWorld(
    {
      pools: { blue: { targets: [{ url: blue.url }] }, green: { targets: [{ url: green.url }] } },
      split: { blue: 100 },
      health: { type: 'tcp', interval: '200ms' },
    },
    workers,
  );
}

async function connected(world: World, count: number, to: string): Promise<TcpClient[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => TcpClient.connect(world.port)));
  for (const client of clients) await client.hears(`${to}\n`);
  return clients;
}

async function cutover(world: World, to: string, more: object = {}): Promise<Receipt> {
  return (await world.admin.must('POST', '/v1/services/db/cutovers', { to, ...more })).json as Receipt;
}

async function echoed(clients: readonly TcpClient[]): Promise<void> {
  for (const [i, client] of clients.entries()) client.send(`still ${i}`);
  for (const [i, client] of clients.entries()) await client.hears(`still ${i}`);
}

describe.each([0, 2])('with %s workers of their own, a cutover under 200 connections', (workers) => {
  it('cuts none, counts each, and gives every later one to the new pool', async () => {
    const world = await startPools(workers);
    const old = await connected(world, LIVE, 'blue');
    const receipt = await cutover(world, 'green');
    // Begun after the answer: each must be told "green".
    const later = await connected(world, 50, 'green');
    expect(receipt.workers).toMatchObject({ total: Math.max(1, workers), applied: Math.max(1, workers), fenced: 0 });
    expect(receipt.drain).toMatchObject({ state: 'draining', inFlightAtFlip: LIVE, remaining: LIVE, cut: 0 });
    expect(receipt.drain.longLived).toBe(LIVE);
    await echoed(old);
    const back = (await world.admin.must('POST', '/v1/services/db/rollback')).json as Receipt;
    expect(back.drain).toMatchObject({ inFlightAtFlip: 50, remaining: 50, cut: 0, longLived: 50 });
    await connected(world, 10, 'blue');
    await echoed([...old, ...later]);
    for (const client of [...old, ...later]) client.socket.end();
    for (const client of [...old, ...later]) expect(await client.end()).toBe('fin');
    await eventually(async () => {
      const { drain } = (await world.admin.must('GET', `/v1/services/db/cutovers/${receipt.id}`)).json as Receipt;
      expect(drain).toMatchObject({ state: 'drained', completed: LIVE, cut: 0, remaining: 0 });
    });
    const metrics = (await world.admin.must('GET', '/metrics')).text;
    expect(metrics).toMatch(/^cutover_requests_total\{service="db",pool="blue",.*method="tcp",code="0"\} 200$/m);
    expect(metrics).toMatch(/^cutover_ledger_imbalance 0$/m);
    expect(metrics).toMatch(/^cutover_connections\{listener="db",state="tunnel"\} 10$/m);
    expect(metrics).toMatch(/^cutover_tcp_bytes_total\{service="db",pool="green",from="target"\} \d+$/m);
  }, 90_000);
});

describe('a cutover with a time for the drain', () => {
  it('cuts what is left then, by a reset, and says how many', async () => {
    const world = await startPools();
    const [stays, ends] = (await connected(world, 2, 'blue')) as [TcpClient, TcpClient];
    const receipt = await cutover(world, 'green', { drainTimeout: '3s' });
    expect(receipt.drain).toMatchObject({ remaining: 2 });
    ends.socket.end();
    expect(await ends.end()).toBe('fin');
    expect(await stays.end()).toBe('reset');
    await eventually(async () => {
      const { drain } = (await world.admin.must('GET', `/v1/services/db/cutovers/${receipt.id}`)).json as Receipt;
      expect(drain).toMatchObject({ state: 'cut', completed: 1, cut: 1, remaining: 0 });
    });
  });
});

describe('the end of the program', () => {
  it('gives connections the time that it has, on every worker', async () => {
    const world = await startPools(2);
    const clients = await connected(world, 8, 'blue');
    const closing = world.close({ drainMs: 20_000 });
    await echoed(clients);
    for (const client of clients) client.socket.end();
    for (const client of clients) expect(await client.end()).toBe('fin');
    expect(await closing).toEqual({ cut: 0 });
  }, 90_000);
});

describe('a target whose checks connect', () => {
  it('gets no connections while it refuses them, and a cutover to it is refused', async () => {
    const world = await startPools();
    const dead = await startTcpTarget();
    await dead.close();
    const pool = { targets: [{ url: dead.url }] };
    await world.admin.must('PUT', '/v1/services/db/pools/red', pool);
    const refused = await world.admin.call('POST', '/v1/services/db/cutovers', { to: 'red' });
    expect([refused.status, refused.json.type]).toEqual([409, expect.stringContaining('healthy')]);
    await connected(world, 1, 'blue');
  });
});

describe('TLS that ends at the targets', () => {
  it('is cut over without being seen: its clients keep their connection, and new ones get the new server', async () => {
    const authority = createAuthority();
    const serverOf = async (version: string): Promise<string> => {
      const server = createHttps(authority.issue({ names: ['dns:db.example.com'] }), (_request, response) => {
        response.end(version);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      onTestFinished(() => {
        server.closeAllConnections();
        server.close();
      });
      return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    };
    const world = await startWorld({
      pools: {
        blue: { targets: [{ url: await serverOf('blue') }] },
        green: { targets: [{ url: await serverOf('green') }] },
      },
      split: { blue: 100 },
    });
    const [keeping, coming] = [1, 2].map(() => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      onTestFinished(() => agent.destroy());
      return agent;
    });
    const ask = (agent: Agent | undefined): Promise<string> =>
      new Promise((resolve, reject) => {
        const options = { port: world.port, host: '127.0.0.1', servername: 'db.example.com', ca: authority.cert };
        request({ ...options, agent }, (response) => {
          response.setEncoding('utf8');
          let body = '';
          response.on('data', (text: string) => (body += text));
          response.on('end', () => resolve(body));
        })
          .on('error', reject)
          .end();
      });
    expect(await ask(keeping)).toBe('blue');
    await cutover(world, 'green');
    expect(await ask(keeping)).toBe('blue');
    expect(await ask(coming)).toBe('green');
  });
});
